//! OffsetCommit, TxnOffsetCommit, OffsetFetch, OffsetDelete.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::offset_commit_response::{OffsetCommitResponsePartition, OffsetCommitResponseTopic};
use kafka_protocol::messages::offset_delete_response::{OffsetDeleteResponsePartition, OffsetDeleteResponseTopic};
use kafka_protocol::messages::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions, OffsetFetchResponseTopic,
    OffsetFetchResponseTopics,
};
use kafka_protocol::messages::txn_offset_commit_response::{
    TxnOffsetCommitResponsePartition, TxnOffsetCommitResponseTopic,
};
use kafka_protocol::messages::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetDeleteResponse, OffsetFetchRequest,
    OffsetFetchResponse, TopicName, TxnOffsetCommitRequest, TxnOffsetCommitResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::Node;
use super::answers::{NONE, code, text, topic_name};
use crate::cluster::topic::{CONSUMER_OFFSETS, TopicPartition};
use crate::group::coordinator::NewOffsets;
use crate::group::offsets::Committed;
use crate::group::protocol::Identity;
use crate::group::replay::Slot;
use crate::transaction::machine::Producer;

/// Kafka's `offset.metadata.max.bytes`.
const METADATA_BYTES_MAX: usize = 4096;

/// One offset of a commit request, and what speaks against it.
struct Asked {
    topic: TopicName,
    partition: i32,
    refused: Option<ResponseError>,
}

/// Collects the offsets of a commit, refusing one by one what cannot be committed.
#[derive(Default)]
struct Gathered {
    asked: Vec<Asked>,
    offsets: NewOffsets,
}

impl Gathered {
    fn add(&mut self, node: &Node, topic: &TopicName, partition: i32, committed: Committed) {
        let refused = if node.catalog.partition(topic, partition).is_none() {
            Some(ResponseError::UnknownTopicOrPartition)
        } else if committed.metadata.len() > METADATA_BYTES_MAX {
            Some(ResponseError::OffsetMetadataTooLarge)
        } else {
            None
        };
        self.asked.push(Asked { topic: topic.clone(), partition, refused });
        if refused.is_none() {
            self.offsets.push((TopicPartition::new(topic, partition), committed));
        }
    }
}

fn committed(offset: i64, leader_epoch: i32, metadata: Option<StrBytes>) -> Committed {
    Committed {
        offset,
        leader_epoch,
        metadata: metadata.map(|text| text.to_string()).unwrap_or_default(),
        commit_time_ms: 0,
        log_offset: -1,
    }
}

/// Groups entries that follow each other by topic.
fn by_topic<T>(entries: Vec<(TopicName, T)>) -> Vec<(TopicName, Vec<T>)> {
    let mut topics: Vec<(TopicName, Vec<T>)> = Vec::new();
    for (topic, entry) in entries {
        match topics.last_mut() {
            Some((last, entries)) if *last == topic => entries.push(entry),
            _ => topics.push((topic, vec![entry])),
        }
    }
    topics
}

/// OffsetCommit.
pub(super) fn commit(node: &Node, request: OffsetCommitRequest) -> OffsetCommitResponse {
    let mut gathered = Gathered::default();
    for topic in &request.topics {
        for p in &topic.partitions {
            let entry = committed(p.committed_offset, p.committed_leader_epoch, p.committed_metadata.clone());
            gathered.add(node, &topic.name, p.partition_index, entry);
        }
    }
    let who = Identity {
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|id| id.to_string()),
        generation: request.generation_id_or_member_epoch,
    };
    let result = match request.group_id.is_empty() {
        true => Err(ResponseError::InvalidGroupId),
        false => node.groups.commit(&request.group_id, &who, None, gathered.offsets),
    };
    let answers = gathered.asked.into_iter().map(|asked| {
        let error = result.err().or(asked.refused);
        let answer = OffsetCommitResponsePartition::default()
            .with_partition_index(asked.partition)
            .with_error_code(super::answers::code_of(error));
        (asked.topic, answer)
    });
    let topics = by_topic(answers.collect())
        .into_iter()
        .map(|(name, partitions)| OffsetCommitResponseTopic::default().with_name(name).with_partitions(partitions));
    OffsetCommitResponse::default().with_topics(topics.collect())
}

/// TxnOffsetCommit: pending until the transaction ends (KIP-447 checks the member too).
pub(super) fn commit_in_transaction(
    node: &Node,
    request: TxnOffsetCommitRequest,
    version: i16,
) -> TxnOffsetCommitResponse {
    let mut gathered = Gathered::default();
    for topic in &request.topics {
        for p in &topic.partitions {
            let entry = committed(p.committed_offset, p.committed_leader_epoch, p.committed_metadata.clone());
            gathered.add(node, &topic.name, p.partition_index, entry);
        }
    }
    let who = Identity {
        member_id: request.member_id.to_string(),
        instance_id: request.group_instance_id.map(|id| id.to_string()),
        generation: request.generation_id,
    };
    let producer = Producer { id: request.producer_id.0, epoch: request.producer_epoch };
    let at = TopicPartition::new(CONSUMER_OFFSETS, 0);
    let offsets = gathered.offsets;
    let mut result = match request.group_id.is_empty() {
        true => Err(ResponseError::InvalidGroupId),
        false => node.transactions.write(&request.transactional_id, producer, &at, || {
            node.groups.commit(&request.group_id, &who, Some((producer.id, producer.epoch)), offsets)
        }),
    };
    if version < 3 && result == Err(ResponseError::IllegalGeneration) {
        result = Err(ResponseError::UnknownMemberId);
    }
    let answers = gathered.asked.into_iter().map(|asked| {
        let error = result.err().or(asked.refused);
        let answer = TxnOffsetCommitResponsePartition::default()
            .with_partition_index(asked.partition)
            .with_error_code(super::answers::code_of(error));
        (asked.topic, answer)
    });
    let topics = by_topic(answers.collect())
        .into_iter()
        .map(|(name, partitions)| TxnOffsetCommitResponseTopic::default().with_name(name).with_partitions(partitions));
    TxnOffsetCommitResponse::default().with_topics(topics.collect())
}

/// One position of an OffsetFetch answer.
struct Position {
    partition: i32,
    found: Option<Committed>,
    error_code: i16,
}

/// Positions by topic; `None` asks for all that the group has.
fn positions(
    node: &Node,
    group_id: &str,
    asked: Option<Vec<(TopicName, Vec<i32>)>>,
    require_stable: bool,
) -> Vec<(TopicName, Vec<Position>)> {
    node.groups.look(|groups| {
        let slot = groups.get(group_id);
        let asked = asked.unwrap_or_else(|| {
            let all = slot.map(|slot| slot.offsets.partitions()).unwrap_or_default();
            by_topic(all.iter().map(|at| (topic_name(&at.topic), at.partition)).collect())
        });
        let of_topic = |(topic, partitions): (TopicName, Vec<i32>)| {
            let positions = partitions.iter().map(|p| position(slot, &topic, *p, require_stable)).collect();
            (topic, positions)
        };
        asked.into_iter().map(of_topic).collect()
    })
}

fn position(slot: Option<&Slot>, topic: &str, partition: i32, require_stable: bool) -> Position {
    let at = TopicPartition::new(topic, partition);
    let Some(slot) = slot else { return Position { partition, found: None, error_code: 0 } };
    if require_stable && slot.offsets.is_unstable(&at) {
        let error_code = ResponseError::UnstableOffsetCommit.code();
        return Position { partition, found: None, error_code };
    }
    Position { partition, found: slot.offsets.get(&at).cloned(), error_code: 0 }
}

/// OffsetFetch: one group, or since version 8 many.
pub(super) fn fetch(node: &Node, request: OffsetFetchRequest, version: i16) -> OffsetFetchResponse {
    let require_stable = request.require_stable;
    if version < 8 {
        let asked = request.topics.map(|topics| topics.into_iter().map(|t| (t.name, t.partition_indexes)).collect());
        let topics = positions(node, &request.group_id, asked, require_stable);
        let topics = topics.into_iter().map(|(name, positions)| {
            OffsetFetchResponseTopic::default()
                .with_name(name)
                .with_partitions(positions.into_iter().map(|p| old_answer(p, version)).collect())
        });
        return OffsetFetchResponse::default().with_topics(topics.collect());
    }
    let groups = request.groups.into_iter().map(|group| {
        let asked = group.topics.map(|topics| topics.into_iter().map(|t| (t.name, t.partition_indexes)).collect());
        let topics = positions(node, &group.group_id, asked, require_stable);
        let topics = topics.into_iter().map(|(name, positions)| {
            OffsetFetchResponseTopics::default()
                .with_name(name)
                .with_partitions(positions.into_iter().map(answer).collect())
        });
        OffsetFetchResponseGroup::default().with_group_id(group.group_id).with_topics(topics.collect())
    });
    OffsetFetchResponse::default().with_groups(groups.collect())
}

fn answer(position: Position) -> OffsetFetchResponsePartitions {
    let found = position.found;
    OffsetFetchResponsePartitions::default()
        .with_partition_index(position.partition)
        .with_error_code(position.error_code)
        .with_committed_offset(found.as_ref().map_or(NONE, |c| c.offset))
        .with_committed_leader_epoch(found.as_ref().map_or(-1, |c| c.leader_epoch))
        .with_metadata(Some(text(found.as_ref().map_or("", |c| &c.metadata))))
}

fn old_answer(position: Position, version: i16) -> OffsetFetchResponsePartition {
    let found = position.found;
    let epoch = found.as_ref().filter(|_| version >= 5).map_or(-1, |c| c.leader_epoch);
    OffsetFetchResponsePartition::default()
        .with_partition_index(position.partition)
        .with_error_code(position.error_code)
        .with_committed_offset(found.as_ref().map_or(NONE, |c| c.offset))
        .with_committed_leader_epoch(epoch)
        .with_metadata(Some(text(found.as_ref().map_or("", |c| &c.metadata))))
}

/// OffsetDelete: not for topics that a living consumer group subscribes to.
pub(super) fn delete(node: &Node, request: OffsetDeleteRequest) -> OffsetDeleteResponse {
    let response = OffsetDeleteResponse::default();
    let subscribed = node.groups.look(|groups| groups.get(request.group_id.as_str()).map(subscribed_topics));
    let Some(subscribed) = subscribed else {
        return response.with_error_code(ResponseError::GroupIdNotFound.code());
    };
    let mut topics = Vec::new();
    for topic in request.topics {
        let all: Vec<_> =
            topic.partitions.iter().map(|p| TopicPartition::new(&topic.name, p.partition_index)).collect();
        let result = match &subscribed {
            Subscribed::Unknown => Err(ResponseError::NonEmptyGroup),
            Subscribed::Topics(names) if names.iter().any(|name| name.as_str() == topic.name.as_str()) => {
                Err(ResponseError::GroupSubscribedToTopic)
            }
            Subscribed::Topics(_) => node.groups.forget_offsets(&request.group_id, &all),
        };
        let partitions = topic.partitions.iter().map(|p| {
            OffsetDeleteResponsePartition::default()
                .with_partition_index(p.partition_index)
                .with_error_code(code(&result))
        });
        let partitions = partitions.collect();
        topics.push(OffsetDeleteResponseTopic::default().with_name(topic.name).with_partitions(partitions));
    }
    response.with_topics(topics)
}

enum Subscribed {
    /// What the living members subscribe to.
    Topics(Vec<String>),
    /// Members that are no consumers, or whose subscription cannot be read.
    Unknown,
}

fn subscribed_topics(slot: &Slot) -> Subscribed {
    if slot.group.members.is_empty() {
        return Subscribed::Topics(Vec::new());
    }
    if slot.group.protocol_type.as_deref() != Some("consumer") {
        return Subscribed::Unknown;
    }
    let mut topics = Vec::new();
    for member in slot.group.members.values() {
        let protocol = slot.group.protocol_name.as_deref().or(member.protocols.first().map(|(n, _)| n.as_str()));
        let metadata = member.subscription(protocol.unwrap_or_default());
        match crate::group::subscription::topics(&metadata) {
            Some(names) => topics.extend(names),
            None => return Subscribed::Unknown,
        }
    }
    Subscribed::Topics(topics)
}
