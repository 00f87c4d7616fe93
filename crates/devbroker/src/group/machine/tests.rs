#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
use bytes::Bytes;
use kafka_protocol::ResponseError;
use proptest::prelude::*;

use super::*;

/// A group with a clock and the replies that came out of it.
struct Bench {
    group: Group,
    now_ms: i64,
    next: u64,
    actions: Vec<Action>,
}

impl Bench {
    fn new() -> Self {
        Self { group: Group::new(0), now_ms: 0, next: 0, actions: Vec::new() }
    }

    fn reply(&mut self) -> ReplyId {
        self.next += 1;
        ReplyId(self.next)
    }

    fn join(&mut self, member: &str, instance: Option<&str>) -> ReplyId {
        self.join_with(member, instance, &["range"])
    }

    fn join_with(&mut self, member: &str, instance: Option<&str>, protocols: &[&str]) -> ReplyId {
        let reply = self.reply();
        let join = Join {
            member_id: member.to_owned(),
            fresh_member_id: format!("m{}", reply.0),
            instance_id: instance.map(str::to_owned),
            client_id: "client".to_owned(),
            client_host: "/127.0.0.1".to_owned(),
            session_timeout_ms: 10_000,
            rebalance_timeout_ms: 60_000,
            protocol_type: "consumer".to_owned(),
            protocols: protocols.iter().map(|name| ((*name).to_owned(), Bytes::from_static(b"topics"))).collect(),
            member_id_required: false,
            can_skip_assignment: true,
        };
        let mut actions = Vec::new();
        self.group.join(self.now_ms, join, reply, &mut actions);
        self.actions.extend(actions);
        reply
    }

    fn sync(&mut self, member: &str, assignments: &[(&str, &'static str)]) -> ReplyId {
        let reply = self.reply();
        let sync = Sync {
            who: self.who(member),
            protocol_type: None,
            protocol_name: None,
            assignments: assignments
                .iter()
                .map(|(id, a)| ((*id).to_owned(), Bytes::from_static(a.as_bytes())))
                .collect(),
        };
        let mut actions = Vec::new();
        self.group.sync(self.now_ms, sync, reply, &mut actions);
        self.actions.extend(actions);
        reply
    }

    fn who(&self, member: &str) -> Identity {
        Identity { member_id: member.to_owned(), instance_id: None, generation: self.group.generation }
    }

    fn heartbeat(&mut self, member: &str) -> Result<(), ResponseError> {
        let who = self.who(member);
        self.group.heartbeat(self.now_ms, &who)
    }

    fn leave(&mut self, member: &str, instance: Option<&str>) -> Result<(), ResponseError> {
        let mut actions = Vec::new();
        let result = self.group.leave(self.now_ms, member, instance, &mut actions);
        self.actions.extend(actions);
        result
    }

    fn at(&mut self, now_ms: i64) {
        self.now_ms = now_ms;
        let mut actions = Vec::new();
        self.group.expire(now_ms, &mut actions);
        self.actions.extend(actions);
    }

    fn joined(&self, reply: ReplyId) -> Option<&Joined> {
        self.actions.iter().find_map(|action| match action {
            Action::Joined(id, joined) if *id == reply => Some(joined),
            _ => None,
        })
    }

    fn synced(&self, reply: ReplyId) -> Option<&Synced> {
        self.actions.iter().find_map(|action| match action {
            Action::Synced(id, synced) if *id == reply => Some(synced),
            _ => None,
        })
    }

    /// Two members, stable in generation 2; `m1` leads.
    fn stable_pair() -> Self {
        let mut bench = Self::new();
        bench.join("", None);
        bench.sync("m1", &[("m1", "all")]);
        let second = bench.join("", None);
        let id = format!("m{}", second.0);
        bench.join("m1", None);
        bench.sync("m1", &[("m1", "left"), (id.as_str(), "right")]);
        assert_eq!((bench.group.state, bench.group.generation), (State::Stable, 2));
        bench
    }
}

#[test]
fn the_first_member_leads_and_gets_its_assignment() {
    let mut bench = Bench::new();
    let joined = bench.join("", None);
    let answer = bench.joined(joined).unwrap().clone();
    assert_eq!((answer.error, answer.generation, answer.leader.as_str()), (None, 1, "m1"));
    assert_eq!(answer.members.len(), 1);
    let synced = bench.sync("m1", &[("m1", "everything")]);
    assert_eq!(bench.synced(synced).unwrap().assignment, "everything");
    assert_eq!(bench.group.state, State::Stable);
    assert!(bench.actions.contains(&Action::Persist), "a stable generation is logged");
}

#[test]
fn a_second_member_makes_the_first_join_again() {
    let mut bench = Bench::new();
    bench.join("", None);
    bench.sync("m1", &[("m1", "all")]);
    let second = bench.join("", None);
    assert_eq!(bench.joined(second), None, "the rebalance waits for the first member");
    assert_eq!(bench.heartbeat("m1"), Err(ResponseError::RebalanceInProgress));
    let first = bench.join("m1", None);
    let (leader, follower) = (bench.joined(first).unwrap(), bench.joined(second).unwrap());
    assert_eq!((leader.generation, follower.generation), (2, 2));
    assert_eq!((leader.members.len(), follower.members.len()), (2, 0), "only the leader sees the members");
}

#[test]
fn a_follower_waits_for_the_leaders_assignment() {
    let mut bench = Bench::new();
    bench.join("", None);
    bench.sync("m1", &[]);
    bench.join("", None);
    bench.join("m1", None);
    let follower = bench.sync("m3", &[]);
    assert_eq!(bench.synced(follower), None);
    bench.sync("m1", &[("m1", "a"), ("m3", "b")]);
    assert_eq!(bench.synced(follower).unwrap().assignment, "b");
}

#[test]
fn a_member_id_is_required_where_the_client_knows_it() {
    let mut group = Group::new(0);
    let mut bench = Bench::new();
    bench.join("", None);
    let mut join = Join {
        member_id: String::new(),
        fresh_member_id: "given".to_owned(),
        instance_id: None,
        client_id: String::new(),
        client_host: String::new(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 60_000,
        protocol_type: "consumer".to_owned(),
        protocols: vec![("range".to_owned(), Bytes::new())],
        member_id_required: true,
        can_skip_assignment: false,
    };
    let mut actions = Vec::new();
    group.join(0, join.clone(), ReplyId(1), &mut actions);
    let Some(Action::Joined(_, refused)) = actions.pop() else { panic!("{actions:?}") };
    assert_eq!((refused.error, refused.member_id.as_str()), (Some(ResponseError::MemberIdRequired), "given"));
    join.member_id = "given".to_owned();
    group.join(0, join.clone(), ReplyId(2), &mut actions);
    assert_eq!((group.state, group.generation), (State::CompletingRebalance, 1));
    let mut lapsed = Group::new(0);
    join.member_id.clear();
    lapsed.join(0, join, ReplyId(3), &mut actions);
    lapsed.expire(10_000, &mut actions);
    assert!(lapsed.pending_ids.is_empty(), "an id that nobody uses lapses");
}

#[test]
fn a_silent_member_is_dropped_and_the_others_rebalance() {
    let mut bench = Bench::stable_pair();
    bench.now_ms = 9_000;
    bench.heartbeat("m1").unwrap();
    bench.at(10_001);
    assert_eq!(bench.group.members.len(), 1);
    assert_eq!(bench.heartbeat("m1"), Err(ResponseError::RebalanceInProgress));
    let again = bench.join("m1", None);
    assert_eq!(bench.joined(again).unwrap().generation, 3);
}

#[test]
fn a_member_that_does_not_come_back_is_left_behind() {
    let mut bench = Bench::stable_pair();
    let third = bench.join("", None);
    let back = bench.join("m1", None);
    assert_eq!(bench.joined(third), None);
    bench.now_ms = 9_000;
    // The member that is missing still heartbeats, so only the rebalance's own time-out ends the wait.
    for now_ms in (9_000..60_000).step_by(9_000) {
        bench.now_ms = now_ms;
        assert_eq!(bench.heartbeat("m3"), Err(ResponseError::RebalanceInProgress));
    }
    bench.at(60_001);
    assert_eq!(bench.joined(back).unwrap().generation, 3);
    assert_eq!(bench.joined(third).unwrap().generation, 3);
    assert_eq!(bench.heartbeat("m3"), Err(ResponseError::UnknownMemberId));
}

#[test]
fn a_leader_that_never_syncs_is_dropped() {
    let mut bench = Bench::stable_pair();
    bench.join("m3", None);
    let third = bench.join("", None);
    bench.join("m1", None);
    bench.join("m3", None);
    let id = bench.joined(third).unwrap().member_id.clone();
    let waiting = bench.sync(&id, &[]);
    bench.at(60_001);
    assert_eq!(bench.synced(waiting).unwrap().error, Some(ResponseError::RebalanceInProgress));
    assert!(!bench.group.members.contains_key("m1"));
}

#[test]
fn leaving_hands_over_at_once() {
    let mut bench = Bench::stable_pair();
    bench.leave("m3", None).unwrap();
    assert_eq!(bench.heartbeat("m1"), Err(ResponseError::RebalanceInProgress));
    assert_eq!(bench.leave("m3", None), Err(ResponseError::UnknownMemberId));
    bench.leave("m1", None).unwrap();
    assert_eq!(bench.group.state, State::Empty);
}

#[test]
fn a_static_member_that_restarts_disturbs_nobody() {
    let mut bench = Bench::new();
    bench.join("", Some("one"));
    bench.sync("m1", &[("m1", "mine")]);
    let again = bench.join("", Some("one"));
    let joined = bench.joined(again).unwrap().clone();
    assert_eq!((joined.error, joined.generation), (None, 1), "the generation stays");
    assert!(joined.skip_assignment, "its leader must not assign again");
    let synced = bench.sync(&joined.member_id, &[]);
    assert_eq!(bench.synced(synced).unwrap().assignment, "mine");
    let old = Identity { member_id: "m1".to_owned(), instance_id: Some("one".to_owned()), generation: 1 };
    assert_eq!(bench.group.heartbeat(0, &old), Err(ResponseError::FencedInstanceId));
    assert_eq!(bench.group.check_commit(&old, true), Err(ResponseError::FencedInstanceId));
}

#[test]
fn a_static_member_can_be_told_to_leave_by_its_instance_alone() {
    let mut bench = Bench::new();
    bench.join("", Some("one"));
    bench.sync("m1", &[("m1", "mine")]);
    assert_eq!(bench.leave("", Some("two")), Err(ResponseError::UnknownMemberId));
    assert_eq!(bench.leave("other", Some("one")), Err(ResponseError::FencedInstanceId));
    bench.leave("", Some("one")).unwrap();
    assert!(bench.group.members.is_empty() && bench.group.instances.is_empty());
}

#[test]
fn a_static_member_that_is_away_stays_in_the_group() {
    let mut bench = Bench::new();
    bench.join("", Some("one"));
    bench.sync("m1", &[("m1", "mine")]);
    let second = bench.join("", None);
    // Its session is longer than the rebalance waits.
    bench.group.members.get_mut("m1").unwrap().session_deadline_ms = 600_000;
    bench.at(60_001);
    assert_eq!(bench.joined(second).unwrap().generation, 2, "the rebalance goes on without it");
    assert!(bench.group.members.contains_key("m1"), "and it is still a member");
}

#[test]
fn commits_are_checked() {
    let bench = Bench::stable_pair();
    let who = |member: &str, generation: i32| Identity { member_id: member.to_owned(), instance_id: None, generation };
    let check = |who: &Identity, transactional| bench.group.check_commit(who, transactional);
    for transactional in [false, true] {
        assert_eq!(check(&who("m1", 2), transactional), Ok(()));
        assert_eq!(check(&who("m1", 1), transactional), Err(ResponseError::IllegalGeneration));
        assert_eq!(check(&who("nobody", 2), transactional), Err(ResponseError::UnknownMemberId));
    }
    // Without any identity: an old transactional client may, a plain one may not while there are members.
    assert_eq!(check(&who("", -1), true), Ok(()));
    assert_eq!(check(&who("", -1), false), Err(ResponseError::UnknownMemberId));
    assert_eq!(Group::new(0).check_commit(&who("", -1), false), Ok(()));
}

#[test]
fn commits_between_generation_and_sync() {
    let mut bench = Bench::stable_pair();
    bench.join("", None);
    let before = bench.who("m1");
    assert_eq!(bench.group.check_commit(&before, false), Ok(()), "while the rebalance prepares");
    bench.join("m1", None);
    bench.join("m3", None);
    assert_eq!(bench.group.state, State::CompletingRebalance);
    assert_eq!(bench.group.check_commit(&before, false), Err(ResponseError::IllegalGeneration));
    let now = bench.who("m1");
    assert_eq!(bench.group.check_commit(&now, false), Err(ResponseError::RebalanceInProgress));
    assert_eq!(bench.group.check_commit(&now, true), Ok(()));
}

#[test]
fn assignors_must_be_shared() {
    let mut bench = Bench::new();
    bench.join_with("", None, &["cooperative-sticky", "range"]);
    let stranger = bench.join_with("", None, &["roundrobin"]);
    assert_eq!(bench.joined(stranger).unwrap().error, Some(ResponseError::InconsistentGroupProtocol));
    bench.join_with("", None, &["range"]);
    let first = bench.join_with("m1", None, &["cooperative-sticky", "range"]);
    assert_eq!(bench.joined(first).unwrap().protocol_name.as_deref(), Some("range"));
}

proptest! {
    /// Whatever comes in whatever order: every request is answered once at most, and none is left waiting
    /// once every deadline has passed.
    #[test]
    fn every_request_is_answered_once(steps in prop::collection::vec((0u8..7, 0usize..4), 1..60)) {
        let mut bench = Bench::new();
        let mut asked = Vec::new();
        for (step, pick) in steps {
            let member = bench.group.members.keys().nth(pick).cloned().unwrap_or_default();
            match step {
                0 => asked.push(bench.join("", None)),
                1 => asked.push(bench.join("", Some(["a", "b", "c", "d"][pick]))),
                2 => asked.push(bench.join(&member, None)),
                3 => asked.push(bench.sync(&member, &[])),
                4 => { let _ = bench.leave(&member, None); }
                5 => { let _ = bench.heartbeat(&member); }
                _ => { let at = bench.now_ms + 4_000; bench.at(at); }
            }
        }
        while let Some(at_ms) = bench.group.next_deadline_ms() {
            prop_assert!(at_ms < 100_000_000, "time does not settle the group");
            let at_ms = at_ms.max(bench.now_ms);
            bench.at(at_ms);
        }
        for reply in asked {
            let answers = bench.actions.iter().filter(|action| match action {
                Action::Joined(id, _) | Action::Synced(id, _) => *id == reply,
                Action::Persist => false,
            });
            prop_assert_eq!(answers.count(), 1, "{:?}", reply);
        }
        prop_assert_eq!(bench.group.state, State::Empty);
    }
}
