use super::*;

const HOUR_MS: i64 = 3_600_000;

fn meta(topic_id: &str, offset: i64, saved_at_ms: i64) -> TaskMeta {
    TaskMeta {
        changelog_topic_id: Some(topic_id.to_owned()),
        changelog_offset: offset,
        saved_at: Timestamp::from_millis(saved_at_ms),
        ..TaskMeta::default()
    }
}

#[test]
fn a_store_is_rebuilt_only_when_it_must_be() {
    let log = ChangelogBounds {
        topic_id: Some("id-1".to_owned()),
        start: 10,
        high_watermark: 100,
        delete_retention_ms: 24 * HOUR_MS,
    };
    let now = 100 * HOUR_MS;
    let cases = [
        (TaskMeta::default(), None, "a new store"),
        (meta("id-1", 50, now), None, "behind, fresh"),
        (meta("id-1", 100, 0), None, "old, but it has everything"),
        (meta("id-1", 99, 0), None, "old, and behind the last record stands its transaction's marker"),
        (meta("id-1", 98, 0), Some(Unusable::TooOld), "old, and there may be a record with its marker"),
        (meta("id-1", 50, now - 11 * HOUR_MS), None, "behind, within half of the retention"),
        (meta("id-1", 50, now - 13 * HOUR_MS), Some(Unusable::TooOld), "behind, tombstones may be gone"),
        (meta("id-2", 50, now), Some(Unusable::OtherTopic), "the topic was made anew"),
        (meta("id-1", 9, now), Some(Unusable::OutsideLog), "before the log's start"),
        (meta("id-1", 101, now), Some(Unusable::OutsideLog), "beyond the log's end"),
    ];
    for (store, expected, name) in cases {
        assert_eq!(store.unusable(&log, Timestamp::from_millis(now)), expected, "{name}");
    }
}
