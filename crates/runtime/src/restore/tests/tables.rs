//! Tables, restored from their topics up to where their tasks go on.

use std::collections::BTreeMap;

use headwater_streams::StoreNumber;
use headwater_worker::Unusable;

use super::change;
use super::world::{Changelog, DAY_MS, FAR, NEAR, TableJob, World};

const PRICES: StoreNumber = StoreNumber(16);
const RATES: StoreNumber = StoreNumber(17);

/// A topic's records: keys as they are.
fn record(key: impl AsRef<[u8]>, value: Option<&str>) -> (Vec<u8>, Option<Vec<u8>>) {
    (key.as_ref().to_vec(), value.map(|value| value.as_bytes().to_vec()))
}

/// What a store holds once the first `until` offsets of its topic are in it.
fn fold(topic: &Changelog, until: i64, store: StoreNumber) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let mut before = topic.clone();
    before.records.truncate(usize::try_from(until).unwrap());
    before.contents().into_iter().map(|(key, value)| ([&[store.0], key.as_slice()].concat(), value)).collect()
}

fn numbers(topic: &mut Changelog, range: std::ops::Range<u32>) {
    topic.extend(range.map(|number| record((number % 70).to_be_bytes(), Some(&number.to_string()))));
    topic.extend((0..10_u32).map(|number| record((number * 3).to_be_bytes(), None)));
}

fn job(topic: &Changelog, up_to: Option<i64>) -> TableJob<'_> {
    TableJob { topic, name: "prices", store: PRICES, up_to }
}

/// A changelog of a store that is no table.
fn changelog(records: u32) -> Changelog {
    let mut log = Changelog::default();
    log.extend((0..records).map(|number| change(5, number.to_be_bytes(), Some("of the changelog"))));
    log
}

#[test]
fn a_table_is_read_up_to_the_committed_position_and_never_beyond() {
    for limits in [NEAR, FAR] {
        let mut topic = Changelog::default();
        numbers(&mut topic, 0..500);
        let mut world = World::new(limits);
        for up_to in [0, 1, 40, 320, 321, 500, 511, topic.end()] {
            let restored = world.restore_table(&job(&topic, Some(up_to))).unwrap();
            assert_eq!(restored.rebuilt, None);
            assert_eq!(world.contents(), fold(&topic, up_to, PRICES), "up to {up_to}");
            let table = &world.meta().tables["prices"];
            assert_eq!((table.offset, table.reach, table.store), (up_to, 0, PRICES));
        }
    }
}

#[test]
fn a_table_goes_on_where_it_stands_and_is_rebuilt_where_positions_were_set_back() {
    for limits in [NEAR, FAR] {
        let mut topic = Changelog::default();
        numbers(&mut topic, 0..300);
        let mut world = World::new(limits);
        world.restore_table(&job(&topic, Some(200))).unwrap();
        let restored = world.restore_table(&job(&topic, Some(250))).unwrap();
        assert_eq!((restored.rebuilt, restored.records), (None, 50));
        let restored = world.restore_table(&job(&topic, Some(100))).unwrap();
        assert_eq!((restored.rebuilt, restored.records), (Some(Unusable::Ahead), 100));
        assert_eq!(world.contents(), fold(&topic, 100, PRICES));
        world.restore_table(&job(&topic, None)).unwrap();
        assert!(world.contents().is_empty(), "nothing was committed: the task begins at the start");
        assert_eq!(world.meta().tables["prices"].offset, 0);
    }
}

#[test]
fn a_table_that_is_of_no_use_is_wiped_alone() {
    let log = changelog(50);
    let mut topic = Changelog::default();
    numbers(&mut topic, 0..300);
    for limits in [NEAR, FAR] {
        let mut world = World::new(limits);
        world.restore(&log).unwrap();
        let rates = TableJob { topic: &topic, name: "rates", store: RATES, up_to: Some(60) };
        world.restore_table(&rates).unwrap();
        world.restore_table(&job(&topic, Some(topic.end()))).unwrap();
        let mut other = Changelog::of_topic("made anew");
        numbers(&mut other, 30..90);
        let restored = world.restore_table(&job(&other, Some(50))).unwrap();
        assert_eq!(restored.rebuilt, Some(Unusable::OtherTopic));
        let mut expected = log.contents();
        expected.extend(fold(&topic, 60, RATES));
        expected.extend(fold(&other, 50, PRICES));
        assert_eq!(world.contents(), expected);
        assert_eq!(world.meta().changelog_offset, log.end());
        world.reopen();
        assert_eq!(world.contents(), expected);
    }
}

#[test]
fn a_table_whose_deletions_may_be_gone_is_rebuilt_unless_nothing_lies_behind_it() {
    let mut topic = Changelog::default();
    numbers(&mut topic, 0..300);
    let mut world = World::new(NEAR);
    world.restore_table(&job(&topic, Some(topic.end()))).unwrap();
    world.now += DAY_MS;
    assert_eq!(world.restore_table(&job(&topic, Some(topic.end()))).unwrap().rebuilt, None);
    numbers(&mut topic, 0..10);
    world.now += DAY_MS;
    let restored = world.restore_table(&job(&topic, Some(topic.end()))).unwrap();
    assert_eq!(restored.rebuilt, Some(Unusable::TooOld));
    assert_eq!(world.contents(), fold(&topic, topic.end(), PRICES));
    topic.start = 300;
    world.now += 1;
    numbers(&mut topic, 0..10);
    assert_eq!(world.restore_table(&job(&topic, Some(topic.end()))).unwrap().rebuilt, None);
    topic.start = topic.end();
    topic.records.push(Some(record("last", Some("one"))));
    topic.start += 1;
    let restored = world.restore_table(&job(&topic, Some(topic.end()))).unwrap();
    assert_eq!(restored.rebuilt, Some(Unusable::OutsideLog), "records that were not read are gone");
    assert!(world.contents().is_empty());
}

#[test]
fn a_process_may_be_killed_at_any_write_of_a_table() {
    let mut topic = Changelog::default();
    numbers(&mut topic, 0..1_500);
    for limits in [NEAR, FAR] {
        for steps in 0..12 {
            let mut world = World::new(limits);
            world.restore_table(&job(&topic, Some(100))).unwrap();
            world.crash_after(steps);
            let broken_off = world.restore_table(&job(&topic, Some(1_400))).is_err();
            world.reopen();
            let meta = world.meta();
            assert!(meta.tables["prices"].offset <= 1_400);
            // Set back after that, it is not taken for what it says: the load may have left more.
            let (up_to, may_go_on) = if steps % 2 == 0 { (1_450, true) } else { (1_000, false) };
            let restored = world.restore_table(&job(&topic, Some(up_to))).unwrap();
            assert_eq!(world.contents(), fold(&topic, up_to, PRICES), "{steps} writes, broken off: {broken_off}");
            if may_go_on {
                assert_eq!(restored.rebuilt, None);
            }
        }
    }
}

#[test]
fn a_table_in_memory_is_read_from_the_start_and_leaves_other_stores_in_memory_alone() {
    let mut log = Changelog::default();
    log.extend((0..50_u32).map(|number| change(20, number.to_be_bytes(), Some("of the changelog"))));
    let mut topic = Changelog::default();
    numbers(&mut topic, 0..200);
    let mut world = World::with_memory_table(FAR);
    for up_to in [50, 120] {
        world.restore(&log).unwrap();
        let prices = TableJob { topic: &topic, name: "prices", store: World::MEMORY_TABLE, up_to: Some(up_to) };
        assert_eq!(world.restore_table(&prices).unwrap().records, up_to.unsigned_abs());
        let mut expected = log.contents();
        expected.extend(fold(&topic, up_to, World::MEMORY_TABLE));
        assert_eq!(world.contents(), expected);
        world.reopen();
    }
}

#[test]
fn tasks_that_keep_tables_of_one_topic_are_restored_one_after_the_other() {
    let mut topic = Changelog::default();
    numbers(&mut topic, 0..400);
    for limits in [NEAR, FAR] {
        let world = World::new(limits);
        let tasks = [("p/s/0", 100), ("q/s/0", 300), ("r/s/0", 0)];
        let mut told = world.restore_tables_of(&job(&topic, None), &tasks);
        told.sort_unstable();
        assert_eq!(told, [0, 1, 2]);
        for (task, up_to) in tasks {
            assert_eq!(world.contents_of(task), fold(&topic, up_to, PRICES), "{task}");
        }
    }
}

#[test]
fn another_worker_that_asks_for_the_task_supersedes_its_table() {
    let log = changelog(50);
    let mut topic = Changelog::default();
    numbers(&mut topic, 0..2_000);
    for limits in [NEAR, FAR] {
        let mut world = World::new(limits);
        let told = world.supersede_table(&log, &job(&topic, Some(1_500)));
        assert_eq!(told, [1], "the first asks for a table, the second for the changelog");
        let restored = world.restore_table(&job(&topic, Some(1_600))).unwrap();
        assert_eq!(restored.rebuilt, None);
        let mut expected = log.contents();
        expected.extend(fold(&topic, 1_600, PRICES));
        assert_eq!(world.contents(), expected);
    }
}

#[test]
fn a_snapshot_brings_its_tables_along_and_they_go_on_from_there() {
    let log = changelog(300);
    let mut topic = Changelog::default();
    numbers(&mut topic, 0..600);
    for (up_to, rebuilt, records) in [(450, None, 150), (200, Some(Unusable::Ahead), 200)] {
        let mut one = World::new(NEAR);
        one.restore(&log).unwrap();
        one.restore_table(&job(&topic, Some(300))).unwrap();
        let mut other = World::new(FAR);
        other.snapshots = vec![one.take()];
        other.restore(&log).unwrap();
        let restored = other.restore_table(&job(&topic, Some(up_to))).unwrap();
        assert_eq!((restored.rebuilt, restored.records), (rebuilt, records), "the snapshot stands at 300");
        let mut expected = log.contents();
        expected.extend(fold(&topic, up_to, PRICES));
        assert_eq!(other.contents(), expected);
    }
}
