#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::declared::{DECLARED, short};

pub(crate) fn id(text: &str) -> EventId {
    EventId::of_text(text)
}

/// A step from `Type` or `Type<Cause`; a cause that is no step of the saga is written like any other name.
pub(crate) fn step(text: &str, millis: i64) -> Step {
    let (event, cause) = text.split_once('<').unwrap_or((text, "a command"));
    let name = event.trim_end_matches('\'');
    let full = DECLARED.iter().map(|declared| declared.event).find(|full| short(full) == name).unwrap_or(name);
    Step {
        at: Timestamp::from_millis(millis),
        event_id: id(event),
        causation_id: Some(id(cause)),
        event: full.to_owned(),
        correlation_id: CorrelationId::new(format!(
            "correlation of {}",
            if cause == "a command" { event } else { "OrderCreated" }
        )),
    }
}

pub(crate) fn saga(steps: &[&str]) -> Saga {
    let mut saga = Saga::default();
    for (millis, text) in (1..).zip(steps) {
        assert!(saga.add(step(text, millis)));
    }
    saga
}

fn check(steps: &[&str], state: State, anomalies: &[&str]) {
    let judgement = saga(steps).judge();
    assert_eq!(
        (judgement.state, judgement.anomalies),
        (state, anomalies.iter().map(|&text| text.to_owned()).collect())
    );
    assert_eq!(judgement.ended_at.is_some(), state.is_end());
}

pub(crate) const DELIVERED: [&str; 13] = [
    "OrderCreated",
    "InventoryReserved<answer",
    "OrderConfirmed<InventoryReserved",
    "NotificationSent<OrderConfirmed",
    "PaymentProcessed<OrderConfirmed",
    "OrderPaid<PaymentProcessed",
    "InventoryConfirmed<answer 2",
    "ShipmentDispatched<InventoryConfirmed",
    "OrderShipped<ShipmentDispatched",
    "NotificationSent'<OrderShipped",
    "ShipmentDelivered<InventoryConfirmed",
    "OrderDelivered<ShipmentDelivered",
    "NotificationSent''<OrderDelivered",
];

pub(crate) const REFUNDED: [&str; 10] = [
    "OrderCreated",
    "InventoryReserved<answer",
    "OrderConfirmed<InventoryReserved",
    "PaymentProcessed<OrderConfirmed",
    "OrderPaid<PaymentProcessed",
    "InventoryConfirmed<answer 2",
    "ShipmentFailed<InventoryConfirmed",
    "OrderCancelled<ShipmentFailed",
    "InventoryReleased<answer 3",
    "PaymentRefunded<OrderCancelled",
];

#[test]
fn a_delivered_order_passes_all_states_to_completed() {
    check(&DELIVERED[..1], State::Started, &[]);
    check(&DELIVERED[..4], State::InventoryReserved, &[]);
    check(&DELIVERED[..11], State::PaymentProcessed, &[]);
    check(&DELIVERED, State::Completed, &[]);
    assert_eq!(saga(&DELIVERED).judge().ended_at, Some(Timestamp::from_millis(12)), "the e-mail is no part of the end");
}

#[test]
fn a_cancelled_order_is_compensated_once_stock_and_money_are_back() {
    check(&REFUNDED[..7], State::Compensating, &[]);
    check(&REFUNDED[..8], State::Compensating, &[]);
    check(&REFUNDED[..9], State::Compensating, &[]);
    check(&REFUNDED, State::Compensated, &[]);
}

#[test]
fn an_order_out_of_stock_is_compensated_once_all_is_released() {
    let steps = [
        "OrderCreated",
        "InventoryReservationFailed<answer",
        "OrderCancelled<InventoryReservationFailed",
        "InventoryReleased<OrderCancelled",
    ];
    check(&steps[..2], State::Compensating, &[]);
    check(&steps[..3], State::Compensating, &[]);
    check(&steps, State::Compensated, &[]);
}

#[test]
fn an_order_cancelled_while_its_charge_is_unknown_waits_for_the_charge() {
    let steps = [
        "OrderCreated",
        "InventoryReserved<answer",
        "OrderConfirmed<InventoryReserved",
        "OrderCancelled<InventoryReserved",
        "InventoryReleased<answer 2",
        "PaymentProcessed<OrderConfirmed",
        "PaymentRefunded<OrderCancelled",
    ];
    check(&steps[..5], State::Compensating, &[]);
    check(&steps[..6], State::Compensating, &[]);
    check(&steps, State::Compensated, &[]);
    let declined = [steps[0], steps[1], steps[2], steps[3], steps[4], "PaymentFailed<OrderConfirmed"];
    check(&declined, State::Compensated, &[]);
}

#[test]
fn a_refund_that_cannot_be_made_is_a_failed_saga() {
    let mut steps = REFUNDED;
    steps[9] = "RefundFailed<OrderCancelled";
    check(&steps, State::Failed, &[]);
}

#[test]
fn an_event_waits_for_its_cause() {
    check(&["OrderCreated", "OrderPaid<PaymentProcessed"], State::Started, &[]);
    check(
        &["OrderCreated", "PaymentProcessed<OrderConfirmed", "InventoryReserved<answer"],
        State::InventoryReserved,
        &[],
    );
    check(&["InventoryReserved<answer"], State::Started, &[]);
    check(
        &[
            "OrderCreated",
            "PaymentProcessed<OrderConfirmed",
            "InventoryReserved<answer",
            "OrderConfirmed<InventoryReserved",
        ],
        State::PaymentProcessed,
        &[],
    );
}

#[test]
fn what_the_choreography_does_not_allow_is_flagged_and_does_not_count() {
    check(
        &["OrderCreated", "PaymentProcessed<OrderCreated"],
        State::Started,
        &["PaymentProcessed must not follow from OrderCreated"],
    );
    check(
        &["OrderCreated", "headwater.orders.OrderEaten<OrderCreated"],
        State::Started,
        &["headwater.orders.OrderEaten is no part of the choreography"],
    );
}

#[test]
fn what_may_happen_once_is_flagged_when_it_happens_again() {
    let mut steps = DELIVERED.to_vec();
    steps.push("PaymentProcessed'<OrderConfirmed");
    check(&steps, State::Completed, &["PaymentProcessed happened 2 times"]);
}

#[test]
fn two_ends_contradict_each_other() {
    let mut steps = DELIVERED.to_vec();
    steps.push("OrderCancelled<InventoryReserved");
    check(&steps, State::Completed, &["OrderDelivered and OrderCancelled both happened"]);
}

#[test]
fn an_event_whose_cause_never_came_is_flagged_when_the_saga_has_ended() {
    let mut steps = DELIVERED.to_vec();
    steps.push("PaymentFailed<OrderShipped'");
    let anomalies = saga(&steps).judge().anomalies;
    assert_eq!(anomalies.len(), 2, "{anomalies:?}");
    assert!(
        anomalies[1].starts_with("PaymentProcessed and PaymentFailed")
            || anomalies[0].starts_with("PaymentFailed still waits")
    );
}

#[test]
fn a_repeated_event_changes_nothing() {
    let mut saga = saga(&DELIVERED);
    let before = saga.clone();
    assert!(!saga.add(step(DELIVERED[4], 99)));
    assert_eq!(saga, before);
}

#[test]
fn the_timeline_puts_causes_first_though_clocks_differ() {
    let mut saga = Saga::default();
    saga.add(step("OrderConfirmed<InventoryReserved", 5));
    saga.add(step("InventoryReserved<answer", 9));
    saga.add(step("OrderCreated", 1));
    let names: Vec<_> = saga.timeline().into_iter().map(|step| short(&step.event)).collect();
    assert_eq!(names, ["OrderCreated", "InventoryReserved", "OrderConfirmed"]);
}

#[test]
fn causes_that_go_in_a_circle_do_no_harm() {
    let saga = saga(&["OrderPaid<PaymentProcessed", "PaymentProcessed<OrderPaid"]);
    assert_eq!(saga.timeline().len(), 2);
    assert_eq!(saga.judge().state, State::Started);
}

#[test]
fn the_correlation_is_the_orders_though_a_later_command_started_another() {
    let with_cancel = saga(&["OrderCreated", "OrderCancelled", "InventoryReleased<OrderCancelled"]);
    assert_eq!(with_cancel.correlation_id().unwrap().as_str(), "correlation of OrderCreated");
}
