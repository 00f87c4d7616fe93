#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

const HOUR_MS: i64 = 3_600_000;
const PACE: Pace = Pace { interval: Duration::from_secs(600), delete_retention_ms: 24 * HOUR_MS };
const TAKEN_MS: i64 = 100 * HOUR_MS;

fn meta(offset: i64) -> TaskMeta {
    TaskMeta { changelog_topic_id: Some("id-1".to_owned()), changelog_offset: offset, ..TaskMeta::default() }
}

fn last(entries: u64) -> Last {
    let at = Timestamp::from_millis(TAKEN_MS);
    Last { topic_id: "id-1".to_owned(), taken_at: at, offset: 100_000, saved_at: at, entries }
}

#[test]
fn a_snapshot_is_due_when_a_replay_from_the_last_would_take_long() {
    let half = TaskMeta { half_loaded: true, ..meta(200_000) };
    let other = TaskMeta { changelog_topic_id: Some("id-2".to_owned()), ..meta(5_000) };
    let nameless = TaskMeta { changelog_topic_id: None, ..meta(5_000) };
    let cases = [
        ("never taken, small", meta(999), None, 0, false),
        ("never taken", meta(1_000), None, 0, true),
        ("the topic has no id", nameless, None, 0, false),
        ("half of a store", half, None, 0, false),
        ("taken just now", meta(200_000), Some(last(10)), 599_999, false),
        ("the interval is over, and it has grown", meta(200_000), Some(last(10)), 600_000, true),
        ("grown by little", meta(100_999), Some(last(10)), 600_000, false),
        ("grown by a hundredth of the keys", meta(110_000), Some(last(1_000_000)), 600_000, false),
        ("grown by a tenth of the keys", meta(200_000), Some(last(1_000_000)), 600_000, true),
        ("will be too old soon", meta(100_001), Some(last(1_000_000)), 7 * HOUR_MS, true),
        ("old, and everything is in it", meta(100_000), Some(last(1_000_000)), 700 * HOUR_MS, false),
        ("of another topic of this name", other, Some(last(10)), 0, true),
    ];
    for (name, meta, last, later_ms, expected) in cases {
        let now = Timestamp::from_millis(TAKEN_MS + later_ms);
        assert_eq!(is_due(&meta, last.as_ref(), PACE, now), expected, "{name}");
    }
}

#[test]
fn the_newest_two_are_kept_whatever_their_offsets() {
    let id =
        |taken_at, offset| SnapshotId { taken_at: Timestamp::from_millis(taken_at), offset, instance: "a".to_owned() };
    // The topic was made anew between them: its offsets begin at 0 again.
    let (first, second, third) = (id(1, 900), id(2, 5), id(3, 40));
    assert_eq!(superfluous(&[third.clone(), first.clone(), second.clone()]), [first]);
    assert_eq!(superfluous(&[second, third]), []);
    assert_eq!(superfluous(&[]), []);
}
