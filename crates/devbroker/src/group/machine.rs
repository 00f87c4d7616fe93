//! A group of the classic protocol as a state machine: requests in, replies out, no clock and no log of its own.

use std::collections::BTreeMap;

use bytes::Bytes;
use kafka_protocol::ResponseError;

use super::member::Member;
use super::protocol::{Action, Identity, Join, Joined, ReplyId, Sync, Synced};

/// Kafka's names for what a group is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// No members; offsets may be there.
    Empty,
    /// Waiting for all members to join the next generation.
    PreparingRebalance,
    /// Waiting for the leader's assignment.
    CompletingRebalance,
    /// All members have their assignment.
    Stable,
    /// Deleted.
    Dead,
}

impl State {
    /// The name in DescribeGroups and ListGroups.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::PreparingRebalance => "PreparingRebalance",
            Self::CompletingRebalance => "CompletingRebalance",
            Self::Stable => "Stable",
            Self::Dead => "Dead",
        }
    }
}

/// One group.
#[derive(Debug, Clone)]
pub(crate) struct Group {
    pub(crate) state: State,
    pub(crate) generation: i32,
    pub(crate) protocol_type: Option<String>,
    pub(crate) protocol_name: Option<String>,
    pub(crate) leader: Option<String>,
    /// By member id; a BTreeMap, so that the same inputs give the same outputs.
    pub(crate) members: BTreeMap<String, Member>,
    /// Instance id to member id.
    pub(crate) instances: BTreeMap<String, String>,
    /// Ids that were handed out (KIP-394) and not used yet, with the time they lapse.
    pub(crate) pending_ids: BTreeMap<String, i64>,
    /// When the rebalance goes on without those who have not come.
    pub(crate) rebalance_deadline_ms: Option<i64>,
    /// When members who have joined but not synced are given up.
    pub(crate) sync_deadline_ms: Option<i64>,
    pub(crate) state_since_ms: i64,
}

/// Members that one group may have; a bound, so that a broken client cannot fill the memory.
const MEMBERS_MAX: usize = 10_000;

impl Group {
    /// A group without members.
    pub(crate) fn new(now_ms: i64) -> Self {
        Self {
            state: State::Empty,
            generation: 0,
            protocol_type: None,
            protocol_name: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            pending_ids: BTreeMap::new(),
            rebalance_deadline_ms: None,
            sync_deadline_ms: None,
            state_since_ms: now_ms,
        }
    }

    /// A JoinGroup request; its reply is among the actions, now or later.
    pub(crate) fn join(&mut self, now_ms: i64, join: Join, reply: ReplyId, actions: &mut Vec<Action>) {
        if let Err(error) = self.try_join(now_ms, &join, reply, actions) {
            let member_id = match error {
                ResponseError::MemberIdRequired => &join.fresh_member_id,
                _ => &join.member_id,
            };
            actions.push(Action::Joined(reply, Joined::failed(member_id, error)));
        }
    }

    fn try_join(
        &mut self,
        now_ms: i64,
        join: &Join,
        reply: ReplyId,
        actions: &mut Vec<Action>,
    ) -> Result<(), ResponseError> {
        if self.state == State::Dead {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        if !self.supports(join) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        if join.member_id.is_empty() {
            return self.join_unknown(now_ms, join, reply, actions);
        }
        if self.pending_ids.contains_key(&join.member_id) {
            self.add_member(now_ms, join.member_id.clone(), join, reply, actions);
            return Ok(());
        }
        self.check_member(&join.member_id, join.instance_id.as_deref())?;
        self.rejoin(now_ms, join, reply, actions)
    }

    fn join_unknown(
        &mut self,
        now_ms: i64,
        join: &Join,
        reply: ReplyId,
        actions: &mut Vec<Action>,
    ) -> Result<(), ResponseError> {
        if self.members.len() + self.pending_ids.len() >= MEMBERS_MAX {
            return Err(ResponseError::GroupMaxSizeReached);
        }
        let known_instance = join.instance_id.as_ref().and_then(|instance| self.instances.get(instance).cloned());
        match known_instance {
            Some(old_id) => self.replace_static_member(now_ms, &old_id, join, reply, actions),
            None if join.instance_id.is_none() && join.member_id_required => {
                let lapses = now_ms + i64::from(join.session_timeout_ms);
                self.pending_ids.insert(join.fresh_member_id.clone(), lapses);
                return Err(ResponseError::MemberIdRequired);
            }
            None => self.add_member(now_ms, join.fresh_member_id.clone(), join, reply, actions),
        }
        Ok(())
    }

    fn add_member(&mut self, now_ms: i64, id: String, join: &Join, reply: ReplyId, actions: &mut Vec<Action>) {
        self.pending_ids.remove(&id);
        if self.members.is_empty() {
            self.protocol_type = Some(join.protocol_type.clone());
        }
        if self.leader.is_none() {
            self.leader = Some(id.clone());
        }
        if let Some(instance) = &join.instance_id {
            self.instances.insert(instance.clone(), id.clone());
        }
        let mut member = Member::new(id.clone(), join, now_ms);
        member.joining = Some(reply);
        self.members.insert(id, member);
        self.rebalance(now_ms, actions);
    }

    /// A member that is known joins again.
    fn rejoin(
        &mut self,
        now_ms: i64,
        join: &Join,
        reply: ReplyId,
        actions: &mut Vec<Action>,
    ) -> Result<(), ResponseError> {
        let is_leader = self.leader.as_deref() == Some(join.member_id.as_str());
        let member = self.members.get_mut(&join.member_id).ok_or(ResponseError::UnknownMemberId)?;
        let unchanged = member.protocols == join.protocols;
        let answer_again = match self.state {
            // The reply to its last join was lost: give it again.
            State::CompletingRebalance => unchanged,
            State::Stable => unchanged && !is_leader,
            State::PreparingRebalance => false,
            State::Empty | State::Dead => return Err(ResponseError::UnknownMemberId),
        };
        member.touch(now_ms);
        if answer_again {
            let joined = self.joined(&join.member_id, is_leader);
            actions.push(Action::Joined(reply, joined));
            return Ok(());
        }
        member.update(join);
        if let Some(earlier) = member.joining.replace(reply) {
            actions.push(Action::Joined(earlier, Joined::failed(&join.member_id, ResponseError::UnknownMemberId)));
        }
        self.rebalance(now_ms, actions);
        Ok(())
    }

    /// A static member has restarted: it gets a new id, the old one is fenced, and a stable group stays so (KIP-345).
    fn replace_static_member(
        &mut self,
        now_ms: i64,
        old_id: &str,
        join: &Join,
        reply: ReplyId,
        actions: &mut Vec<Action>,
    ) {
        let Some(mut member) = self.members.remove(old_id) else { return };
        let was_leader = self.leader.as_deref() == Some(old_id);
        let old_leader = self.leader.clone().unwrap_or_default();
        let new_id = join.fresh_member_id.clone();
        self.fence_waiting(&mut member, old_id, actions);
        member.id.clone_from(&new_id);
        member.update(join);
        member.touch(now_ms);
        self.members.insert(new_id.clone(), member);
        if let Some(instance) = &join.instance_id {
            self.instances.insert(instance.clone(), new_id.clone());
        }
        if was_leader {
            self.leader = Some(new_id.clone());
        }
        let settled = self.state == State::Stable && self.choose_protocol() == self.protocol_name;
        if !settled {
            if let Some(member) = self.members.get_mut(&new_id) {
                member.joining = Some(reply);
            }
            self.rebalance(now_ms, actions);
            return;
        }
        actions.push(Action::Persist);
        let mut joined = self.joined(&new_id, was_leader && join.can_skip_assignment);
        if was_leader && !join.can_skip_assignment {
            // An older client must not think that it leads: its assignment would not reach a stable group.
            joined.leader = old_leader;
        }
        joined.skip_assignment = was_leader && join.can_skip_assignment;
        actions.push(Action::Joined(reply, joined));
    }

    fn fence_waiting(&self, member: &mut Member, old_id: &str, actions: &mut Vec<Action>) {
        if let Some(waiting) = member.joining.take() {
            actions.push(Action::Joined(waiting, Joined::failed(old_id, ResponseError::FencedInstanceId)));
        }
        if let Some(waiting) = member.syncing.take() {
            actions.push(Action::Synced(waiting, Synced::failed(ResponseError::FencedInstanceId)));
        }
    }

    /// A SyncGroup request; its reply is among the actions, now or later.
    pub(crate) fn sync(&mut self, now_ms: i64, sync: Sync, reply: ReplyId, actions: &mut Vec<Action>) {
        if let Err(error) = self.try_sync(now_ms, sync, reply, actions) {
            actions.push(Action::Synced(reply, Synced::failed(error)));
        }
    }

    fn try_sync(
        &mut self,
        now_ms: i64,
        sync: Sync,
        reply: ReplyId,
        actions: &mut Vec<Action>,
    ) -> Result<(), ResponseError> {
        self.check_generation(&sync.who)?;
        let differs = |asked: &Option<String>, own: &Option<String>| asked.is_some() && asked != own;
        if differs(&sync.protocol_type, &self.protocol_type) || differs(&sync.protocol_name, &self.protocol_name) {
            return Err(ResponseError::InconsistentGroupProtocol);
        }
        let is_leader = self.leader.as_deref() == Some(sync.who.member_id.as_str());
        let member = self.members.get_mut(&sync.who.member_id).ok_or(ResponseError::UnknownMemberId)?;
        member.touch(now_ms);
        match self.state {
            State::Empty | State::Dead => Err(ResponseError::UnknownMemberId),
            State::PreparingRebalance => Err(ResponseError::RebalanceInProgress),
            State::Stable => {
                let assignment = member.assignment.clone();
                actions.push(Action::Synced(reply, self.synced(assignment)));
                Ok(())
            }
            State::CompletingRebalance => {
                if let Some(earlier) = member.syncing.replace(reply) {
                    actions.push(Action::Synced(earlier, Synced::failed(ResponseError::UnknownMemberId)));
                }
                if is_leader {
                    self.assign(now_ms, sync.assignments, actions);
                }
                Ok(())
            }
        }
    }

    fn assign(&mut self, now_ms: i64, assignments: Vec<(String, Bytes)>, actions: &mut Vec<Action>) {
        for member in self.members.values_mut() {
            member.assignment = Bytes::new();
        }
        for (id, assignment) in assignments {
            if let Some(member) = self.members.get_mut(&id) {
                member.assignment = assignment;
            }
        }
        self.enter(State::Stable, now_ms);
        actions.push(Action::Persist);
        let waiting: Vec<_> = self
            .members
            .values_mut()
            .filter_map(|member| {
                let reply = member.syncing.take()?;
                member.touch(now_ms);
                Some((reply, member.assignment.clone()))
            })
            .collect();
        for (reply, assignment) in waiting {
            actions.push(Action::Synced(reply, self.synced(assignment)));
        }
    }

    /// A Heartbeat request.
    pub(crate) fn heartbeat(&mut self, now_ms: i64, who: &Identity) -> Result<(), ResponseError> {
        self.check_generation(who)?;
        let member = self.members.get_mut(&who.member_id).ok_or(ResponseError::UnknownMemberId)?;
        member.touch(now_ms);
        match self.state {
            State::Empty | State::Dead => Err(ResponseError::UnknownMemberId),
            State::PreparingRebalance => Err(ResponseError::RebalanceInProgress),
            State::CompletingRebalance | State::Stable => Ok(()),
        }
    }

    /// One member of a LeaveGroup request; a static one may be named by its instance id alone.
    pub(crate) fn leave(
        &mut self,
        now_ms: i64,
        member_id: &str,
        instance_id: Option<&str>,
        actions: &mut Vec<Action>,
    ) -> Result<(), ResponseError> {
        if self.state == State::Dead {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        if instance_id.is_none() && self.pending_ids.remove(member_id).is_some() {
            if self.state == State::PreparingRebalance {
                self.try_complete_join(now_ms, actions);
            }
            return Ok(());
        }
        let id = match instance_id.filter(|_| member_id.is_empty()) {
            Some(instance) => self.instances.get(instance).cloned().ok_or(ResponseError::UnknownMemberId)?,
            None => {
                self.check_member(member_id, instance_id)?;
                member_id.to_owned()
            }
        };
        self.remove_member(now_ms, &id, actions);
        Ok(())
    }

    /// What an OffsetCommit (or its transactional form) must satisfy.
    pub(crate) fn check_commit(&self, who: &Identity, transactional: bool) -> Result<(), ResponseError> {
        if self.state == State::Dead {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        if who.generation < 0 && self.state == State::Empty {
            return Ok(());
        }
        if who.generation >= 0 || !who.member_id.is_empty() || who.instance_id.is_some() {
            self.check_generation(who)?;
        } else if !transactional && self.state != State::Empty {
            return Err(ResponseError::UnknownMemberId);
        }
        if !transactional && self.state == State::CompletingRebalance {
            return Err(ResponseError::RebalanceInProgress);
        }
        Ok(())
    }

    /// A commit shows that the member lives.
    pub(crate) fn touch(&mut self, now_ms: i64, member_id: &str) {
        if let Some(member) = self.members.get_mut(member_id) {
            member.touch(now_ms);
        }
    }

    fn check_generation(&self, who: &Identity) -> Result<(), ResponseError> {
        if self.state == State::Dead {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        self.check_member(&who.member_id, who.instance_id.as_deref())?;
        if who.generation == self.generation { Ok(()) } else { Err(ResponseError::IllegalGeneration) }
    }

    /// Fencing: an instance id must still belong to the member id that comes with it.
    fn check_member(&self, member_id: &str, instance_id: Option<&str>) -> Result<(), ResponseError> {
        if let Some(instance) = instance_id {
            return match self.instances.get(instance) {
                None => Err(ResponseError::UnknownMemberId),
                Some(owner) if owner != member_id => Err(ResponseError::FencedInstanceId),
                Some(_) => Ok(()),
            };
        }
        if self.members.contains_key(member_id) { Ok(()) } else { Err(ResponseError::UnknownMemberId) }
    }

    /// The reply to a join of the present generation.
    pub(crate) fn joined(&self, member_id: &str, with_members: bool) -> Joined {
        let protocol = self.protocol_name.clone().unwrap_or_default();
        let members = if with_members {
            let entry = |m: &Member| (m.id.clone(), m.instance_id.clone(), m.subscription(&protocol));
            self.members.values().map(entry).collect()
        } else {
            Vec::new()
        };
        Joined {
            error: None,
            generation: self.generation,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            leader: self.leader.clone().unwrap_or_default(),
            member_id: member_id.to_owned(),
            skip_assignment: false,
            members,
        }
    }

    fn synced(&self, assignment: Bytes) -> Synced {
        Synced {
            error: None,
            protocol_type: self.protocol_type.clone(),
            protocol_name: self.protocol_name.clone(),
            assignment,
        }
    }

    /// Moves to a state and clears the deadlines of the one before.
    pub(crate) fn enter(&mut self, state: State, now_ms: i64) {
        self.state = state;
        self.state_since_ms = now_ms;
        self.rebalance_deadline_ms = None;
        self.sync_deadline_ms = None;
    }
}

#[cfg(test)]
mod tests;
