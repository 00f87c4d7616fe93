//! What time does to a group: sessions, pending ids and rebalances run out.

use super::machine::{Group, State};
use super::protocol::Action;

impl Group {
    /// The earliest time at which [`Group::expire`] has something to do.
    pub(crate) fn next_deadline_ms(&self) -> Option<i64> {
        let sessions =
            self.members.values().filter(|member| !member.is_waiting()).map(|member| member.session_deadline_ms);
        sessions
            .chain(self.pending_ids.values().copied())
            .chain(self.rebalance_deadline_ms)
            .chain(self.sync_deadline_ms)
            .min()
    }

    /// Acts on every deadline that has passed.
    pub(crate) fn expire(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        let pending_before = self.pending_ids.len();
        self.pending_ids.retain(|_, lapses_ms| *lapses_ms > now_ms);
        if self.pending_ids.len() != pending_before {
            self.try_complete_join(now_ms, actions);
        }
        let dead: Vec<String> = self
            .members
            .values()
            .filter(|member| !member.is_waiting() && member.session_deadline_ms <= now_ms)
            .map(|member| member.id.clone())
            .collect();
        for id in dead {
            tracing::info!(member = %id, "the member's session has timed out");
            self.remove_member(now_ms, &id, actions);
        }
        if self.state == State::PreparingRebalance
            && self.rebalance_deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms)
        {
            self.pending_ids.clear();
            self.complete_join(now_ms, actions);
        }
        if self.state == State::CompletingRebalance
            && self.sync_deadline_ms.is_some_and(|deadline_ms| deadline_ms <= now_ms)
        {
            self.drop_unsynced(now_ms, actions);
        }
    }

    /// Members that took their generation and never synced hold up the leader's assignment: they go.
    fn drop_unsynced(&mut self, now_ms: i64, actions: &mut Vec<Action>) {
        self.sync_deadline_ms = None;
        let unsynced: Vec<String> =
            self.members.values().filter(|member| member.syncing.is_none()).map(|member| member.id.clone()).collect();
        for id in unsynced {
            self.remove_member(now_ms, &id, actions);
        }
    }
}
