//! Produce.

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::produce_request::PartitionProduceData;
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::{ProduceRequest, ProduceResponse};

use super::Node;
use super::answers::NONE;
use crate::cluster::topic::{TopicPartition, is_internal};
use crate::log::Appended;
use crate::transaction::machine::Producer;

/// Appends records; `None` with acks=0, where the client expects no answer.
pub(super) fn produce(node: &Node, request: ProduceRequest) -> Option<ProduceResponse> {
    let acks_known = matches!(request.acks, -1..=1);
    let transactional_id = request.transactional_id.as_ref().map(|id| id.as_str());
    let mut response = ProduceResponse::default();
    for topic in request.topic_data {
        let mut answer = TopicProduceResponse::default().with_name(topic.name.clone());
        for data in topic.partition_data {
            let index = data.index;
            let result = if acks_known {
                append(node, transactional_id, &topic.name, data)
            } else {
                Err(ResponseError::InvalidRequiredAcks)
            };
            answer.partition_responses.push(partition_answer(index, result));
        }
        response.responses.push(answer);
    }
    (request.acks != 0).then_some(response)
}

fn append(
    node: &Node,
    transactional_id: Option<&str>,
    topic: &str,
    data: PartitionProduceData,
) -> Result<(Appended, i64), ResponseError> {
    let partition = node.catalog.partition(topic, data.index).ok_or(ResponseError::UnknownTopicOrPartition)?;
    if is_internal(topic) {
        return Err(ResponseError::InvalidTopicException);
    }
    let records = data.records.unwrap_or_default();
    let transactional = transactional_producer(&records);
    let write = || {
        let appended = partition.append(records, node.clock.now_ms())?;
        Ok((appended, partition.bounds().0))
    };
    match (transactional, transactional_id) {
        (None, _) => write(),
        (Some(_), None) => Err(ResponseError::InvalidTxnState),
        (Some(producer), Some(id)) => {
            let at = TopicPartition::new(topic, data.index);
            node.transactions.write(id, producer, &at, write)
        }
    }
}

const ATTRIBUTES_POSITION: usize = 21;
const PRODUCER_ID_POSITION: usize = 43;
const PRODUCER_EPOCH_POSITION: usize = 51;
const TRANSACTIONAL: i16 = 1 << 4;

/// The producer of a transactional batch; the log checks everything else about it.
fn transactional_producer(batch: &Bytes) -> Option<Producer> {
    let number = |at: usize| batch.get(at..)?.first_chunk::<2>().map(|b| i16::from_be_bytes(*b));
    if number(ATTRIBUTES_POSITION)? & TRANSACTIONAL == 0 {
        return None;
    }
    let id = batch.get(PRODUCER_ID_POSITION..)?.first_chunk::<8>()?;
    Some(Producer { id: i64::from_be_bytes(*id), epoch: number(PRODUCER_EPOCH_POSITION)? })
}

fn partition_answer(index: i32, result: Result<(Appended, i64), ResponseError>) -> PartitionProduceResponse {
    let answer = PartitionProduceResponse::default().with_index(index);
    match result {
        Ok((appended, log_start_offset)) => answer
            .with_base_offset(appended.base_offset)
            .with_log_append_time_ms(appended.log_append_time_ms)
            .with_log_start_offset(log_start_offset),
        Err(error) => answer
            .with_error_code(error.code())
            .with_base_offset(NONE)
            .with_log_append_time_ms(NONE)
            .with_log_start_offset(NONE),
    }
}
