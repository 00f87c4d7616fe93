#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_event::{Currency, CustomerId, Money, OrderId};

use super::{Action, Fact, Input, Payment, payment_id};
use crate::{Answer, Request, Settings};

fn order() -> OrderId {
    OrderId::new("o-1").unwrap()
}

fn pounds(minor: i64) -> Money {
    Money::new(minor, Currency::new("GBP").unwrap())
}

fn confirmed(minor: i64) -> Input {
    Input::OrderConfirmed { customer_id: CustomerId::new("c-1").unwrap(), total: pounds(minor) }
}

fn cancelled() -> Input {
    Input::OrderCancelled { reason: "requested".to_owned() }
}

fn refused() -> Answer {
    Answer::Refused { reason: "declined".to_owned() }
}

fn refund_answered(tries: u32, answer: Answer) -> Input {
    Input::RefundAnswered { tries, answer }
}

/// What an action is, in a word or two.
fn word(action: &Action) -> String {
    match action {
        Action::Ask(request) => request.idempotency_key().replace(payment_id(&order()).unwrap().as_str(), "pay"),
        Action::RetryRefundIn { wait_ms } => format!("wait {wait_ms}"),
        Action::Emit(Fact::Processed { amount }) => format!("processed {}", amount.minor),
        Action::Emit(Fact::Failed { reason }) => format!("failed {reason}"),
        Action::Emit(Fact::Refunded { amount, reason }) => format!("refunded {} {reason}", amount.minor),
        Action::Emit(Fact::RefundFailed { reason }) => format!("refund failed {reason}"),
    }
}

/// Feeds inputs one after another; what each gave must be as written, separated by commas.
#[track_caller]
fn check(steps: &[(Input, &str)]) -> Payment {
    let mut payment = Payment::Absent;
    for (at, (input, expected)) in steps.iter().enumerate() {
        let turn = payment.on(&order(), input.clone(), &Settings::default()).unwrap();
        let actions: Vec<String> = turn.actions.iter().map(word).collect();
        assert_eq!(actions.join(", "), *expected, "step {at}: {input:?}");
        payment = turn.payment;
    }
    payment
}

#[test]
fn a_confirmed_order_is_charged_once_whatever_is_repeated() {
    let charged = check(&[
        (confirmed(339), "charge/o-1"),
        (confirmed(339), ""),
        (Input::ChargeAnswered(Answer::Done), "processed 339"),
        (Input::ChargeAnswered(Answer::Done), ""),
        (confirmed(339), ""),
    ]);
    assert_eq!(charged, Payment::Charged { amount: pounds(339) });
}

#[test]
fn a_refused_charge_fails_and_its_cancellation_refunds_nothing() {
    check(&[
        (confirmed(339), "charge/o-1"),
        (Input::ChargeAnswered(refused()), "failed declined"),
        (cancelled(), ""),
        (confirmed(339), ""),
    ]);
}

#[test]
fn a_charged_order_that_is_cancelled_is_refunded_once() {
    let refunded = check(&[
        (confirmed(339), "charge/o-1"),
        (Input::ChargeAnswered(Answer::Done), "processed 339"),
        (cancelled(), "refund/pay/1"),
        (cancelled(), ""),
        (refund_answered(1, Answer::Done), "refunded 339 requested"),
        (refund_answered(1, Answer::Done), ""),
        (cancelled(), ""),
    ]);
    assert_eq!(refunded, Payment::Refunded);
}

#[test]
fn an_order_cancelled_before_its_charge_is_never_charged() {
    check(&[(cancelled(), ""), (confirmed(339), ""), (cancelled(), "")]);
}

#[test]
fn a_charge_that_completes_after_the_cancellation_is_refunded_when_its_result_arrives() {
    check(&[
        (confirmed(339), "charge/o-1"),
        (cancelled(), "refund/pay/1"),
        (cancelled(), ""),
        (Input::ChargeAnswered(Answer::Done), "processed 339"),
        (refund_answered(1, Answer::Done), "refunded 339 requested"),
    ]);
}

#[test]
fn a_charge_that_is_refused_after_the_cancellation_moves_no_money() {
    let declined = check(&[
        (confirmed(339), "charge/o-1"),
        (cancelled(), "refund/pay/1"),
        (Input::ChargeAnswered(refused()), "failed declined"),
        (refund_answered(1, Answer::NothingCharged), ""),
    ]);
    assert_eq!(declined, Payment::Declined);
}

#[test]
fn a_refund_that_overtook_its_charge_is_asked_for_again() {
    check(&[
        (confirmed(339), "charge/o-1"),
        (cancelled(), "refund/pay/1"),
        (refund_answered(1, Answer::NothingCharged), ""),
        (Input::ChargeAnswered(Answer::Done), "processed 339, refund/pay/2"),
        (refund_answered(2, Answer::Done), "refunded 339 requested"),
    ]);
}

#[test]
fn a_refund_that_is_refused_is_tried_again_and_given_up_in_the_end() {
    let failed = check(&[
        (confirmed(339), "charge/o-1"),
        (Input::ChargeAnswered(Answer::Done), "processed 339"),
        (cancelled(), "refund/pay/1"),
        (refund_answered(1, refused()), "wait 1000"),
        (Input::RefundDue, "refund/pay/2"),
        (refund_answered(1, refused()), ""),
        (refund_answered(2, refused()), "wait 2000"),
        (Input::RefundDue, "refund/pay/3"),
        (refund_answered(3, refused()), "wait 4000"),
        (Input::RefundDue, "refund/pay/4"),
        (refund_answered(4, refused()), "wait 8000"),
        (Input::RefundDue, "refund/pay/5"),
        (refund_answered(5, refused()), "refund failed declined"),
        (Input::RefundDue, ""),
    ]);
    assert_eq!(failed, Payment::RefundFailed);
}

#[test]
fn an_order_that_costs_nothing_is_paid_and_paid_back_without_the_provider() {
    check(&[(confirmed(0), "processed 0"), (cancelled(), "refunded 0 requested"), (cancelled(), "")]);
    check(&[(confirmed(-1), "failed negative_amount"), (cancelled(), "")]);
}

#[test]
fn keys_follow_from_the_order_and_the_charge() {
    let id = payment_id(&order()).unwrap();
    assert_eq!(id, payment_id(&order()).unwrap());
    assert_ne!(id, payment_id(&OrderId::new("o-2").unwrap()).unwrap());
    payment_id(&OrderId::new(&"x".repeat(200)).unwrap()).unwrap();
    let refund = Request::Refund { payment_id: id.clone(), order_id: order(), amount: pounds(1), tries: 1 };
    assert_eq!(refund.idempotency_key(), format!("refund/{id}/1"));
}

#[test]
fn the_state_is_readable_json() {
    let turn = Payment::Absent.on(&order(), confirmed(339), &Settings::default()).unwrap();
    let json = serde_json::to_string(&turn.payment).unwrap();
    assert_eq!(json, r#"{"state":"charging","amount":{"minor":339,"currency":"GBP"},"cancelled":null}"#);
    assert_eq!(serde_json::from_str::<Payment>(&json).unwrap(), turn.payment);
}
