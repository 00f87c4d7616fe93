use std::time::Duration;

use super::{Markers, WAIT_MAX};

/// Transactions one behind another, with markers that take so long: the part of them that was put off, of the last
/// hundred.
fn put_off(takes: Duration, records_follow_after: Duration) -> (usize, Duration) {
    let mut markers = Markers::default();
    let mut now = Duration::ZERO;
    let mut put_off = Vec::new();
    for _ in 0..500 {
        let committed_at = now;
        now += records_follow_after;
        now += markers.hold_back(now).unwrap_or_default();
        let was_early = now - committed_at < takes;
        put_off.push(was_early);
        now += Duration::from_millis(10);
        markers.committed(now, was_early);
    }
    (put_off.iter().rev().take(100).filter(|was_early| **was_early).count(), markers.wait)
}

#[test]
fn few_transactions_are_put_off_and_the_wait_is_not_much_longer_than_markers_take() {
    for takes_ms in [0, 1, 3, 6, 10, 15] {
        let takes = Duration::from_millis(takes_ms);
        let (early, wait) = put_off(takes, Duration::ZERO);
        assert!(early <= 8, "{takes_ms} ms: {early} of 100 were put off");
        assert!(wait <= takes * 3 / 2 + Duration::from_millis(2), "{takes_ms} ms: waits for {wait:?}");
    }
}

#[test]
fn the_wait_is_bounded_where_markers_take_for_ever() {
    let (_, wait) = put_off(Duration::from_secs(1), Duration::ZERO);
    assert_eq!(wait, WAIT_MAX);
}

#[test]
fn where_records_come_late_nothing_is_learned_and_nothing_waits() {
    let (early, wait) = put_off(Duration::from_millis(3), Duration::from_millis(100));
    assert_eq!((early, wait), (0, Markers::default().wait));
}

#[test]
fn the_first_transaction_waits_for_nothing() {
    assert_eq!(Markers::default().hold_back(Duration::from_millis(1)), None);
}
