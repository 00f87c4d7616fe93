#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::json;

use super::*;

fn outcomes(pairs: &[(&str, Outcome)]) -> BTreeMap<String, Outcome> {
    pairs.iter().map(|(order, outcome)| ((*order).to_owned(), outcome.clone())).collect()
}

#[test]
fn an_order_that_ended_otherwise_is_named() {
    let declined = || Outcome::Cancelled("payment_declined".to_owned());
    let expected = outcomes(&[("1", Outcome::Delivered), ("2", declined()), ("3", Outcome::Delivered)]);
    let actual = outcomes(&[("1", Outcome::Delivered), ("2", Outcome::Delivered), ("4", Outcome::Delivered)]);
    assert_eq!(different_outcomes(&expected, &expected), [""; 0]);
    assert_eq!(
        different_outcomes(&expected, &actual),
        [
            "order 2 is delivered, and should be cancelled: payment_declined",
            "order 3 has not ended, and should be delivered",
            "order 4 is not in the file",
        ]
    );
}

#[test]
fn a_penny_too_much_is_seen() {
    let takings = |minor| BTreeMap::from([("2011-08-31".to_owned(), Takings { orders: 2, minor })]);
    let answer = json!({"days": [{"day": "2011-08-31", "currency": "GBP", "orders": 2, "total_minor": 1001}]});
    assert_eq!(takings_of(&answer), takings(1001));
    assert_eq!(different_takings(&takings(1001), &takings_of(&answer)), [""; 0]);
    assert_eq!(different_takings(&takings(1000), &takings_of(&answer)).len(), 1);
    assert_eq!(different_takings(&takings(1000), &BTreeMap::new()).len(), 1);
}

#[test]
fn orders_that_are_still_under_way_are_seen() {
    let expected = outcomes(&[("1", Outcome::Delivered), ("2", Outcome::Rejected("no_items".to_owned()))]);
    let statuses = |shipped: i64, delivered: i64| json!({"statuses": [{"status": "shipped", "orders": shipped}, {"status": "delivered", "orders": delivered}]});
    assert_eq!(different_statuses(&expected, &statuses(0, 1)), [""; 0]);
    assert_eq!(different_statuses(&expected, &statuses(1, 0)).len(), 2);
    assert_eq!(different_statuses(&expected, &json!({})), ["no orders are delivered; the file says 1"]);
}

#[test]
fn all_checks_must_hold() {
    let mut checked = Checked::default();
    checked.add("one", vec![]);
    assert!(checked.is_good());
    checked.add("other", (0..9).map(|number| number.to_string()).collect());
    assert!(!checked.is_good());
    assert_eq!(checked.checks[1].differences.last().unwrap(), "and 4 more");
}
