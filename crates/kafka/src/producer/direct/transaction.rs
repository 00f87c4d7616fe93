use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::time::Duration;

use headwater_log::{Headers, Offset, Partition, TopicName, TopicPartition, partition_of_key};
use kafka_protocol::messages::TxnOffsetCommitResponse;
use rustc_hash::FxHashMap;

use super::cluster::{Cluster, Coordinates};
use super::coordinated::{Met, ask, outcome_of};
use super::ends::ends_of;
use super::partition::PartitionWriter;
use super::requests::{
    ADD_OFFSETS_VERSION, END_TXN_VERSION, INIT_PRODUCER_ID_VERSION, Identity, TXN_OFFSET_COMMIT_VERSION,
};
use super::sending::{InFlight, Part};
use crate::clock::{Deadline, wall_ms};
use crate::producer::{Delivered, Outcome, OutgoingRecord, TopicHandle, TransactionalProducerSettings, Written};
use crate::{Error, ErrorKind, GroupMetadata, Isolation, OffsetToCommit};

/// So much may wait to be sent; with more it goes out while the transaction goes on.
const UNSENT_BYTES_MAX: usize = 1 << 20;
/// A record alone may be as large as librdkafka lets it be; the topic's own limit is checked before.
const RECORD_BYTES_MAX: usize = 32 << 20;

pub(super) struct Topic {
    name: TopicName,
    pub(super) partitions: Vec<Option<PartitionWriter>>,
}

/// A transactional producer (KIP-98, KIP-447) on plain connections; the calls are those of
/// [`TransactionalProducer`](crate::TransactionalProducer).
pub(in crate::producer) struct DirectProducer {
    pub(super) cluster: Cluster,
    pub(super) settings: TransactionalProducerSettings,
    pub(super) identity: Identity,
    pub(super) topics: Vec<Topic>,
    pub(super) numbers: FxHashMap<String, usize>,
    pub(super) unsent_bytes: usize,
    pub(super) in_flight: VecDeque<InFlight>,
    /// The group of the last offsets: it is registered together with partitions.
    pub(super) group: Option<String>,
    pub(super) group_is_registered: bool,
    /// Whether the coordinator knows of the open transaction.
    pub(super) is_registered: bool,
    pub(super) delivered: Delivered,
    /// Why the open transaction can only be aborted.
    pub(super) failed: Option<Outcome>,
    /// Why a broker did not take a batch that is sent again.
    pub(super) last_refusal: i16,
    /// A request with records may still be under way.
    pub(super) is_lost: bool,
    pub(super) renewal_reason: Option<Error>,
    was_early: bool,
    unkeyed: usize,
}

impl DirectProducer {
    pub(in crate::producer) fn new(
        bootstrap_servers: &str,
        client_id: &str,
        settings: &TransactionalProducerSettings,
    ) -> Result<Self, Error> {
        Ok(Self {
            cluster: Cluster::new(bootstrap_servers, client_id)?,
            identity: Identity::unknown(&settings.transactional_id),
            settings: settings.clone(),
            topics: Vec::new(),
            numbers: FxHashMap::default(),
            unsent_bytes: 0,
            in_flight: VecDeque::new(),
            group: None,
            group_is_registered: false,
            is_registered: false,
            delivered: Delivered::default(),
            failed: None,
            last_refusal: 0,
            is_lost: false,
            renewal_reason: None,
            was_early: false,
            unkeyed: 0,
        })
    }

    pub(in crate::producer) fn initialize(&mut self, deadline: Duration) -> Outcome {
        let timeout_ms = i32::try_from(self.settings.transaction_timeout_ms).unwrap_or(i32::MAX);
        let request = self.identity.init(timeout_ms);
        let mut met = Met::default();
        let to = (Coordinates::Transaction, self.settings.transactional_id.as_str());
        let asked = ask(
            &mut self.cluster,
            to,
            (&request, INIT_PRODUCER_ID_VERSION),
            Deadline::after(deadline),
            &mut met,
            |answer| answer.error_code,
        );
        const DOING: &str = "transactions cannot be initialised";
        let answer = match asked {
            Ok(answer) => answer,
            Err(error) if error.is_retriable() => return Outcome::Unknown(error.context(DOING)),
            Err(error) => return Outcome::Fatal(error.context(DOING)),
        };
        if let Some(failed) = outcome_of(answer.error_code, DOING) {
            return match failed {
                Outcome::Abortable(error) => Outcome::Fatal(error),
                other => other,
            };
        }
        let (id, epoch) = (answer.producer_id.0, answer.producer_epoch);
        if id < 0 || epoch < 0 {
            let why = format!("{DOING}: the coordinator gave producer id {id} with epoch {epoch}");
            return Outcome::Fatal(Error::new(ErrorKind::Refused, why));
        }
        (self.identity.id, self.identity.epoch) = (id, epoch);
        self.writers_mut().for_each(PartitionWriter::restart);
        self.in_flight.clear();
        self.is_lost = false;
        self.end_locally();
        Outcome::Done
    }

    pub(in crate::producer) fn renew(&mut self, deadline: Duration) -> Outcome {
        match Cluster::new(self.cluster.bootstrap_servers(), self.cluster.client_id()) {
            Ok(cluster) => self.cluster = cluster,
            Err(error) => return Outcome::Fatal(error),
        }
        self.identity = Identity::unknown(&self.settings.transactional_id);
        let outcome = self.initialize(deadline);
        if outcome.is_done() {
            self.renewal_reason = None;
        }
        outcome
    }

    pub(in crate::producer) fn begin(&mut self) -> Outcome {
        if self.identity.id < 0 {
            return Outcome::Fatal(Error::new(ErrorKind::Fatal, "no transaction can be begun: initialize first"));
        }
        self.end_locally();
        self.writers_mut().for_each(PartitionWriter::clear);
        self.delivered = Delivered::default();
        self.was_early = false;
        Outcome::Done
    }

    pub(in crate::producer) fn topic(&mut self, name: &TopicName) -> TopicHandle {
        if let Some(number) = self.numbers.get(name.as_str()) {
            return TopicHandle::of(*number);
        }
        let number = self.topics.len();
        self.topics.push(Topic { name: name.clone(), partitions: Vec::new() });
        self.numbers.insert(name.to_string(), number);
        TopicHandle::of(number)
    }

    pub(in crate::producer) fn topic_name(&self, topic: TopicHandle) -> Option<&TopicName> {
        self.topics.get(topic.index()).map(|topic| &topic.name)
    }

    pub(in crate::producer) fn produce(
        &mut self,
        topic: TopicHandle,
        record: &OutgoingRecord<'_>,
        wait: Duration,
    ) -> Result<(), Error> {
        let bytes = record.key.map_or(0, <[u8]>::len)
            + record.value.map_or(0, <[u8]>::len)
            + record.headers.map_or(0, Headers::size_bytes);
        if bytes > RECORD_BYTES_MAX {
            let why = format!("a record of {bytes} bytes is more than any topic takes");
            return Err(Error::new(ErrorKind::TooLarge, why));
        }
        let partition = match record.partition {
            Some(partition) => partition.get() as usize,
            None => self.choose_partition(topic, record.key, Deadline::after(wait))?,
        };
        let foreign = || Error::invalid("this topic handle belongs to another producer");
        let found = self.topics.get_mut(topic.index()).ok_or_else(foreign)?;
        if found.partitions.len() <= partition {
            found.partitions.resize_with(partition + 1, || None);
        }
        let name = &found.name;
        let number = Partition::new(u32::try_from(partition).unwrap_or(u32::MAX));
        let writer = found.partitions[partition]
            .get_or_insert_with(|| PartitionWriter::new(TopicPartition::new(name.clone(), number)));
        let timestamp_ms = record.timestamp_ms.filter(|timestamp_ms| *timestamp_ms != 0);
        self.unsent_bytes += writer.push(record.key, record.value, record.headers, timestamp_ms, wall_ms);
        if self.unsent_bytes < UNSENT_BYTES_MAX {
            return Ok(());
        }
        match self.send_unsent(Deadline::after(wait)) {
            Ok(()) => Ok(()),
            Err(outcome) => {
                let error = outcome.error().cloned();
                self.failed.get_or_insert(outcome);
                error.map_or(Ok(()), Err)
            }
        }
    }

    fn choose_partition(&mut self, topic: TopicHandle, key: Option<&[u8]>, deadline: Deadline) -> Result<usize, Error> {
        let name = self.topic_name(topic).cloned();
        let name = name.ok_or_else(|| Error::invalid("this topic handle belongs to another producer"))?;
        if self.cluster.partitions(&name).is_none() {
            self.settle(deadline);
            self.cluster.look_up(std::slice::from_ref(&name), deadline)?;
        }
        let count = self.cluster.partitions(&name).and_then(|count| NonZeroU32::new(u32::try_from(count).ok()?));
        let count = count.ok_or_else(|| Error::new(ErrorKind::NotFound, format!("topic {name} does not exist")))?;
        Ok(match key {
            Some(key) => partition_of_key(key, count).get() as usize,
            None => {
                self.unkeyed = self.unkeyed.wrapping_add(1);
                self.unkeyed % count.get() as usize
            }
        })
    }

    pub(in crate::producer) fn flush(&mut self, deadline: Duration) -> Outcome {
        let deadline = Deadline::after(deadline);
        if self.failed.is_none()
            && let Err(failed) = self.send_all(deadline)
        {
            self.failed.get_or_insert(failed);
        }
        self.settle(deadline);
        self.failed.clone().unwrap_or(Outcome::Done)
    }

    pub(in crate::producer) fn send_offsets(
        &mut self,
        offsets: &[OffsetToCommit],
        group: &GroupMetadata,
        deadline: Duration,
    ) -> Outcome {
        const DOING: &str = "offsets cannot be added to the transaction";
        let deadline = Deadline::after(deadline);
        self.settle(deadline);
        if let Some(failed) = &self.failed {
            return failed.clone();
        }
        let name = group.group();
        if self.group.as_deref() != Some(&name) {
            self.group = Some(name.clone());
            self.group_is_registered = false;
        }
        let mut met = Met::default();
        if !self.group_is_registered {
            self.is_registered = true;
            let request = self.identity.add_offsets(&name);
            let to = (Coordinates::Transaction, self.settings.transactional_id.as_str());
            let asked =
                ask(&mut self.cluster, to, (&request, ADD_OFFSETS_VERSION), deadline, &mut met, |a| a.error_code);
            match asked.map(|answer| outcome_of(answer.error_code, DOING)) {
                Ok(None) => self.group_is_registered = true,
                Ok(Some(failed)) => return self.fail(failed, met),
                Err(error) => return self.fail(Outcome::Unknown(error.context(DOING)), met),
            }
        }
        let request = self.identity.commit_offsets(offsets, group);
        let first_code = |answer: &TxnOffsetCommitResponse| {
            let codes = answer.topics.iter().flat_map(|topic| &topic.partitions).map(|partition| partition.error_code);
            codes.into_iter().find(|code| *code != 0).unwrap_or(0)
        };
        let to = (Coordinates::Group, name.as_str());
        let asked = ask(&mut self.cluster, to, (&request, TXN_OFFSET_COMMIT_VERSION), deadline, &mut met, first_code);
        match asked.map(|answer| outcome_of(first_code(&answer), DOING)) {
            Ok(None) => {
                self.take_note(met);
                Outcome::Done
            }
            Ok(Some(failed)) => self.fail(failed, met),
            Err(error) => self.fail(Outcome::Unknown(error.context(DOING)), met),
        }
    }

    pub(in crate::producer) fn commit(&mut self, deadline: Duration) -> Outcome {
        let deadline = Deadline::after(deadline);
        match self.flush(deadline.left()) {
            Outcome::Done => self.end(true, deadline),
            failed => failed,
        }
    }

    pub(in crate::producer) fn abort(&mut self, deadline: Duration) -> Outcome {
        let deadline = Deadline::after(deadline);
        self.settle(deadline);
        // What has its numbers and is not written leaves a hole behind it.
        let leaves_holes = self.writers().any(PartitionWriter::has_refused);
        self.is_lost |= leaves_holes;
        self.writers_mut().for_each(PartitionWriter::drop_unsent);
        // Records that may still be under way must not land behind the abort: a new epoch fences them, and ends the
        // transaction. The coordinator takes it only from the producer that it knows (KIP-360).
        if self.is_lost { self.initialize(deadline.left()) } else { self.end(false, deadline) }
    }

    fn end(&mut self, committed: bool, deadline: Deadline) -> Outcome {
        if !self.is_registered {
            self.end_locally();
            return Outcome::Done;
        }
        let doing = if committed { "the transaction cannot be committed" } else { "the transaction cannot be aborted" };
        let request = self.identity.end(committed);
        let mut met = Met::default();
        let to = (Coordinates::Transaction, self.settings.transactional_id.as_str());
        let asked = ask(&mut self.cluster, to, (&request, END_TXN_VERSION), deadline, &mut met, |a| a.error_code);
        // That markers are awaited here says nothing of the next transaction.
        met.early = false;
        match asked.map(|answer| outcome_of(answer.error_code, doing)) {
            Ok(None) => {
                self.take_note(met);
                self.end_locally();
                Outcome::Done
            }
            Ok(Some(failed)) => self.fail(failed, met),
            Err(error) => self.fail(Outcome::Unknown(error.context(doing)), met),
        }
    }

    fn fail(&mut self, failed: Outcome, met: Met) -> Outcome {
        self.take_note(met);
        self.failed.get_or_insert_with(|| failed.clone());
        failed
    }

    pub(super) fn take_note(&mut self, met: Met) {
        self.was_early |= met.early;
        if let Some(trouble) = met.trouble {
            self.renewal_reason.get_or_insert(trouble);
        }
    }

    /// No transaction is open any more. What was written stays known until the next one begins.
    fn end_locally(&mut self) {
        self.unsent_bytes = 0;
        self.is_registered = false;
        self.group_is_registered = false;
        self.failed = None;
    }

    pub(in crate::producer) fn in_flight(&self) -> u64 {
        let parts = self.in_flight.iter().flat_map(|request| &request.parts);
        parts.map(Part::records).sum()
    }

    pub(in crate::producer) fn delivered(&self) -> Delivered {
        self.delivered.clone()
    }

    pub(in crate::producer) fn written(&self, topic: TopicHandle, partition: Partition) -> Option<Written> {
        let writer = self.writer(topic.index(), partition.get() as usize)?;
        Some(writer.written).filter(|written| written.records() > 0)
    }

    pub(in crate::producer) fn last_offsets(&self) -> Vec<(TopicPartition, Offset)> {
        self.writers().filter_map(|writer| Some((writer.place.clone(), writer.written.last()?))).collect()
    }

    pub(in crate::producer) fn ends(
        &mut self,
        partitions: &[TopicPartition],
        isolation: Isolation,
        deadline: Duration,
    ) -> Result<Vec<(TopicPartition, Offset)>, Error> {
        let deadline = Deadline::after(deadline);
        self.settle(deadline);
        ends_of(&mut self.cluster, partitions, isolation, deadline)
    }

    pub(in crate::producer) fn renewal_reason(&self) -> Option<Error> {
        self.renewal_reason.clone()
    }

    pub(in crate::producer) const fn was_early(&self) -> bool {
        self.was_early
    }

    pub(super) fn writer(&self, topic: usize, partition: usize) -> Option<&PartitionWriter> {
        self.topics.get(topic)?.partitions.get(partition)?.as_ref()
    }

    pub(super) fn writer_mut(&mut self, topic: usize, partition: usize) -> Option<&mut PartitionWriter> {
        self.topics.get_mut(topic)?.partitions.get_mut(partition)?.as_mut()
    }

    pub(super) fn writers(&self) -> impl Iterator<Item = &PartitionWriter> {
        self.topics.iter().flat_map(|topic| topic.partitions.iter().flatten())
    }

    fn writers_mut(&mut self) -> impl Iterator<Item = &mut PartitionWriter> {
        self.topics.iter_mut().flat_map(|topic| topic.partitions.iter_mut().flatten())
    }
}
