#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::collection::vec;
use proptest::prelude::*;

use super::tests::{cancel, charged, dispatched, handed_over, held, place, place_manual, word};
use super::*;
use crate::{WHOLE, timers};

fn any_command() -> impl Strategy<Value = OrderCommand> {
    prop_oneof![
        Just(place()),
        Just(place_manual()),
        Just(OrderCommand::Confirm),
        Just(cancel("requested")),
        Just(held()),
        Just(OrderCommand::StockRefused { reason: "out_of_stock".into(), detail: String::new() }),
        Just(OrderCommand::ExpireReservation),
        Just(charged()),
        Just(OrderCommand::PaymentRefused { reason: "no_funds".into() }),
        Just(OrderCommand::StockNotConfirmed { reason: "not_held".into() }),
        Just(dispatched()),
        Just(OrderCommand::ShipmentFailed { reason: "lost".into() }),
        Just(handed_over()),
        Just(OrderCommand::Recalled),
        Just(OrderCommand::RecallRefused),
        prop_oneof![Just("reservation"), Just("confirmation"), Just("payment"), Just(WHOLE)]
            .prop_map(|timer| OrderCommand::TimeOut { timer }),
    ]
}

fn rank(status: Option<&str>) -> usize {
    const RANKS: [&str; 4] = ["created", "confirmed", "paid", "shipped"];
    status.map_or(0, |status| RANKS.iter().position(|rank| *rank == status).map_or(9, |rank| rank + 1))
}

proptest! {
    #[test]
    fn whatever_comes_an_order_moves_forward_ends_once_and_says_each_thing_once(commands in vec(any_command(), 0..60)) {
        let mut order = Order::default();
        let mut said = Vec::new();
        for (millis, command) in commands.into_iter().enumerate() {
            let now = Timestamp::from_millis(millis as i64);
            let Ok(facts) = decide(&order, command, Moment { now, event_time: now }) else { continue };
            for fact in &facts {
                prop_assert!(!matches!(order, Order::Delivered | Order::Cancelled { .. }), "a fact after the end");
                let before = rank(order.status());
                order = order.evolve(fact);
                prop_assert!(rank(order.status()) >= before, "the order moved back");
                said.push(word(fact).split(' ').next().unwrap_or_default().to_owned());
            }
            let open_until_paid = matches!(order.status(), Some("created" | "confirmed"));
            prop_assert_eq!(timers(&order).len(), if open_until_paid { 2 } else { 0 });
            prop_assert!(timers(&order).iter().all(|(_, due)| *due > now));
            let text = serde_json::to_string(&order).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Order>(&text).unwrap(), &order);
        }
        let ends = said.iter().filter(|word| *word == "delivered" || *word == "cancelled").count();
        prop_assert!(ends <= 1);
        let all = said.len();
        said.sort();
        said.dedup();
        prop_assert_eq!(said.len(), all, "something was said twice");
    }
}
