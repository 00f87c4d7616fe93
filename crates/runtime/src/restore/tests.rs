//! Restores by the restorer as it is, into a real RocksDB, from changelogs in memory.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod snapshots;
mod standbys;
mod tables;
mod world;

use headwater_streams::StateBase as _;
use headwater_worker::RestoreLimits;
use proptest::prelude::*;

use self::world::{Changelog, FAR, NEAR, Store, World};

fn change(store: u8, key: impl AsRef<[u8]>, value: Option<&str>) -> (Vec<u8>, Option<Vec<u8>>) {
    ([&[store], key.as_ref()].concat(), value.map(|value| value.as_bytes().to_vec()))
}

#[test]
fn a_store_from_nothing_holds_the_last_values_and_no_deleted_ones() {
    for limits in [NEAR, FAR] {
        let mut log = Changelog::default();
        log.extend((0..500_u32).map(|number| change(16, (number % 100).to_be_bytes(), Some(&number.to_string()))));
        log.extend((0..50_u32).map(|number| change(16, (number * 2).to_be_bytes(), None)));
        let mut world = World::new(limits);
        world.restore(&log).unwrap();
        assert_eq!(world.contents(), log.contents());
        assert_eq!(world.meta().changelog_offset, log.end());
    }
}

#[test]
fn deletions_that_are_loaded_hold_over_older_data() {
    let mut log = Changelog::default();
    log.extend((0..200_u32).map(|number| change(16, number.to_be_bytes(), Some("old"))));
    let mut world = World::new(NEAR);
    world.restore(&log).unwrap();
    log.extend((50..150_u32).map(|number| change(16, number.to_be_bytes(), None)));
    world.limits = FAR;
    world.restore(&log).unwrap();
    assert_eq!(world.contents(), log.contents());
    assert_eq!(world.contents().len(), 100);
    world.reopen();
    assert_eq!(world.contents(), log.contents());
}

#[test]
fn what_was_wiped_does_not_shine_through_what_is_loaded() {
    let mut old = Changelog::default();
    old.extend((0..300_u32).map(|number| change(16, number.to_be_bytes(), Some("of the topic before"))));
    let mut world = World::new(FAR);
    world.restore(&old).unwrap();
    let mut new = Changelog::of_topic("another");
    new.extend((200..400_u32).map(|number| change(16, number.to_be_bytes(), Some("new"))));
    let restored = world.restore(&new).unwrap();
    assert!(restored.rebuilt.is_some());
    assert_eq!(world.contents(), new.contents());
    world.reopen();
    assert_eq!(world.contents(), new.contents());
}

#[test]
fn a_restore_from_nothing_that_was_broken_off_goes_on_where_it_was() {
    let mut log = Changelog::default();
    log.extend((0..2_000_u32).map(|number| change(16, number.to_be_bytes(), Some("value"))));
    let mut world = World::new(FAR);
    world.crash_after(5);
    world.restore(&log).unwrap_err();
    world.reopen();
    let kept = world.meta().changelog_offset;
    assert!(kept > 0 && kept < log.end(), "{kept}");
    let restored = world.restore(&log).unwrap();
    assert_eq!((restored.rebuilt, usize::try_from(restored.records).unwrap()), (None, log.records_from(kept)));
    assert_eq!(world.contents(), log.contents());
}

#[test]
fn a_table_without_its_meta_record_is_too_old_like_any_store() {
    let mut log = Changelog::default();
    log.extend((0..200_u32).map(|number| change(16, number.to_be_bytes(), Some("value"))));
    let mut world = World::new(FAR);
    // The second step is the first table: it is there, its meta record is not.
    world.crash_after(2);
    world.restore(&log).unwrap_err();
    world.reopen();
    assert_eq!(world.meta().changelog_offset, 0);
    assert!(!world.contents().is_empty());
    // Meanwhile all keys were deleted, and compaction has taken the tombstones away.
    let mut compacted = Changelog::default();
    compacted.extend((0..300).map(|_| change(17, "k", Some("v"))));
    world.now += 24 * 3_600_000;
    assert!(world.restore(&compacted).unwrap().rebuilt.is_some());
    assert_eq!(world.contents(), compacted.contents());
}

#[test]
fn whoever_asks_again_gets_what_was_read_before_it_asked() {
    let mut log = Changelog::default();
    log.extend((0..2_000_u32).map(|number| change(16, number.to_be_bytes(), Some("value"))));
    for limits in [NEAR, FAR] {
        let mut world = World::new(limits);
        let (results, read) = world.restore_asked_twice(&log);
        let told: Vec<(usize, u64)> = results.iter().map(|(worker, restored)| (*worker, restored.epoch)).collect();
        assert_eq!(told, [(1, 2)]);
        assert_eq!(read, log.records_from(0));
        assert_eq!(world.contents(), log.contents());
    }
}

#[test]
fn stores_in_memory_are_read_from_the_start_for_each_who_asks() {
    let mut log = Changelog::default();
    log.extend((0..300_u32).map(|number| change(20, number.to_be_bytes(), Some("value"))));
    let mut world = World::with_memory_store(FAR);
    let (results, read) = world.restore_asked_twice(&log);
    assert_eq!(results.len(), 1);
    assert!(read > log.records_from(0));
    assert_eq!(world.contents(), log.contents());
}

#[test]
fn a_store_that_has_not_far_to_go_waits_for_none_that_has() {
    let limits = RestoreLimits { gather_bytes: 4 << 10, far_records: 1_000, ..NEAR };
    let mut far = Changelog::default();
    far.extend((0..5_000_u32).map(|number| change(16, number.to_be_bytes(), Some("value"))));
    let mut near = Changelog::default();
    near.extend([change(16, "k", Some("v"))]);
    let order = World::new(limits).restore_together(&[&far, &far, &near]);
    assert_eq!(order, [2, 0, 1]);
}

#[test]
fn what_a_killed_process_left_half_written_is_removed() {
    let mut world = World::new(FAR);
    let left = world.folder().join("loading").join("1-0.sst");
    std::fs::write(&left, b"half a table").unwrap();
    world.reopen();
    assert!(!left.exists());
    let mut log = Changelog::default();
    log.extend((0..200_u32).map(|number| change(16, number.to_be_bytes(), Some("value"))));
    world.restore(&log).unwrap();
    assert_eq!(world.contents(), log.contents());
    assert_eq!(std::fs::read_dir(world.folder().join("loading")).unwrap().count(), 0);
}

#[test]
fn other_tasks_are_read_and_written_while_one_is_loaded() {
    let mut log = Changelog::default();
    log.extend((0..200_u32).map(|number| change(16, number.to_be_bytes(), Some("value"))));
    let mut world = World::new(FAR);
    let other = world.other_task("p/s/9");
    Store::put(&other, b"mine", b"1");
    world.restore(&log).unwrap();
    assert_eq!(other.get(headwater_streams::StoreNumber(16), b"mine").unwrap().as_deref(), Some(&b"1"[..]));
    assert_eq!(world.contents(), log.contents());
}

fn changes() -> impl Strategy<Value = Vec<(Vec<u8>, Option<Vec<u8>>)>> {
    let store = prop_oneof![Just(16_u8), Just(20), Just(255)];
    let key = prop_oneof![
        prop::collection::vec(0..3_u8, 0..3),
        (0..20_u8).prop_map(|last| [&b"a key of more than sixteen bytes: "[..], &[last]].concat()),
    ];
    let value = prop::option::weighted(0.7, prop::collection::vec(any::<u8>(), 0..40));
    let one = (store, key, value).prop_map(|(store, key, value)| ([&[store], key.as_slice()].concat(), value));
    prop::collection::vec(one, 1..300)
}

fn limits() -> impl Strategy<Value = RestoreLimits> {
    let far = prop_oneof![Just(1_i64), Just(100), Just(i64::MAX)];
    (1..4_000_usize, far).prop_map(|(gather_bytes, far_records)| RestoreLimits { gather_bytes, far_records, ..NEAR })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever a store held, wherever each of several tries broke off, and however changes were brought into it.
    #[test]
    fn a_restore_ends_as_plain_batches_would(
        changes in changes(),
        older in 0.0..1.0_f64,
        tries in prop::collection::vec((limits(), 1..12_usize, 1..80_usize), 0..3),
        last in limits(),
    ) {
        let mut world = World::with_memory_store(last);
        let older = (changes.len() as f64 * older) as usize;
        let mut log = Changelog::default();
        log.extend(changes[..older].iter().cloned());
        world.restore(&log).unwrap();
        log.extend(changes[older..].iter().cloned());
        for (limits, steps, records) in tries {
            (world.limits, world.records_of_a_poll) = (limits, records);
            world.crash_after(steps);
            let _broken_off = world.restore(&log);
            world.reopen();
        }
        world.limits = last;
        world.restore(&log).unwrap();
        prop_assert_eq!(world.contents(), log.contents());
        world.reopen();
        world.restore(&log).unwrap();
        prop_assert_eq!(world.contents(), log.contents());
    }
}
