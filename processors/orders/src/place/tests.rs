#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_event::{Currency, CustomerId, OrderId, Sku, Timestamp};

use super::*;
use crate::{Confirmation, TimeLimits};

const MOMENT: Moment = Moment { now: Timestamp::from_millis(5_000), event_time: Timestamp::from_millis(4_000) };

fn line(sku: &str, quantity: i64, unit_price_minor: Option<i64>) -> OrderedLine {
    OrderedLine { sku: Sku::new(sku).unwrap(), quantity, unit_price_minor }
}

fn placement(lines: Vec<OrderedLine>) -> Placement {
    Placement {
        order_id: OrderId::new("o-1").unwrap(),
        customer_id: CustomerId::new("c-1").unwrap(),
        currency: Currency::new("GBP").unwrap(),
        lines,
        confirmation: Confirmation::Automatic,
        placed_at: None,
        limits: TimeLimits::default(),
    }
}

fn check_refused(lines: Vec<OrderedLine>, reason: &str, field: &str) {
    let refusal = place(placement(lines), MOMENT).unwrap_err();
    assert_eq!((refusal.reason, refusal.field.as_deref()), (reason, Some(field)));
}

#[test]
fn an_order_without_items_is_refused() {
    check_refused(vec![], "no_items", "items");
}

#[test]
fn an_order_of_too_many_lines_is_refused_and_one_of_the_most_is_taken() {
    check_refused(vec![line("a", 1, None); LINES_MAX + 1], "too_many_items", "items");
    assert!(place(placement(vec![line("a", 1, None); LINES_MAX]), MOMENT).is_ok());
}

#[test]
fn a_quantity_of_zero_or_less_is_refused_with_the_line_named() {
    check_refused(vec![line("a", 1, None), line("b", 0, None)], "quantity_not_positive", "items[1].quantity");
    check_refused(vec![line("a", -6, Some(339))], "quantity_not_positive", "items[0].quantity");
}

#[test]
fn a_negative_price_is_refused_and_a_gift_is_taken() {
    check_refused(vec![line("a", 1, Some(-1))], "price_negative", "items[0].unit_price_minor");
    assert!(place(placement(vec![line("a", 1, Some(0))]), MOMENT).is_ok());
}

#[test]
fn repeated_lines_of_one_sku_share_its_bound() {
    let lines = vec![line("a", QUANTITY_MAX, None), line("b", 1, None), line("a", 1, None)];
    check_refused(lines, "quantity_too_large", "items[2].quantity");
    check_refused(vec![line("a", i64::MAX, None)], "quantity_too_large", "items[0].quantity");
}

#[test]
fn a_total_that_would_overflow_is_refused() {
    check_refused(vec![line("a", QUANTITY_MAX, Some(i64::MAX))], "total_too_large", "items[0].unit_price_minor");
    let lines = vec![line("a", 1, Some(TOTAL_MINOR_MAX)), line("b", 1, Some(1))];
    check_refused(lines, "total_too_large", "items[1].unit_price_minor");
    assert!(place(placement(vec![line("a", 1, Some(TOTAL_MINOR_MAX))]), MOMENT).is_ok());
}

#[test]
fn a_time_outside_what_text_can_say_is_refused() {
    for millis in [-1, i64::MIN, i64::MAX] {
        let placement =
            Placement { placed_at: Some(Timestamp::from_millis(millis)), ..placement(vec![line("a", 1, None)]) };
        assert_eq!(place(placement, MOMENT).unwrap_err().reason, "placed_at_out_of_range");
    }
}

#[test]
fn an_order_without_a_time_takes_the_commands_and_its_limits_count_from_now() {
    let Fact::Created { order, placed_at, .. } = place(placement(vec![line("a", 1, None)]), MOMENT).unwrap() else {
        panic!("a placed order is created");
    };
    assert_eq!(placed_at, MOMENT.event_time);
    assert_eq!(order.step_due, Some(MOMENT.now.plus_millis(TimeLimits::default().reservation_ms)));
    assert_eq!(order.whole_due, Some(MOMENT.now.plus_millis(TimeLimits::default().whole_ms)));
}
