#![allow(clippy::unwrap_used, clippy::expect_used)]
use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Headers, TopicName};
use headwater_streams::KnownEnvelope;

use super::*;

fn partition() -> TopicPartition {
    TopicPartition::new(TopicName::new("orders.events").unwrap(), Partition::new(3))
}

fn offset(at: i64) -> Offset {
    Offset::new(at).unwrap()
}

fn record(at: Offset) -> Arc<Record> {
    let timestamp = Timestamp::from_millis(at.get());
    let (key, headers, envelope) = (Some(Bytes::from("k")), Headers::default(), KnownEnvelope::default());
    Arc::new(Record { offset: at, timestamp, key, value: None, headers, envelope })
}

/// A partition whose last record, at 9, this worker has just committed.
fn begun() -> (Fusion, usize) {
    let mut fusion = Fusion::default();
    let place = fusion.begin(&partition(), TopicRef::default(), &[(0, 0)], offset(9)).unwrap();
    (fusion, place)
}

/// The same, with the fetch caught up.
fn joined() -> (Fusion, usize) {
    let (mut fusion, place) = begun();
    assert_eq!(fusion.fetched(place, offset(9)), Fetched::Last);
    (fusion, place)
}

fn written(first: i64, records: u64) -> impl FnMut(&TopicPartition) -> Option<Written> {
    let last = first + i64::try_from(records).unwrap() - 1;
    move |_| Some(Written { first: offset(first), last: offset(last), records })
}

#[test]
fn what_is_produced_waits_until_the_fetch_has_caught_up() {
    let (mut fusion, place) = begun();
    let first = fusion.produced(place).unwrap();
    assert_eq!(first, offset(11), "behind the marker at 10");
    assert!(fusion.keep_in_limbo(place, &record(first)));
    assert_eq!(fusion.fetched(place, offset(8)), Fetched::New);
    assert_eq!(fusion.fetched(place, offset(9)), Fetched::Last);
    let limbo: Vec<Offset> = fusion.take_limbo(place).iter().map(|record| record.offset).collect();
    assert_eq!(limbo, [offset(11)]);
    assert_eq!(fusion.fetched(place, offset(11)), Fetched::Known, "the readers have it from us");
    let second = fusion.produced(place).unwrap();
    assert_eq!(second, offset(12));
    assert!(!fusion.keep_in_limbo(place, &record(second)), "handed over at once");
}

#[test]
fn a_fetch_that_brings_something_else_is_right() {
    let (mut fusion, place) = begun();
    let produced = fusion.produced(place).unwrap();
    fusion.keep_in_limbo(place, &record(produced));
    assert_eq!(fusion.fetched(place, offset(10)), Fetched::New);
    assert!(fusion.get(place).unwrap().is_closing());
    assert!(fusion.take_limbo(place).is_empty(), "it comes by fetch");
    assert_eq!(fusion.produced(place), None);
}

#[test]
fn each_transaction_lies_behind_the_marker_of_the_last() {
    let (mut fusion, place) = joined();
    for _ in 0..3 {
        fusion.produced(place).unwrap();
    }
    assert_eq!(fusion.first_gap(written(11, 3)), None);
    fusion.committed();
    assert_eq!(fusion.produced(place), Some(offset(15)), "11, 12, 13 and the marker at 14");
    assert_eq!(fusion.first_gap(written(15, 1)), None);
}

#[test]
fn a_transaction_that_wrote_nothing_to_it_leaves_no_marker_in_it() {
    let (mut fusion, place) = joined();
    fusion.produced(place).unwrap();
    fusion.committed();
    fusion.committed();
    assert_eq!(fusion.produced(place), Some(offset(13)));
}

#[test]
fn records_that_lie_elsewhere_than_expected_are_a_gap() {
    let gap = |written: Option<(i64, i64, u64)>| {
        let (mut fusion, place) = joined();
        fusion.produced(place).unwrap();
        fusion.produced(place).unwrap();
        let all = |(first, last, records)| Written { first: offset(first), last: offset(last), records };
        let found = fusion.first_gap(|_| written.map(all));
        assert_eq!(found.is_some(), fusion.get(place).unwrap().is_closing());
        found.is_some()
    };
    assert!(!gap(Some((11, 12, 2))));
    assert!(gap(Some((12, 13, 2))), "somebody wrote before us");
    assert!(gap(Some((11, 13, 2))), "somebody wrote in between");
    assert!(gap(Some((11, 11, 2))), "a place is not known");
    assert!(gap(Some((11, 11, 1))), "a record was not reported");
    assert!(gap(Some((11, 13, 3))), "a record that was not handed over");
    assert!(gap(None), "nothing is known");
}

#[test]
fn after_each_gap_it_takes_more_clean_commits_until_it_is_fused_again() {
    let (mut fusion, mut place) = joined();
    for gaps in 0..3 {
        let next = fusion.produced(place).unwrap();
        let elsewhere = written(next.get() + 1, 1);
        assert_eq!(fusion.first_gap(elsewhere), Some(partition()));
        fusion.remove(place).unwrap();
        let mut commits = 0;
        place = loop {
            match fusion.begin(&partition(), TopicRef::default(), &[(0, 0)], offset(20)) {
                Some(place) => break place,
                None => commits += 1,
            }
        };
        assert_eq!(commits, CLEAN_COMMITS_MIN << gaps);
        assert_eq!(fusion.fetched(place, offset(20)), Fetched::Last);
    }
}

#[test]
fn too_much_in_limbo_goes_on_by_fetch() {
    let (mut fusion, place) = begun();
    for _ in 0..=LIMBO_RECORDS_MAX {
        let Some(at) = fusion.produced(place) else { panic!("it closed too early") };
        assert!(fusion.keep_in_limbo(place, &record(at)));
    }
    assert!(fusion.get(place).unwrap().is_closing());
    assert_eq!(fusion.produced(place), None);
    let records = u64::try_from(LIMBO_RECORDS_MAX).unwrap() + 2;
    assert_eq!(fusion.first_gap(written(11, records)), None, "all of them are still checked");
}

#[test]
fn readers_have_reached_the_end_without_passing_markers() {
    let (mut fusion, place) = joined();
    fusion.produced(place).unwrap();
    let end = |fusion: &Fusion, observed: i64| fusion.get(place).unwrap().end_for_readers(offset(observed));
    assert_eq!(end(&fusion, 12), Some(offset(12)), "flushed, not committed");
    fusion.committed();
    assert_eq!(end(&fusion, 13), Some(offset(12)), "the marker at 12 is no record");
    assert_eq!(end(&fusion, 14), None, "a record of somebody else");
}

#[test]
fn an_output_finds_its_place_until_it_is_removed() {
    let (mut fusion, place) = joined();
    assert_eq!(fusion.place_of(TopicRef::default(), Partition::new(3)), Some(place));
    assert_eq!(fusion.place_of(TopicRef::default(), Partition::new(2)), None);
    assert_eq!(fusion.remove(place).map(|fused| fused.is_joined()), Some(true));
    assert_eq!(fusion.place_of(TopicRef::default(), Partition::new(3)), None);
    assert_eq!(fusion.fetched(place, offset(11)), Fetched::New);
}
