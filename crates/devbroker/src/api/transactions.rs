//! InitProducerId, AddPartitionsToTxn, AddOffsetsToTxn, EndTxn.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, AddPartitionsToTxnRequest, AddPartitionsToTxnResponse,
    EndTxnRequest, EndTxnResponse, InitProducerIdRequest, InitProducerIdResponse, ProducerId,
};

use super::Node;
use super::answers::{NONE, code};
use crate::cluster::topic::{TopicPartition, is_internal};
use crate::transaction::machine::Producer;

/// Clients before a certain version know only INVALID_PRODUCER_EPOCH (KIP-588).
fn for_version<T>(result: Result<T, ResponseError>, version: i16, knows_fenced_since: i16) -> Result<T, ResponseError> {
    match result {
        Err(ResponseError::ProducerFenced) if version < knows_fenced_since => Err(ResponseError::InvalidProducerEpoch),
        other => other,
    }
}

/// InitProducerId: idempotent without a transactional id, else fencing the predecessor.
pub(super) fn init_producer_id(node: &Node, request: InitProducerIdRequest, version: i16) -> InitProducerIdResponse {
    let claimed = (request.producer_id.0 != NONE)
        .then_some(Producer { id: request.producer_id.0, epoch: request.producer_epoch });
    let result = match &request.transactional_id {
        None => node.transactions.idempotent_producer(),
        Some(id) => node.transactions.initialise(id, request.transaction_timeout_ms, claimed),
    };
    let response = InitProducerIdResponse::default();
    match for_version(result, version, 4) {
        Ok(producer) => response.with_producer_id(ProducerId(producer.id)).with_producer_epoch(producer.epoch),
        Err(error) => response.with_error_code(error.code()).with_producer_id(ProducerId(NONE)).with_producer_epoch(-1),
    }
}

/// AddPartitionsToTxn of the client versions: all partitions, or none.
pub(super) fn add_partitions(
    node: &Node,
    request: AddPartitionsToTxnRequest,
    version: i16,
) -> AddPartitionsToTxnResponse {
    let producer = Producer { id: request.v3_and_below_producer_id.0, epoch: request.v3_and_below_producer_epoch };
    let exists =
        |at: &TopicPartition| !is_internal(&at.topic) && node.catalog.partition(&at.topic, at.partition).is_some();
    let asked: Vec<TopicPartition> = request
        .v3_and_below_topics
        .iter()
        .flat_map(|topic| topic.partitions.iter().map(|index| TopicPartition::new(&topic.name, *index)))
        .collect();
    let all_exist = asked.iter().all(exists);
    let result = if all_exist {
        let added = node.transactions.add(&request.v3_and_below_transactional_id, producer, asked);
        for_version(added, version, 2)
    } else {
        Err(ResponseError::OperationNotAttempted)
    };
    let topics = request.v3_and_below_topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|index| {
            let error = match exists(&TopicPartition::new(&topic.name, *index)) {
                false => ResponseError::UnknownTopicOrPartition.code(),
                true => code(&result),
            };
            AddPartitionsToTxnPartitionResult::default().with_partition_index(*index).with_partition_error_code(error)
        });
        let partitions = partitions.collect();
        AddPartitionsToTxnTopicResult::default().with_name(topic.name).with_results_by_partition(partitions)
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(topics.collect())
}

/// AddOffsetsToTxn.
pub(super) fn add_offsets(node: &Node, request: AddOffsetsToTxnRequest, version: i16) -> AddOffsetsToTxnResponse {
    let producer = Producer { id: request.producer_id.0, epoch: request.producer_epoch };
    let result = match request.group_id.is_empty() {
        true => Err(ResponseError::InvalidGroupId),
        false => node.transactions.add_offsets(&request.transactional_id, producer),
    };
    AddOffsetsToTxnResponse::default().with_error_code(code(&for_version(result, version, 2)))
}

/// EndTxn.
pub(super) fn end(node: &Node, request: EndTxnRequest, version: i16) -> EndTxnResponse {
    let producer = Producer { id: request.producer_id.0, epoch: request.producer_epoch };
    let result = node.transactions.end(&request.transactional_id, producer, request.committed);
    EndTxnResponse::default().with_error_code(code(&for_version(result, version, 2)))
}
