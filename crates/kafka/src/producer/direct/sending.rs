//! How a transaction's records get to the partitions' leaders: registered first, a batch of every partition in one
//! request, and each answer looked at once.

use std::collections::BTreeMap;
use std::time::Duration;

use headwater_log::TopicPartition;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::{AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, ProduceRequest};
use rustc_hash::FxHashMap;

use super::cluster::Coordinates;
use super::connection::Connection;
use super::coordinated::{Met, outcome_of};
use super::partition::{Batch, PartitionWriter};
use super::requests::{ADD_OFFSETS_VERSION, ADD_PARTITIONS_VERSION, PRODUCE_VERSION, wire_name};
use super::transaction::DirectProducer;
use crate::clock::{Deadline, pause};
use crate::native::error_of_code;
use crate::producer::Outcome;
use crate::{Error, ErrorKind};

/// A request takes batches up to this size; brokers take 100 MiB.
const REQUEST_BYTES_MAX: usize = 8 << 20;
/// Requests without an answer.
const IN_FLIGHT_MAX: usize = 5;
/// A topic that was just made is not known everywhere yet.
const LEADER_DEADLINE: Duration = Duration::from_secs(10);
const LEADER_WAIT: Duration = Duration::from_millis(50);
/// Nothing was written, and another broker, or the same one a little later, will take it: UNKNOWN_TOPIC_OR_PARTITION,
/// LEADER_NOT_AVAILABLE, NOT_LEADER_OR_FOLLOWER, NOT_ENOUGH_REPLICAS, FENCED_LEADER_EPOCH, UNKNOWN_LEADER_EPOCH.
const LEADS_NOT: [i16; 6] = [3, 5, 6, 19, 74, 76];
/// UNKNOWN_SERVER_ERROR: a broker said nothing of a partition that it was sent records for, or not where they are.
const NO_ANSWER: i16 = -1;

/// One partition's part of a request that is in flight.
#[derive(Debug)]
pub(super) struct Part {
    topic: usize,
    partition: usize,
    pub(super) batch: Batch,
}

impl Part {
    pub(super) fn records(&self) -> u64 {
        u64::from(self.batch.records.unsigned_abs())
    }
}

/// A request with records that has no answer yet.
pub(super) struct InFlight {
    broker: i32,
    pub(super) parts: Vec<Part>,
}

impl DirectProducer {
    /// Sends what waits: partitions are registered with the transaction first, and each leader gets a batch of every
    /// partition at once.
    pub(super) fn send_unsent(&mut self, deadline: Deadline) -> Result<(), Outcome> {
        let waiting: Vec<(usize, usize)> = self.waiting().collect();
        if waiting.is_empty() {
            return Ok(());
        }
        self.find_leaders(&waiting, deadline)?;
        self.register(&waiting, deadline)?;
        self.unsent_bytes = 0;
        let mut by_leader: BTreeMap<i32, Vec<(usize, usize)>> = BTreeMap::new();
        for (topic, partition) in waiting {
            let Some(writer) = self.writer(topic, partition) else { continue };
            // One that has just turned out to be led elsewhere waits for its turn.
            let Some(leader) = self.cluster.leader(&writer.place.topic, writer.place.partition) else { continue };
            by_leader.entry(leader).or_default().push((topic, partition));
        }
        while !by_leader.is_empty() {
            for (leader, partitions) in &by_leader {
                self.send_to(*leader, partitions, deadline)?;
            }
            by_leader.retain(|_, partitions| {
                let goes_on = |writer: &PartitionWriter| writer.has_unsent() && !writer.has_refused();
                partitions.retain(|(topic, at)| self.writer(*topic, *at).is_some_and(goes_on));
                !partitions.is_empty()
            });
        }
        Ok(())
    }

    fn find_leaders(&mut self, waiting: &[(usize, usize)], deadline: Deadline) -> Result<(), Outcome> {
        let has_leader =
            |producer: &Self, place: &TopicPartition| producer.cluster.leader(&place.topic, place.partition).is_some();
        let unknown: Vec<TopicPartition> = waiting
            .iter()
            .filter_map(|(topic, partition)| Some(self.writer(*topic, *partition)?.place.clone()))
            .filter(|place| !has_leader(self, place))
            .collect();
        if unknown.is_empty() {
            return Ok(());
        }
        self.settle(deadline);
        let patience = Deadline::after(LEADER_DEADLINE.min(deadline.left()));
        loop {
            let error = match self.cluster.look_up_leaders(unknown.iter(), deadline) {
                Ok(None) => return Ok(()),
                Ok(Some(missing)) => Error::new(
                    ErrorKind::NotFound,
                    format!("{missing} has no leader: see whether the topic is there, and its brokers are up"),
                ),
                Err(error) => error,
            };
            if patience.has_passed() {
                return Err(Outcome::Abortable(error.context("a record of the transaction was not written")));
            }
            pause(LEADER_WAIT, patience);
        }
    }

    /// Tells the coordinator which partitions the transaction writes to, and in the same breath that it will commit
    /// offsets.
    fn register(&mut self, waiting: &[(usize, usize)], deadline: Deadline) -> Result<(), Outcome> {
        let mut topics: Vec<AddPartitionsToTxnTopic> = Vec::new();
        let mut registering = Vec::new();
        for (topic, partition) in waiting {
            let Some(writer) = self.writer(*topic, *partition).filter(|writer| !writer.is_registered) else { continue };
            let (name, number) = (writer.place.topic.as_str(), writer.place.partition.to_wire());
            match topics.iter_mut().find(|added| added.name.as_str() == name) {
                Some(added) => added.partitions.push(number),
                None => topics
                    .push(AddPartitionsToTxnTopic::default().with_name(wire_name(name)).with_partitions(vec![number])),
            }
            registering.push((*topic, *partition));
        }
        if registering.is_empty() {
            return Ok(());
        }
        self.settle(deadline);
        let partitions = self.identity.add_partitions(topics);
        let group = self.group.clone().filter(|_| !self.group_is_registered);
        let offsets = group.as_deref().map(|group| self.identity.add_offsets(group));
        let mut met = Met::default();
        self.is_registered = true;
        let codes = loop {
            let to = Coordinates::Transaction;
            let broker = self.cluster.coordinator(to, &self.settings.transactional_id, deadline);
            let known = broker.as_ref().ok().copied();
            let connection = broker.and_then(|broker| self.cluster.connection(broker, deadline));
            let asked = connection.and_then(|connection| {
                connection.send(&partitions, ADD_PARTITIONS_VERSION, deadline)?;
                if let Some(offsets) = &offsets {
                    connection.send(offsets, ADD_OFFSETS_VERSION, deadline)?;
                }
                let added = receive_added(connection, deadline)?;
                let group = match &offsets {
                    Some(_) => receive_group(connection, deadline)?,
                    None => 0,
                };
                Ok((added, group))
            });
            match asked {
                Ok((added, group)) => {
                    let first = if added == 0 { group } else { added };
                    if deadline.has_passed() || !met.asks_again(first, &mut self.cluster, to, deadline) {
                        break Ok((added, group));
                    }
                }
                Err(error) => {
                    let described = error.clone();
                    met.failed(error, known, &mut self.cluster, to, deadline);
                    if deadline.has_passed() {
                        break Err(described);
                    }
                }
            }
        };
        self.take_note(met);
        const DOING: &str = "partitions cannot be added to the transaction";
        let (added, group_code) = codes.map_err(|error| Outcome::Unknown(error.context(DOING)))?;
        if let Some(failed) = outcome_of(added, DOING).or_else(|| outcome_of(group_code, DOING)) {
            return Err(failed);
        }
        self.group_is_registered |= offsets.is_some();
        for (topic, partition) in registering {
            if let Some(writer) = self.writer_mut(topic, partition) {
                writer.is_registered = true;
            }
        }
        Ok(())
    }

    fn send_to(&mut self, leader: i32, partitions: &[(usize, usize)], deadline: Deadline) -> Result<(), Outcome> {
        let mut writers = partitions.iter().filter_map(|(topic, partition)| self.writer(*topic, *partition));
        if writers.any(PartitionWriter::awaits_proof) {
            self.settle(deadline);
        }
        let (producer_id, epoch) = (self.identity.id, self.identity.epoch);
        let mut data: Vec<TopicProduceData> = Vec::new();
        let mut parts = Vec::new();
        let mut bytes = 0;
        for (topic, partition) in partitions {
            if bytes >= REQUEST_BYTES_MAX {
                break;
            }
            let Some(writer) = self.writer_mut(*topic, *partition) else { continue };
            let Some(batch) = writer.take_batch(producer_id, epoch) else { continue };
            bytes += batch.bytes.len();
            let (name, number) = (writer.place.topic.as_str(), writer.place.partition.to_wire());
            let sent = PartitionProduceData::default().with_index(number).with_records(Some(batch.bytes.clone()));
            match data.last_mut().filter(|last| last.name.as_str() == name) {
                Some(last) => last.partition_data.push(sent),
                None => {
                    data.push(TopicProduceData::default().with_name(wire_name(name)).with_partition_data(vec![sent]));
                }
            }
            parts.push(Part { topic: *topic, partition: *partition, batch });
        }
        if parts.is_empty() {
            return Ok(());
        }
        while self.in_flight.len() >= IN_FLIGHT_MAX {
            self.receive_one(deadline);
        }
        let timeout_ms = i32::try_from(self.settings.transaction_timeout_ms).unwrap_or(i32::MAX);
        let request = self.identity.produce(timeout_ms).with_topic_data(data);
        let sent = self
            .cluster
            .connection(leader, deadline)
            .and_then(|connection| connection.send(&request, PRODUCE_VERSION, deadline));
        self.in_flight.push_back(InFlight { broker: leader, parts });
        if let Err(error) = sent {
            self.lose(leader, &error);
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    /// Waits for the answers to all that is in flight. What went wrong is remembered.
    pub(super) fn settle(&mut self, deadline: Deadline) {
        while !self.in_flight.is_empty() {
            self.receive_one(deadline);
        }
    }

    /// Takes the answer to the request that waits for the longest time.
    fn receive_one(&mut self, deadline: Deadline) {
        let Some(first) = self.in_flight.front() else { return };
        let broker = first.broker;
        let received = match self.cluster.open_connection(broker) {
            Some(connection) => connection.receive::<ProduceRequest>(PRODUCE_VERSION, deadline),
            None => Err(Error::new(ErrorKind::Unavailable, format!("the connection to broker {broker} is gone"))),
        };
        let answer = match received {
            Ok(answer) => answer,
            Err(error) => return self.lose(broker, &error),
        };
        let Some(request) = self.in_flight.pop_front() else { return };
        let mut answered: FxHashMap<(usize, usize), (i16, i64)> = FxHashMap::default();
        for topic in answer.responses {
            let Some(number) = self.numbers.get(topic.name.as_str()) else { continue };
            for partition in topic.partition_responses {
                let at = usize::try_from(partition.index).unwrap_or(usize::MAX);
                answered.insert((*number, at), (partition.error_code, partition.base_offset));
            }
        }
        for part in request.parts {
            match answered.get(&(part.topic, part.partition)) {
                Some((0, base)) if *base >= 0 => {
                    self.delivered.records += part.records();
                    if let Some(writer) = self.writer_mut(part.topic, part.partition) {
                        writer.written.note_batch(*base, part.batch.records);
                        writer.taken(part.batch);
                    }
                }
                Some((code, _)) if LEADS_NOT.contains(code) => {
                    self.last_refusal = *code;
                    self.cluster.forget_leaders();
                    if let Some(writer) = self.writer_mut(part.topic, part.partition) {
                        writer.send_again(part.batch);
                    }
                }
                Some((0, _)) | None => self.refuse(&part, NO_ANSWER),
                Some((code, _)) => self.refuse(&part, *code),
            }
        }
    }

    /// Sends all there is and waits for the answers, again where a broker said that it is not the one.
    pub(super) fn send_all(&mut self, deadline: Deadline) -> Result<(), Outcome> {
        loop {
            self.send_unsent(deadline)?;
            self.settle(deadline);
            if let Some(failed) = &self.failed {
                return Err(failed.clone());
            }
            if !self.writers().any(PartitionWriter::has_unsent) {
                return Ok(());
            }
            if deadline.has_passed() {
                let error = error_of_code(i32::from(self.last_refusal), None);
                return Err(Outcome::Abortable(error.context("a record of the transaction was not written in time")));
            }
            pause(LEADER_WAIT, deadline);
        }
    }

    /// A broker will not take a batch: its sequence numbers are used up on this side alone, so that the next ones would be
    /// out of order.
    fn refuse(&mut self, part: &Part, code: i16) {
        let place = self.writer(part.topic, part.partition).map(|writer| writer.place.to_string()).unwrap_or_default();
        let error = error_of_code(i32::from(code), None).context(place);
        self.delivered.failed += part.records();
        self.delivered.first_error.get_or_insert_with(|| error.clone());
        self.renewal_reason.get_or_insert(error);
        if let Some(failed) = outcome_of(code, "a record of the transaction was not written") {
            self.failed.get_or_insert(failed);
        }
    }

    /// A connection can't be used any more: what was in flight on it may or may not be written, now or later.
    fn lose(&mut self, broker: i32, error: &Error) {
        self.cluster.disconnect(broker);
        self.cluster.forget_leaders();
        let on_it = self.in_flight.iter().filter(|request| request.broker == broker);
        let lost: u64 = on_it.flat_map(|request| &request.parts).map(Part::records).sum();
        self.in_flight.retain(|request| request.broker != broker);
        self.is_lost = true;
        self.delivered.failed += lost;
        self.delivered.first_error.get_or_insert_with(|| error.clone());
        self.renewal_reason.get_or_insert_with(|| error.clone());
        let described = error.clone().context("a record of the transaction was not acknowledged");
        let failed = if error.kind() == ErrorKind::TimedOut {
            Outcome::Unknown(described)
        } else {
            Outcome::Abortable(described)
        };
        self.failed.get_or_insert(failed);
    }

    fn waiting(&self) -> impl Iterator<Item = (usize, usize)> {
        self.topics.iter().enumerate().flat_map(|(number, topic)| {
            let unsent = topic
                .partitions
                .iter()
                .enumerate()
                .filter(|(_, writer)| writer.as_ref().is_some_and(PartitionWriter::has_unsent));
            unsent.map(move |(partition, _)| (number, partition))
        })
    }
}

/// Takes the answer to AddPartitionsToTxn: the first code that is none of a bystander.
fn receive_added(connection: &mut Connection, deadline: Deadline) -> Result<i16, Error> {
    /// Said of partitions whose request failed because of another one.
    const OPERATION_NOT_ATTEMPTED: i16 = 55;
    let answer = connection.receive::<AddPartitionsToTxnRequest>(ADD_PARTITIONS_VERSION, deadline)?;
    let topics = answer.results_by_topic_v3_and_below.iter();
    let codes: Vec<i16> =
        topics.flat_map(|topic| &topic.results_by_partition).map(|partition| partition.partition_error_code).collect();
    let cause = codes.iter().find(|code| **code != 0 && **code != OPERATION_NOT_ATTEMPTED);
    Ok(cause.or_else(|| codes.iter().find(|code| **code != 0)).copied().unwrap_or(0))
}

/// Takes the answer to AddOffsetsToTxn.
fn receive_group(connection: &mut Connection, deadline: Deadline) -> Result<i16, Error> {
    Ok(connection.receive::<AddOffsetsToTxnRequest>(ADD_OFFSETS_VERSION, deadline)?.error_code)
}
