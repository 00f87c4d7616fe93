#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

fn committed(offset: i64, log_offset: i64) -> Committed {
    Committed { offset, leader_epoch: -1, metadata: String::new(), commit_time_ms: 0, log_offset }
}

fn at() -> TopicPartition {
    TopicPartition::new("orders", 0)
}

#[test]
fn pending_offsets_show_once_their_transaction_commits() {
    let mut offsets = Offsets::default();
    offsets.commit(at(), committed(1, 0));
    offsets.hold(7, at(), committed(5, 1));
    assert!(offsets.is_unstable(&at()));
    assert_eq!(offsets.get(&at()).unwrap().offset, 1);
    offsets.complete(7, true);
    assert!(!offsets.is_unstable(&at()));
    assert_eq!(offsets.get(&at()).unwrap().offset, 5);
}

#[test]
fn aborted_offsets_never_show() {
    let mut offsets = Offsets::default();
    offsets.hold(7, at(), committed(5, 1));
    offsets.complete(7, false);
    assert_eq!(offsets.get(&at()), None);
}

#[test]
fn the_later_record_wins_whenever_it_becomes_visible() {
    let mut offsets = Offsets::default();
    offsets.hold(7, at(), committed(5, 1));
    offsets.commit(at(), committed(9, 2));
    offsets.complete(7, true);
    assert_eq!(offsets.get(&at()).unwrap().offset, 9);
}
