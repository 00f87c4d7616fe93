//! DeleteRecords.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_records_response::{DeleteRecordsPartitionResult, DeleteRecordsTopicResult};
use kafka_protocol::messages::{DeleteRecordsRequest, DeleteRecordsResponse};

use super::Node;
use super::answers::NONE;
use crate::cluster::topic::is_internal;

/// DeleteRecords: moves the start of partitions; -1 means everything there is.
pub(super) fn delete_records(node: &Node, request: DeleteRecordsRequest) -> DeleteRecordsResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let answer = DeleteRecordsPartitionResult::default().with_partition_index(asked.partition_index);
            match delete(node, &topic.name, asked.partition_index, asked.offset) {
                Ok(low_watermark) => answer.with_low_watermark(low_watermark),
                Err(error) => answer.with_error_code(error.code()).with_low_watermark(NONE),
            }
        });
        let partitions = partitions.collect();
        DeleteRecordsTopicResult::default().with_name(topic.name.clone()).with_partitions(partitions)
    });
    DeleteRecordsResponse::default().with_topics(topics.collect())
}

fn delete(node: &Node, topic: &str, index: i32, offset: i64) -> Result<i64, ResponseError> {
    if is_internal(topic) {
        return Err(ResponseError::InvalidTopicException);
    }
    let found = node.catalog.topic(topic).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let partition = found.partition(index).ok_or(ResponseError::UnknownTopicOrPartition)?;
    // Kafka's rule: a topic that is only compacted keeps the last record of each key for ever.
    let deletes = partition.with_log(|log| Ok(log.config().cleanup_policy.delete))?;
    if !deletes {
        return Err(ResponseError::PolicyViolation);
    }
    partition.with_log(|log| log.delete_records_before(offset))
}
