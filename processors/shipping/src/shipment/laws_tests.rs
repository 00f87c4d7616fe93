//! Any interleaving of the two topics and the timers, with repeats, ships no cancelled order and tells one story.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use headwater_event::{OrderId, Timestamp};
use proptest::prelude::*;

use super::{Action, Fact, Input, Shipment, Timer};
use crate::Settings;

#[derive(Default)]
struct World {
    shipment: Shipment,
    timers: BTreeMap<Timer, Timestamp>,
    facts: Vec<Fact>,
    now_ms: i64,
}

impl World {
    fn feed(&mut self, input: Input, settings: &Settings) {
        self.now_ms += 1;
        let shipment = std::mem::take(&mut self.shipment);
        let now = Timestamp::from_millis(self.now_ms);
        let turn = shipment.on(&OrderId::new("o-1").unwrap(), input, now, settings).unwrap();
        self.shipment = turn.shipment;
        for action in turn.actions {
            match action {
                Action::Emit(fact) => self.facts.push(fact),
                Action::Start { timer, due } => {
                    self.timers.insert(timer, due);
                }
                Action::StopTimers => self.timers.clear(),
            }
        }
    }

    /// The earliest timer fires.
    fn fire(&mut self, settings: &Settings) {
        let earliest = self.timers.iter().min_by_key(|(_, due)| **due).map(|(timer, due)| (*timer, *due));
        let Some((timer, due)) = earliest else { return };
        self.timers.remove(&timer);
        self.now_ms = self.now_ms.max(due.as_millis());
        let input = match timer {
            Timer::Arrival => Input::Arrived { at: due },
            Timer::Overdue => Input::Overdue,
        };
        self.feed(input, settings);
    }

    fn count(&self, matches: impl Fn(&Fact) -> bool) -> usize {
        self.facts.iter().filter(|fact| matches(fact)).count()
    }
}

#[derive(Debug, Clone, Copy)]
enum Move {
    Orders,
    Inventory,
    RepeatOrders(usize),
    RepeatInventory,
    Timer,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        3 => Just(Move::Orders),
        3 => Just(Move::Inventory),
        1 => any::<usize>().prop_map(Move::RepeatOrders),
        1 => Just(Move::RepeatInventory),
        2 => Just(Move::Timer),
    ];
    proptest::collection::vec(one, 0..24)
}

/// What `orders` may say of one order, in order.
fn histories() -> impl Strategy<Value = Vec<Input>> {
    use Input::{CancellationRequested as Requested, OrderCancelled as Cancelled, OrderPaid as Paid};
    prop_oneof![
        Just(vec![]),
        Just(vec![Cancelled]),
        Just(vec![Requested, Cancelled]),
        Just(vec![Paid]),
        Just(vec![Paid, Requested]),
        Just(vec![Paid, Cancelled]),
        Just(vec![Paid, Requested, Cancelled]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn any_interleaving_ships_once_at_most_and_never_what_was_cancelled(
        moves in moves(),
        orders in histories(),
        confirmed in any::<bool>(),
        rates in proptest::array::uniform3(prop_oneof![Just(0_u32), Just(1_000)]),
        delivery_ms in 0_u32..40,
    ) {
        let [failed_per_mille, lost_per_mille, recall_refused_per_mille] = rates;
        let settings = Settings {
            delivery_ms, delivery_timeout_ms: 30, failed_per_mille, lost_per_mille, recall_refused_per_mille,
            ..Settings::default()
        };
        let mut world = World::default();
        let (mut orders_seen, mut inventory_seen) = (0, false);
        let mut dispatched_before_cancellation = None;
        let mut end_with = moves.clone();
        end_with.extend([Move::Orders, Move::Orders, Move::Orders, Move::Inventory, Move::Timer, Move::Timer]);
        for step in end_with {
            match step {
                Move::Orders => if let Some(input) = orders.get(orders_seen) {
                    orders_seen += 1;
                    if *input != Input::OrderPaid && dispatched_before_cancellation.is_none() {
                        dispatched_before_cancellation = Some(world.count(|f| matches!(f, Fact::Dispatched { .. })) > 0);
                    }
                    world.feed(*input, &settings);
                },
                Move::Inventory if confirmed => { inventory_seen = true; world.feed(Input::StockConfirmed, &settings); }
                Move::RepeatInventory if inventory_seen => world.feed(Input::StockConfirmed, &settings),
                Move::RepeatOrders(at) if orders_seen > 0 => world.feed(orders[at % orders_seen], &settings),
                Move::Timer => world.fire(&settings),
                Move::Inventory | Move::RepeatInventory | Move::RepeatOrders(_) => {}
            }
        }
        let dispatched = world.count(|fact| matches!(fact, Fact::Dispatched { .. }));
        let failed = world.count(|fact| matches!(fact, Fact::Failed { .. }));
        let delivered = world.count(|fact| matches!(fact, Fact::Delivered { .. }));
        let recalled = world.count(|fact| matches!(fact, Fact::Recalled { shipment_id: Some(_) }));
        let told_nothing_left = world.count(|fact| matches!(fact, Fact::Recalled { shipment_id: None }));
        let refused = world.count(|fact| matches!(fact, Fact::RecallRefused { .. }));
        prop_assert!(dispatched <= 1);
        if dispatched_before_cancellation == Some(false) {
            prop_assert_eq!(dispatched, 0, "a cancelled order left: {:?}", world.facts);
        }
        prop_assert!(delivered + recalled + failed <= 1, "one end at most: {:?}", world.facts);
        prop_assert!(recalled + told_nothing_left + refused <= 1, "one answer at most: {:?}", world.facts);
        prop_assert_eq!(dispatched == 1 && delivered + recalled + failed == 0, false, "a parcel on its way for ever");
        prop_assert!(world.timers.is_empty());
        let asked_after_payment = orders.starts_with(&[Input::OrderPaid, Input::CancellationRequested]);
        if asked_after_payment && failed == 0 {
            prop_assert_eq!(recalled + told_nothing_left + refused, 1, "orders waits for an answer: {:?}", world.facts);
        }
        if confirmed && dispatched_before_cancellation.is_none() {
            prop_assert_eq!(delivered + failed, 1, "every order that is not cancelled ends: {:?}", world.facts);
        }
    }
}
