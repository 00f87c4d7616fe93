#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_event::Timestamp;
use headwater_log::{Partition, TopicName, TopicPartition};
use headwater_worker::{ChangelogBounds, TaskMeta};

use super::*;
use crate::{Part, SnapshotId};

const HOUR_MS: i64 = 3_600_000;
const NOW: i64 = 1_000 * HOUR_MS;

fn manifest(offset: i64, saved_at: i64, entries: u64) -> Manifest {
    let id = SnapshotId { taken_at: Timestamp::from_millis(saved_at), offset, instance: "a".to_owned() };
    let meta = TaskMeta {
        changelog_topic_id: Some("id-1".to_owned()),
        changelog_offset: offset,
        saved_at: Timestamp::from_millis(saved_at),
        ..TaskMeta::default()
    };
    let mut manifest = Manifest::of("shop", "p/main/3", &id, ("p-main-changelog", 3), &meta).unwrap();
    manifest.parts =
        vec![Part { name: "000000.part".to_owned(), bytes: 1, crc32c: 0, entries, unpacked_bytes: entries * 9 }];
    manifest
}

fn wanted() -> SnapshotWanted {
    SnapshotWanted {
        task: "p/main/3".to_owned(),
        changelog: TopicPartition::new(TopicName::new("p-main-changelog").unwrap(), Partition::new(3)),
        bounds: ChangelogBounds {
            topic_id: Some("id-1".to_owned()),
            start: 100,
            high_watermark: 50_000,
            delete_retention_ms: 24 * HOUR_MS,
        },
        from: 100,
        has_store: false,
        spares_min: 1_000,
        now: Timestamp::from_millis(NOW),
    }
}

#[test]
fn a_snapshot_is_used_where_a_store_would_be_and_where_it_spares_enough() {
    let unusable = |why| Err(Refusal::Unusable(why));
    let cases = [
        ("fresh", manifest(40_000, NOW, 9_000), wanted(), Ok(())),
        ("older than a store may be", manifest(40_000, NOW - 13 * HOUR_MS, 9), wanted(), unusable(Unusable::TooOld)),
        ("old, and it has everything", manifest(50_000, NOW - 99 * HOUR_MS, 9), wanted(), Ok(())),
        ("before the log's start", manifest(99, NOW, 9), wanted(), unusable(Unusable::OutsideLog)),
        ("beyond the log's end", manifest(50_001, NOW, 9), wanted(), unusable(Unusable::OutsideLog)),
        ("spares too little", manifest(1_099, NOW, 9), wanted(), Err(Refusal::SparesTooLittle)),
        ("spares just enough", manifest(1_100, NOW, 9), wanted(), Ok(())),
        (
            "the store is nearer than the entries are few",
            manifest(40_000, NOW, 9_000),
            SnapshotWanted { from: 32_000, has_store: true, ..wanted() },
            Err(Refusal::SparesTooLittle),
        ),
        (
            "the store is far behind",
            manifest(40_000, NOW, 9_000),
            SnapshotWanted { from: 31_000, has_store: true, ..wanted() },
            Ok(()),
        ),
        (
            "the store is ahead",
            manifest(40_000, NOW, 9),
            SnapshotWanted { from: 45_000, has_store: true, ..wanted() },
            Err(Refusal::SparesTooLittle),
        ),
    ];
    for (name, manifest, wanted, expected) in cases {
        assert_eq!(judge(&manifest, "shop", &wanted), expected, "{name}");
    }
}

#[test]
fn a_snapshot_of_something_else_is_refused_wherever_it_lies() {
    let good = manifest(40_000, NOW, 9);
    assert!(matches!(judge(&good, "another", &wanted()), Err(Refusal::OfAnother(_))));
    let others: [fn(&mut Manifest); 3] = [
        |other| other.task = "p/main/4".to_owned(),
        |other| other.changelog.partition = 4,
        |other| other.changelog.topic = "q-main-changelog".to_owned(),
    ];
    for other in others {
        let mut manifest = good.clone();
        other(&mut manifest);
        assert!(matches!(judge(&manifest, "shop", &wanted()), Err(Refusal::OfAnother(_))), "{manifest:?}");
    }
    let mut renamed = good;
    renamed.changelog.topic_id = "id-2".to_owned();
    assert_eq!(judge(&renamed, "shop", &wanted()), Err(Refusal::Unusable(Unusable::OtherTopic)));
}
