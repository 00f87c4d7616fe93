#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

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

fn bounds() -> ChangelogBounds {
    ChangelogBounds {
        topic_id: Some("id-1".to_owned()),
        start: 10,
        high_watermark: 100,
        delete_retention_ms: 24 * HOUR_MS,
    }
}

#[test]
fn a_store_is_rebuilt_only_when_it_must_be() {
    let log = bounds();
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
        (TaskMeta { half_loaded: true, ..meta("id-1", 50, now) }, Some(Unusable::HalfLoaded), "half of a snapshot"),
        (meta("id-1", 9, now), Some(Unusable::OutsideLog), "before the log's start"),
        (meta("id-1", 101, now), Some(Unusable::OutsideLog), "beyond the log's end"),
    ];
    for (store, expected, name) in cases {
        assert_eq!(store.unusable(&log, Timestamp::from_millis(now)), expected, "{name}");
    }
}

/// What lies at a place of a changelog.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Committed,
    Aborted,
    Open,
    Marker,
}

/// Transactions one behind another, each with its marker, and behind them one that is open: records, and how it ended.
fn log() -> impl Strategy<Value = Vec<Place>> {
    let ended = prop::collection::vec((1..4_usize, any::<bool>()), 0..6);
    (ended, 0..3_usize).prop_map(|(ended, open)| {
        let mut log = Vec::new();
        for (records, commits) in ended {
            log.extend(std::iter::repeat_n(if commits { Place::Committed } else { Place::Aborted }, records));
            log.push(Place::Marker);
        }
        log.extend(std::iter::repeat_n(Place::Open, open));
        log
    })
}

proptest! {
    /// An old store is used as it is only where it lacks no record that is committed; and always where it had everything
    /// when its last transaction was committed, whose marker nobody shows it.
    #[test]
    fn an_old_store_is_used_where_it_lacks_nothing(log in log(), at in any::<prop::sample::Index>()) {
        let at = at.index(log.len() + 1);
        let bounds = ChangelogBounds {
            topic_id: Some("id".to_owned()),
            start: 0,
            high_watermark: i64::try_from(log.len()).unwrap(),
            delete_retention_ms: HOUR_MS,
        };
        let store = meta("id", i64::try_from(at).unwrap(), 0);
        let is_used = store.unusable(&bounds, Timestamp::from_millis(100 * HOUR_MS)).is_none();
        let behind = &log[at..];
        prop_assert!(!is_used || !behind.contains(&Place::Committed), "{behind:?} is missing");
        prop_assert!(is_used || behind != [Place::Marker]);
        prop_assert!(is_used || !behind.is_empty());
    }
}

#[test]
fn a_table_is_rebuilt_only_when_it_must_be() {
    let topic = bounds();
    let now = 100 * HOUR_MS;
    let table = |topic_id: &str, offset: i64, reach: i64, as_of_ms: i64| TablePosition {
        store: StoreNumber(16),
        topic_id: Some(topic_id.to_owned()),
        offset,
        reach,
        as_of: Timestamp::from_millis(as_of_ms),
    };
    let cases = [
        (table("id-1", 50, 0, now), None, "behind, fresh"),
        (table("id-1", 80, 0, now), None, "at the committed position"),
        (table("id-1", 50, 80, now), None, "a load up to the committed position was broken off"),
        (table("id-1", 81, 0, now), Some(Unusable::Ahead), "positions were set back"),
        (table("id-1", 50, 81, now), Some(Unusable::Ahead), "they were, and a load had come further"),
        (table("id-1", 99, 0, now), Some(Unusable::Ahead), "one place before the end"),
        (table("id-1", 101, 0, now), Some(Unusable::OutsideLog), "beyond the end"),
        (table("id-1", 9, 0, now), Some(Unusable::OutsideLog), "before the start"),
        (table("id-2", 50, 0, now), Some(Unusable::OtherTopic), "the topic was made anew"),
        (table("id-1", 50, 0, now - 11 * HOUR_MS), None, "behind, within half of the retention"),
        (table("id-1", 80, 0, now - 13 * HOUR_MS), Some(Unusable::TooOld), "deletions behind it may be gone"),
    ];
    for (table, expected, why) in cases {
        assert_eq!(table.unusable(&topic, 80, Timestamp::from_millis(now)), expected, "{why}");
    }
    let old = |offset| table("id-1", offset, 0, 0).unusable(&topic, 100, Timestamp::from_millis(now));
    assert_eq!(old(100), None, "nothing lies behind it");
    assert_eq!(old(99), None, "what lies at the last place can't be compacted away");
    assert_eq!(old(98), Some(Unusable::TooOld));
}

#[test]
fn what_was_written_before_tables_were_is_still_read() {
    let old = r#"{"number":3,"changelog_topic_id":"id-1","changelog_offset":7,"positions":{"a":5},"stream_time":1,"saved_at":2}"#;
    let meta: TaskMeta = serde_json::from_str(old).unwrap();
    assert!(meta.tables.is_empty());
    assert_eq!(serde_json::to_string(&meta).unwrap(), old);
}
