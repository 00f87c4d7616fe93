//! How a group goes from one generation to the next.

use kafka_protocol::ResponseError;

use super::machine::{Group, State};
use super::protocol::{Action, Join, Joined, Synced};

impl Group {
    /// Whether a join's protocol type and assignors fit the group.
    pub(crate) fn supports(&self, join: &Join) -> bool {
        if join.protocol_type.is_empty() || join.protocols.is_empty() {
            return false;
        }
        let others = || self.members.values().filter(|member| member.id != join.member_id);
        if others().next().is_none() {
            return true;
        }
        self.protocol_type.as_deref() == Some(join.protocol_type.as_str())
            && join
                .protocols
                .iter()
                .any(|(name, _)| others().all(|member| member.protocols.iter().any(|(other, _)| other == name)))
    }

    /// The assignor that all members know and most prefer.
    pub(crate) fn choose_protocol(&self) -> Option<String> {
        let known_to_all =
            |name: &str| self.members.values().all(|m| m.protocols.iter().any(|(other, _)| other == name));
        let mut votes: Vec<(&str, usize)> = Vec::new();
        for member in self.members.values() {
            let choice = member.protocols.iter().map(|(name, _)| name.as_str()).find(|n| known_to_all(n));
            let Some(choice) = choice else { continue };
            match votes.iter_mut().find(|(name, _)| *name == choice) {
                Some((_, count)) => *count += 1,
                None => votes.push((choice, 1)),
            }
        }
        votes.iter().max_by_key(|(_, count)| *count).map(|(name, _)| (*name).to_owned())
    }

    /// Starts a rebalance unless one is under way, and ends it if nobody is missing.
    pub(crate) fn rebalance(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        if self.state == State::CompletingRebalance {
            self.interrupt_syncs(actions);
        }
        if self.state != State::PreparingRebalance {
            self.enter(State::PreparingRebalance, now_ms);
            self.rebalance_deadline_ms = Some(now_ms + self.rebalance_timeout_ms());
        }
        self.try_complete_join(now_ms, actions);
    }

    /// Ends the join phase once every member has come.
    pub(crate) fn try_complete_join(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        let all_here = self.members.values().all(|member| member.joining.is_some());
        if self.state == State::PreparingRebalance && all_here && self.pending_ids.is_empty() {
            self.complete_join(now_ms, actions);
        }
    }

    /// The join phase is over: members that have not come are dropped, unless they are static.
    pub(crate) fn complete_join(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        let absent: Vec<String> = self
            .members
            .values()
            .filter(|member| member.joining.is_none() && member.instance_id.is_none())
            .map(|member| member.id.clone())
            .collect();
        for id in absent {
            self.forget(&id, actions);
        }
        if self.members.is_empty() {
            self.become_empty(now_ms, actions);
            return;
        }
        let Some(leader) = self.leader_that_joined() else {
            // Only static members that are away: wait for one of them to lead.
            self.rebalance_deadline_ms = Some(now_ms + self.rebalance_timeout_ms());
            return;
        };
        self.leader = Some(leader);
        self.generation = self.generation.wrapping_add(1).max(1);
        self.protocol_name = self.choose_protocol();
        self.enter(State::CompletingRebalance, now_ms);
        self.sync_deadline_ms = Some(now_ms + self.rebalance_timeout_ms());
        self.answer_joins(now_ms, actions);
    }

    fn answer_joins(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        let mut replies = Vec::with_capacity(self.members.len());
        for member in self.members.values_mut() {
            // A static member that is away keeps its session's deadline: it may still turn out dead.
            if let Some(reply) = member.joining.take() {
                member.touch(now_ms);
                replies.push((reply, member.id.clone()));
            }
        }
        for (reply, id) in replies {
            let is_leader = self.leader.as_deref() == Some(id.as_str());
            actions.push(Action::Joined(reply, self.joined(&id, is_leader)));
        }
    }

    fn become_empty(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        self.generation = self.generation.wrapping_add(1).max(1);
        self.protocol_name = None;
        self.leader = None;
        self.enter(State::Empty, now_ms);
        actions.push(Action::Persist);
    }

    fn leader_that_joined(&self) -> Option<String> {
        let here = |id: &String| self.members.get(id).is_some_and(|member| member.joining.is_some());
        match &self.leader {
            Some(leader) if here(leader) => Some(leader.clone()),
            _ => self.members.values().find(|m| m.joining.is_some()).map(|m| m.id.clone()),
        }
    }

    fn interrupt_syncs(&mut self, actions: &mut Vec<Action>) {
        for member in self.members.values_mut() {
            member.assignment = bytes::Bytes::new();
            if let Some(reply) = member.syncing.take() {
                actions.push(Action::Synced(reply, Synced::failed(ResponseError::RebalanceInProgress)));
            }
        }
    }

    /// Removes a member that left or died, and rebalances.
    pub(crate) fn remove_member(&mut self, now_ms: i64, id: &str, actions: &mut Vec<Action>) {
        self.forget(id, actions);
        match self.state {
            State::Stable | State::CompletingRebalance => self.rebalance(now_ms, actions),
            State::PreparingRebalance => self.try_complete_join(now_ms, actions),
            State::Empty | State::Dead => {}
        }
    }

    fn forget(&mut self, id: &str, actions: &mut Vec<Action>) {
        let Some(member) = self.members.remove(id) else { return };
        if let Some(reply) = member.joining {
            actions.push(Action::Joined(reply, Joined::failed(id, ResponseError::UnknownMemberId)));
        }
        if let Some(reply) = member.syncing {
            actions.push(Action::Synced(reply, Synced::failed(ResponseError::UnknownMemberId)));
        }
        if let Some(instance) = &member.instance_id
            && self.instances.get(instance).is_some_and(|owner| owner == id)
        {
            self.instances.remove(instance);
        }
        if self.leader.as_deref() == Some(id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    fn rebalance_timeout_ms(&self) -> i64 {
        self.members.values().map(|member| i64::from(member.rebalance_timeout_ms.max(0))).max().unwrap_or(0)
    }
}
