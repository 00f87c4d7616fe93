#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_log::{Partition, TopicName, TopicPartition};

use super::*;
use crate::members::Member;

const NOW: Duration = Duration::from_secs(100);

fn heard(instance: &str, copies: usize, tasks: &[&str], restoring: &[&str], age_ms: i64) -> Heard {
    let named = |tasks: &[&str]| tasks.iter().map(|task| (*task).to_owned()).collect();
    let member = Member {
        application: "a".to_owned(),
        instance: instance.to_owned(),
        worker: 0,
        url: String::new(),
        tasks: named(tasks),
        restoring: named(restoring),
        standby_copies: copies,
        standbys: Vec::new(),
    };
    Heard { member, at_ms: 100_000 - age_ms }
}

fn me() -> Who {
    Who { application: "a".to_owned(), instance: "me".to_owned(), copies: 1 }
}

fn names(membership: &Membership) -> Vec<&str> {
    membership.hosts.iter().map(|host| host.instance.as_str()).collect()
}

fn unit(task: &str) -> StandbyUnit {
    let topic = TopicName::new("t").unwrap();
    StandbyUnit {
        anchor: (topic.clone(), Partition::new(0)),
        tasks: vec![StandbyTask {
            task: task.to_owned(),
            changelog: TopicPartition::new(topic, Partition::new(0)),
            topic_id: None,
            delete_retention_ms: 1,
        }],
    }
}

#[test]
fn who_is_silent_for_a_minute_is_gone_and_who_keeps_none_is_no_host() {
    let heard = [heard("b", 1, &[], &[], 59_000), heard("c", 1, &[], &[], 61_000), heard("d", 0, &[], &[], 0)];
    assert_eq!(names(&Membership::new(&heard, &me(), NOW, GONE_AFTER_MS)), ["b", "me"]);
}

#[test]
fn all_agree_on_the_most_copies_that_one_wants() {
    let heard = [heard("b", 2, &[], &[], 0), heard("gone", 3, &[], &[], 100_000)];
    assert_eq!(Membership::new(&heard, &me(), NOW, GONE_AFTER_MS).copies, 2);
}

#[test]
fn other_applications_are_none_of_ours() {
    let mut other = heard("b", 1, &[], &[], 0);
    other.member.application = "other".to_owned();
    assert_eq!(names(&Membership::new(&[other], &me(), NOW, GONE_AFTER_MS)), ["me"]);
}

#[test]
fn an_instance_waits_to_be_warm_only_while_others_do_all_the_work() {
    let units = [unit("p/s/0"), unit("p/s/1")];
    let leaves_work = |heard: &[Heard]| Membership::new(heard, &me(), NOW, WORKS_WITHIN_MS).leaves_work("me", &units);
    assert!(leaves_work(&[]));
    assert!(leaves_work(&[heard("b", 1, &["p/s/0"], &[], 0)]));
    assert!(!leaves_work(&[heard("b", 1, &["p/s/0"], &["p/s/1"], 0)]));
    assert!(!leaves_work(&[heard("b", 1, &["p/s/0"], &[], 0), heard("c", 1, &["p/s/1"], &[], 0)]));
    // What it held itself before a restart, nobody else works on.
    assert!(leaves_work(&[heard("b", 1, &["p/s/0"], &[], 0), heard("me", 1, &["p/s/1"], &[], 0)]));
    // Who crashed works on nothing.
    assert!(leaves_work(&[heard("b", 1, &["p/s/0", "p/s/1"], &[], 26_000)]));
}

#[test]
fn a_gate_opens_for_all_who_wait() {
    let gate = Gate::default();
    assert!(!gate.wait(Duration::ZERO));
    let waits = gate.clone();
    let waiting = std::thread::spawn(move || waits.wait(Duration::from_secs(60)));
    gate.open();
    assert!(waiting.join().unwrap());
    assert!(gate.wait(Duration::ZERO));
}
