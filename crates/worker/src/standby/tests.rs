#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_log::{Partition, TopicName};
use proptest::prelude::*;

use super::*;

fn unit(number: u32) -> StandbyUnit {
    let task = |processor: &str| StandbyTask {
        task: format!("{processor}/main/{number}"),
        changelog: TopicPartition::new(
            TopicName::new(&format!("{processor}-changelog")).unwrap(),
            Partition::new(number),
        ),
        topic_id: None,
        delete_retention_ms: 1,
    };
    StandbyUnit {
        anchor: (TopicName::new("orders").unwrap(), Partition::new(number)),
        tasks: vec![task("orders"), task("views")],
    }
}

fn units(count: u32) -> Vec<StandbyUnit> {
    (0..count).map(unit).collect()
}

/// Hosts that work on what `holds` says, by unit.
fn hosts(count: usize, units: &[StandbyUnit], holds: impl Fn(usize) -> Option<usize>) -> Vec<StandbyHost> {
    let tasks = |host: usize| {
        let held = units.iter().enumerate().filter(|(place, _)| holds(*place) == Some(host));
        held.flat_map(|(_, unit)| unit.tasks.iter().map(|task| task.task.clone())).collect()
    };
    (0..count).map(|host| StandbyHost { instance: format!("i-{host}"), tasks: tasks(host) }).collect()
}

fn by_name(units: &[StandbyUnit], hosts: &[StandbyHost], copies: usize) -> BTreeSet<(usize, String)> {
    let placed = spread(units, hosts, copies).into_iter().enumerate();
    placed.flat_map(|(unit, on)| on.into_iter().map(move |host| (unit, hosts[host].instance.clone()))).collect()
}

#[test]
fn of_two_instances_each_keeps_what_the_other_works_on() {
    let units = units(6);
    let hosts = hosts(2, &units, |unit| Some(usize::from(unit > 0)));
    let kept = |instance: &str| -> Vec<String> {
        standbys_of(instance, &units, &hosts, 1).into_iter().map(|task| task.task.clone()).collect()
    };
    assert_eq!(kept("i-1"), ["orders/main/0", "views/main/0"]);
    assert_eq!(kept("i-0").len(), 10);
    assert!(kept("a stranger").is_empty());
}

#[test]
fn the_only_instance_keeps_nothing() {
    let units = units(6);
    assert_eq!(spread(&units, &hosts(1, &units, |_| Some(0)), 1), vec![BTreeSet::new(); 6]);
    assert_eq!(spread(&units, &[], 1), vec![BTreeSet::new(); 6]);
}

#[test]
fn with_as_many_copies_as_others_everybody_keeps_everything_else() {
    let units = units(12);
    let hosts = hosts(4, &units, |unit| Some(unit % 4));
    for (unit, on) in spread(&units, &hosts, 3).into_iter().enumerate() {
        assert_eq!(on, (0..4).filter(|host| *host != unit % 4).collect());
    }
}

#[test]
fn the_hash_never_changes() {
    // Instances of different versions compute one placement.
    assert_eq!(score("orders.events-3", "a"), 0xe8a9_39ad_adb0_1288);
}

proptest! {
    #[test]
    fn copies_are_as_many_as_can_be_and_none_is_where_the_task_works(
        count in 1..80_u32,
        instances in 1..9_usize,
        copies in 0..4_usize,
        held in prop::collection::vec(prop::option::weighted(0.9, 0..9_usize), 80),
    ) {
        let units = units(count);
        let hosts = hosts(instances, &units, |unit| held[unit]);
        for (unit, on) in spread(&units, &hosts, copies).into_iter().enumerate() {
            let is_held = held[unit].is_some_and(|holder| holder < instances);
            prop_assert_eq!(on.len(), copies.min(instances - usize::from(is_held)));
            prop_assert!(held[unit].is_none_or(|holder| !on.contains(&holder)));
        }
    }

    #[test]
    fn shares_are_even_where_the_work_is(count in 1..80_usize, instances in 2..9_usize, copies in 1..4_usize) {
        let units = units(u32::try_from(count).unwrap());
        let hosts = hosts(instances, &units, |unit| Some(unit % instances));
        let placed = spread(&units, &hosts, copies);
        let share_max = (count * copies.min(instances)).div_ceil(instances);
        for host in 0..instances {
            let kept = placed.iter().filter(|on| on.contains(&host)).count();
            prop_assert!(kept <= share_max, "{kept} of {share_max}");
        }
    }

    /// Who comes takes its share; hardly anything moves between the others.
    #[test]
    fn few_copies_move_when_an_instance_comes(count in 1..80_usize, instances in 2..9_usize, copies in 1..3_usize) {
        let units = units(u32::try_from(count).unwrap());
        let before = by_name(&units, &hosts(instances, &units, |unit| Some(unit % instances)), copies);
        let after = by_name(&units, &hosts(instances + 1, &units, |unit| Some(unit % instances)), copies);
        let moved = before.difference(&after).count();
        let share = (count * copies).div_ceil(instances + 1);
        prop_assert!(moved <= 2 * share + 2, "{moved} moved, a share is {share}, of {}", before.len());
    }

    #[test]
    fn the_order_in_which_instances_are_known_does_not_matter(count in 1..40_u32, instances in 1..7_usize) {
        let units = units(count);
        let hosts = hosts(instances, &units, |unit| Some(unit % instances));
        let reversed: Vec<StandbyHost> = hosts.iter().rev().cloned().collect();
        prop_assert_eq!(by_name(&units, &hosts, 2), by_name(&units, &reversed, 2));
    }
}
