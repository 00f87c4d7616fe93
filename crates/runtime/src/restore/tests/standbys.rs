//! Stores that are kept warm for tasks that work elsewhere.

use std::time::Duration;

use headwater_worker::RestoreLimits;
use proptest::prelude::*;

use super::change;
use super::world::{Changelog, DAY_MS, FAR, NEAR, TASK, World};

const OTHER: &str = "p/s/1";
const MOMENT: Duration = Duration::from_millis(300);

fn filled(from: u32, to: u32) -> Changelog {
    let mut log = Changelog::default();
    extend(&mut log, from, to);
    log
}

fn extend(log: &mut Changelog, from: u32, to: u32) {
    log.extend((from..to).map(|number| change(16, number.to_be_bytes(), Some(&number.to_string()))));
}

#[test]
fn a_standby_follows_its_changelog() {
    for limits in [NEAR, FAR] {
        let mut log = filled(0, 500);
        let world = World::new(limits);
        let mut keeper = world.keeper(&[(TASK, &log)]);
        keeper.keep_warm(&[TASK]);
        keeper.turns(60, MOMENT);
        assert_eq!(keeper.lag(TASK), Some((0, true)));
        assert_eq!(world.contents(), log.contents());
        for step in 0..5 {
            extend(&mut log, 400 + step * 50, 500 + step * 50);
            keeper.edit(TASK, |known| *known = log.clone());
            keeper.turns(5, MOMENT);
            assert_eq!(world.contents(), log.contents());
            assert_eq!(world.meta().changelog_offset, log.end(), "markers are passed over too");
        }
        assert!(keeper.told().is_empty(), "nobody has asked");
    }
}

#[test]
fn who_takes_over_reads_only_what_the_standby_has_not() {
    let mut log = filled(0, 2_000);
    let world = World::new(FAR);
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.keep_warm(&[TASK]);
    keeper.turns(100, MOMENT);
    let before = keeper.read();
    extend(&mut log, 5_000, 5_007);
    keeper.edit(TASK, |known| *known = log.clone());
    keeper.restorer.begin(vec![world.job_of(0, 1, TASK, &log)]);
    keeper.turns(3, Duration::ZERO);
    let told = keeper.told();
    let (worker, restored) = &told[0];
    let restored = restored.as_ref().unwrap();
    assert_eq!((told.len(), *worker, restored.epoch, restored.records, restored.rebuilt), (1, 0, 1, 7, None));
    assert_eq!(restored.meta.changelog_offset, log.end());
    assert_eq!(keeper.read() - before, 7);
    assert_eq!(world.contents(), log.contents());
    assert_eq!(keeper.lag(TASK), None, "it is no standby any more");
}

#[test]
fn who_takes_over_what_is_all_there_waits_for_nothing() {
    let log = filled(0, 100);
    let world = World::new(NEAR);
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.keep_warm(&[TASK]);
    keeper.turns(20, MOMENT);
    keeper.restorer.begin(vec![world.job_of(0, 1, TASK, &log)]);
    assert_eq!(keeper.told()[0].1.as_ref().unwrap().records, 0);
}

#[test]
fn nobody_writes_to_a_store_that_a_worker_holds() {
    let mut log = filled(0, 100);
    let world = World::new(NEAR);
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.restorer.begin(vec![world.job_of(0, 3, TASK, &log)]);
    keeper.turns(10, MOMENT);
    assert_eq!(keeper.told().len(), 1);
    // Asked to keep it warm by somebody who did not know.
    keeper.keep_warm(&[TASK]);
    let held = world.meta();
    extend(&mut log, 100, 200);
    keeper.edit(TASK, |known| *known = log.clone());
    keeper.turns(10, MOMENT);
    keeper.release(0, TASK, 2);
    keeper.release(1, TASK, 3);
    keeper.turns(10, MOMENT);
    assert_eq!(world.meta(), held, "given back in an earlier life, or by another");
    keeper.release(0, TASK, 3);
    keeper.turns(10, MOMENT);
    assert_eq!(world.meta().changelog_offset, log.end());
    assert_eq!(world.contents(), log.contents());
}

#[test]
fn what_a_worker_held_that_has_ended_is_kept_warm() {
    let mut log = filled(0, 100);
    let world = World::new(NEAR);
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.keep_warm(&[TASK]);
    keeper.restorer.begin(vec![world.job_of(0, 1, TASK, &log)]);
    keeper.turns(10, MOMENT);
    extend(&mut log, 100, 200);
    keeper.edit(TASK, |known| *known = log.clone());
    keeper.restorer.release_all(0);
    let before = keeper.read();
    keeper.turns(10, MOMENT);
    assert_eq!(keeper.read() - before, 100, "from where the worker left it");
    assert_eq!(world.contents(), log.contents());
}

#[test]
fn a_standby_that_reads_the_past_makes_room_for_a_restore() {
    let limits = RestoreLimits { gather_bytes: 4 << 10, far_records: 100, ..NEAR };
    let cold = filled(0, 5_000);
    let log = filled(0, 3_000);
    let world = World::new(limits);
    let mut keeper = world.keeper(&[(OTHER, &cold), (TASK, &log)]);
    keeper.keep_warm(&[OTHER]);
    keeper.turns(10, MOMENT);
    let (lag, is_warm) = keeper.lag(OTHER).unwrap();
    assert!(lag > 0 && !is_warm);
    let before = keeper.read();
    keeper.restorer.begin(vec![world.job_of(0, 1, TASK, &log)]);
    while keeper.told().is_empty() {
        assert_eq!(keeper.lag(OTHER), None);
        keeper.turns(1, MOMENT);
    }
    assert_eq!(keeper.read() - before, 3_000);
    keeper.turns(300, MOMENT);
    assert_eq!(keeper.lag(OTHER), Some((0, true)));
}

#[test]
fn a_warm_standby_follows_while_others_are_restored() {
    let mut warm = filled(0, 50);
    let log = filled(0, 3_000);
    let world = World::new(RestoreLimits { gather_bytes: 4 << 10, far_records: 100, ..NEAR });
    let mut keeper = world.keeper(&[(OTHER, &warm), (TASK, &log)]);
    keeper.keep_warm(&[OTHER]);
    keeper.turns(10, MOMENT);
    keeper.restorer.begin(vec![world.job_of(0, 1, TASK, &log)]);
    extend(&mut warm, 50, 60);
    keeper.edit(OTHER, |known| *known = warm.clone());
    keeper.turns(3, MOMENT);
    assert!(keeper.told().is_empty());
    assert_eq!(world.meta_of(OTHER).changelog_offset, warm.end());
}

#[test]
fn a_standby_whose_changelog_has_run_away_is_rebuilt() {
    let log = filled(0, 100);
    let world = World::new(NEAR);
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.keep_warm(&[TASK]);
    keeper.turns(10, MOMENT);
    let mut cut = log.clone();
    cut.records.truncate(0);
    cut.extend((0..50_u32).map(|number| change(17, number.to_be_bytes(), Some("new"))));
    keeper.edit(TASK, |known| *known = cut.clone());
    // It is found out when the brokers are asked again.
    keeper.turns(10, Duration::from_secs(30));
    assert_eq!(world.contents(), cut.contents());
    assert_eq!(world.meta().changelog_offset, cut.end());
}

#[test]
fn a_standby_that_was_stopped_for_longer_than_tombstones_are_kept_is_rebuilt() {
    let mut log = filled(0, 100);
    let mut world = World::new(NEAR);
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.keep_warm(&[TASK]);
    keeper.turns(10, MOMENT);
    keeper.keep_warm(&[]);
    assert_eq!(keeper.lag(TASK), None);
    assert!(keeper.restorer.is_idle());
    drop(keeper);
    // Everything was deleted since, and compaction has taken the tombstones away.
    log.records.iter_mut().for_each(|record| *record = None);
    extend(&mut log, 7_000, 7_010);
    world.now += DAY_MS;
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.keep_warm(&[TASK]);
    keeper.turns(10, MOMENT);
    assert_eq!(world.contents(), log.contents());
}

#[test]
fn a_standby_is_as_new_as_the_last_time_that_it_had_all() {
    let log = filled(0, 10);
    let world = World::new(NEAR);
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.keep_warm(&[TASK]);
    keeper.turns(10, MOMENT);
    let first = world.meta().saved_at;
    keeper.turns(10, Duration::from_secs(3_600));
    let age_ms = (world.now + 10 * 3_600_000) - world.meta().saved_at.as_millis();
    assert!(world.meta().saved_at > first);
    assert!(age_ms <= 2 * 3_600_000, "{age_ms} ms old, with nothing new in a quiet changelog");
}

#[test]
fn a_standby_that_fails_fails_nobody_else_and_begins_again() {
    let mut bad = filled(0, 10);
    bad.extend([(Vec::new(), None)]);
    let log = filled(0, 400);
    let world = World::new(NEAR);
    let mut keeper = world.keeper(&[(OTHER, &bad), (TASK, &log)]);
    keeper.keep_warm(&[OTHER]);
    keeper.turns(2, MOMENT);
    keeper.restorer.begin(vec![world.job_of(0, 1, TASK, &log)]);
    keeper.turns(20, MOMENT);
    assert_eq!(keeper.told()[0].1.as_ref().unwrap().records, 400);
    let good = filled(0, 20);
    keeper.edit(OTHER, |known| *known = good.clone());
    keeper.turns(60, MOMENT);
    assert_eq!(world.meta_of(OTHER).changelog_offset, good.end());
}

#[test]
fn nobody_takes_over_what_a_failed_standby_has_passed_over() {
    let mut log = filled(0, 10);
    log.extend([(Vec::new(), None)]);
    let world = World::new(NEAR);
    let mut keeper = world.keeper(&[(TASK, &log)]);
    keeper.keep_warm(&[TASK]);
    keeper.turns(1, MOMENT);
    keeper.turns(1, Duration::ZERO);
    keeper.restorer.begin(vec![world.job_of(0, 1, TASK, &log)]);
    keeper.turns(5, MOMENT);
    assert!(keeper.told()[0].1.is_err(), "it comes upon the same record");
    assert_eq!(world.meta().changelog_offset, 0);
}

/// What happens to a task: written elsewhere, taken over and written here, given back, or time passes.
#[derive(Debug, Clone)]
enum Event {
    Write(Vec<(u8, Option<u8>)>),
    Take,
    GiveBack,
    Wanted(bool),
    Turns(usize),
    Crash,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let write = prop::collection::vec((0..12_u8, prop::option::weighted(0.7, any::<u8>())), 1..30);
    let event = prop_oneof![
        4 => write.prop_map(Event::Write),
        2 => Just(Event::Take),
        2 => Just(Event::GiveBack),
        2 => any::<bool>().prop_map(Event::Wanted),
        4 => (0..8_usize).prop_map(Event::Turns),
        1 => Just(Event::Crash),
    ];
    prop::collection::vec(event, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// However a task wanders, whoever takes it over has all that its changelog says.
    #[test]
    fn a_task_that_comes_and_goes_is_always_whole(events in events(), far in any::<bool>(), poll in 1..40_usize) {
        let mut world = World::new(if far { FAR } else { NEAR });
        world.records_of_a_poll = poll;
        let mut log = Changelog::default();
        let mut keeper = world.keeper(&[(TASK, &log)]);
        let (mut epoch, mut is_here, mut is_wanted) = (0, false, false);
        for event in events {
            match event {
                Event::Write(changes) => {
                    log.extend(changes.iter().map(|(key, value)| {
                        let value = value.map(|value| value.to_string());
                        change(16, [*key], value.as_deref())
                    }));
                    keeper.edit(TASK, |known| *known = log.clone());
                    if is_here {
                        world.apply(&log, changes.len());
                    }
                }
                Event::Take if !is_here => {
                    epoch += 1;
                    keeper.restorer.begin(vec![world.job_of(0, epoch, TASK, &log)]);
                    let told = (0..1_000).find_map(|_| {
                        keeper.turns(1, MOMENT);
                        keeper.told().pop()
                    });
                    let restored = told.unwrap().1.unwrap();
                    prop_assert_eq!((restored.epoch, restored.meta.changelog_offset), (epoch, log.end()));
                    prop_assert_eq!(world.contents(), log.contents());
                    is_here = true;
                }
                Event::GiveBack if is_here => {
                    keeper.release(0, TASK, epoch);
                    is_here = false;
                }
                Event::Wanted(wanted) => {
                    is_wanted = wanted;
                    keeper.keep_warm(if wanted { &[TASK] } else { &[] });
                }
                Event::Turns(turns) => keeper.turns(turns, MOMENT),
                Event::Crash => {
                    drop(keeper);
                    world.reopen();
                    is_here = false;
                    keeper = world.keeper(&[(TASK, &log)]);
                    keeper.keep_warm(if is_wanted { &[TASK] } else { &[] });
                }
                Event::Take | Event::GiveBack => {}
            }
            if is_here {
                prop_assert_eq!(world.contents(), log.contents());
            }
        }
    }
}
