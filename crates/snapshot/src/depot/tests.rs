#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use headwater_log::{Partition, TopicName, TopicPartition};
use headwater_worker::ports::{SnapshotRead, SnapshotReader as _, SnapshotWanted};
use headwater_worker::{ChangelogBounds, TaskMeta};
use tokio::runtime::{Handle, Runtime};
use tokio::sync::watch;

use super::*;
use crate::{PART_BYTES, Reader, Taking};

const TASK: &str = "p/main/3";
const KEYS: u32 = 300;

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

/// Values that don't pack, so that there are several parts.
fn value(round: u8, key: u32) -> Vec<u8> {
    let mut state = u64::from(key) << 8 | u64::from(round) | 1;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as u8
    };
    (0..PART_BYTES / 100).map(|_| next()).collect()
}

fn take(depot: &Depot, handle: &Handle, round: u8, offset: i64) -> Manifest {
    let id = SnapshotId { taken_at: Timestamp::from_millis(offset), offset, instance: "a".to_owned() };
    let meta = TaskMeta {
        changelog_topic_id: Some("id-1".to_owned()),
        changelog_offset: offset,
        saved_at: Timestamp::from_millis(offset),
        ..TaskMeta::default()
    };
    let manifest = Manifest::of(depot.application(), TASK, &id, ("p-main-changelog", 3), &meta).unwrap();
    let mut taking = Taking::begin(depot, handle.clone(), watch::channel(false).1, manifest);
    for key in 0..KEYS {
        taking.push(&[&[16], &key.to_be_bytes()[..]].concat(), &value(round, key)).unwrap();
    }
    taking.finish().unwrap()
}

fn wanted() -> SnapshotWanted {
    SnapshotWanted {
        task: TASK.to_owned(),
        changelog: TopicPartition::new(TopicName::new("p-main-changelog").unwrap(), Partition::new(3)),
        bounds: ChangelogBounds {
            topic_id: Some("id-1".to_owned()),
            start: 0,
            high_watermark: 10_000,
            delete_retention_ms: 1_000_000,
        },
        from: 0,
        has_store: false,
        spares_min: 10,
        now: Timestamp::from_millis(3_000),
    }
}

/// A snapshot's offset and its entries.
type Loaded = (i64, BTreeMap<Vec<u8>, Vec<u8>>);

/// What a restorer would be told to load last: a snapshot's offset and entries; and how many were refused.
fn load(depot: &Depot, handle: &Handle) -> (Option<Loaded>, usize) {
    let refusals = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&refusals);
    let refused = Arc::new(move || {
        counted.fetch_add(1, Ordering::Relaxed);
    });
    let mut reader = Reader::start(handle, depot.clone(), wanted(), refused);
    let (mut offset, mut entries) = (None, BTreeMap::new());
    for _ in 0..1_000_000 {
        match reader.next() {
            SnapshotRead::NotYet => std::thread::yield_now(),
            SnapshotRead::Begin(meta) => (offset, entries) = (Some(meta.changelog_offset), BTreeMap::new()),
            SnapshotRead::Entries(read) => {
                for change in read.iter() {
                    entries.insert([&[change.store.0], change.key].concat(), change.value.unwrap().to_vec());
                }
            }
            SnapshotRead::Broken => offset = None,
            SnapshotRead::End => return (Some((offset.unwrap(), entries)), refusals.load(Ordering::Relaxed)),
            SnapshotRead::None => return (None, refusals.load(Ordering::Relaxed)),
        }
    }
    panic!("a snapshot's reader does not end");
}

fn contents(round: u8) -> BTreeMap<Vec<u8>, Vec<u8>> {
    (0..KEYS).map(|key| ([&[16], &key.to_be_bytes()[..]].concat(), value(round, key))).collect()
}

/// A folder with an older and a newer snapshot.
struct Two {
    folder: tempfile::TempDir,
    runtime: Runtime,
    depot: Depot,
    older: Manifest,
    newer: Manifest,
}

impl Two {
    fn taken() -> Self {
        let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
        let place = Place::open(folder.path().to_str().unwrap(), &BTreeMap::new()).unwrap();
        let depot = Depot::new(place, "shop").unwrap();
        let older = take(&depot, runtime.handle(), 1, 1_000);
        let newer = take(&depot, runtime.handle(), 2, 2_000);
        assert!(newer.parts.len() > 2);
        Self { folder, runtime, depot, older, newer }
    }

    fn manifest(&self, of: &Manifest) -> PathBuf {
        self.folder.path().join(format!("shop/{TASK}/{}.json", of.id()))
    }

    fn part(&self, of: &Manifest, place: usize) -> PathBuf {
        self.folder.path().join(format!("shop/{TASK}/{}/{}", of.id(), of.parts[place].name))
    }

    fn load(&self) -> (Option<Loaded>, usize) {
        load(&self.depot, self.runtime.handle())
    }
}

#[test]
fn the_newest_snapshot_is_loaded() {
    let two = Two::taken();
    assert_eq!(two.load(), (Some((2_000, contents(2))), 0));
    let found = two.runtime.block_on(two.depot.find(TASK)).unwrap();
    assert_eq!(found, Found { whole: vec![two.older.id(), two.newer.id()], unfinished: vec![] });
    assert_eq!(two.runtime.block_on(two.depot.tasks()).unwrap(), [TASK]);
    assert_eq!(two.runtime.block_on(Depot::applications(two.depot.place())).unwrap(), ["shop"]);
}

fn truncate(path: &Path) {
    let bytes = std::fs::read(path).unwrap();
    std::fs::write(path, &bytes[..bytes.len() - 1]).unwrap();
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn whatever_is_wrong_with_the_newest_the_one_before_is_loaded() {
    type Damage = fn(&Two);
    let damages: [(&str, usize, Damage); 9] = [
        ("manifest torn", 1, |two| truncate(&two.manifest(&two.newer))),
        ("manifest changed", 1, |two| flip(&two.manifest(&two.newer))),
        ("manifest missing", 0, |two| std::fs::remove_file(two.manifest(&two.newer)).unwrap()),
        ("manifest of the other", 1, |two| {
            std::fs::copy(two.manifest(&two.older), two.manifest(&two.newer)).map(drop).unwrap();
        }),
        ("first part torn", 1, |two| truncate(&two.part(&two.newer, 0))),
        ("last part torn", 1, |two| truncate(&two.part(&two.newer, two.newer.parts.len() - 1))),
        ("a part changed", 1, |two| flip(&two.part(&two.newer, 1))),
        ("a part missing", 1, |two| std::fs::remove_file(two.part(&two.newer, 1)).unwrap()),
        ("two parts swapped", 1, |two| {
            let (one, other) = (two.part(&two.newer, 0), two.part(&two.newer, 1));
            let bytes = std::fs::read(&one).unwrap();
            std::fs::copy(&other, &one).unwrap();
            std::fs::write(&other, bytes).unwrap();
        }),
    ];
    for (name, refused, damage) in damages {
        let two = Two::taken();
        damage(&two);
        assert_eq!(two.load(), (Some((1_000, contents(1))), refused), "{name}");
    }
}

#[test]
fn where_no_snapshot_is_of_use_the_changelog_is_left() {
    let two = Two::taken();
    truncate(&two.part(&two.newer, 0));
    std::fs::write(two.manifest(&two.older), b"").unwrap();
    assert_eq!(two.load(), (None, 2));
    // The place itself is gone.
    std::fs::remove_dir_all(two.folder.path()).unwrap();
    assert_eq!(two.load(), (None, 0));
}

#[test]
fn what_is_removed_takes_nothing_else_along() {
    let two = Two::taken();
    let foreign = two.folder.path().join(format!("shop/{TASK}/{}/notes.txt", two.older.id()));
    std::fs::write(&foreign, "of somebody").unwrap();
    two.runtime.block_on(two.depot.remove(&two.older)).unwrap();
    assert!(foreign.exists());
    assert!(!two.manifest(&two.older).exists() && !two.part(&two.older, 0).exists());
    assert_eq!(two.load(), (Some((2_000, contents(2))), 0));
    two.runtime.block_on(two.depot.remove(&two.newer)).unwrap();
    assert_eq!(two.load(), (None, 0));
}

#[test]
fn a_snapshot_that_is_given_up_leaves_nothing() {
    let (folder, runtime) = (tempfile::tempdir().unwrap(), runtime());
    let place = Place::open(folder.path().to_str().unwrap(), &BTreeMap::new()).unwrap();
    let depot = Depot::new(place, "shop").unwrap();
    let id = SnapshotId { taken_at: Timestamp::from_millis(1), offset: 5, instance: "a".to_owned() };
    let meta = TaskMeta { changelog_topic_id: Some("id-1".to_owned()), changelog_offset: 5, ..TaskMeta::default() };
    let manifest = Manifest::of("shop", TASK, &id, ("p-main-changelog", 3), &meta).unwrap();
    let (stop, stopped) = watch::channel(false);
    let mut taking = Taking::begin(&depot, runtime.handle().clone(), stopped, manifest);
    for key in 0..KEYS / 2 {
        taking.push(&[&[16], &key.to_be_bytes()[..]].concat(), &value(1, key)).unwrap();
    }
    let found = runtime.block_on(depot.find(TASK)).unwrap();
    assert_eq!(found, Found { whole: vec![], unfinished: vec![id] });
    stop.send(true).unwrap();
    let pushed = (KEYS..KEYS * 2)
        .try_for_each(|key| taking.push(&[&[16], &key.to_be_bytes()[..]].concat(), &value(1, key)).map(drop));
    assert!(pushed.is_err(), "it was told to stop");
    taking.give_up();
    assert_eq!(runtime.block_on(depot.find(TASK)).unwrap(), Found::default());
}

#[test]
fn an_object_store_serves_as_well() {
    let runtime = runtime();
    let depot = Depot::new(Place::in_memory(), "shop").unwrap();
    assert_eq!(load(&depot, runtime.handle()), (None, 0));
    let older = take(&depot, runtime.handle(), 1, 1_000);
    take(&depot, runtime.handle(), 2, 2_000);
    assert_eq!(load(&depot, runtime.handle()), (Some((2_000, contents(2))), 0));
    runtime.block_on(depot.remove(&older)).unwrap();
    assert_eq!(runtime.block_on(depot.find(TASK)).unwrap().whole.len(), 1);
    let id = SnapshotId { taken_at: Timestamp::from_millis(1), offset: 7, instance: "b".to_owned() };
    let (part, bytes) = crate::pack(0, &SortedEntries::default()).unwrap();
    runtime.block_on(depot.put_part(TASK, &id, &part, bytes)).unwrap();
    assert_eq!(runtime.block_on(depot.find(TASK)).unwrap().unfinished, std::slice::from_ref(&id));
    runtime.block_on(depot.remove_unfinished(TASK, &id)).unwrap();
    assert_eq!(runtime.block_on(depot.find(TASK)).unwrap().unfinished, Vec::new());
}

#[test]
fn what_was_left_unfinished_a_day_ago_goes_and_what_is_younger_or_whole_stays() {
    const DAY_MS: i64 = 24 * 3_600_000;
    let Two { folder, runtime, depot, older, newer } = Two::taken();
    let begin = |taken_at: i64| {
        let id = SnapshotId { taken_at: Timestamp::from_millis(taken_at), offset: 7, instance: "b".to_owned() };
        let (part, bytes) = crate::pack(0, &SortedEntries::default()).unwrap();
        runtime.block_on(depot.put_part(TASK, &id, &part, bytes)).unwrap();
        id
    };
    let (left, under_way) = (begin(10), begin(11));
    let now = Timestamp::from_millis(10 + DAY_MS);
    // A part that was being written when its process was killed.
    let of_left = folder.path().join("shop").join(TASK).join(left.to_string());
    std::fs::write(of_left.join(".1-0.tmp"), "half").unwrap();
    let found = runtime.block_on(depot.find(TASK)).unwrap();
    let abandoned: Vec<SnapshotId> = found.abandoned(now).cloned().collect();
    assert_eq!(abandoned, std::slice::from_ref(&left));
    runtime.block_on(depot.remove_unfinished(TASK, &left)).unwrap();
    let found = runtime.block_on(depot.find(TASK)).unwrap();
    assert_eq!(found, Found { whole: vec![older.id(), newer.id()], unfinished: vec![under_way] });
    assert!(!of_left.exists());
    assert_eq!(load(&depot, runtime.handle()).0, Some((newer.offset, contents(2))));
}
