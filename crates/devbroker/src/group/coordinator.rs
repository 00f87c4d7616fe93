//! The group coordinator: groups behind one lock, their log, and the requests that wait for a rebalance.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use kafka_protocol::ResponseError;
use tokio::sync::{Notify, oneshot};

use super::offsets::Committed;
use super::protocol::{Action, Identity, Join, Joined, ReplyId, Sync, Synced};
use super::records::{group_key, group_value, offset_key, offset_value};
use super::replay::{Replay, Slot};
use crate::Error;
use crate::cluster::batch::{BatchProducer, KeyValue, encode_batch, replay};
use crate::cluster::clock::Clock;
use crate::cluster::lock::lock;
use crate::cluster::partition::Partition;
use crate::cluster::topic::TopicPartition;

/// Groups that the node keeps; a bound against clients that make up group ids.
const GROUPS_MAX: usize = 100_000;

/// The coordinator of every group.
#[derive(Debug)]
pub(crate) struct GroupCoordinator {
    clock: Clock,
    log: Arc<Partition>,
    inner: Mutex<Inner>,
    /// A deadline may have come nearer.
    deadlines_changed: Notify,
}

#[derive(Debug, Default)]
pub(crate) struct Inner {
    pub(crate) groups: BTreeMap<String, Slot>,
    joins: HashMap<ReplyId, oneshot::Sender<Joined>>,
    syncs: HashMap<ReplyId, oneshot::Sender<Synced>>,
    next_reply: u64,
    /// By producer id: the epoch and next sequence number of its offsets in the log.
    sequences: HashMap<i64, (i16, i32)>,
}

/// Offsets to commit, as the two commit requests name them.
pub(crate) type NewOffsets = Vec<(TopicPartition, Committed)>;

impl GroupCoordinator {
    /// Reads all groups from the log.
    pub(crate) fn open(log: Arc<Partition>, clock: Clock) -> Result<Self, Error> {
        let now_ms = clock.now_ms();
        let mut restored = Replay::default();
        replay(&log, |record| restored.apply(&record, now_ms))?;
        for producer_id in restored.pending_producers() {
            // Compaction may have dropped the marker of a transaction that committed; one that is still open has none.
            let open = log.with_log(|log| Ok(log.has_open_transaction(producer_id)));
            if open == Ok(false) {
                restored.complete(producer_id, true);
            }
        }
        let producers = log.with_log(|log| Ok(log.active_producers())).unwrap_or_default();
        let sequences = producers
            .into_iter()
            .map(|p| (p.producer_id, (p.producer_epoch, sequence_after(p.last_sequence, 1))))
            .collect();
        Ok(Self {
            clock,
            log,
            inner: Mutex::new(Inner { groups: restored.groups, sequences, ..Inner::default() }),
            deadlines_changed: Notify::new(),
        })
    }

    /// Joins a group; the answer comes when the rebalance ends.
    pub(crate) async fn join(&self, group_id: &str, join: Join) -> Joined {
        let member_id = join.member_id.clone();
        let waiting = {
            let mut inner = lock(&self.inner);
            let now_ms = self.clock.now_ms();
            if !inner.groups.contains_key(group_id) {
                if !join.member_id.is_empty() {
                    return Joined::failed(&member_id, ResponseError::UnknownMemberId);
                }
                if inner.groups.len() >= GROUPS_MAX {
                    return Joined::failed(&member_id, ResponseError::GroupMaxSizeReached);
                }
            }
            let reply = inner.next_reply();
            let (answer, waiting) = oneshot::channel();
            inner.joins.insert(reply, answer);
            let mut actions = Vec::new();
            let slot = inner.groups.entry(group_id.to_owned()).or_insert_with(|| Slot::new(now_ms));
            slot.group.join(now_ms, join, reply, &mut actions);
            self.act(&mut inner, group_id, actions);
            waiting
        };
        self.deadlines_changed.notify_one();
        waiting.await.unwrap_or_else(|_| Joined::failed(&member_id, ResponseError::CoordinatorNotAvailable))
    }

    /// Asks for the assignment; the answer comes when the leader has given it.
    pub(crate) async fn sync(&self, group_id: &str, sync: Sync) -> Synced {
        let waiting = {
            let mut inner = lock(&self.inner);
            let reply = inner.next_reply();
            let (answer, waiting) = oneshot::channel();
            let mut actions = Vec::new();
            let Some(slot) = inner.groups.get_mut(group_id) else {
                return Synced::failed(ResponseError::UnknownMemberId);
            };
            slot.group.sync(self.clock.now_ms(), sync, reply, &mut actions);
            inner.syncs.insert(reply, answer);
            self.act(&mut inner, group_id, actions);
            waiting
        };
        self.deadlines_changed.notify_one();
        waiting.await.unwrap_or_else(|_| Synced::failed(ResponseError::CoordinatorNotAvailable))
    }

    /// A sign of life.
    pub(crate) fn heartbeat(&self, group_id: &str, who: &Identity) -> Result<(), ResponseError> {
        let mut inner = lock(&self.inner);
        let slot = inner.groups.get_mut(group_id).ok_or(ResponseError::UnknownMemberId)?;
        slot.group.heartbeat(self.clock.now_ms(), who)
    }

    /// Members leave, by member id or by instance id.
    pub(crate) fn leave(&self, group_id: &str, members: &[(String, Option<String>)]) -> Vec<Result<(), ResponseError>> {
        let mut inner = lock(&self.inner);
        let now_ms = self.clock.now_ms();
        let mut actions = Vec::new();
        let results = match inner.groups.get_mut(group_id) {
            Some(slot) => members
                .iter()
                .map(|(id, instance)| slot.group.leave(now_ms, id, instance.as_deref(), &mut actions))
                .collect(),
            None => members.iter().map(|_| Err(ResponseError::UnknownMemberId)).collect(),
        };
        self.act(&mut inner, group_id, actions);
        drop(inner);
        self.deadlines_changed.notify_one();
        results
    }

    /// Commits offsets, in a producer's transaction or at once.
    pub(crate) fn commit(
        &self,
        group_id: &str,
        who: &Identity,
        producer: Option<(i64, i16)>,
        mut offsets: NewOffsets,
    ) -> Result<(), ResponseError> {
        let mut inner = lock(&self.inner);
        let now_ms = self.clock.now_ms();
        let full = inner.groups.len() >= GROUPS_MAX;
        match inner.groups.get_mut(group_id) {
            Some(slot) => {
                slot.group.check_commit(who, producer.is_some())?;
                if producer.is_none() {
                    slot.group.touch(now_ms, &who.member_id);
                }
            }
            None if who.generation >= 0 => return Err(ResponseError::IllegalGeneration),
            None if full => return Err(ResponseError::GroupMaxSizeReached),
            None => {}
        }
        if offsets.is_empty() {
            return Ok(());
        }
        let records: Vec<KeyValue> = offsets
            .iter_mut()
            .map(|(at, committed)| {
                committed.commit_time_ms = now_ms;
                (offset_key(group_id, at), Some(offset_value(committed)))
            })
            .collect();
        let producer = producer.map(|(id, epoch)| {
            let sequence = match inner.sequences.get(&id) {
                Some((known_epoch, next)) if *known_epoch == epoch => *next,
                _ => 0,
            };
            BatchProducer { id, epoch, sequence }
        });
        let appended = self.log.append_internal(encode_batch(&records, now_ms, producer), now_ms)?;
        if let Some(BatchProducer { id, epoch, sequence }) = producer {
            inner.sequences.insert(id, (epoch, sequence_after(sequence, records.len())));
        }
        let slot = inner.groups.entry(group_id.to_owned()).or_insert_with(|| Slot::new(now_ms));
        for (log_offset, (at, mut committed)) in (appended.base_offset..).zip(offsets) {
            committed.log_offset = log_offset;
            match producer {
                Some(producer) => slot.offsets.hold(producer.id, at, committed),
                None => slot.offsets.commit(at, committed),
            }
        }
        Ok(())
    }

    /// Ends a producer's transaction on `__consumer_offsets`: marker first, then the offsets become visible.
    pub(crate) fn complete_transaction(&self, producer: (i64, i16), commit: bool) -> Result<(), ResponseError> {
        let mut inner = lock(&self.inner);
        self.log.append_marker(producer, commit, self.clock.now_ms())?;
        for slot in inner.groups.values_mut() {
            slot.offsets.complete(producer.0, commit);
        }
        Ok(())
    }

    /// Logs tombstones and forgets the offsets; `None` names all of a group's.
    pub(crate) fn forget_offsets(&self, group_id: &str, at: &[TopicPartition]) -> Result<(), ResponseError> {
        let mut inner = lock(&self.inner);
        let Some(slot) = inner.groups.get_mut(group_id) else { return Ok(()) };
        self.append_tombstones(at.iter().map(|at| offset_key(group_id, at)))?;
        for at in at {
            slot.offsets.remove(at);
        }
        Ok(())
    }

    /// Deletes a group that has no members.
    pub(crate) fn delete(&self, group_id: &str) -> Result<(), ResponseError> {
        let mut inner = lock(&self.inner);
        let slot = inner.groups.get(group_id).ok_or(ResponseError::GroupIdNotFound)?;
        if !slot.group.members.is_empty() || !slot.group.pending_ids.is_empty() || slot.offsets.has_pending() {
            return Err(ResponseError::NonEmptyGroup);
        }
        let keys = slot.offsets.partitions().into_iter().map(|at| offset_key(group_id, &at));
        self.append_tombstones(keys.chain([group_key(group_id)]))?;
        inner.groups.remove(group_id);
        Ok(())
    }

    /// A deleted topic takes its committed offsets with it.
    pub(crate) fn forget_topic(&self, topic: &str) {
        let affected: Vec<(String, Vec<TopicPartition>)> = self.look(|groups| {
            groups
                .iter()
                .map(|(id, slot)| {
                    let at = slot.offsets.partitions().into_iter().filter(|at| at.topic == topic).collect();
                    (id.clone(), at)
                })
                .filter(|(_, at): &(String, Vec<_>)| !at.is_empty())
                .collect()
        });
        for (group_id, at) in affected {
            if let Err(error) = self.forget_offsets(&group_id, &at) {
                tracing::warn!(group = %group_id, topic, %error, "offsets of a deleted topic are left");
            }
        }
    }

    fn append_tombstones(&self, keys: impl Iterator<Item = bytes::Bytes>) -> Result<(), ResponseError> {
        let records: Vec<KeyValue> = keys.map(|key| (key, None)).collect();
        if records.is_empty() {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        self.log.append_internal(encode_batch(&records, now_ms, None), now_ms)?;
        Ok(())
    }

    /// Reads the groups.
    pub(crate) fn look<R>(&self, read: impl FnOnce(&BTreeMap<String, Slot>) -> R) -> R {
        read(&lock(&self.inner).groups)
    }

    /// Carries out what a machine asked for, in its order.
    fn act(&self, inner: &mut Inner, group_id: &str, actions: Vec<Action>) {
        let mut failed = None;
        for action in actions {
            match action {
                Action::Persist => failed = self.persist(inner, group_id).err(),
                Action::Joined(reply, mut joined) => {
                    if let (Some(error), None) = (failed, joined.error) {
                        joined = Joined::failed(&joined.member_id, error);
                    }
                    if let Some(answer) = inner.joins.remove(&reply) {
                        // A client that has gone away does not wait any more.
                        drop(answer.send(joined));
                    }
                }
                Action::Synced(reply, mut synced) => {
                    if let (Some(error), None) = (failed, synced.error) {
                        synced = Synced::failed(error);
                    }
                    if let Some(answer) = inner.syncs.remove(&reply) {
                        drop(answer.send(synced));
                    }
                }
            }
        }
    }

    fn persist(&self, inner: &Inner, group_id: &str) -> Result<(), ResponseError> {
        let Some(slot) = inner.groups.get(group_id) else { return Ok(()) };
        let record = (group_key(group_id), Some(group_value(&slot.group)));
        let now_ms = self.clock.now_ms();
        self.log.append_internal(encode_batch(&[record], now_ms, None), now_ms)?;
        Ok(())
    }

    /// Acts on deadlines until the broker stops.
    pub(crate) async fn run_deadlines(&self) {
        loop {
            let now_ms = self.clock.now_ms();
            let next_ms = self.expire(now_ms);
            let changed = self.deadlines_changed.notified();
            match next_ms {
                Some(next_ms) => {
                    let wait = Duration::from_millis(u64::try_from(next_ms - now_ms).unwrap_or(0).max(1));
                    // Elapsed or changed: both mean to look again.
                    let _ = tokio::time::timeout(wait, changed).await;
                }
                None => changed.await,
            }
        }
    }

    fn expire(&self, now_ms: i64) -> Option<i64> {
        let mut inner = lock(&self.inner);
        let due: Vec<String> = inner
            .groups
            .iter()
            .filter(|(_, slot)| slot.group.next_deadline_ms().is_some_and(|at_ms| at_ms <= now_ms))
            .map(|(id, _)| id.clone())
            .collect();
        for id in due {
            let mut actions = Vec::new();
            if let Some(slot) = inner.groups.get_mut(&id) {
                slot.group.expire(now_ms, &mut actions);
            }
            self.act(&mut inner, &id, actions);
        }
        inner.groups.values().filter_map(|slot| slot.group.next_deadline_ms()).min()
    }
}

/// Sequence numbers start again at 0 after the largest.
fn sequence_after(sequence: i32, count: usize) -> i32 {
    let next = i64::from(sequence) + count as i64;
    i32::try_from(next % (i64::from(i32::MAX) + 1)).unwrap_or(0)
}

impl Inner {
    fn next_reply(&mut self) -> ReplyId {
        self.next_reply += 1;
        ReplyId(self.next_reply)
    }
}
