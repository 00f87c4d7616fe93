//! The transaction coordinator: one lock for each transactional id, the log, and the timer of timeouts.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use kafka_protocol::ResponseError;
use kafka_protocol::records::Record;
use tokio::sync::Notify;

use super::machine::{Initialise, Producer, Transaction};
use super::producer_ids::ProducerIds;
use super::records;
use crate::Error;
use crate::cluster::batch::{encode_batch, replay};
use crate::cluster::catalog::Catalog;
use crate::cluster::clock::Clock;
use crate::cluster::lock::{lock, read, write};
use crate::cluster::partition::Partition;
use crate::cluster::topic::{CONSUMER_OFFSETS, TopicPartition};
use crate::group::coordinator::GroupCoordinator;

/// Kafka's `transaction.max.timeout.ms`.
const TIMEOUT_MS_MAX: i32 = 15 * 60 * 1000;
/// Transactional ids that the node keeps; a bound against clients that make them up.
const TRANSACTIONAL_IDS_MAX: usize = 100_000;
/// How long markers that could not be written wait before the next attempt.
const RETRY_MS: i64 = 1000;

/// One transactional id behind its lock. A transactional write holds it too, so that a transaction
/// cannot end between the check of a write and the write itself.
pub(crate) type Entry = Arc<Mutex<Transaction>>;

/// The coordinator of every transactional id.
#[derive(Debug)]
pub(crate) struct TransactionCoordinator {
    pub(super) clock: Clock,
    pub(super) log: Arc<Partition>,
    pub(super) catalog: Arc<Catalog>,
    pub(super) groups: Arc<GroupCoordinator>,
    producer_ids: ProducerIds,
    entries: RwLock<BTreeMap<String, Entry>>,
    /// When the timer wakes next; a transaction with an earlier deadline wakes it at once.
    wakes_at_ms: AtomicI64,
    deadlines_changed: Notify,
}

impl TransactionCoordinator {
    /// Reads all transactions from the log, and completes those whose outcome was decided.
    pub(crate) fn open(
        log: Arc<Partition>,
        catalog: Arc<Catalog>,
        groups: Arc<GroupCoordinator>,
        clock: Clock,
    ) -> Result<Self, Error> {
        let mut entries = BTreeMap::new();
        replay(&log, |record| restore(&mut entries, &record))?;
        let entries = entries.into_iter().map(|(id, tx)| (id, Arc::new(Mutex::new(tx)))).collect();
        let coordinator = Self {
            clock,
            log,
            producer_ids: ProducerIds::new(Arc::clone(&catalog)),
            catalog,
            groups,
            entries: RwLock::new(entries),
            wakes_at_ms: AtomicI64::new(0),
            deadlines_changed: Notify::new(),
        };
        for (id, entry) in coordinator.all() {
            coordinator.finish_decided(&id, &mut lock(&entry));
        }
        Ok(coordinator)
    }

    /// Every transactional id.
    pub(crate) fn all(&self) -> Vec<(String, Entry)> {
        read(&self.entries).iter().map(|(id, entry)| (id.clone(), Arc::clone(entry))).collect()
    }

    /// One transactional id.
    pub(crate) fn entry(&self, transactional_id: &str) -> Option<Entry> {
        read(&self.entries).get(transactional_id).cloned()
    }

    fn known(&self, transactional_id: &str) -> Result<Entry, ResponseError> {
        self.entry(transactional_id).ok_or(ResponseError::InvalidProducerIdMapping)
    }

    /// A producer that is idempotent without transactions.
    pub(crate) fn idempotent_producer(&self) -> Result<Producer, ResponseError> {
        Ok(Producer { id: self.producer_ids.next()?, epoch: 0 })
    }

    /// InitProducerId of a transactional producer: fences its predecessor and ends what that left open.
    pub(crate) fn initialise(
        &self,
        transactional_id: &str,
        timeout_ms: i32,
        claimed: Option<Producer>,
    ) -> Result<Producer, ResponseError> {
        if transactional_id.is_empty() {
            return Err(ResponseError::InvalidRequest);
        }
        if !(1..=TIMEOUT_MS_MAX).contains(&timeout_ms) {
            return Err(ResponseError::InvalidTransactionTimeout);
        }
        let entry = self.entry_or_new(transactional_id, timeout_ms)?;
        let mut transaction = lock(&entry);
        // Aborting, then a new producer id, then done: three rounds are the most there can be.
        for _ in 0..3 {
            let mut next = transaction.clone();
            match next.initialise(self.clock.now_ms(), timeout_ms, claimed)? {
                Initialise::Done(producer) => {
                    self.save(transactional_id, &mut transaction, next)?;
                    return Ok(producer);
                }
                Initialise::NeedsProducerId => transaction.renew(self.producer_ids.next()?),
                Initialise::AbortFirst => {
                    next.decide(self.clock.now_ms(), false);
                    self.save(transactional_id, &mut transaction, next)?;
                    self.finish(transactional_id, &mut transaction)?;
                    if claimed.is_some() {
                        // The producer's own epoch has just been fenced; this is its successor.
                        return self.initialise_fenced(transactional_id, &mut transaction, timeout_ms);
                    }
                }
            }
        }
        Err(ResponseError::ConcurrentTransactions)
    }

    fn initialise_fenced(
        &self,
        transactional_id: &str,
        transaction: &mut Transaction,
        timeout_ms: i32,
    ) -> Result<Producer, ResponseError> {
        let mut next = transaction.clone();
        match next.initialise(self.clock.now_ms(), timeout_ms, None)? {
            Initialise::Done(producer) => {
                self.save(transactional_id, transaction, next)?;
                Ok(producer)
            }
            Initialise::AbortFirst | Initialise::NeedsProducerId => Err(ResponseError::ConcurrentTransactions),
        }
    }

    fn entry_or_new(&self, transactional_id: &str, timeout_ms: i32) -> Result<Entry, ResponseError> {
        if let Some(entry) = self.entry(transactional_id) {
            return Ok(entry);
        }
        let producer_id = self.producer_ids.next()?;
        let mut entries = write(&self.entries);
        if entries.len() >= TRANSACTIONAL_IDS_MAX {
            return Err(ResponseError::CoordinatorNotAvailable);
        }
        let fresh = || Arc::new(Mutex::new(Transaction::new(producer_id, timeout_ms, self.clock.now_ms())));
        Ok(Arc::clone(entries.entry(transactional_id.to_owned()).or_insert_with(fresh)))
    }

    /// Adds partitions to the producer's transaction, opening one if none is open.
    pub(crate) fn add(
        &self,
        transactional_id: &str,
        producer: Producer,
        partitions: Vec<TopicPartition>,
    ) -> Result<(), ResponseError> {
        let entry = self.known(transactional_id)?;
        let mut transaction = lock(&entry);
        let mut next = transaction.clone();
        if next.add(self.clock.now_ms(), producer, partitions)? {
            self.save(transactional_id, &mut transaction, next)?;
        }
        let earlier = |deadline_ms: i64| deadline_ms < self.wakes_at_ms.load(Ordering::Acquire);
        if transaction.deadline_ms().is_some_and(earlier) {
            self.deadlines_changed.notify_one();
        }
        Ok(())
    }

    /// Adds the offsets of groups to the producer's transaction.
    pub(crate) fn add_offsets(&self, transactional_id: &str, producer: Producer) -> Result<(), ResponseError> {
        self.add(transactional_id, producer, vec![TopicPartition::new(CONSUMER_OFFSETS, 0)])
    }

    /// Does a write of the producer's open transaction, which cannot end meanwhile.
    pub(crate) fn write<R>(
        &self,
        transactional_id: &str,
        producer: Producer,
        at: &TopicPartition,
        write: impl FnOnce() -> Result<R, ResponseError>,
    ) -> Result<R, ResponseError> {
        let entry = self.known(transactional_id)?;
        let transaction = lock(&entry);
        transaction.check_write(producer, at)?;
        write()
    }

    /// EndTxn: answers when the transaction has ended on every partition.
    pub(crate) fn end(&self, transactional_id: &str, producer: Producer, commit: bool) -> Result<(), ResponseError> {
        let entry = self.known(transactional_id)?;
        let mut transaction = lock(&entry);
        let mut next = transaction.clone();
        if next.end(self.clock.now_ms(), producer, commit)? {
            self.save(transactional_id, &mut transaction, next)?;
            // The decision stands whatever happens now; markers that cannot be written are the timer's to repeat.
            if !self.finish_decided(transactional_id, &mut transaction) {
                self.deadlines_changed.notify_one();
            }
        }
        Ok(())
    }

    /// Logs a state, and only then takes it over.
    pub(super) fn save(
        &self,
        transactional_id: &str,
        transaction: &mut Transaction,
        next: Transaction,
    ) -> Result<(), ResponseError> {
        let now_ms = self.clock.now_ms();
        let record = (records::key(transactional_id), Some(records::value(&next)));
        self.log.append_internal(encode_batch(&[record], now_ms, None), now_ms)?;
        *transaction = next;
        Ok(())
    }

    /// Aborts transactions that are too old, and finishes what could not be finished, until the broker stops.
    pub(crate) async fn run_deadlines(&self) {
        loop {
            let now_ms = self.clock.now_ms();
            // While this looks, every new deadline counts as earlier, so none is missed.
            self.wakes_at_ms.store(i64::MAX, Ordering::Release);
            let next_ms = self.expire(now_ms);
            self.wakes_at_ms.store(next_ms.unwrap_or(i64::MAX), Ordering::Release);
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
        let mut next_ms = None;
        for (id, entry) in self.all() {
            let mut transaction = lock(&entry);
            if transaction.deadline_ms().is_some_and(|deadline_ms| deadline_ms <= now_ms) {
                let mut next = transaction.clone();
                next.time_out(now_ms);
                tracing::info!(transactional_id = %id, "the transaction has timed out and is aborted");
                if let Err(error) = self.save(&id, &mut transaction, next) {
                    tracing::error!(transactional_id = %id, %error, "a timed-out transaction cannot be logged");
                }
            }
            let due_ms = if self.finish_decided(&id, &mut transaction) {
                transaction.deadline_ms().map(|deadline_ms| deadline_ms.max(now_ms + 1))
            } else {
                Some(now_ms + RETRY_MS)
            };
            next_ms = next_ms.into_iter().chain(due_ms).min();
        }
        next_ms
    }
}

fn restore(entries: &mut BTreeMap<String, Transaction>, record: &Record) {
    if record.control {
        return;
    }
    let Some(id) = record.key.as_deref().and_then(records::read_key) else {
        tracing::warn!(offset = record.offset, "a key of __transaction_state cannot be read");
        return;
    };
    match &record.value {
        None => {
            entries.remove(&id);
        }
        Some(value) => match records::read_value(value) {
            Some(transaction) => {
                entries.insert(id, transaction);
            }
            None => tracing::warn!(transactional_id = %id, "a value of __transaction_state cannot be read"),
        },
    }
}

#[cfg(test)]
mod tests;
