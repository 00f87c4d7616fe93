#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::document::Change;
use crate::document::tests::{cancelled, created, order_id};

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

#[test]
fn newer_orders_sort_first_and_keys_tell_their_order_again() {
    let scope = Scope::Customer("c-1");
    let keys: Vec<_> = [i64::MIN, -1, 0, 1, i64::MAX].map(|millis| scope.key(at(millis), &order_id())).to_vec();
    let mut sorted = keys.clone();
    sorted.sort();
    sorted.reverse();
    assert_eq!(sorted, keys);
    for scope in [Scope::All, Scope::Customer("c-1"), Scope::Status(Status::Paid)] {
        assert_eq!(order_of(&scope.key(at(-5), &order_id())), Some((at(-5), order_id())));
    }
}

#[test]
fn a_range_holds_its_first_millisecond_and_not_its_last() {
    let (first, end) = Scope::All.range(Some(at(10)), Some(at(20)));
    let inside = |millis| {
        let key = Scope::All.key(at(millis), &order_id());
        first <= key && key < end
    };
    assert_eq!([9, 10, 19, 20].map(inside), [false, true, true, false]);
    let (first, end) = Scope::All.range(None, None);
    assert!([i64::MIN, 0, i64::MAX].into_iter().all(|millis| {
        let key = Scope::All.key(at(millis), &order_id());
        first <= key && key < end
    }));
}

#[test]
fn one_customers_orders_are_not_those_of_a_customer_whose_name_goes_on() {
    let (first, end) = Scope::Customer("c-1").range(None, None);
    let other = Scope::Customer("c-10").key(at(0), &order_id());
    assert!(!(first <= other && other < end));
}

#[test]
fn keys_of_something_else_tell_nothing() {
    for key in [b"".as_slice(), b"t", b"t1234567", b"cname", b"c\0\xff", b"t12345678\xff\xfe"] {
        assert_eq!(order_of(key), None);
    }
}

proptest! {
    #[test]
    fn differences_add_up_to_what_the_last_document_says(choices in vec(0_usize..6, 0..12)) {
        let (mut before, mut keys) = (Document::default(), Vec::new());
        let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
        let mut revenue: BTreeMap<String, Tally> = BTreeMap::new();
        for choice in choices {
            let mut after = before.clone();
            let change = match choice {
                0 | 1 => created(86_400_000),
                2 => Change::Confirmed(500),
                3 => Change::Paid,
                4 => Change::Delivered,
                _ => cancelled("requested"),
            };
            after.apply(change, at(1));
            let difference = Difference::between(&order_id(), &before, &after);
            for removed in &difference.removed {
                prop_assert!(keys.contains(removed));
            }
            keys.retain(|key| !difference.removed.contains(key));
            keys.extend(difference.added);
            for (status, change) in difference.counts {
                *counts.entry(status.word()).or_default() += change;
            }
            for (day, change) in difference.revenue {
                let sum = revenue.entry(day).or_default();
                *sum = sum.plus(change);
            }
            before = after;
        }
        prop_assert_eq!(keys.len(), if before.created.is_some() { 3 } else { 0 });
        let shown: Vec<_> = counts.iter().filter(|(_, count)| **count != 0).map(|(word, count)| (*word, *count)).collect();
        let expected: Vec<_> = before.created.iter().map(|_| (before.status.word(), 1)).collect();
        prop_assert_eq!(shown, expected);
        let sum = revenue.get("1970-01-02 GBP").copied().unwrap_or_default();
        let expected = before.created.as_ref().and(before.revenue_minor()).map_or(0, i128::from);
        prop_assert_eq!(sum.minor, expected);
    }
}
