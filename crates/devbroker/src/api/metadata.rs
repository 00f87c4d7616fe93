//! Metadata and DescribeTopicPartitions.

use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_topic_partitions_request::DescribeTopicPartitionsRequest;
use kafka_protocol::messages::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponse, DescribeTopicPartitionsResponsePartition,
    DescribeTopicPartitionsResponseTopic,
};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::{MetadataRequest, MetadataResponse};

use super::answers::{NODE, text, topic_name};
use super::{Client, Node};
use crate::cluster::topic::{Topic, check_name};
use crate::log::PartitionLog;

/// Metadata: brokers, and the topics that were asked for, made if that is allowed.
pub(super) fn metadata(node: &Node, client: &Client, request: MetadataRequest, version: i16) -> MetadataResponse {
    let address = node.advertised(client);
    let broker = MetadataResponseBroker::default()
        .with_node_id(NODE)
        .with_host(text(&address.ip().to_string()))
        .with_port(i32::from(address.port()));
    let may_create = request.allow_auto_topic_creation && node.auto_create_topics;
    let topics = match request.topics {
        // In version 0 an empty list means all topics; since then null does.
        Some(topics) if version > 0 || !topics.is_empty() => {
            topics.into_iter().map(|asked| one_topic(node, asked, may_create, version)).collect()
        }
        _ => node.catalog.all().iter().map(|topic| described(topic)).collect(),
    };
    MetadataResponse::default()
        .with_brokers(vec![broker])
        .with_cluster_id(Some(text(node.catalog.cluster_id())))
        .with_controller_id(NODE)
        .with_topics(topics)
}

fn one_topic(node: &Node, asked: MetadataRequestTopic, may_create: bool, version: i16) -> MetadataResponseTopic {
    let Some(name) = asked.name else {
        return match node.catalog.topic_by_id(asked.topic_id) {
            Some(topic) => described(&topic),
            None => {
                let name = (version < 12).then(|| topic_name(""));
                MetadataResponseTopic::default()
                    .with_error_code(ResponseError::UnknownTopicId.code())
                    .with_topic_id(asked.topic_id)
                    .with_name(name)
            }
        };
    };
    match existing_or_new(node, &name, may_create) {
        Ok(topic) => described(&topic),
        Err(error) => MetadataResponseTopic::default().with_error_code(error.code()).with_name(Some(name)),
    }
}

fn existing_or_new(node: &Node, name: &str, may_create: bool) -> Result<Arc<Topic>, ResponseError> {
    if let Some(topic) = node.catalog.topic(name) {
        return Ok(topic);
    }
    if check_name(name).is_err() {
        return Err(ResponseError::InvalidTopicException);
    }
    if !may_create {
        return Err(ResponseError::UnknownTopicOrPartition);
    }
    match node.catalog.create(name, node.default_partitions, Default::default()) {
        Err(ResponseError::TopicAlreadyExists) => {
            node.catalog.topic(name).ok_or(ResponseError::UnknownTopicOrPartition)
        }
        created => created,
    }
}

fn described(topic: &Topic) -> MetadataResponseTopic {
    let partitions = (0..topic.partitions.len() as i32).map(|index| {
        MetadataResponsePartition::default()
            .with_partition_index(index)
            .with_leader_id(NODE)
            .with_leader_epoch(PartitionLog::LEADER_EPOCH)
            .with_replica_nodes(vec![NODE])
            .with_isr_nodes(vec![NODE])
    });
    MetadataResponseTopic::default()
        .with_name(Some(topic_name(&topic.name)))
        .with_topic_id(topic.id)
        .with_is_internal(topic.is_internal())
        .with_partitions(partitions.collect())
}

/// Partitions that one DescribeTopicPartitions response holds at most.
const PAGE_PARTITIONS_MAX: usize = 2000;

/// DescribeTopicPartitions (KIP-966): metadata in pages.
pub(super) fn describe_topic_partitions(
    node: &Node,
    request: DescribeTopicPartitionsRequest,
) -> DescribeTopicPartitionsResponse {
    let mut names: Vec<String> = if request.topics.is_empty() {
        node.catalog.all().iter().map(|topic| topic.name.clone()).collect()
    } else {
        request.topics.iter().map(|topic| topic.name.to_string()).collect()
    };
    names.sort();
    names.dedup();
    let (from_topic, from_partition) =
        request.cursor.map(|cursor| (cursor.topic_name.to_string(), cursor.partition_index)).unwrap_or_default();
    let limit = usize::try_from(request.response_partition_limit).unwrap_or(0);
    let mut left = limit.clamp(1, PAGE_PARTITIONS_MAX);
    let mut response = DescribeTopicPartitionsResponse::default();
    for name in names.into_iter().filter(|name| *name >= from_topic) {
        let first = if name == from_topic { from_partition.max(0) } else { 0 };
        if left == 0 {
            let cursor = Cursor::default().with_topic_name(topic_name(&name)).with_partition_index(first);
            return response.with_next_cursor(Some(cursor));
        }
        let Some(topic) = node.catalog.topic(&name) else {
            response.topics.push(unknown_topic(&name));
            continue;
        };
        let end = topic.partitions.len() as i32;
        let shown: Vec<_> = (first..end).take(left).map(page_partition).collect();
        left -= shown.len();
        let next = first + shown.len() as i32;
        response.topics.push(
            DescribeTopicPartitionsResponseTopic::default()
                .with_name(Some(topic_name(&name)))
                .with_topic_id(topic.id)
                .with_is_internal(topic.is_internal())
                .with_partitions(shown),
        );
        if next < end {
            let cursor = Cursor::default().with_topic_name(topic_name(&name)).with_partition_index(next);
            return response.with_next_cursor(Some(cursor));
        }
    }
    response
}

fn unknown_topic(name: &str) -> DescribeTopicPartitionsResponseTopic {
    let error = match check_name(name) {
        Ok(()) => ResponseError::UnknownTopicOrPartition,
        Err(_) => ResponseError::InvalidTopicException,
    };
    DescribeTopicPartitionsResponseTopic::default().with_name(Some(topic_name(name))).with_error_code(error.code())
}

fn page_partition(index: i32) -> DescribeTopicPartitionsResponsePartition {
    DescribeTopicPartitionsResponsePartition::default()
        .with_partition_index(index)
        .with_leader_id(NODE)
        .with_leader_epoch(PartitionLog::LEADER_EPOCH)
        .with_replica_nodes(vec![NODE])
        .with_isr_nodes(vec![NODE])
        .with_eligible_leader_replicas(Some(Vec::new()))
        .with_last_known_elr(Some(Vec::new()))
}
