//! What the log remembers of its producers: epochs, the last batches of each, open transactions.
//!
//! Source: KIP-98, and the rules that Apache Kafka's ProducerStateManager follows today.

use super::batch::{BatchHeader, sequence_plus};
use super::types::ProducerInfo;
use crate::{Error, ErrorKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// So many batches of a producer are known again when they are repeated.
pub(crate) const BATCHES_REMEMBERED: usize = 5;

/// A batch that a producer wrote.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct WrittenBatch {
    pub(crate) first_sequence: i32,
    pub(crate) last_sequence: i32,
    pub(crate) base_offset: i64,
    pub(crate) last_offset: i64,
}

/// One producer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Producer {
    pub(crate) epoch: i16,
    /// Batches of this epoch, oldest first.
    pub(crate) batches: VecDeque<WrittenBatch>,
    pub(crate) coordinator_epoch: i32,
    pub(crate) last_timestamp_ms: i64,
    pub(crate) transaction_start_offset: Option<i64>,
}

impl Producer {
    fn new(epoch: i16, now_ms: i64) -> Self {
        Self {
            epoch,
            batches: VecDeque::new(),
            coordinator_epoch: -1,
            last_timestamp_ms: now_ms,
            transaction_start_offset: None,
        }
    }

    fn last_sequence(&self) -> i32 {
        self.batches.back().map_or(-1, |batch| batch.last_sequence)
    }

    fn enter_epoch(&mut self, epoch: i16) {
        if self.epoch != epoch {
            self.epoch = epoch;
            self.batches.clear();
        }
    }
}

/// What to do with a producer's batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Write it.
    New,
    /// It is there already.
    Duplicate(WrittenBatch),
}

/// All producers of a partition.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Producers {
    by_id: HashMap<i64, Producer>,
    /// First offset of each open transaction.
    open: BTreeMap<i64, i64>,
}

impl Producers {
    pub(crate) fn from_entries(entries: impl IntoIterator<Item = (i64, Producer)>) -> Self {
        let by_id: HashMap<_, _> = entries.into_iter().collect();
        let open = by_id.iter().filter_map(|(id, p)| p.transaction_start_offset.map(|start| (start, *id))).collect();
        Self { by_id, open }
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = (i64, &Producer)> {
        self.by_id.iter().map(|(id, producer)| (*id, producer))
    }

    /// Judges a batch before it is written. A producer that the log does not know may begin with
    /// any sequence: its records may have gone by retention.
    ///
    /// # Errors
    /// `InvalidProducerEpoch`, `OutOfOrderSequence`, `InvalidTxnState`.
    pub(crate) fn judge(&self, header: &BatchHeader) -> Result<Verdict, Error> {
        let Some(producer) = self.by_id.get(&header.producer_id) else { return Ok(Verdict::New) };
        let id = header.producer_id;
        if header.producer_epoch < producer.epoch {
            return Err(Error::new(
                ErrorKind::InvalidProducerEpoch,
                format!(
                    "producer {id} writes with epoch {}, but epoch {} is in force",
                    header.producer_epoch, producer.epoch
                ),
            ));
        }
        if header.producer_epoch == producer.epoch {
            let last_sequence = header.last_sequence();
            let same = |b: &&WrittenBatch| b.first_sequence == header.base_sequence && b.last_sequence == last_sequence;
            if let Some(written) = producer.batches.iter().find(same) {
                return Ok(Verdict::Duplicate(*written));
            }
        }
        let expected = match producer.last_sequence() {
            last if header.producer_epoch == producer.epoch && last >= 0 => sequence_plus(last, 1),
            _ => 0,
        };
        if header.base_sequence != expected {
            return Err(Error::new(
                ErrorKind::OutOfOrderSequence,
                format!("producer {id} sends sequence {} where {expected} is next", header.base_sequence),
            ));
        }
        if producer.transaction_start_offset.is_some() && !header.is_transactional() {
            return Err(Error::new(
                ErrorKind::InvalidTxnState,
                format!("producer {id} has a transaction open and writes outside of it"),
            ));
        }
        Ok(Verdict::New)
    }

    /// Counts in a data batch that is in the log now. `base_offset` is where it went.
    pub(crate) fn written(&mut self, header: &BatchHeader, base_offset: i64, now_ms: i64) {
        let producer =
            self.by_id.entry(header.producer_id).or_insert_with(|| Producer::new(header.producer_epoch, now_ms));
        producer.enter_epoch(header.producer_epoch);
        producer.last_timestamp_ms = now_ms;
        if producer.batches.len() >= BATCHES_REMEMBERED {
            producer.batches.pop_front();
        }
        producer.batches.push_back(WrittenBatch {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            base_offset,
            last_offset: base_offset.saturating_add(i64::from(header.last_offset_delta)),
        });
        if header.is_transactional() && producer.transaction_start_offset.is_none() {
            producer.transaction_start_offset = Some(base_offset);
            self.open.insert(base_offset, header.producer_id);
        }
    }

    /// Judges a marker before it is written.
    ///
    /// # Errors
    /// `InvalidProducerEpoch`, `TransactionCoordinatorFenced`.
    pub(crate) fn judge_marker(&self, producer_id: i64, epoch: i16, coordinator_epoch: i32) -> Result<(), Error> {
        let Some(producer) = self.by_id.get(&producer_id) else { return Ok(()) };
        if epoch < producer.epoch {
            return Err(Error::new(
                ErrorKind::InvalidProducerEpoch,
                format!(
                    "a marker with epoch {epoch} for producer {producer_id}, but epoch {} is in force",
                    producer.epoch
                ),
            ));
        }
        if coordinator_epoch < producer.coordinator_epoch {
            return Err(Error::new(
                ErrorKind::TransactionCoordinatorFenced,
                format!(
                    "a marker by coordinator epoch {coordinator_epoch}, but {} wrote before",
                    producer.coordinator_epoch
                ),
            ));
        }
        Ok(())
    }

    /// Counts in a marker that is in the log now; the first offset of the transaction it ended.
    pub(crate) fn ended(&mut self, producer_id: i64, epoch: i16, coordinator_epoch: i32, now_ms: i64) -> Option<i64> {
        let producer = self.by_id.entry(producer_id).or_insert_with(|| Producer::new(epoch, now_ms));
        producer.enter_epoch(epoch);
        producer.last_timestamp_ms = now_ms;
        producer.coordinator_epoch = coordinator_epoch;
        let start = producer.transaction_start_offset.take()?;
        self.open.remove(&start);
        Some(start)
    }

    /// The first offset of the oldest open transaction.
    pub(crate) fn first_open_offset(&self) -> Option<i64> {
        self.open.first_key_value().map(|(start, _)| *start)
    }

    pub(crate) fn has_open_transaction(&self, producer_id: i64) -> bool {
        self.by_id.get(&producer_id).is_some_and(|producer| producer.transaction_start_offset.is_some())
    }

    /// Forgets producers that were silent for too long and have nothing open; whether there were any.
    pub(crate) fn forget_silent(&mut self, now_ms: i64, expiration_ms: i64) -> bool {
        let before = self.by_id.len();
        self.by_id.retain(|_, producer| {
            producer.transaction_start_offset.is_some()
                || now_ms.saturating_sub(producer.last_timestamp_ms) < expiration_ms
        });
        self.by_id.len() < before
    }

    pub(crate) fn describe(&self) -> Vec<ProducerInfo> {
        let mut described: Vec<_> = self
            .by_id
            .iter()
            .map(|(id, producer)| ProducerInfo {
                producer_id: *id,
                producer_epoch: producer.epoch,
                last_sequence: producer.last_sequence(),
                last_timestamp_ms: producer.last_timestamp_ms,
                coordinator_epoch: producer.coordinator_epoch,
                transaction_start_offset: producer.transaction_start_offset,
            })
            .collect();
        described.sort_unstable_by_key(|producer| producer.producer_id);
        described
    }
}
