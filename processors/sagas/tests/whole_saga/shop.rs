//! What customers do in the simulated shop, and what must be true when all is over.

use std::collections::BTreeMap;

use headwater_notifications::Delivery;
use headwater_payments::{Answer, Request};
use headwater_streams::{CallToStart, Topology};

use crate::world::{Dice, Seen, World};

const SKUS: [&str; 4] = ["laptop", "mouse", "keyboard", "unpriced"];

/// The seven processors; shipping with a carrier that loses, refuses and is slow.
pub fn topologies() -> Vec<Topology> {
    let shipping = headwater_shipping::Settings {
        failed_per_mille: 100,
        lost_per_mille: 100,
        recall_refused_per_mille: 400,
        delivery_ms: 60_000,
        ..headwater_shipping::Settings::default()
    };
    [
        headwater_orders::topology(),
        headwater_inventory::topology(),
        headwater_payments::topology(),
        headwater_shipping::topology_with(shipping),
        headwater_notifications::topology(),
        headwater_sagas::topology(),
        headwater_order_views::topology(),
    ]
    .map(Result::unwrap)
    .into()
}

/// Providers that decline, refuse, and let some callers wait for longer than orders have patience.
pub fn outside(seed: u64) -> Box<crate::world::Outside> {
    let mut dice = Dice::new(seed ^ 0x5eed);
    Box::new(move |call: &CallToStart| {
        let refused = |reason: &str| Answer::Refused { reason: reason.to_owned() };
        let answer = match serde_json::from_slice::<Request>(&call.request) {
            Ok(Request::Charge { .. }) if dice.percent(15) => serde_json::to_vec(&refused("no_funds")),
            // Some payments never come back, the others sometimes only at a later try.
            Ok(Request::Refund { payment_id, .. }) if lost_for_good(payment_id.as_str()) || dice.percent(20) => {
                serde_json::to_vec(&refused("bank_closed"))
            }
            Ok(_) => serde_json::to_vec(&Answer::Done),
            Err(_) if dice.percent(10) => serde_json::to_vec(&Delivery::Refused { reason: "no_address".to_owned() }),
            Err(_) => serde_json::to_vec(&Delivery::Sent { channel: "log".to_owned() }),
        };
        let wait_ms = if dice.percent(12) { 20 * 60_000 } else { dice.below(3_000) as i64 };
        (Ok(answer.unwrap()), wait_ms)
    })
}

fn lost_for_good(payment_id: &str) -> bool {
    payment_id.bytes().map(usize::from).sum::<usize>() % 8 == 0
}

/// Stock, orders, confirmations and cancellations, with other things going on in between; gives the orders' ids.
pub fn trade(world: &mut World, orders: usize) -> Vec<String> {
    for (place, sku) in SKUS.iter().enumerate() {
        let price = (place + 1) * 100;
        if *sku != "unpriced" {
            let define = format!(
                r#"{{"type":"DefineProduct","sku":"{sku}","name":"{sku}","price":{{"minor":{price},"currency":"GBP"}}}}"#
            );
            world.command("inventory.commands", Some(sku), &define);
        }
        let units = 20 + world.dice.below(60);
        let receive = format!(r#"{{"type":"ReceiveStock","sku":"{sku}","quantity":{units}}}"#);
        world.command("inventory.commands", Some(sku), &receive);
    }
    let ids: Vec<String> = (0..orders).map(|number| format!("o-{number}")).collect();
    let mut later: Vec<(String, String)> = Vec::new();
    for id in &ids {
        let turns = world.dice.below(120);
        world.turns(turns);
        place(world, id, &mut later);
        while world.dice.percent(30) && !later.is_empty() {
            let (id, text) = later.swap_remove(world.dice.below(later.len()));
            send(world, &id, &text);
        }
    }
    for (id, text) in later {
        let turns = world.dice.below(2_500);
        world.turns(turns);
        send(world, &id, &text);
    }
    ids
}

fn place(world: &mut World, id: &str, later: &mut Vec<(String, String)>) {
    let mut items = Vec::new();
    for _ in 0..1 + world.dice.below(3) {
        let sku = match world.dice.below(100) {
            0..3 => "unheard-of",
            3..8 => "unpriced",
            _ => SKUS[world.dice.below(3)],
        };
        let quantity = 1 + world.dice.below(4);
        let agreed = if world.dice.percent(60) { r#","unit_price_minor":55"# } else { "" };
        items.push(format!(r#"{{"sku":"{sku}","quantity":{quantity}{agreed}}}"#));
    }
    let manual = world.dice.percent(30);
    let confirmation = if manual { r#","confirmation":"manual""# } else { "" };
    let items = items.join(",");
    let text = format!(
        r#"{{"type":"PlaceOrder","order_id":"{id}","customer_id":"c-1","currency":"GBP","items":[{items}]{confirmation}}}"#
    );
    send(world, id, &text);
    if world.dice.percent(10) {
        later.push((id.to_owned(), text));
    }
    if manual && world.dice.percent(75) {
        later.push((id.to_owned(), format!(r#"{{"type":"ConfirmOrder","order_id":"{id}"}}"#)));
    }
    for _ in 0..world.dice.below(3) {
        if world.dice.percent(30) {
            later.push((id.to_owned(), format!(r#"{{"type":"CancelOrder","order_id":"{id}"}}"#)));
        }
    }
}

fn send(world: &mut World, id: &str, text: &str) {
    let key = world.dice.percent(70).then_some(id);
    world.command("orders.commands", key, text);
}

/// How often each event of an order happened.
pub struct Ledger {
    events: BTreeMap<(String, String), Vec<Seen>>,
}

impl Ledger {
    pub fn read(world: &World) -> Self {
        let mut events: BTreeMap<_, Vec<Seen>> = BTreeMap::new();
        for context in ["orders", "inventory", "payments", "shipping", "notifications"] {
            for seen in world.read(&format!("{context}.events")) {
                events.entry((seen.key.clone(), seen.event.clone())).or_default().push(seen);
            }
        }
        Self { events }
    }

    pub fn count(&self, order: &str, event: &str) -> usize {
        self.events.get(&(order.to_owned(), event.to_owned())).map_or(0, Vec::len)
    }

    pub fn one(&self, order: &str, event: &str) -> Option<&Seen> {
        self.events.get(&(order.to_owned(), event.to_owned())).and_then(|seen| seen.first())
    }
}
