#![allow(clippy::unwrap_used)]
use super::*;

fn policy() -> CommitPolicy {
    CommitPolicy::new(Duration::from_millis(500), 1 << 20)
}

#[test]
fn a_commit_is_due_when_input_has_drained_or_a_bound_is_met() {
    let busy = Pending { open_for: Duration::from_millis(1), staged_bytes: 10, fetched: 10, drained_for: None };
    let cases = [
        (busy, false, "young and small"),
        (Pending { drained_for: Some(Duration::ZERO), ..busy }, true, "drained"),
        (Pending { staged_bytes: 1 << 20, ..busy }, true, "large"),
        (Pending { open_for: Duration::from_millis(20), ..busy }, true, "old enough for cheap commits"),
    ];
    for (pending, due, name) in cases {
        assert_eq!(policy().is_due(pending), due, "{name}");
    }
}

#[test]
fn transactions_grow_while_input_is_behind_and_shrink_as_soon_as_it_is_not() {
    let mut policy = policy();
    let late = |open_for| Pending {
        open_for: Duration::from_millis(open_for),
        staged_bytes: 10,
        fetched: 10,
        drained_for: None,
    };
    for (open_for, due) in [(19, false), (20, true), (39, false), (40, true), (80, true), (159, false), (160, true)] {
        assert_eq!(policy.is_due(late(open_for)), due, "{open_for} ms");
    }
    assert!(policy.is_due(late(160)), "it grows no further");
    assert!(policy.is_due(Pending { drained_for: Some(Duration::ZERO), ..late(1) }));
    assert!(policy.is_due(late(20)));
}

#[test]
fn dear_commits_come_less_often_but_within_the_bound() {
    let mut policy = policy();
    for _ in 0..50 {
        policy.committed_in(Duration::from_millis(50));
    }
    assert!(policy.interval() > Duration::from_millis(190), "{:?}", policy.interval());
    for _ in 0..50 {
        policy.committed_in(Duration::from_secs(2));
    }
    assert_eq!(policy.interval(), Duration::from_millis(500));
}

#[test]
fn after_many_records_the_next_fetch_is_waited_for_by_a_part_of_a_commits_cost() {
    let mut policy = policy();
    for _ in 0..50 {
        policy.committed_in(Duration::from_millis(8));
    }
    let drained = |fetched, drained_for_ms| Pending {
        open_for: Duration::from_millis(10),
        staged_bytes: 10,
        fetched,
        drained_for: Some(Duration::from_millis(drained_for_ms)),
    };
    assert!(policy.is_due(drained(RECORDS_MANY - 1, 0)), "few records: at once");
    assert!(!policy.is_due(drained(RECORDS_MANY, 0)));
    assert!(policy.linger_left(drained(RECORDS_MANY, 1)).unwrap() < Duration::from_millis(2));
    assert!(policy.is_due(drained(RECORDS_MANY, 2)));
    for _ in 0..50 {
        policy.committed_in(Duration::from_secs(1));
    }
    assert!(policy.is_due(drained(RECORDS_MANY, 5)), "it is bounded");
}
