#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

#[test]
fn a_name_is_read_as_it_was_written_and_the_newest_sorts_last() {
    let id = |taken_at, offset, instance: &str| SnapshotId {
        taken_at: Timestamp::from_millis(taken_at),
        offset,
        instance: instance.to_owned(),
    };
    let early = id(999, 70_000, "host-1.example");
    let late = id(1_763_755_373_123, 12, "b");
    for id in [&early, &late] {
        assert_eq!(SnapshotId::parse(&id.to_string()).as_ref(), Some(id));
    }
    assert!(early.to_string() < late.to_string());
}

#[test]
fn a_name_that_is_none_of_ours_is_left_alone() {
    for name in ["", "a", "1-2", "1-2-b", "0000000000001-x-b", "0000000000001-2-", "0000000000001-02-b", "-1--2-b"] {
        assert_eq!(SnapshotId::parse(name), None, "{name}");
    }
    for name in ["0000000000001-2-../x", "0000000000001-2-a/b", "+000000000001-2-b"] {
        assert_eq!(SnapshotId::parse(name), None, "{name}");
    }
}

#[test]
fn names_that_would_lead_elsewhere_are_refused() {
    for (name, is_right) in [("p/main/3", true), ("../p", false), ("p//3", false), ("", false), ("/p", false)] {
        assert_eq!(checked("task", name).is_ok(), is_right, "{name}");
    }
}
