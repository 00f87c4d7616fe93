//! Stores that begin at a snapshot, and what may go wrong on the way.

use std::time::Duration;

use headwater_worker::Unusable;
use proptest::prelude::*;

use super::world::{Changelog, DAY_MS, FAR, NEAR, TASK, Taken, World};
use super::{change, changes};

fn put(log: &mut Changelog, keys: impl IntoIterator<Item = u32>, value: &str) {
    log.extend(keys.into_iter().map(|key| change(16, key.to_be_bytes(), Some(value))));
}

fn delete(log: &mut Changelog, keys: impl IntoIterator<Item = u32>) {
    log.extend(keys.into_iter().map(|key| change(16, key.to_be_bytes(), None)));
}

/// A snapshot of a store that has read a changelog to its end.
fn taken_of(log: &Changelog) -> Taken {
    let mut world = World::new(NEAR);
    world.restore(log).unwrap();
    world.take()
}

#[test]
fn a_store_from_a_snapshot_replays_what_came_after_it() {
    let mut log = Changelog::default();
    put(&mut log, 0..300, "before");
    delete(&mut log, 100..150);
    let taken = taken_of(&log);
    let offset = taken.meta.changelog_offset;
    put(&mut log, 140..200, "after");
    delete(&mut log, 0..10);
    for limits in [NEAR, FAR] {
        let mut world = World::new(limits);
        world.snapshots = vec![taken.clone()];
        let restored = world.restore(&log).unwrap();
        assert_eq!((restored.rebuilt, usize::try_from(restored.records).unwrap()), (None, log.records_from(offset)));
        assert_eq!(world.contents(), log.contents());
        assert_eq!((world.meta().changelog_offset, world.meta().half_loaded), (log.end(), false));
    }
}

#[test]
fn a_snapshot_of_everything_leaves_nothing_to_replay() {
    let mut log = Changelog::default();
    put(&mut log, 0..300, "value");
    let mut world = World::new(NEAR);
    world.snapshots = vec![taken_of(&log)];
    assert_eq!(world.restore(&log).unwrap().records, 0);
    assert_eq!(world.contents(), log.contents());
}

#[test]
fn what_the_store_had_before_does_not_shine_through() {
    let mut log = Changelog::default();
    put(&mut log, 0..300, "old");
    let mut world = World::new(NEAR);
    world.restore(&log).unwrap();
    delete(&mut log, 0..200);
    // Compaction has taken the old values and the tombstones away.
    log.records[..500].fill(None);
    put(&mut log, 400..500, "new");
    let mut taken = taken_of(&log);
    taken.meta.saved_at = headwater_event::Timestamp::from_millis(world.now);
    world.snapshots = vec![taken];
    let restored = world.restore(&log).unwrap();
    assert_eq!((restored.rebuilt, restored.records), (None, 0));
    assert_eq!(world.contents(), log.contents());
    world.reopen();
    assert_eq!(world.contents(), log.contents());
}

#[test]
fn after_a_damaged_snapshot_the_older_one_is_loaded_and_then_the_changelog() {
    let mut log = Changelog::default();
    put(&mut log, 0..200, "first");
    let older = taken_of(&log);
    delete(&mut log, 0..100);
    put(&mut log, 200..300, "second");
    let newer = taken_of(&log);
    put(&mut log, 300..350, "third");
    for broken_after in [0, 1, 10, 150] {
        let newer = Taken { broken_after: Some(broken_after), ..newer.clone() };
        let mut world = World::new(FAR);
        world.snapshots = vec![newer.clone(), older.clone()];
        let restored = world.restore(&log).unwrap();
        let behind = log.records_from(older.meta.changelog_offset);
        assert_eq!(usize::try_from(restored.records).unwrap(), behind, "{broken_after}");
        assert_eq!(world.contents(), log.contents());

        let older = Taken { broken_after: Some(broken_after), ..older.clone() };
        let mut world = World::new(FAR);
        world.snapshots = vec![newer, older];
        let restored = world.restore(&log).unwrap();
        assert_eq!(usize::try_from(restored.records).unwrap(), log.records_from(0), "{broken_after}");
        assert_eq!(restored.rebuilt, Some(Unusable::HalfLoaded));
        assert_eq!(world.contents(), log.contents());
    }
}

#[test]
fn a_store_that_was_half_loaded_is_never_used() {
    let mut log = Changelog::default();
    put(&mut log, 0..300, "old");
    let taken = taken_of(&log);
    let mut world = World::new(NEAR);
    world.snapshots = vec![taken];
    world.crash_after(20);
    world.restore(&log).unwrap_err();
    world.reopen();
    assert!(world.meta().half_loaded && !world.contents().is_empty());
    // All of it has been deleted since, and nothing in the changelog speaks of it any more.
    let mut compacted = Changelog::default();
    compacted.extend((0..400).map(|_| change(17, "k", Some("v"))));
    world.snapshots.clear();
    assert_eq!(world.restore(&compacted).unwrap().rebuilt, Some(Unusable::HalfLoaded));
    assert_eq!(world.contents(), compacted.contents());
}

#[test]
fn a_store_with_parts_in_memory_is_read_from_the_start() {
    let mut log = Changelog::default();
    put(&mut log, 0..100, "value");
    log.extend((0..100_u32).map(|key| change(20, key.to_be_bytes(), Some("in memory"))));
    let mut world = World::with_memory_store(NEAR);
    world.snapshots = vec![taken_of(&log)];
    assert_eq!(usize::try_from(world.restore(&log).unwrap().records).unwrap(), log.records_from(0));
    assert_eq!(world.contents(), log.contents());
}

#[test]
fn a_standby_begins_at_a_snapshot_and_is_taken_over_from_there() {
    let mut log = Changelog::default();
    put(&mut log, 0..300, "before");
    let taken = taken_of(&log);
    let offset = taken.meta.changelog_offset;
    put(&mut log, 250..350, "after");
    // Taken over while the snapshot is being loaded, and after it has caught up.
    for turns in [3, 10, 200] {
        let mut world = World::new(NEAR);
        world.snapshots = vec![taken.clone()];
        let job = world.job_of(0, 1, TASK, &log);
        let mut keeper = world.keeper(&[(TASK, &log)]);
        keeper.keep_warm(&[TASK]);
        keeper.turns(turns, Duration::from_millis(300));
        assert!(keeper.lag(TASK).is_some(), "{turns}");
        keeper.restorer.begin(vec![job]);
        keeper.turns(200, Duration::from_millis(300));
        let told = keeper.told();
        assert_eq!(told.len(), 1, "{turns}");
        assert_eq!(keeper.read(), log.records_from(offset), "{turns}");
        assert_eq!(world.contents(), log.contents());
    }
}

#[test]
fn a_snapshot_that_grew_too_old_while_it_was_loaded_is_not_used() {
    let mut log = Changelog::default();
    put(&mut log, 0..300, "value");
    let taken = taken_of(&log);
    put(&mut log, 300..400, "after");
    let mut world = World::new(NEAR);
    world.snapshots = vec![taken];
    let job = world.job_of(0, 1, TASK, &log);
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.restorer.begin(vec![job]);
    keeper.turns(5, Duration::from_millis(1));
    keeper.turns(200, Duration::from_millis(u64::try_from(DAY_MS).unwrap()));
    let told = keeper.told();
    let restored = told.into_iter().next().unwrap().1.unwrap();
    assert_eq!(restored.rebuilt, Some(Unusable::TooOld));
    assert_eq!(world.contents(), log.contents());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever a store held, whenever snapshots were taken, whichever of them are damaged, and wherever each of several
    /// tries broke off.
    #[test]
    fn a_restore_with_snapshots_ends_as_one_without(
        changes in changes(),
        cuts in prop::collection::vec(0.0..1.0_f64, 3),
        broken in prop::collection::vec(prop::option::of(0..40_usize), 2),
        tries in prop::collection::vec((any::<bool>(), 1..40_usize), 0..3),
        is_last_with in any::<bool>(),
    ) {
        let cut = |at: f64| (changes.len() as f64 * at) as usize;
        let mut cuts: Vec<usize> = cuts.into_iter().map(cut).collect();
        cuts.sort_unstable();
        let mut log = Changelog::default();
        let mut snapshots = Vec::new();
        let mut from = 0;
        let mut world = World::new(NEAR);
        for (number, end) in cuts.iter().copied().chain([changes.len()]).enumerate() {
            log.extend(changes[from..end].iter().cloned());
            from = end;
            if number == 0 {
                world.restore(&log).unwrap();
            }
            if number == 1 || number == 2 {
                let mut taken = taken_of(&log);
                let kept = broken[number - 1].map(|after| after.min(taken.entries.len()));
                taken.broken_after = kept;
                snapshots.insert(0, taken);
            }
        }
        for (is_with, steps) in tries {
            world.snapshots = if is_with { snapshots.clone() } else { Vec::new() };
            world.crash_after(steps);
            let _broken_off = world.restore(&log);
            world.reopen();
        }
        world.snapshots = if is_last_with { snapshots } else { Vec::new() };
        world.restore(&log).unwrap();
        prop_assert_eq!(world.contents(), log.contents());
        world.reopen();
        prop_assert_eq!(world.contents(), log.contents());
        prop_assert!(!world.meta().half_loaded);
    }
}
