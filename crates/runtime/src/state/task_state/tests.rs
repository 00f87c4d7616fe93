#![allow(clippy::unwrap_used)]
use std::ops::Bound::{Excluded, Included, Unbounded};

use super::*;
use crate::state::MemoryBudget;

const A: StoreNumber = StoreNumber(16);
const B: StoreNumber = StoreNumber(255);
const IN_MEMORY: StoreNumber = StoreNumber(20);

fn put(task: &TaskState, store: StoreNumber, key: &str, value: Option<&str>) {
    let mut batch = StateBatch::default();
    task.stage(&mut batch, store, key.as_bytes(), value.map(str::as_bytes));
    task.write(batch).unwrap();
}

fn keys(task: &TaskState, store: StoreNumber, from: Bound<&str>, to: Bound<&str>, limit: usize) -> Vec<String> {
    let found = task.scan(store, from.map(str::as_bytes), to.map(str::as_bytes), limit).unwrap();
    found.into_iter().map(|(key, _)| String::from_utf8(key.to_vec()).unwrap()).collect()
}

#[test]
fn tasks_and_stores_do_not_see_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let database = StateDatabase::open(folder.path(), MemoryBudget::default()).unwrap();
    let (one, _) = database.task("p/s/0", &[IN_MEMORY]).unwrap();
    let (two, _) = database.task("p/s/1", &[IN_MEMORY]).unwrap();
    for store in [A, B, IN_MEMORY] {
        put(&one, store, "k", Some("v"));
        assert_eq!(one.get(store, b"k").unwrap().as_deref(), Some(&b"v"[..]));
        assert_eq!(two.get(store, b"k").unwrap(), None);
        assert_eq!(keys(&one, store, Unbounded, Unbounded, 10), ["k"]);
        assert!(keys(&two, store, Unbounded, Unbounded, 10).is_empty());
    }
    assert_eq!(one.get(StoreNumber(17), b"k").unwrap(), None);
}

#[test]
fn scans_keep_their_bounds_on_disk_and_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let database = StateDatabase::open(folder.path(), MemoryBudget::default()).unwrap();
    let (task, _) = database.task("p/s/0", &[IN_MEMORY]).unwrap();
    for store in [A, B, IN_MEMORY] {
        for key in ["a", "b", "ba", "c"] {
            put(&task, store, key, Some("v"));
        }
        type Case<'a> = (Bound<&'a str>, Bound<&'a str>, usize, &'a [&'a str]);
        let cases: [Case<'_>; 7] = [
            (Unbounded, Unbounded, 10, &["a", "b", "ba", "c"]),
            (Unbounded, Unbounded, 2, &["a", "b"]),
            (Included("b"), Excluded("c"), 10, &["b", "ba"]),
            (Excluded("b"), Included("c"), 10, &["ba", "c"]),
            (Included("c"), Excluded("a"), 10, &[]),
            (Excluded("b"), Excluded("b"), 10, &[]),
            (Included("d"), Unbounded, 10, &[]),
        ];
        for (from, to, limit, expected) in cases {
            assert_eq!(keys(&task, store, from, to, limit), expected, "{store:?} {from:?} {to:?}");
        }
    }
}

#[test]
fn a_wipe_takes_one_task_and_nothing_else_and_numbers_stay() {
    let folder = tempfile::tempdir().unwrap();
    let (one, two) = {
        let database = StateDatabase::open(folder.path(), MemoryBudget::default()).unwrap();
        let (one, first) = database.task("p/s/0", &[]).unwrap();
        let (two, second) = database.task("p/s/1", &[]).unwrap();
        put(&one, A, "k", Some("1"));
        put(&two, A, "k", Some("2"));
        let mut batch = StateBatch::default();
        one.stage_wipe(&mut batch);
        one.write(batch).unwrap();
        assert_eq!(one.get(A, b"k").unwrap(), None);
        (first.number, second.number)
    };
    let database = StateDatabase::open(folder.path(), MemoryBudget::default()).unwrap();
    assert_eq!(database.task("p/s/0", &[]).unwrap().1.number, one);
    let (task, meta) = database.task("p/s/1", &[]).unwrap();
    assert_eq!(meta.number, two);
    assert_eq!(task.get(A, b"k").unwrap().as_deref(), Some(&b"2"[..]));
}

#[test]
fn a_folder_in_use_is_refused_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let _first = StateDatabase::open(folder.path(), MemoryBudget::default()).unwrap();
    let Err(error) = StateDatabase::open(folder.path(), MemoryBudget::default()) else {
        panic!("a second database opened the same folder");
    };
    assert!(error.to_string().contains("--state-dir"), "{error}");
}

#[test]
fn the_filter_of_a_large_table_stays_in_the_cache_where_absent_keys_are_looked_up() {
    const KEYS: u64 = 1_000_000;
    let folder = tempfile::tempdir().unwrap();
    let database = StateDatabase::open(folder.path(), MemoryBudget::new(MemoryBudget::MIN_BYTES)).unwrap();
    let (task, _) = database.task("p/s/0", &[]).unwrap();
    let before = database.sizes().unwrap().memory_bytes;
    let even: Vec<[u8; 8]> = (0..KEYS).map(|number| (number * 2).to_be_bytes()).collect();
    task.load(even.iter().map(|key| Change { store: A, key, value: Some(b"v") })).unwrap();
    for number in (0..KEYS).step_by(500) {
        assert_eq!(task.get(A, &(number * 2 + 1).to_be_bytes()).unwrap(), None);
    }
    // Ten bits a key are 1.25 MB, which have to stay: what does not is read from the disk for each look-up.
    let kept = database.sizes().unwrap().memory_bytes - before;
    assert!(kept > KEYS, "{kept} bytes of the filter are in the cache");
}
