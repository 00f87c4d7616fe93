#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::members::Member;

fn heard(application: &str, tasks: &[&str], restoring: &[&str]) -> Heard {
    let named = |tasks: &[&str]| tasks.iter().map(|task| (*task).to_owned()).collect();
    let member = Member {
        application: application.to_owned(),
        instance: "b".to_owned(),
        worker: 0,
        url: String::new(),
        tasks: named(tasks),
        restoring: named(restoring),
        standby_copies: 1,
        standbys: Vec::new(),
    };
    Heard { member, at_ms: 7 }
}

#[test]
fn a_member_has_what_works_and_what_is_being_restored() {
    let members = members_of("a", vec![heard("a", &["p/s/0"], &["p/s/1"])]);
    let expected = StandbyMember {
        instance: "b".to_owned(),
        copies: 1,
        tasks: vec!["p/s/0".to_owned(), "p/s/1".to_owned()],
        heard_at_ms: 7,
    };
    assert_eq!(members, [expected]);
}

#[test]
fn other_applications_are_none_of_ours() {
    assert_eq!(members_of("a", vec![heard("other", &["p/s/0"], &[])]), []);
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
