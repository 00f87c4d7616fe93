#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_event::{Currency, CustomerId, Money, OrderId, PaymentId, ShipmentId, Sku};

use super::*;
use crate::order::{HeldLine, OrderedLine};
use crate::{Placement, TimeLimits, WHOLE, timers};

fn moment() -> Moment {
    Moment { now: Timestamp::from_millis(1_000), event_time: Timestamp::from_millis(1_000) }
}

fn place_with(confirmation: Confirmation) -> OrderCommand {
    OrderCommand::Place(Box::new(Placement {
        order_id: OrderId::new("o-1").unwrap(),
        customer_id: CustomerId::new("c-1").unwrap(),
        currency: Currency::new("GBP").unwrap(),
        lines: vec![OrderedLine { sku: Sku::new("a").unwrap(), quantity: 2, unit_price_minor: None }],
        confirmation,
        placed_at: None,
        limits: TimeLimits::default(),
    }))
}

pub(super) fn place() -> OrderCommand {
    place_with(Confirmation::Automatic)
}

pub(super) fn place_manual() -> OrderCommand {
    place_with(Confirmation::Manual)
}

pub(super) fn held() -> OrderCommand {
    OrderCommand::StockHeld(Reservation {
        lines: vec![HeldLine { sku: Sku::new("a").unwrap(), quantity: 2, unit_price_minor: 250 }],
        total: Money::new(500, Currency::new("GBP").unwrap()),
    })
}

pub(super) fn cancel(reason: &str) -> OrderCommand {
    OrderCommand::Cancel { reason: reason.to_owned() }
}

pub(super) fn charged() -> OrderCommand {
    OrderCommand::PaymentSucceeded { payment_id: PaymentId::new("p-1").unwrap() }
}

pub(super) fn dispatched() -> OrderCommand {
    OrderCommand::Dispatched { shipment_id: ShipmentId::new("s-1").unwrap() }
}

pub(super) fn handed_over() -> OrderCommand {
    let shipment_id = ShipmentId::new("s-1").unwrap();
    OrderCommand::Delivered { shipment_id, delivered_at: Timestamp::from_millis(9) }
}

/// A fact as a short word, with its reason.
pub(super) fn word(fact: &Fact) -> String {
    match fact {
        Fact::Created { .. } => "created".to_owned(),
        Fact::ConfirmationAsked => "confirmation_asked".to_owned(),
        Fact::Held { .. } => "held".to_owned(),
        Fact::Confirmed { held, .. } => format!("confirmed {}", held.total.minor),
        Fact::Paid { .. } => "paid".to_owned(),
        Fact::Shipped { .. } => "shipped".to_owned(),
        Fact::Delivered { .. } => "delivered".to_owned(),
        Fact::CancellationRequested { reason } => format!("cancellation_requested {reason}"),
        Fact::Cancelled { reason, detail } => format!("cancelled {reason} ({detail})"),
    }
}

fn run(commands: Vec<OrderCommand>) -> (Order, Vec<String>) {
    let mut order = Order::default();
    let mut words = Vec::new();
    for command in commands {
        match decide(&order, command, moment()) {
            Ok(facts) => {
                words.extend(facts.iter().map(word));
                order = facts.iter().fold(order, Order::evolve);
            }
            Err(refusal) => words.push(format!("refused {}", refusal.reason)),
        }
    }
    (order, words)
}

fn check(commands: Vec<OrderCommand>, expected: &[&str]) {
    assert_eq!(run(commands).1, expected);
}

#[test]
fn an_automatic_order_is_confirmed_at_once_paid_shipped_and_delivered() {
    check(
        vec![place(), held(), charged(), dispatched(), handed_over()],
        &["created", "confirmed 500", "paid", "shipped", "delivered"],
    );
}

#[test]
fn a_manual_order_keeps_its_reservation_until_it_is_confirmed() {
    check(vec![place_manual(), held(), OrderCommand::Confirm], &["created", "held", "confirmed 500"]);
}

#[test]
fn a_confirmation_that_comes_before_the_reservation_is_remembered() {
    check(
        vec![place_manual(), OrderCommand::Confirm, OrderCommand::Confirm, held()],
        &["created", "confirmation_asked", "confirmed 500"],
    );
}

#[test]
fn confirming_an_automatic_order_early_changes_nothing() {
    check(vec![place(), OrderCommand::Confirm, held()], &["created", "confirmed 500"]);
}

#[test]
fn illegal_moves_are_refused_with_a_reason() {
    check(
        vec![cancel(""), OrderCommand::Confirm, place(), place()],
        &["refused unknown_order", "refused unknown_order", "created", "refused already_exists"],
    );
    check(vec![place(), held(), OrderCommand::Confirm], &["created", "confirmed 500", "refused not_created"]);
    let mut delivered = vec![place(), held(), charged(), dispatched(), handed_over()];
    delivered.extend([cancel(""), OrderCommand::Confirm, place()]);
    assert_eq!(
        run(delivered).1[5..],
        ["refused already_delivered", "refused already_delivered", "refused already_exists"]
    );
    check(
        vec![place(), cancel(""), cancel(""), OrderCommand::Confirm, place()],
        &[
            "created",
            "cancelled requested ()",
            "refused already_cancelled",
            "refused already_cancelled",
            "refused already_exists",
        ],
    );
}

#[test]
fn a_reservation_that_fails_cancels_with_its_reason() {
    let refused = OrderCommand::StockRefused { reason: "out_of_stock".into(), detail: "a".into() };
    check(vec![place(), refused], &["created", "cancelled out_of_stock (a)"]);
}

#[test]
fn a_refused_payment_cancels() {
    let refused = OrderCommand::PaymentRefused { reason: "no_funds".into() };
    check(vec![place(), held(), refused], &["created", "confirmed 500", "cancelled payment_declined (no_funds)"]);
}

#[test]
fn stock_that_cannot_be_confirmed_cancels_a_paid_order() {
    let failed = OrderCommand::StockNotConfirmed { reason: "not_held".into() };
    check(
        vec![place(), held(), charged(), failed],
        &["created", "confirmed 500", "paid", "cancelled confirmation_failed (not_held)"],
    );
}

#[test]
fn a_failed_shipment_cancels_a_paid_order() {
    let failed = OrderCommand::ShipmentFailed { reason: "no_carrier".into() };
    check(
        vec![place(), held(), charged(), failed],
        &["created", "confirmed 500", "paid", "cancelled shipment_failed (no_carrier)"],
    );
}

#[test]
fn an_expiring_reservation_cancels_only_what_is_not_confirmed() {
    check(
        vec![place_manual(), held(), OrderCommand::ExpireReservation],
        &["created", "held", "cancelled expired (its stock was held for as long as it may be)"],
    );
    check(vec![place(), held(), OrderCommand::ExpireReservation], &["created", "confirmed 500", "refused out_of_step"]);
}

#[test]
fn a_cancellation_before_payment_is_done_at_once() {
    check(vec![place(), cancel("too late")], &["created", "cancelled too late ()"]);
    check(vec![place_manual(), held(), cancel(" ")], &["created", "held", "cancelled requested ()"]);
}

#[test]
fn a_cancellation_while_a_payment_is_under_way_awaits_its_result() {
    let start = || vec![place(), held(), cancel("requested"), cancel("requested")];
    let words =
        ["created", "confirmed 500", "cancellation_requested requested", "refused cancellation_already_requested"];
    let check_end = |command: OrderCommand, end: &str| {
        let mut commands = start();
        commands.push(command);
        let mut expected = words.to_vec();
        expected.push(end);
        check(commands, &expected);
    };
    check_end(charged(), "cancelled requested ()");
    check_end(
        OrderCommand::PaymentRefused { reason: "no_funds".into() },
        "cancelled requested (payment_declined: no_funds)",
    );
    check_end(
        OrderCommand::TimeOut { timer: "payment" },
        "cancelled requested (timed_out: waited too long for its payment)",
    );
    check_end(OrderCommand::Recalled, "refused out_of_step");
}

#[test]
fn a_cancellation_after_payment_awaits_the_recall() {
    check(
        vec![place(), held(), charged(), cancel("r"), OrderCommand::Recalled],
        &["created", "confirmed 500", "paid", "cancellation_requested r", "cancelled r ()"],
    );
}

#[test]
fn a_cancellation_after_dispatch_ends_as_the_recall_does() {
    let start = || vec![place(), held(), charged(), dispatched(), cancel("r")];
    let mut recalled = start();
    recalled.push(OrderCommand::Recalled);
    assert_eq!(run(recalled).1[5..], ["cancelled r ()"]);
    let mut refused = start();
    refused.extend([OrderCommand::RecallRefused, handed_over()]);
    assert_eq!(run(refused).1[5..], ["delivered"]);
}

#[test]
fn each_step_to_payment_has_a_limit_and_so_has_the_whole() {
    let names = |commands| timers(&run(commands).0).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(vec![place()]), ["reservation", WHOLE]);
    assert_eq!(names(vec![place_manual(), held()]), ["confirmation", WHOLE]);
    assert_eq!(names(vec![place(), held()]), ["payment", WHOLE]);
    assert!(names(vec![place(), held(), charged()]).is_empty());
    assert!(names(vec![place(), cancel("")]).is_empty());
}

#[test]
fn a_time_out_cancels_the_step_that_it_belongs_to_and_no_later_one() {
    let time_out = |timer| OrderCommand::TimeOut { timer };
    check(
        vec![place(), time_out("reservation")],
        &["created", "cancelled timed_out (waited too long for its reservation)"],
    );
    check(
        vec![place_manual(), held(), time_out("confirmation")],
        &["created", "held", "cancelled timed_out (waited too long for its confirmation)"],
    );
    check(
        vec![place(), held(), time_out("reservation"), time_out(WHOLE)],
        &["created", "confirmed 500", "refused out_of_step", "cancelled timed_out (waited too long for its payment)"],
    );
    check(
        vec![place(), held(), charged(), time_out(WHOLE)],
        &["created", "confirmed 500", "paid", "refused out_of_step"],
    );
}

#[test]
fn what_comes_after_the_end_changes_nothing() {
    check(
        vec![place(), cancel(""), held(), charged()],
        &["created", "cancelled requested ()", "refused already_cancelled", "refused already_cancelled"],
    );
}

#[test]
fn a_reason_that_is_too_long_is_refused_with_its_field() {
    let (order, _) = run(vec![place()]);
    let refusal = decide(&order, cancel(&"x".repeat(REASON_CHARS_MAX + 1)), moment()).unwrap_err();
    assert_eq!((refusal.reason, refusal.field.as_deref()), ("reason_too_long", Some("reason")));
}
