use std::collections::{BTreeMap, BTreeSet};

use headwater_kafka::{ConsumerHandle, OffsetToCommit};
use headwater_log::{Offset, TopicPartition};

use super::commit_policy::Pending;
use super::core::Core;
use super::positions::Positions;
use super::tasks::Round;
use super::transaction::Outcome;
use crate::Error;
use crate::state::StateBatch;

impl Core {
    /// Commits if the policy says so. `drained`: the consumer had nothing and no task has anything left to do.
    pub(super) fn commit_if_due(
        &mut self,
        round: Round,
        drained: bool,
        consumer: &ConsumerHandle,
    ) -> Result<(), Error> {
        let now = self.shared.clock.monotonic();
        let Some(open_for) = self.transaction.open_for(now) else { return Ok(()) };
        let pending = Pending {
            open_for,
            staged_bytes: self.staged_bytes() + self.transaction.produced_bytes(),
            drained: drained && !round.more,
        };
        if self.policy.is_due(pending) { self.commit(consumer) } else { Ok(()) }
    }

    /// Commits the open transaction: flush, offsets with fresh group metadata, commit, and only then the stores.
    /// Whatever goes wrong in a way that can be tried again ends in a rewind, which is no error.
    pub(super) fn commit(&mut self, consumer: &ConsumerHandle) -> Result<(), Error> {
        let begun = self.shared.clock.monotonic();
        let Some(open_for) = self.transaction.open_for(begun) else { return Ok(()) };
        let touched = self.touched();
        if touched.is_empty() {
            return self.abort(consumer, "nothing was done in it");
        }
        if let Some(why) = self.not_ours(&touched, consumer) {
            return self.abort(consumer, &why);
        }
        let offsets = self.prepare(&touched)?;
        let outcome = self.commit_on_kafka(&offsets, consumer);
        match outcome {
            Ok(()) => {
                let cost = self.shared.clock.monotonic().saturating_sub(begun);
                self.policy.committed_in(cost);
                self.shared.metrics.commit_time.observe(cost.as_secs_f64());
                self.shared.metrics.transactions.with_label_values(&["committed"]).inc();
                let applied = self.apply(&touched, offsets);
                let with_stores = self.shared.clock.monotonic().saturating_sub(begun);
                tracing::trace!(
                    worker = self.number,
                    tasks = touched.len(),
                    ?open_for,
                    ?cost,
                    ?with_stores,
                    "committed"
                );
                applied
            }
            Err(Outcome::Abort(why)) => self.abort(consumer, &why),
            Err(Outcome::Unknown(why)) => self.recover(consumer, &why),
            Err(Outcome::Fenced(why)) => self.recover_from_fencing(consumer, &why),
            Err(Outcome::Fatal(error)) => Err(error),
        }
    }

    fn touched(&self) -> Vec<usize> {
        let touched = |(place, slot): (usize, &Option<super::task_slot::TaskSlot>)| {
            slot.as_ref().is_some_and(|slot| slot.touched).then_some(place)
        };
        self.tasks.iter().enumerate().filter_map(touched).collect()
    }

    /// Why the transaction can't be committed: the assignment under which it was begun no longer holds.
    fn not_ours(&self, touched: &[usize], consumer: &ConsumerHandle) -> Option<String> {
        if consumer.assignment_is_lost() {
            return Some("the assignment was lost".to_owned());
        }
        let begun_in = self.transaction.epoch()?;
        let newer =
            |place: &&usize| self.tasks.get(**place).and_then(Option::as_ref).is_some_and(|slot| slot.epoch > begun_in);
        let newer = touched.iter().find(newer)?;
        let slot = self.tasks.get(*newer)?.as_ref()?;
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
                for (key, value) in slot.task.changelog() {
                    self.transaction.produce_change(changelog, key, value)?;
                    self.shared.metrics.produced.inc();
                }
            }
            let mut sent = false;
            for (input, position) in positions.iter().enumerate() {
                let (Some(position), Some(partition)) = (position, slot.inputs.get(input)) else { continue };
                if slot.positions.get(input).copied().flatten() == Some(*position) {
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

    fn commit_on_kafka(
        &mut self,
        offsets: &BTreeMap<TopicPartition, Positions>,
        consumer: &ConsumerHandle,
    ) -> Result<(), Outcome> {
        self.transaction.flush()?;
        let metadata = consumer.group_metadata().map_err(|error| Outcome::Abort(error.to_string()))?;
        if !metadata.is_member() {
            return Err(Outcome::Abort(format!(
                "this worker is no member of group {} now (generation {})",
                metadata.group(),
                metadata.generation()
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
        self.transaction.send_offsets(&commits, &metadata)?;
        self.transaction.commit()
    }

    /// Kafka has committed: the stores follow in one batch, and outside calls start.
    fn apply(&mut self, touched: &[usize], offsets: BTreeMap<TopicPartition, Positions>) -> Result<(), Error> {
        let now = self.shared.clock.wall();
        let mut batch = StateBatch::default();
        let mut calls = Vec::new();
        for place in touched {
            let Some(Some(slot)) = self.tasks.get_mut(*place) else { continue };
            let written: Option<Offset> =
                slot.changelog.as_ref().and_then(|changelog| self.transaction.last_offset(changelog)).map(Offset::next);
            let started = slot.stage_committed(written, now, &mut batch)?;
            if !started.is_empty() {
                calls.push((*place, started));
            }
        }
        self.shared.database.write(batch)?;
        self.transaction.closed()?;
        for (partition, positions) in offsets {
            self.shared.metrics.committed_at(&partition, positions.least());
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
    pub(super) fn abort(&mut self, consumer: &ConsumerHandle, why: &str) -> Result<(), Error> {
        let now = self.shared.clock.monotonic();
        if self.transaction.open_for(now).is_none() {
            return Ok(());
        }
        tracing::warn!(worker = self.number, why, "transaction aborted; going back to where it began");
        match self.transaction.abort() {
            Ok(()) => {
                self.shared.metrics.transactions.with_label_values(&["aborted"]).inc();
                self.rewind(consumer)
            }
            Err(Outcome::Fatal(error)) => Err(error),
            Err(Outcome::Fenced(why)) => self.recover_from_fencing(consumer, &why),
            Err(Outcome::Abort(why) | Outcome::Unknown(why)) => self.recover(consumer, &why),
        }
    }

    /// Every task that took part is as at the last commit, and its inputs are fetched again from there: what it had
    /// buffered is dropped with what it had staged.
    fn rewind(&mut self, consumer: &ConsumerHandle) -> Result<(), Error> {
        self.transaction.closed()?;
        self.effects.outputs.clear();
        let mut inputs = BTreeSet::new();
        for slot in self.tasks.iter_mut().flatten() {
            if slot.touched {
                slot.rolled_back();
                inputs.extend(slot.inputs.iter().cloned());
            }
        }
        for input in &inputs {
            if let Some(found) = self.partitions.get_mut(input) {
                found.fetched = None;
            }
        }
        let inputs: Vec<TopicPartition> = inputs.into_iter().collect();
        self.point_fetch_at(&inputs, consumer)
    }
}
