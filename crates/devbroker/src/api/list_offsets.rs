//! ListOffsets and OffsetForLeaderEpoch.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::offset_for_leader_epoch_response::{EpochEndOffset, OffsetForLeaderTopicResult};
use kafka_protocol::messages::{
    ListOffsetsRequest, ListOffsetsResponse, OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse,
};

use super::Node;
use super::answers::NONE;
use crate::log::PartitionLog;

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const MAX_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

/// ListOffsets: by the special timestamps, or by time.
pub(super) fn list_offsets(node: &Node, request: ListOffsetsRequest, version: i16) -> ListOffsetsResponse {
    let committed_only = request.isolation_level == 1;
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let answer = ListOffsetsPartitionResponse::default().with_partition_index(asked.partition_index);
            match find(node, &topic.name, asked.partition_index, asked.timestamp, committed_only) {
                Ok((offset, timestamp_ms)) => {
                    // Version 4 brought leader epochs.
                    let epoch = if version >= 4 && offset >= 0 { PartitionLog::LEADER_EPOCH } else { -1 };
                    answer.with_offset(offset).with_timestamp(timestamp_ms).with_leader_epoch(epoch)
                }
                Err(error) => answer.with_error_code(error.code()).with_offset(NONE).with_timestamp(NONE),
            }
        });
        let partitions = partitions.collect();
        ListOffsetsTopicResponse::default().with_name(topic.name.clone()).with_partitions(partitions)
    });
    ListOffsetsResponse::default().with_topics(topics.collect())
}

/// The offset, and the timestamp of its record where the question was about time.
fn find(
    node: &Node,
    topic: &str,
    index: i32,
    timestamp: i64,
    committed_only: bool,
) -> Result<(i64, i64), ResponseError> {
    let partition = node.catalog.partition(topic, index).ok_or(ResponseError::UnknownTopicOrPartition)?;
    partition.with_log(|log| {
        let end = if committed_only { log.last_stable_offset() } else { log.high_watermark() };
        Ok(match timestamp {
            LATEST => (end, NONE),
            EARLIEST | EARLIEST_LOCAL => (log.log_start_offset(), NONE),
            LATEST_TIERED | EARLIEST_PENDING_UPLOAD => (NONE, NONE),
            MAX_TIMESTAMP => log.max_timestamp()?.map_or((NONE, NONE), |at| (at.offset, at.timestamp_ms)),
            time_ms => log
                .offset_for_time(time_ms)?
                .filter(|at| at.offset < end)
                .map_or((NONE, NONE), |at| (at.offset, at.timestamp_ms)),
        })
    })
}

/// OffsetForLeaderEpoch: there is one epoch only, and it ends at the end of the log.
pub(super) fn offset_for_leader_epoch(
    node: &Node,
    request: OffsetForLeaderEpochRequest,
) -> OffsetForLeaderEpochResponse {
    let topics = request.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.iter().map(|asked| {
            let answer = EpochEndOffset::default().with_partition(asked.partition);
            let found = node.catalog.partition(&topic.topic, asked.partition);
            match found.ok_or(ResponseError::UnknownTopicOrPartition) {
                Ok(_) if asked.current_leader_epoch > PartitionLog::LEADER_EPOCH => {
                    answer.with_error_code(ResponseError::UnknownLeaderEpoch.code())
                }
                Ok(_) if asked.leader_epoch > PartitionLog::LEADER_EPOCH => answer,
                Ok(partition) => {
                    answer.with_leader_epoch(PartitionLog::LEADER_EPOCH).with_end_offset(partition.bounds().1)
                }
                Err(error) => answer.with_error_code(error.code()),
            }
        });
        let partitions = partitions.collect();
        OffsetForLeaderTopicResult::default().with_topic(topic.topic.clone()).with_partitions(partitions)
    });
    OffsetForLeaderEpochResponse::default().with_topics(topics.collect())
}
