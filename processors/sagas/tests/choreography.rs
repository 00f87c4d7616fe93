//! The choreography of all processors: checked as a whole, and held against what the tracker judges by.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use headwater_contracts::inventory::{
    AdjustStock, DefineProduct, InventoryReserved, ProductDefined, ReceiveStock, StockAdjusted, StockReceived,
    StockReserved,
};
use headwater_contracts::notifications::NotificationSent;
use headwater_contracts::orders::{CancelOrder, ConfirmOrder, PlaceOrder};
use headwater_contracts::payments::{PaymentRefunded, RefundFailed};
use headwater_contracts::topics::ALL_TOPICS;
use headwater_contracts::{inventory, sagas};
use headwater_event::Message;
use headwater_sagas::DECLARED;
use headwater_streams::Topology;
use headwater_streams::choreography::Choreography;

/// Time-outs, and the messages whose processing sets their timers, which are their causes.
fn time_outs() -> [(&'static str, Vec<&'static str>); 5] {
    [
        ("ReservationTimedOut", vec![PlaceOrder::FULL_NAME]),
        ("ConfirmationTimedOut", vec![InventoryReserved::FULL_NAME]),
        ("PaymentTimedOut", vec![InventoryReserved::FULL_NAME, ConfirmOrder::FULL_NAME]),
        ("OrderTimedOut", vec![PlaceOrder::FULL_NAME]),
        ("HoldTimedOut", vec![StockReserved::FULL_NAME]),
    ]
}

fn topologies() -> [Topology; 7] {
    [
        headwater_orders::topology(),
        headwater_inventory::topology(),
        headwater_payments::topology(),
        headwater_shipping::topology(),
        headwater_notifications::topology(),
        headwater_sagas::topology(),
        headwater_order_views::topology(),
    ]
    .map(Result::unwrap)
}

fn whole() -> Choreography {
    let mut builder = Choreography::builder();
    let commands = [PlaceOrder::FULL_NAME, ConfirmOrder::FULL_NAME, CancelOrder::FULL_NAME];
    let stock = [DefineProduct::FULL_NAME, ReceiveStock::FULL_NAME, AdjustStock::FULL_NAME];
    for start in commands.into_iter().chain(stock).chain(time_outs().map(|(name, _)| name)) {
        builder = builder.starts_with(start);
    }
    let views = [ProductDefined::FULL_NAME, StockReceived::FULL_NAME, StockAdjusted::FULL_NAME];
    let undone = [inventory::InventoryReleased::FULL_NAME, PaymentRefunded::FULL_NAME, RefundFailed::FULL_NAME];
    for end in views.into_iter().chain(undone).chain([NotificationSent::FULL_NAME]) {
        builder = builder.ends_with(end);
    }
    let builder = headwater_orders::REMEMBERED.into_iter().fold(builder, |builder, fact| builder.remembers(fact));
    topologies().iter().fold(builder, |builder, topology| builder.topology(topology)).check().unwrap()
}

#[test]
fn the_choreography_has_no_dead_end_one_owner_for_each_fact_and_one_trigger_for_each_compensation() {
    let steps = whole().steps;
    assert!(steps.len() > 30, "the processors declare their steps with their topologies");
}

#[test]
fn every_event_that_a_topic_may_hold_is_emitted_by_its_owner_in_some_step() {
    let steps = whole().steps;
    let emitted: BTreeSet<&str> = steps.iter().flat_map(|step| step.emits.iter().map(String::as_str)).collect();
    for topic in ALL_TOPICS.iter().filter(|topic| topic.name.ends_with(".events")) {
        for event in topic.types {
            assert!(emitted.contains(event.full_name), "{} is in {} and no step emits it", event.full_name, topic.name);
            let owner = topic.name.split('.').next().unwrap();
            let owners = steps.iter().filter(|step| step.emits.iter().any(|name| name == event.full_name));
            assert!(owners.into_iter().all(|step| step.processor == owner), "{} is not {owner}'s", event.full_name);
        }
    }
    assert!(!emitted.contains(sagas::SagaView::FULL_NAME), "a view is no fact");
}

#[test]
fn every_declared_reaction_is_one_that_the_topology_listens_to() {
    for topology in topologies() {
        for step in topology.choreography().iter().filter(|step| step.consumes.contains('.')) {
            let mut sources = topology.subtopologies().iter().flat_map(|subtopology| &subtopology.sources);
            let heard = sources.any(|source| {
                let wanted = source.only.is_empty() || source.only.contains(&step.consumes.as_str());
                wanted && source.types.iter().any(|known| known.full_name == step.consumes)
            });
            assert!(heard, "{} declares a step on {}, which it does not read", topology.name(), step.consumes);
        }
        for reaction in topology.reactions() {
            let declared = topology.choreography().iter().any(|step| step.consumes == reaction.message_type);
            assert!(declared, "{} reacts to {} without declaring it", topology.name(), reaction.message_type);
        }
    }
}

#[test]
fn the_tracker_judges_by_what_the_processors_declare() {
    let watched: BTreeSet<&str> = DECLARED.iter().map(|declared| declared.event).collect();
    let time_outs = BTreeMap::from(time_outs());
    let mut causes: BTreeMap<&str, (BTreeSet<&str>, bool)> = BTreeMap::new();
    let steps = whole().steps;
    for step in &steps {
        let consumed = time_outs.get(step.consumes.as_str()).cloned().unwrap_or_else(|| vec![step.consumes.as_str()]);
        for event in step.emits.iter().map(String::as_str).filter(|event| watched.contains(event)) {
            let (caused_by, outside) = causes.entry(event).or_default();
            for cause in &consumed {
                match watched.get(cause) {
                    Some(cause) => drop(caused_by.insert(cause)),
                    None => *outside = true,
                }
            }
        }
    }
    for declared in DECLARED {
        let expected = (declared.caused_by.iter().copied().collect(), declared.outside);
        assert_eq!(causes.get(declared.event), Some(&expected), "{}", declared.event);
    }
}
