//! The README's processor, compiled and run: what a newcomer copies must work as printed.
#![allow(clippy::unwrap_used, clippy::expect_used)]

// README begin
use std::collections::BTreeSet;

use headwater_contracts::{domains, orders::OrderConfirmed, topics};
use headwater_log::Headers;
use headwater_streams::{Context, Error, Failure, Input, Processor, StoreSpec, Topology};

/// Units sold, by SKU: a stream keyed by order becomes a table keyed by SKU.
pub fn topology() -> Result<Topology, Error> {
    let mut topology = Topology::named("sku-sales");
    let mut split = topology.subtopology("split", domains::ORDER); // a task for each partition of orders.events
    split.events("orders", topics::ORDERS_EVENTS).only::<OrderConfirmed>(); // other types are never decoded
    split.repartition("by-sku", domains::SKU); // the topic sku-sales-by-sku-repartition
    split.stateless();
    split.processor("split", &["orders"], &[], || Split);
    let mut sum = topology.subtopology("sum", domains::SKU);
    sum.repartitioned_events("by-sku", topics::ORDERS_EVENTS).only::<OrderConfirmed>();
    sum.store(StoreSpec::key_value("units")); // RocksDB, with the changelog sku-sales-sum-changelog
    sum.raw_sink("sales", "sales.by-sku");
    sum.processor("sum", &["by-sku"], &["units"], || Sum);
    topology.build()
}

struct Split;
impl Processor for Split {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let order: OrderConfirmed = input.decode()?;
        let skus: BTreeSet<&str> = order.items.iter().map(|line| line.sku.as_str()).collect();
        skus.into_iter().try_for_each(|sku| context.forward("by-sku", sku.as_bytes()))
    }
}

struct Sum;
impl Processor for Sum {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let (order, sku): (OrderConfirmed, _) = (input.decode()?, input.key_text()?);
        let lines = order.items.iter().filter(|line| line.sku.as_str() == sku);
        let before: i64 = context.get_json("units", sku.as_bytes())?.unwrap_or_default();
        let units = lines.fold(before, |units, line| units.saturating_add(line.quantity));
        context.put_json("units", sku.as_bytes(), &units)?;
        context.send_raw("sales", Some(sku.as_bytes()), Some(units.to_string().as_bytes()), Headers::new())
    }
}
// README end

use headwater_contracts::orders::OrderPaid;
use headwater_contracts::shared::PricedLine;
use headwater_event::{Currency, Money, OrderId};
use headwater_streams::{DriverOptions, TestDriver};

const README: &str = include_str!("../../README.md");

fn currency() -> Currency {
    Currency::new("GBP").unwrap()
}

fn confirmed(order_id: &str, lines: &[(&str, i64)]) -> OrderConfirmed {
    let lines = lines.iter().map(|(sku, quantity)| PricedLine {
        sku: headwater_event::Sku::new(sku).unwrap(),
        quantity: *quantity,
        unit_price_minor: 100,
    });
    OrderConfirmed {
        order_id: OrderId::new(order_id).unwrap(),
        customer_id: headwater_event::CustomerId::new("c-1").unwrap(),
        total: Money::new(100, currency()),
        items: lines.collect(),
    }
}

fn paid(order_id: &str) -> OrderPaid {
    OrderPaid {
        order_id: OrderId::new(order_id).unwrap(),
        payment_id: headwater_event::PaymentId::new("p-1").unwrap(),
        total: Money::new(100, currency()),
    }
}

/// Orders on several partitions, repeated lines, and a crash in between.
#[test]
fn units_are_summed_by_sku() {
    let options =
        DriverOptions { partitions: 4, more_topics: vec!["sales.by-sku".to_owned()], ..DriverOptions::default() };
    let mut driver = TestDriver::with(&[&topology().unwrap()], &options).unwrap();
    driver.send(topics::ORDERS_EVENTS, &confirmed("o-1", &[("mug", 1), ("cup", 5), ("mug", 2)])).unwrap();
    driver.send(topics::ORDERS_EVENTS, &paid("o-1")).unwrap();
    driver.crash_without_disk().unwrap();
    driver.send(topics::ORDERS_EVENTS, &confirmed("o-2", &[("mug", 4)])).unwrap();
    let units = driver.store("units").unwrap();
    assert_eq!((units.get_json::<i64>(b"mug"), units.get_json::<i64>(b"cup")), (Some(7), Some(5)));
    let mugs: Vec<_> = driver.outputs("sales.by-sku").unwrap();
    let mugs: Vec<_> = mugs.iter().filter(|sale| sale.key == "mug").map(|sale| sale.value.clone()).collect();
    assert_eq!(mugs, [3, 7]);
}

#[test]
fn the_readme_prints_this_code() {
    let own = include_str!("readme_processor.rs");
    let code = own.split_once("// README begin\n").unwrap().1.split_once("// README end\n").unwrap().0;
    let printed = README.split("```rust\n").skip(1).filter_map(|rest| Some(rest.split_once("```")?.0));
    assert!(
        printed.clone().any(|block| block == code),
        "README.md does not print the processor as it is compiled here"
    );
    let lines = code.lines().filter(|line| !line.is_empty()).count();
    assert!(lines <= 44, "README.md promises about 40 lines, these are {lines}");
}
