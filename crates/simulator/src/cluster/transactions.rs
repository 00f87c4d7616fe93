use std::collections::{BTreeMap, BTreeSet};

use headwater_log::TopicPartition;

use super::log::ProducerId;
use crate::baton::Micros;

/// Why the coordinator refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The last transaction's markers are under way: again, later.
    Concurrent,
    /// A newer producer has the id.
    Fenced,
    /// There is no such transaction.
    Invalid,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Empty,
    Ongoing { since: Micros },
    Ending { commit: bool },
}

#[derive(Debug)]
pub(crate) struct Transaction {
    pub(crate) producer: ProducerId,
    pub(crate) epoch: u32,
    pub(crate) phase: Phase,
    pub(crate) partitions: BTreeSet<TopicPartition>,
    pub(crate) offsets: bool,
    /// How the last one ended, for requests that are repeated.
    last: Option<bool>,
}

/// An ended transaction's markers, to be written.
pub(crate) struct Markers {
    pub(crate) producer: ProducerId,
    pub(crate) epoch: u32,
    pub(crate) commit: bool,
    pub(crate) partitions: BTreeSet<TopicPartition>,
}

/// The transaction coordinator, under the protocol before KIP-890.
#[derive(Debug, Default)]
pub(crate) struct Transactions {
    pub(crate) by_id: BTreeMap<String, Transaction>,
    next_producer: ProducerId,
}

impl Transactions {
    /// InitProducerId. An open transaction is aborted first: the markers are for the caller, who asks again.
    pub(crate) fn initialize(&mut self, id: &str) -> Result<(ProducerId, u32), (Refusal, Option<Markers>)> {
        let next = self.next_producer + 1;
        let found = self.by_id.entry(id.to_owned()).or_insert_with(|| Transaction {
            producer: next,
            epoch: 0,
            phase: Phase::Empty,
            partitions: BTreeSet::new(),
            offsets: false,
            last: None,
        });
        self.next_producer = self.next_producer.max(found.producer);
        match found.phase {
            Phase::Empty => {
                found.epoch += 1;
                found.last = None;
                Ok((found.producer, found.epoch))
            }
            Phase::Ending { .. } => Err((Refusal::Concurrent, None)),
            Phase::Ongoing { .. } => {
                found.epoch += 1;
                Err((Refusal::Concurrent, Some(found.begin_ending(false))))
            }
        }
    }

    fn check(&mut self, id: &str, producer: ProducerId, epoch: u32) -> Result<&mut Transaction, Refusal> {
        let found = self.by_id.get_mut(id).ok_or(Refusal::Invalid)?;
        if found.producer != producer || found.epoch != epoch { Err(Refusal::Fenced) } else { Ok(found) }
    }

    /// AddPartitionsToTxn, and with None AddOffsetsToTxn.
    pub(crate) fn add(
        &mut self,
        id: &str,
        producer: ProducerId,
        epoch: u32,
        partition: Option<&TopicPartition>,
        now: Micros,
    ) -> Result<(), Refusal> {
        let found = self.check(id, producer, epoch)?;
        match found.phase {
            Phase::Ending { .. } => return Err(Refusal::Concurrent),
            Phase::Empty => found.phase = Phase::Ongoing { since: now },
            Phase::Ongoing { .. } => {}
        }
        match partition {
            Some(partition) => {
                found.partitions.insert(partition.clone());
            }
            None => found.offsets = true,
        }
        Ok(())
    }

    /// EndTxn; None when it has ended so already.
    pub(crate) fn end(
        &mut self,
        id: &str,
        producer: ProducerId,
        epoch: u32,
        commit: bool,
    ) -> Result<Option<Markers>, Refusal> {
        let found = self.check(id, producer, epoch)?;
        match found.phase {
            Phase::Ongoing { .. } => Ok(Some(found.begin_ending(commit))),
            Phase::Ending { commit: same } if same == commit => Ok(None),
            Phase::Empty if found.last == Some(commit) => Ok(None),
            Phase::Empty | Phase::Ending { .. } => Err(Refusal::Invalid),
        }
    }

    /// Aborts a transaction that is older than `timeout`, and fences its producer.
    pub(crate) fn expire(&mut self, now: Micros, timeout: Micros) -> Vec<(String, Markers)> {
        let mut expired = Vec::new();
        for (id, found) in &mut self.by_id {
            if let Phase::Ongoing { since } = found.phase
                && now.saturating_sub(since) >= timeout
            {
                found.epoch += 1;
                expired.push((id.clone(), found.begin_ending(false)));
            }
        }
        expired
    }

    /// All markers are written.
    pub(crate) fn ended(&mut self, id: &str) {
        if let Some(found) = self.by_id.get_mut(id)
            && let Phase::Ending { commit } = found.phase
        {
            found.phase = Phase::Empty;
            found.last = Some(commit);
            found.partitions.clear();
            found.offsets = false;
        }
    }
}

impl Transaction {
    fn begin_ending(&mut self, commit: bool) -> Markers {
        self.phase = Phase::Ending { commit };
        Markers { producer: self.producer, epoch: self.epoch, commit, partitions: self.partitions.clone() }
    }
}
