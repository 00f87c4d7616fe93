#![allow(unsafe_code, reason = "ListOffsets and DeleteRecords through librdkafka's admin calls")]

use std::time::Duration;

use headwater_log::{Offset, TopicPartition};
use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Op;
use sys::rd_kafka_resp_err_t as Code;

use super::Admin;
use super::call::{Options, Parts, call, each};
use crate::clock::{Deadline, pause};
use crate::native::{Client, PartitionList, code_of};
use crate::{Error, ErrorKind, Isolation};

/// A partition is without a leader, or known under an old one, for a moment when brokers come and go. A topic that is not
/// there looks the same.
const LEADERLESS_MAX: Duration = Duration::from_secs(5);
const LEADER_WAIT: Duration = Duration::from_millis(100);
const LEADER_MOVED: [i32; 5] = [
    code_of(Code::RD_KAFKA_RESP_ERR__NOENT),
    code_of(Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE),
    code_of(Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION),
    code_of(Code::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH),
    code_of(Code::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH),
];

/// Which offset of a partition is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffsetAt {
    /// The first record that still exists.
    Beginning,
    /// The end: high watermark or last stable offset, by the isolation.
    End,
    /// The first record at or after this time, in milliseconds since 1970 UTC.
    Time(i64),
    /// The record with the largest timestamp.
    LargestTimestamp,
}

/// The answer for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedOffset {
    /// Which partition.
    pub partition: TopicPartition,
    /// The offset; None when no record matches.
    pub offset: Option<Offset>,
    /// The record's timestamp in milliseconds, where a record was asked for.
    pub timestamp_ms: Option<i64>,
}

/// The ends of partitions: high watermarks, or last stable offsets.
pub(crate) fn ends_on(
    client: &Client,
    partitions: &[TopicPartition],
    isolation: Isolation,
    deadline: Duration,
) -> Result<Vec<(TopicPartition, Offset)>, Error> {
    known_offsets_on(client, partitions, OffsetAt::End, isolation, deadline)
}

/// ListOffsets where every partition must have an answer. Where leaders have moved they are looked up anew: librdkafka goes
/// by what it knows, the leader's epoch included, for as long as its metadata are young.
pub(crate) fn known_offsets_on(
    client: &Client,
    partitions: &[TopicPartition],
    at: OffsetAt,
    isolation: Isolation,
    deadline: Duration,
) -> Result<Vec<(TopicPartition, Offset)>, Error> {
    let asked: Vec<_> = partitions.iter().map(|partition| (partition.clone(), at)).collect();
    let deadline = Deadline::after(deadline);
    let patience = Deadline::after(LEADERLESS_MAX.min(deadline.left()));
    let listed = loop {
        match list_offsets_on(client, &asked, isolation, deadline.left()) {
            Err(error) if error.code().is_some_and(|code| LEADER_MOVED.contains(&code)) && !patience.has_passed() => {
                client.look_up_leaders(patience.left());
                pause(LEADER_WAIT, patience);
            }
            listed => break listed?,
        }
    };
    listed
        .into_iter()
        .map(|listed| {
            let missing = || Error::new(ErrorKind::Unavailable, format!("{} has no offsets yet", listed.partition));
            Ok((listed.partition.clone(), listed.offset.ok_or_else(missing)?))
        })
        .collect()
}

/// ListOffsets on any client.
pub(crate) fn list_offsets_on(
    client: &Client,
    asked: &[(TopicPartition, OffsetAt)],
    isolation: Isolation,
    deadline: Duration,
) -> Result<Vec<ListedOffset>, Error> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let mut list = PartitionList::new(asked.len());
    for (partition, at) in asked {
        let wire = match at {
            OffsetAt::Beginning => -2,
            OffsetAt::End => -1,
            OffsetAt::LargestTimestamp => -3,
            OffsetAt::Time(time_ms) => (*time_ms).max(0),
        };
        list.push(partition, wire, None)?;
    }
    let isolation = match isolation {
        Isolation::ReadUncommitted => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
        Isolation::ReadCommitted => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
    };
    let options = Options { isolation: Some(isolation), ..Options::default() };
    let answer = call(client, Op::RD_KAFKA_ADMIN_OP_LISTOFFSETS, deadline, &options, |rk, options, queue| {
        // SAFETY: all of them are alive; the list is copied.
        unsafe { sys::rd_kafka_ListOffsets(rk, list.as_ptr(), options, queue) }
    })?;
    let mut listed = Vec::with_capacity(asked.len());
    let mut count = 0;
    // SAFETY: the answer is of this kind, and owns everything that is read here.
    unsafe {
        let result = sys::rd_kafka_event_ListOffsets_result(answer.as_ptr());
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &raw mut count);
        for info in each(infos, count) {
            let entry = PartitionList::read_entry(sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info));
            let timestamp = sys::rd_kafka_ListOffsetsResultInfo_timestamp(info);
            let Some(entry) = entry else { continue };
            if let Some(error) = entry.error {
                return Err(error);
            }
            listed.push(ListedOffset {
                offset: Offset::new(entry.offset).ok(),
                partition: entry.partition,
                timestamp_ms: (timestamp >= 0).then_some(timestamp),
            });
        }
    }
    Ok(listed)
}

impl Admin {
    /// Offsets of partitions, asked of their leaders; in no given order.
    ///
    /// # Errors
    /// The first partition that has no answer, by kind.
    pub fn list_offsets(
        &self,
        asked: &[(TopicPartition, OffsetAt)],
        isolation: Isolation,
    ) -> Result<Vec<ListedOffset>, Error> {
        list_offsets_on(&self.client, asked, isolation, self.deadline)
            .map_err(|error| error.context("offsets cannot be listed"))
    }

    /// Deletes the records before these offsets; answers with the partitions' new beginnings.
    ///
    /// # Errors
    /// The first partition that failed, by kind.
    pub fn delete_records(&self, before: &[(TopicPartition, Offset)]) -> Result<Vec<(TopicPartition, Offset)>, Error> {
        let mut list = PartitionList::new(before.len());
        for (partition, offset) in before {
            list.push(partition, offset.get(), None)?;
        }
        let mut request = Parts::new(sys::rd_kafka_DeleteRecords_destroy);
        // SAFETY: the list is alive, and copied.
        let part = unsafe { sys::rd_kafka_DeleteRecords_new(list.as_ptr()) };
        request.push(part, || "records cannot be deleted".to_owned())?;
        let options = Options::default();
        let answer =
            call(&self.client, Op::RD_KAFKA_ADMIN_OP_DELETERECORDS, self.deadline, &options, |rk, options, queue| {
                let (parts, count) = (request.as_mut_ptr(), request.len());
                // SAFETY: all of them are alive; the request is copied.
                unsafe { sys::rd_kafka_DeleteRecords(rk, parts, count, options, queue) }
            })
            .map_err(|error| error.context("records cannot be deleted"))?;
        // SAFETY: the answer is of this kind, and owns the list that is copied.
        let entries = unsafe {
            let result = sys::rd_kafka_event_DeleteRecords_result(answer.as_ptr());
            PartitionList::read(sys::rd_kafka_DeleteRecords_result_offsets(result))
        };
        entries
            .into_iter()
            .map(|entry| match entry.error {
                Some(error) => Err(error),
                None => Ok((entry.partition, Offset::new(entry.offset)?)),
            })
            .collect()
    }
}
