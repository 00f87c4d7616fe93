//! One transactional id as a state machine: requests in, what to log and which markers to write out.

use std::collections::BTreeSet;

use kafka_protocol::ResponseError;

use crate::cluster::topic::TopicPartition;

/// Kafka's names for what a transaction is doing; the numbers are those of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// No transaction since the producer was initialised.
    Empty = 0,
    /// Partitions have been added.
    Ongoing = 1,
    /// Decided to commit: markers are being written, and nothing can undo it.
    PrepareCommit = 2,
    /// Decided to abort: markers are being written.
    PrepareAbort = 3,
    /// Committed on every partition.
    CompleteCommit = 4,
    /// Aborted on every partition.
    CompleteAbort = 5,
}

impl State {
    /// From the number in the log.
    pub(crate) fn from_number(number: i8) -> Option<Self> {
        [Self::Empty, Self::Ongoing, Self::PrepareCommit, Self::PrepareAbort, Self::CompleteCommit, Self::CompleteAbort]
            .into_iter()
            .find(|state| *state as i8 == number)
    }

    /// The name in DescribeTransactions and ListTransactions.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "Empty",
            Self::Ongoing => "Ongoing",
            Self::PrepareCommit => "PrepareCommit",
            Self::PrepareAbort => "PrepareAbort",
            Self::CompleteCommit => "CompleteCommit",
            Self::CompleteAbort => "CompleteAbort",
        }
    }
}

/// A producer id with its epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Producer {
    pub(crate) id: i64,
    pub(crate) epoch: i16,
}

/// One transactional id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Transaction {
    pub(crate) producer: Producer,
    /// The epoch before the last bump, -1 for none: a producer that did not hear of the bump may ask again.
    pub(crate) last_epoch: i16,
    pub(crate) timeout_ms: i32,
    pub(crate) state: State,
    pub(crate) partitions: BTreeSet<TopicPartition>,
    /// When the first partition was added, -1 while no transaction is open.
    pub(crate) started_ms: i64,
    pub(crate) updated_ms: i64,
}

/// An epoch from which no bump is possible: the producer gets a new id.
const EPOCH_EXHAUSTED: i16 = i16::MAX - 1;

/// What InitProducerId must do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Initialise {
    /// Log and answer with this producer.
    Done(Producer),
    /// The epoch has been bumped so that the old producer is fenced; abort its transaction, then ask again.
    AbortFirst,
    /// The epoch is used up: give a producer id that is new, then ask again.
    NeedsProducerId,
}

impl Transaction {
    /// A transactional id that is seen for the first time.
    pub(crate) fn new(producer_id: i64, timeout_ms: i32, now_ms: i64) -> Self {
        Self {
            producer: Producer { id: producer_id, epoch: -1 },
            last_epoch: -1,
            timeout_ms,
            state: State::Empty,
            partitions: BTreeSet::new(),
            started_ms: -1,
            updated_ms: now_ms,
        }
    }

    /// InitProducerId. `claimed` is what a producer says it has (KIP-360), `None` for a fresh start.
    pub(crate) fn initialise(
        &mut self,
        now_ms: i64,
        timeout_ms: i32,
        claimed: Option<Producer>,
    ) -> Result<Initialise, ResponseError> {
        if claimed.is_some_and(|claimed| self.producer.epoch >= 0 && claimed.id != self.producer.id) {
            return Err(ResponseError::ProducerFenced);
        }
        match self.state {
            State::PrepareCommit | State::PrepareAbort => Err(ResponseError::ConcurrentTransactions),
            State::Ongoing => {
                if claimed.is_some_and(|claimed| claimed.epoch != self.producer.epoch) {
                    return Err(ResponseError::ProducerFenced);
                }
                self.fence(now_ms);
                Ok(Initialise::AbortFirst)
            }
            State::Empty | State::CompleteCommit | State::CompleteAbort => self.bump(now_ms, timeout_ms, claimed),
        }
    }

    fn bump(&mut self, now_ms: i64, timeout_ms: i32, claimed: Option<Producer>) -> Result<Initialise, ResponseError> {
        let current = self.producer.epoch;
        match claimed {
            // The answer to its last bump was lost: give it again.
            Some(claimed) if current >= 0 && claimed.epoch != current => {
                return if claimed.epoch == self.last_epoch {
                    Ok(Initialise::Done(self.producer))
                } else {
                    Err(ResponseError::ProducerFenced)
                };
            }
            _ => {}
        }
        if current >= EPOCH_EXHAUSTED {
            return Ok(Initialise::NeedsProducerId);
        }
        self.last_epoch = claimed.map_or(-1, |claimed| claimed.epoch);
        self.producer.epoch = current + 1;
        self.timeout_ms = timeout_ms;
        self.state = State::Empty;
        self.partitions.clear();
        self.started_ms = -1;
        self.updated_ms = now_ms;
        Ok(Initialise::Done(self.producer))
    }

    /// A new producer id, after [`Initialise::NeedsProducerId`].
    pub(crate) fn renew(&mut self, producer_id: i64) {
        self.producer = Producer { id: producer_id, epoch: -1 };
        self.last_epoch = -1;
    }

    /// Bumps the epoch, so that whatever the old producer still sends is refused.
    fn fence(&mut self, now_ms: i64) {
        self.producer.epoch = self.producer.epoch.saturating_add(1);
        self.last_epoch = -1;
        self.updated_ms = now_ms;
    }

    fn check_producer(&self, producer: Producer) -> Result<(), ResponseError> {
        if producer.id != self.producer.id {
            return Err(ResponseError::InvalidProducerIdMapping);
        }
        if producer.epoch != self.producer.epoch {
            return Err(ResponseError::ProducerFenced);
        }
        Ok(())
    }

    /// AddPartitionsToTxn and AddOffsetsToTxn; true if something is new and must be logged.
    pub(crate) fn add(
        &mut self,
        now_ms: i64,
        producer: Producer,
        partitions: impl IntoIterator<Item = TopicPartition>,
    ) -> Result<bool, ResponseError> {
        self.check_producer(producer)?;
        if matches!(self.state, State::PrepareCommit | State::PrepareAbort) {
            return Err(ResponseError::ConcurrentTransactions);
        }
        let mut changed = false;
        if self.state != State::Ongoing {
            self.state = State::Ongoing;
            self.partitions.clear();
            self.started_ms = now_ms;
            changed = true;
        }
        for partition in partitions {
            changed |= self.partitions.insert(partition);
        }
        if changed {
            self.updated_ms = now_ms;
        }
        Ok(changed)
    }

    /// Whether a producer may write to a partition now: it was added to the transaction that is open.
    pub(crate) fn check_write(&self, producer: Producer, at: &TopicPartition) -> Result<(), ResponseError> {
        match self.check_producer(producer) {
            Err(ResponseError::ProducerFenced) => return Err(ResponseError::InvalidProducerEpoch),
            checked => checked?,
        }
        if self.state == State::Ongoing && self.partitions.contains(at) {
            Ok(())
        } else {
            Err(ResponseError::InvalidTxnState)
        }
    }

    /// EndTxn; true if the decision is new: log it, write the markers, then [`Transaction::complete`].
    pub(crate) fn end(&mut self, now_ms: i64, producer: Producer, commit: bool) -> Result<bool, ResponseError> {
        self.check_producer(producer)?;
        match (self.state, commit) {
            (State::Ongoing, _) => {
                self.decide(now_ms, commit);
                Ok(true)
            }
            // A repeat whose first answer was lost.
            (State::CompleteCommit, true) | (State::CompleteAbort, false) => Ok(false),
            (State::PrepareCommit, true) | (State::PrepareAbort, false) => Err(ResponseError::ConcurrentTransactions),
            _ => Err(ResponseError::InvalidTxnState),
        }
    }

    /// The decision itself; from here on only completion follows.
    pub(crate) fn decide(&mut self, now_ms: i64, commit: bool) {
        self.state = if commit { State::PrepareCommit } else { State::PrepareAbort };
        self.updated_ms = now_ms;
    }

    /// Every marker is written.
    pub(crate) fn complete(&mut self, now_ms: i64) {
        self.state = match self.state {
            State::PrepareCommit => State::CompleteCommit,
            State::PrepareAbort => State::CompleteAbort,
            other => other,
        };
        self.partitions.clear();
        self.started_ms = -1;
        self.updated_ms = now_ms;
    }

    /// When an open transaction is aborted for its age.
    pub(crate) fn deadline_ms(&self) -> Option<i64> {
        (self.state == State::Ongoing).then(|| self.started_ms.saturating_add(i64::from(self.timeout_ms)))
    }

    /// Aborts a transaction whose deadline has passed, fencing its producer.
    pub(crate) fn time_out(&mut self, now_ms: i64) {
        if self.deadline_ms().is_some_and(|deadline_ms| deadline_ms <= now_ms) {
            self.fence(now_ms);
            self.decide(now_ms, false);
        }
    }
}

#[cfg(test)]
mod tests;
