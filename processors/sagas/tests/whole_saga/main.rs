//! All seven processors together, in orders of events that seeds decide: every order ends once, nothing is lost or
//! doubled, stock is conserved, and what was charged for a cancelled order is paid back.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod shop;
mod world;

use std::collections::BTreeMap;

use headwater_event::OrderId;
use serde_json::Value;
use shop::Ledger;
use world::World;

const ORDERS: usize = 25;

/// What happened over all seeds, to be sure that the simulation meets every path.
#[derive(Default, Debug)]
struct Paths(BTreeMap<String, usize>);

fn check_seed(seed: u64, paths: &mut Paths) {
    let mut world = World::new(&shop::topologies(), seed, shop::outside(seed));
    let ids = shop::trade(&mut world, ORDERS);
    world.come_to_rest();
    let ledger = Ledger::read(&world);
    for id in &ids {
        check_order(seed, id, &ledger, paths);
    }
    check_stock(seed, &ids, &world, &ledger);
    check_views(seed, &ids, &world, &ledger);
    check_sagas(seed, &world, &ledger, paths);
    check_replay(seed, &world);
    for topic in ["orders", "inventory", "payments", "shipping", "notifications"] {
        let dead = if topic == "notifications" { Vec::new() } else { world.read(&format!("{topic}.events.dlq")) };
        assert!(dead.is_empty(), "seed {seed}: {topic} has dead letters");
    }
    assert!(world.read("orders.commands.dlq").is_empty(), "seed {seed}: commands were dead-lettered");
}

fn check_order(seed: u64, id: &str, ledger: &Ledger, paths: &mut Paths) {
    let count = |event: &str| ledger.count(id, event);
    let at = format!("seed {seed}, order {id}");
    let (delivered, cancelled) = (count("OrderDelivered"), count("OrderCancelled"));
    assert_eq!(count("OrderCreated"), 1, "{at}");
    assert_eq!(delivered + cancelled, 1, "{at}: {delivered} delivered, {cancelled} cancelled");
    assert_eq!(count("InventoryReleased"), cancelled, "{at}: released");
    assert!(count("PaymentProcessed") + count("PaymentFailed") <= 1, "{at}: charged twice");
    assert_eq!(count("OrderConfirmed"), count("PaymentProcessed") + count("PaymentFailed"), "{at}: charge unanswered");
    assert!(count("OrderPaid") <= count("PaymentProcessed"), "{at}: paid without payment");
    let owed = cancelled * count("PaymentProcessed");
    assert_eq!(count("PaymentRefunded") + count("RefundFailed"), owed, "{at}: refund");
    if let Some(processed) = ledger.one(id, "PaymentProcessed") {
        let confirmed = ledger.one(id, "OrderConfirmed").unwrap();
        assert_eq!(processed.value["amount"], confirmed.value["total"], "{at}: charged something else");
    }
    let end = match ledger.one(id, "OrderCancelled") {
        None => "delivered".to_owned(),
        Some(cancelled) => format!("cancelled {}", cancelled.value["reason"].as_str().unwrap()),
    };
    for path in [end.as_str(), "OrderCancellationRequested", "ShipmentRecalled", "RecallRefused", "RefundFailed"] {
        let happened = path == end || count(path) > 0;
        *paths.0.entry(path.to_owned()).or_default() += usize::from(happened);
    }
}

fn check_stock(seed: u64, ids: &[String], world: &World, ledger: &Ledger) {
    let mut sold: BTreeMap<String, i64> = BTreeMap::new();
    for id in ids.iter().filter(|id| ledger.count(id, "OrderDelivered") == 1) {
        let confirmed = ledger.one(id, "OrderConfirmed").unwrap();
        for item in confirmed.value["items"].as_array().unwrap() {
            *sold.entry(item["sku"].as_str().unwrap().to_owned()).or_default() += item["quantity"].as_i64().unwrap();
        }
    }
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    for seen in world.read("inventory.products") {
        let units = |field: &str| seen.value[field].as_i64().unwrap();
        let accounted = units("on_hand") + units("reserved") + units("confirmed");
        assert_eq!(units("received") + units("adjusted"), accounted, "seed {seed}: {}", seen.key);
        last.insert(seen.key, seen.value);
    }
    assert_eq!(last.len(), 4, "seed {seed}");
    for (sku, product) in last {
        assert_eq!(product["reserved"], 0, "seed {seed}: {sku} is still held");
        assert_eq!(product["confirmed"].as_i64(), Some(sold.get(&sku).copied().unwrap_or(0)), "seed {seed}: {sku}");
    }
}

fn check_views(seed: u64, ids: &[String], world: &World, ledger: &Ledger) {
    use headwater_order_views::{VIEWS, query};
    let states = world.states("order-views", VIEWS);
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    for seen in world.read("orders.views") {
        last.insert(seen.key, seen.value);
    }
    let mut revenue = 0;
    for id in ids {
        let order_id = OrderId::new(id).unwrap();
        let views = states.iter().filter_map(|state| query::get(*state, &order_id).unwrap());
        let [view] = views.collect::<Vec<_>>().try_into().unwrap();
        assert_eq!(last[id]["status"], view.status, "seed {seed}, order {id}: the topic is behind the state");
        let is = |event: &str| ledger.count(id, event) == 1;
        let payment = match () {
            () if is("PaymentRefunded") => "refunded",
            () if is("PaymentProcessed") => "completed",
            () if is("PaymentFailed") => "failed",
            () => "pending",
        };
        let (status, inventory) = match () {
            () if is("OrderDelivered") => ("delivered", "confirmed"),
            () if is("InventoryReservationFailed") => ("cancelled", "rejected"),
            () => ("cancelled", "released"),
        };
        let shown = (view.status.as_str(), view.payment_status.as_str(), view.inventory_status.as_str());
        assert_eq!(shown, (status, payment, inventory), "seed {seed}, order {id}");
        revenue += i128::from(view.total_minor.filter(|_| is("OrderDelivered")).unwrap_or(0));
    }
    let days = query::merge_revenue(states.iter().map(|state| query::revenue_by_day(*state).unwrap()));
    assert_eq!(days.iter().map(|day| day.total_minor).sum::<i128>(), revenue, "seed {seed}: revenue");
    let distribution = states.iter().map(|state| query::status_distribution(*state).unwrap());
    let counted: i64 = query::merge_status_distribution(distribution).iter().map(|count| count.orders).sum();
    assert_eq!(counted, ids.len() as i64, "seed {seed}: orders by status");
    let pages = states.iter().map(|state| query::list(*state, &query::Filter::default(), 100, 0).unwrap());
    let page = query::merge(pages, 100, 0);
    assert_eq!((page.orders.len(), page.total), (ids.len(), ids.len() as u64), "seed {seed}: list");
}

/// Both projections, rebuilt from the topics in another order of events, say the same to the byte.
fn check_replay(seed: u64, world: &World) {
    let projections = [headwater_order_views::topology().unwrap(), headwater_sagas::topology().unwrap()];
    let rebuilt = world.replay(&projections, seed + 1_000_000);
    for topic in ["orders.views", "sagas.views"] {
        let documents = |world: &World| {
            let last = world.read(topic).into_iter().map(|seen| (seen.key, seen.bytes));
            last.collect::<BTreeMap<_, _>>()
        };
        assert_eq!(documents(&rebuilt), documents(world), "seed {seed}: {topic}");
    }
}

fn check_sagas(seed: u64, world: &World, ledger: &Ledger, paths: &mut Paths) {
    let mut last: BTreeMap<String, Value> = BTreeMap::new();
    for seen in world.read("sagas.views") {
        last.insert(seen.key, seen.value);
    }
    assert_eq!(last.len(), ORDERS, "seed {seed}");
    for (id, saga) in last {
        let expected = match () {
            () if ledger.count(&id, "OrderDelivered") == 1 => "completed",
            () if ledger.count(&id, "RefundFailed") == 1 => "failed",
            () => "compensated",
        };
        assert_eq!(saga["state"], expected, "seed {seed}, order {id}: {saga:#}");
        assert_eq!(saga["anomalies"], Value::Array(Vec::new()), "seed {seed}, order {id}: {saga:#}");
        assert!(!saga["ended_at"].is_null(), "seed {seed}, order {id}");
        *paths.0.entry(format!("saga {expected}")).or_default() += 1;
    }
}

#[test]
fn every_order_ends_once_and_nothing_is_lost_whatever_the_order_of_events() {
    let seeds: u64 = std::env::var("HEADWATER_SEEDS").ok().and_then(|text| text.parse().ok()).unwrap_or(40);
    let mut paths = Paths::default();
    for seed in 0..seeds {
        check_seed(seed, &mut paths);
    }
    let ends = ["delivered", "cancelled out_of_stock", "cancelled payment_declined", "cancelled timed_out"];
    let rest =
        ["cancelled requested", "cancelled unknown_product", "cancelled price_unknown", "cancelled shipment_failed"];
    let ways = ["OrderCancellationRequested", "ShipmentRecalled", "RecallRefused", "RefundFailed"];
    let sagas = ["saga completed", "saga compensated", "saga failed"];
    for path in ends.iter().chain(&rest).chain(&ways).chain(&sagas) {
        assert!(paths.0.get(*path).is_some_and(|count| *count > 0), "no seed met {path}: {paths:?}");
    }
    println!("{paths:#?}");
}
