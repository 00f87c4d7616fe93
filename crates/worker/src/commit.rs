use std::collections::{BTreeMap, BTreeSet};

use headwater_log::TopicPartition;

use crate::Error;
use crate::commit_policy::Pending;
use crate::core::Core;
use crate::planted::Bug;
use crate::ports::{
    Clock as _, GroupCredentials as _, GroupMember as _, Observer as _, OffsetToCommit, Ports, Stores as _, TaskStore,
    TransactionEnd, Trouble,
};
use crate::positions::Positions;
use crate::task_slot::TaskSlot;
use crate::tasks::Round;

impl<P: Ports> Core<P> {
    /// Commits if the policy says so. `fetched`: the records that the consumer had; `drained`: it had none, and no task has
    /// anything left to do.
    pub(crate) fn commit_if_due(
        &mut self,
        round: Round,
        fetched: usize,
        drained: bool,
        member: &P::Member,
    ) -> Result<(), Error> {
        let now = self.clock.monotonic();
        self.lingers = None;
        self.fetched += fetched;
        let Some(open_for) = self.transaction.open_for(now) else {
            self.fetched = 0;
            return Ok(());
        };
        let drained = drained && !round.more && self.markers.hold_back(now).is_none();
        self.drained_since = if drained { self.drained_since.or(Some(now)) } else { None };
        let pending = Pending {
            open_for,
            staged_bytes: self.staged_bytes() + self.transaction.produced_bytes(),
            fetched: self.fetched,
            drained_for: self.drained_since.map(|since| now.saturating_sub(since)),
        };
        if self.policy.is_due(pending) {
            (self.drained_since, self.fetched) = (None, 0);
            return self.commit(member);
        }
        self.lingers = self.policy.linger_left(pending);
        Ok(())
    }

    /// Commits the open transaction: flush, offsets with fresh group metadata, commit, and only then the stores.
    /// Whatever goes wrong in a way that can be tried again ends in a rewind, which is no error.
    pub(crate) fn commit(&mut self, member: &P::Member) -> Result<(), Error> {
        let begun = self.clock.monotonic();
        let Some(open_for) = self.transaction.open_for(begun) else { return Ok(()) };
        let touched = self.touched();
        if touched.is_empty() {
            return self.abort(member, "nothing was done in it");
        }
        if let Some(why) = self.not_ours(&touched, member) {
            return self.abort(member, &why);
        }
        let offsets = self.prepare(&touched)?;
        #[cfg(feature = "planted-bugs")]
        if self.blueprint.planted.has(Bug::ApplyBeforeCommit) {
            self.write_early(&touched)?;
        }
        #[cfg(feature = "planted-bugs")]
        let outcome = if self.blueprint.planted.has(Bug::CallBeforeCommit) {
            self.commit_after_calls(&touched, &offsets, member)
        } else {
            self.commit_on_kafka(&offsets, member)
        };
        #[cfg(not(feature = "planted-bugs"))]
        let outcome = self.commit_on_kafka(&offsets, member);
        match outcome {
            Ok(()) => {
                let cost = self.clock.monotonic().saturating_sub(begun);
                self.policy.committed_in(cost);
                self.pace.committed();
                self.markers.committed(self.clock.monotonic(), self.transaction.was_early());
                self.observer.commit_took(cost);
                self.observer.transaction_ended(TransactionEnd::Committed);
                let applied = self.apply(&touched, offsets, member);
                let with_stores = self.clock.monotonic().saturating_sub(begun);
                tracing::trace!(
                    worker = self.number,
                    tasks = touched.len(),
                    ?open_for,
                    ?cost,
                    ?with_stores,
                    "committed"
                );
                applied?;
                self.end_closing(member)
            }
            Err(Trouble::Abort(why)) => self.abort(member, &why),
            Err(Trouble::Unknown(why)) => self.recover(member, &why),
            Err(Trouble::Fenced(why)) => self.recover_from_fencing(member, &why),
            Err(Trouble::Fatal(error)) => Err(error),
        }
    }

    fn touched(&self) -> Vec<usize> {
        let touched = |(place, slot): (usize, &Option<TaskSlot<P::Store>>)| {
            slot.as_ref().is_some_and(|slot| slot.touched).then_some(place)
        };
        self.tasks.iter().enumerate().filter_map(touched).collect()
    }

    /// Why the transaction can't be committed: the assignment under which it was begun no longer holds.
    fn not_ours(&self, touched: &[usize], member: &P::Member) -> Option<String> {
        if member.assignment_is_lost() {
            return Some("the assignment was lost".to_owned());
        }
        let begun_in = self.transaction.epoch()?;
        let newer = |place: &&usize| self.slot(**place).is_some_and(|slot| slot.epoch > begun_in);
        let newer = touched.iter().find(newer)?;
        let slot = self.slot(*newer)?;
        Some(format!("task {} came after the transaction began", slot.task.id()))
    }

    /// Writes the changelogs and gathers what to commit: for every task that wrote anything an offset, at least its
    /// anchor's, changed or not. Without offsets there would be no check of the generation.
    fn prepare(&mut self, touched: &[usize]) -> Result<BTreeMap<TopicPartition, Positions>, Error> {
        let mut offsets: BTreeMap<TopicPartition, Positions> = BTreeMap::new();
        for place in touched {
            let Some(Some(slot)) = self.tasks.get_mut(*place) else { continue };
            let positions = slot.prepare(&mut self.effects).positions.clone();
            if let Some(changelog) = &slot.changelog {
                let mut changes = 0;
                for (key, value) in slot.task.changelog() {
                    self.transaction.produce_change(changelog, key, value)?;
                    changes += 1;
                }
                self.observer.produced(changes);
            }
            let mut sent = false;
            for (input, position) in positions.iter().enumerate() {
                let (Some(position), Some(partition)) = (position, slot.inputs.get(input)) else { continue };
                let is_same = slot.positions.get(input).copied().flatten() == Some(*position);
                if is_same || self.blueprint.planted.has(Bug::OffsetLeftOut) {
                    continue;
                }
                let Some(known) = self.partitions.get(partition) else { continue };
                offsets
                    .entry(partition.clone())
                    .or_insert_with(|| known.committed.clone())
                    .set(&slot.reader, *position);
                sent = true;
            }
            if !sent {
                let anchor = TopicPartition::new(slot.anchor.0.clone(), slot.anchor.1);
                let known = self.partitions.get(&anchor).map(|known| known.committed.clone()).unwrap_or_default();
                offsets.entry(anchor).or_insert(known);
            }
        }
        self.produce_outputs()?;
        Ok(offsets)
    }

    pub(crate) fn commit_on_kafka(
        &mut self,
        offsets: &BTreeMap<TopicPartition, Positions>,
        member: &P::Member,
    ) -> Result<(), Trouble> {
        let begun = self.clock.monotonic();
        self.transaction.flush()?;
        let flushed = self.clock.monotonic();
        if let Some(why) = self.gap_in_fused() {
            return Err(Trouble::Abort(why));
        }
        #[cfg(feature = "planted-bugs")]
        let stale = self.first_credentials.take().filter(|_| self.blueprint.planted.has(Bug::StaleCredentials));
        #[cfg(not(feature = "planted-bugs"))]
        let stale = None;
        let fresh = || member.credentials().map_err(|error| Trouble::Abort(error.to_string()));
        let credentials = stale.map_or_else(fresh, Ok)?;
        if !credentials.is_member() {
            return Err(Trouble::Abort(format!(
                "this worker is no member of group {} now (generation {})",
                credentials.group(),
                credentials.generation()
            )));
        }
        let commits: Vec<OffsetToCommit> = offsets
            .iter()
            .map(|(partition, positions)| OffsetToCommit {
                partition: partition.clone(),
                offset: positions.least(),
                metadata: positions.metadata(),
            })
            .collect();
        let is_left_out = self.blueprint.planted.has(Bug::TimerWithoutOffsets)
            && offsets.iter().all(|(partition, positions)| {
                self.partitions.get(partition).is_some_and(|known| known.committed == *positions)
            });
        let sent = if is_left_out { Ok(()) } else { self.transaction.send_offsets(&commits, &credentials) };
        #[cfg(feature = "planted-bugs")]
        self.first_credentials.replace(credentials);
        sent?;
        let added = self.clock.monotonic();
        self.transaction.commit()?;
        tracing::trace!(
            worker = self.number,
            flush = ?flushed.saturating_sub(begun),
            offsets = ?added.saturating_sub(flushed),
            end = ?self.clock.monotonic().saturating_sub(added),
            "kafka has committed"
        );
        Ok(())
    }

    /// Kafka has committed: the stores follow in one batch, and outside calls start.
    fn apply(
        &mut self,
        touched: &[usize],
        offsets: BTreeMap<TopicPartition, Positions>,
        member: &P::Member,
    ) -> Result<(), Error> {
        let now = self.clock.wall();
        let mut batch = <P::Store as TaskStore>::batch_for(self.staged_bytes());
        let mut calls = Vec::new();
        for place in touched {
            let Some(Some(slot)) = self.tasks.get_mut(*place) else { continue };
            let written = slot.changelog.as_ref().and_then(|changelog| self.transaction.written(changelog));
            let end_of = |partition: &TopicPartition| member.cached_end(partition);
            let started = slot.stage_committed(written.map(|written| written.last.next()), now, end_of, &mut batch)?;
            if !started.is_empty() {
                calls.push((*place, started));
            }
        }
        self.stores.write(batch)?;
        self.begin_fusing();
        self.transaction.closed()?;
        for (partition, positions) in offsets {
            self.observer.committed_at(&partition, positions.least());
            if let Some(known) = self.partitions.get_mut(&partition) {
                known.committed = positions;
            }
        }
        for (place, started) in calls {
            self.start_calls(place, &started)?;
        }
        Ok(())
    }

    /// Aborts the open transaction and, once that is certain, goes back to where it began.
    pub(crate) fn abort(&mut self, member: &P::Member, why: &str) -> Result<(), Error> {
        let now = self.clock.monotonic();
        if self.transaction.open_for(now).is_none() {
            return Ok(());
        }
        tracing::warn!(worker = self.number, why, "transaction aborted; going back to where it began");
        match self.transaction.abort() {
            Ok(()) => {
                self.observer.transaction_ended(TransactionEnd::Aborted);
                self.rewind(member)
            }
            Err(Trouble::Fatal(error)) => Err(error),
            Err(Trouble::Fenced(why)) => self.recover_from_fencing(member, &why),
            Err(Trouble::Abort(why) | Trouble::Unknown(why)) => self.recover(member, &why),
        }
    }

    /// Every task that took part is as at the last commit, and its inputs are fetched again from there: what it had
    /// buffered is dropped with what it had staged.
    pub(crate) fn rewind(&mut self, member: &P::Member) -> Result<(), Error> {
        self.transaction.closed()?;
        self.pace.aborted(self.clock.monotonic());
        self.effects.outputs.clear();
        let fused = self.fused_that_go_back();
        let mut inputs = BTreeSet::new();
        for slot in self.tasks.iter_mut().flatten() {
            if slot.touched {
                if self.blueprint.planted.has(Bug::OverlayKept) {
                    slot.touched = false;
                } else {
                    slot.rolled_back();
                }
                inputs.extend(slot.inputs.iter().cloned());
            }
        }
        for input in &inputs {
            if let Some(found) = self.partitions.get_mut(input) {
                found.fetched = None;
            }
        }
        self.unfuse(&fused, member)?;
        let inputs: Vec<TopicPartition> = inputs.into_iter().collect();
        self.point_fetch_at(&inputs, member)
    }
}
