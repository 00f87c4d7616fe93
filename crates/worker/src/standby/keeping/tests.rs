#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_log::{Partition, TopicName, TopicPartition};

use super::*;

const NOW: Duration = Duration::from_secs(100);
const TIMES: KeepingTimes = KeepingTimes {
    gone_after: Duration::from_secs(60),
    works_within: Duration::from_secs(25),
    view_after: Duration::from_secs(30),
    join_after: Duration::from_secs(600),
    join_lag_records_max: 10,
};

fn heard(instance: &str, copies: usize, tasks: &[&str], age_ms: i64) -> StandbyMember {
    let tasks = tasks.iter().map(|task| (*task).to_owned()).collect();
    StandbyMember { instance: instance.to_owned(), copies, tasks, heard_at_ms: 100_000 - age_ms }
}

fn membership(heard: &[StandbyMember], within: Duration) -> Membership {
    Membership::new(heard, ("me", 1), NOW, within)
}

fn names(membership: &Membership) -> Vec<&str> {
    membership.hosts.iter().map(|host| host.instance.as_str()).collect()
}

fn unit(task: &str, partition: u32) -> StandbyUnit {
    let topic = TopicName::new("t").unwrap();
    let partition = Partition::new(partition);
    StandbyUnit {
        anchor: (topic.clone(), partition),
        tasks: vec![StandbyTask {
            task: task.to_owned(),
            changelog: TopicPartition::new(topic, partition),
            topic_id: None,
            delete_retention_ms: 1,
        }],
    }
}

fn units() -> Vec<StandbyUnit> {
    vec![unit("p/s/0", 0), unit("p/s/1", 1)]
}

fn warm(task: &str, lag_records: i64, is_warm: bool) -> Standby {
    Standby { task: task.to_owned(), lag_records, is_warm }
}

#[test]
fn who_is_silent_for_a_minute_is_gone_and_who_keeps_none_is_no_host() {
    let heard = [heard("b", 1, &[], 59_000), heard("c", 1, &[], 61_000), heard("d", 0, &[], 0)];
    assert_eq!(names(&membership(&heard, TIMES.gone_after)), ["b", "me"]);
}

#[test]
fn all_agree_on_the_most_copies_that_one_wants() {
    let heard = [heard("b", 2, &[], 0), heard("gone", 3, &[], 100_000)];
    assert_eq!(membership(&heard, TIMES.gone_after).copies, 2);
}

#[test]
fn an_instance_waits_to_be_warm_only_while_others_do_all_the_work() {
    let leaves_work = |heard: &[StandbyMember]| membership(heard, TIMES.works_within).leaves_work("me", &units());
    assert!(leaves_work(&[]));
    assert!(leaves_work(&[heard("b", 1, &["p/s/0"], 0)]));
    assert!(!leaves_work(&[heard("b", 1, &["p/s/0", "p/s/1"], 0)]));
    assert!(!leaves_work(&[heard("b", 1, &["p/s/0"], 0), heard("c", 1, &["p/s/1"], 0)]));
    // What it held itself before a restart, nobody else works on.
    assert!(leaves_work(&[heard("b", 1, &["p/s/0"], 0), heard("me", 1, &["p/s/1"], 0)]));
    // Who crashed works on nothing.
    assert!(leaves_work(&[heard("b", 1, &["p/s/0", "p/s/1"], 26_000)]));
}

#[test]
fn who_comes_late_joins_once_it_is_warm() {
    let mut late = StandbyKeeping::new("me".to_owned(), 1, units(), TIMES, NOW);
    let others = [heard("b", 1, &["p/s/0", "p/s/1"], 0)];
    assert_eq!(late.look(Some(&others), &[], NOW), KeepingStep::default(), "it has to hold for two looks");
    let kept = late.look(Some(&others), &[], NOW).keep_warm.unwrap();
    assert_eq!(kept.len(), 2);
    assert!(!late.joins());
    for warmth in [
        vec![warm("p/s/0", 0, true)],
        vec![warm("p/s/0", 0, true), warm("p/s/1", 0, false)],
        vec![warm("p/s/0", 0, true), warm("p/s/1", 11, true)],
    ] {
        assert_eq!(late.look(Some(&others), &warmth, NOW).keep_warm, None);
        assert!(!late.joins(), "{warmth:?}");
    }
    late.look(Some(&others), &[warm("p/s/0", 3, true), warm("p/s/1", 10, true)], NOW);
    assert!(late.joins());
}

#[test]
fn nobody_waits_for_ever() {
    let others = [heard("b", 1, &["p/s/0", "p/s/1"], 0)];
    let mut cold = StandbyKeeping::new("me".to_owned(), 1, units(), TIMES, Duration::ZERO);
    let mut blind = StandbyKeeping::new("me".to_owned(), 1, units(), TIMES, Duration::ZERO);
    let others_at = |now: Duration| {
        let heard_at_ms = i64::try_from(now.as_millis()).unwrap();
        others.clone().map(|other| StandbyMember { heard_at_ms, ..other })
    };
    let before = TIMES.join_after - Duration::from_millis(1);
    cold.look(Some(&others_at(before)), &[], before);
    assert!(!cold.joins());
    cold.look(Some(&others_at(TIMES.join_after)), &[], TIMES.join_after);
    assert!(cold.joins());
    blind.look(None, &[], TIMES.view_after - Duration::from_millis(1));
    assert!(!blind.joins());
    blind.look(None, &[], TIMES.view_after);
    assert!(blind.joins());
}

#[test]
fn what_is_warm_is_said_once() {
    let mut keeping = StandbyKeeping::new("me".to_owned(), 1, units(), TIMES, NOW);
    let others = [heard("b", 1, &["p/s/0", "p/s/1"], 0)];
    let mut say = |warmth: &[Standby]| keeping.look(Some(&others), warmth, NOW).say;
    say(&[]);
    assert_eq!(say(&[warm("p/s/0", 5, false)]), None);
    assert_eq!(say(&[warm("p/s/0", 5, true)]), Some(vec!["p/s/0".to_owned()]));
    assert_eq!(say(&[warm("p/s/0", 1, true)]), None);
    assert_eq!(say(&[]), Some(Vec::new()));
}
