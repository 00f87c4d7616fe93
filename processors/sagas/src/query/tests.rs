#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_event::Timestamp;
use headwater_streams::MemoryBase;

use super::*;
use crate::saga::State;
use crate::saga::tests::{DELIVERED, saga};
use crate::topology::newest_key;

fn order(number: i64) -> OrderId {
    OrderId::new(&format!("o-{number}")).unwrap()
}

/// Sagas that started at these times; odd ones are delivered.
fn partition(numbers: impl IntoIterator<Item = i64>) -> MemoryBase {
    let mut base = MemoryBase::default();
    for number in numbers {
        let mut steps = if number % 2 == 1 { DELIVERED.to_vec() } else { DELIVERED[..1].to_vec() };
        let late = format!("NotificationSent-late<{number}");
        steps.truncate(13);
        let mut saga = saga(&steps);
        let mut first = crate::saga::tests::step(&late, number - 1_000_000);
        first.at = Timestamp::from_millis(number - 1_000_000);
        saga.add(first);
        let word = saga.judge().state.word();
        base.write(SAGAS, order(number).as_str().as_bytes(), Some(&saga.to_bytes()));
        base.write(NEWEST, &newest_key(saga.started_at(), &order(number)), Some(word.as_bytes()));
    }
    base
}

fn ids(page: &SagaPage) -> Vec<&str> {
    page.sagas.iter().map(|saga| saga.order_id.as_str()).collect()
}

#[test]
fn a_saga_is_found_by_its_order() {
    let base = partition([1]);
    assert_eq!(get(&base, &order(1)).unwrap().unwrap().state, State::Completed.word());
    assert_eq!(get(&base, &order(2)).unwrap(), None);
}

#[test]
fn a_list_is_newest_first_with_the_true_total_over_several_chunks() {
    let base = partition(0..2_100);
    let page = list(&base, None, 2, 1).unwrap();
    assert_eq!((ids(&page), page.total), (vec!["o-2098", "o-2097"], 2_100));
    let page = list(&base, Some("started"), 1, 1_049).unwrap();
    assert_eq!((ids(&page), page.total), (vec!["o-0"], 1_050));
}

#[test]
fn pages_of_several_partitions_merge_into_one() {
    let partitions = [partition([1, 4, 5]), partition([2, 3])];
    let pages = partitions.iter().map(|base| list(base, None, 3, 0).unwrap());
    let page = merge(pages, 2, 1);
    assert_eq!((ids(&page), page.total), (vec!["o-4", "o-3"], 5));
}
