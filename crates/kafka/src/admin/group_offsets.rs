#![allow(unsafe_code, reason = "a group's offsets through librdkafka's admin calls")]

use headwater_log::TopicPartition;
use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Op;

use super::Admin;
use super::call::{Answer, Options, Parts, call, each};
use crate::native::{ListEntry, NativeError, PartitionList, c_string};
use crate::{CommittedOffset, Error, OffsetToCommit};

impl Admin {
    /// What a group has committed, for given partitions, or (None) for all that have an offset. `require_stable` waits
    /// for the transactions that are open on these offsets (KIP-447); a partition whose first offset is still in an open
    /// transaction is found only by its name.
    ///
    /// # Errors
    /// By kind, [`ErrorKind::Unavailable`](crate::ErrorKind::Unavailable) while an offset is not stable.
    pub fn list_group_offsets(
        &self,
        group: &str,
        partitions: Option<&[TopicPartition]>,
        require_stable: bool,
    ) -> Result<Vec<CommittedOffset>, Error> {
        let name = c_string("group id", group)?;
        let list = partitions.map(PartitionList::of).transpose()?;
        let list = list.as_ref().map_or(std::ptr::null_mut(), PartitionList::as_ptr);
        let mut request = Parts::new(sys::rd_kafka_ListConsumerGroupOffsets_destroy);
        // SAFETY: the name and the list are copied; a null list means all.
        let part = unsafe { sys::rd_kafka_ListConsumerGroupOffsets_new(name.as_ptr(), list) };
        request.push(part, || format!("group {group}"))?;
        let options = Options { require_stable, ..Options::default() };
        let operation = Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS;
        let answer = call(&self.client, operation, self.deadline, &options, |rk, options, queue| {
            // SAFETY: all of them are alive; the request is copied.
            unsafe { sys::rd_kafka_ListConsumerGroupOffsets(rk, request.as_mut_ptr(), request.len(), options, queue) }
        })
        .map_err(|error| error.context(format!("offsets of group {group} cannot be listed")))?;
        let entries = read_groups(&answer, |event, count| {
            // SAFETY: the answer is of this kind, and alive.
            unsafe {
                let result = sys::rd_kafka_event_ListConsumerGroupOffsets_result(event);
                sys::rd_kafka_ListConsumerGroupOffsets_result_groups(result, count)
            }
        })?;
        Ok(entries
            .into_iter()
            .map(|entry| CommittedOffset {
                offset: entry.known_offset(),
                partition: entry.partition,
                metadata: entry.metadata.unwrap_or_default(),
            })
            .collect())
    }

    /// Sets what a group has committed. The group must have no members.
    ///
    /// # Errors
    /// By kind, [`ErrorKind::Rebalanced`](crate::ErrorKind::Rebalanced) while the group has members.
    pub fn alter_group_offsets(&self, group: &str, offsets: &[OffsetToCommit]) -> Result<(), Error> {
        let name = c_string("group id", group)?;
        let mut list = PartitionList::new(offsets.len());
        for commit in offsets {
            list.push(&commit.partition, commit.offset.get(), Some(&commit.metadata))?;
        }
        let mut request = Parts::new(sys::rd_kafka_AlterConsumerGroupOffsets_destroy);
        // SAFETY: the name and the list are copied.
        let part = unsafe { sys::rd_kafka_AlterConsumerGroupOffsets_new(name.as_ptr(), list.as_ptr()) };
        request.push(part, || format!("group {group}"))?;
        let options = Options::default();
        let operation = Op::RD_KAFKA_ADMIN_OP_ALTERCONSUMERGROUPOFFSETS;
        let answer = call(&self.client, operation, self.deadline, &options, |rk, options, queue| {
            // SAFETY: all of them are alive; the request is copied.
            unsafe { sys::rd_kafka_AlterConsumerGroupOffsets(rk, request.as_mut_ptr(), request.len(), options, queue) }
        })
        .map_err(|error| error.context(format!("offsets of group {group} cannot be altered")))?;
        read_groups(&answer, |event, count| {
            // SAFETY: the answer is of this kind, and alive.
            unsafe {
                let result = sys::rd_kafka_event_AlterConsumerGroupOffsets_result(event);
                sys::rd_kafka_AlterConsumerGroupOffsets_result_groups(result, count)
            }
        })
        .map(|_| ())
    }

    /// Forgets what a group has committed for partitions. The group must not be subscribed to their topics.
    ///
    /// # Errors
    /// By kind.
    pub fn delete_group_offsets(&self, group: &str, partitions: &[TopicPartition]) -> Result<(), Error> {
        let name = c_string("group id", group)?;
        let list = PartitionList::of(partitions)?;
        let mut request = Parts::new(sys::rd_kafka_DeleteConsumerGroupOffsets_destroy);
        // SAFETY: the name and the list are copied.
        let part = unsafe { sys::rd_kafka_DeleteConsumerGroupOffsets_new(name.as_ptr(), list.as_ptr()) };
        request.push(part, || format!("group {group}"))?;
        let options = Options::default();
        let operation = Op::RD_KAFKA_ADMIN_OP_DELETECONSUMERGROUPOFFSETS;
        let answer = call(&self.client, operation, self.deadline, &options, |rk, options, queue| {
            // SAFETY: all of them are alive; the request is copied.
            unsafe { sys::rd_kafka_DeleteConsumerGroupOffsets(rk, request.as_mut_ptr(), request.len(), options, queue) }
        })
        .map_err(|error| error.context(format!("offsets of group {group} cannot be deleted")))?;
        read_groups(&answer, |event, count| {
            // SAFETY: the answer is of this kind, and alive.
            unsafe {
                let result = sys::rd_kafka_event_DeleteConsumerGroupOffsets_result(event);
                sys::rd_kafka_DeleteConsumerGroupOffsets_result_groups(result, count)
            }
        })
        .map(|_| ())
    }
}

/// The partitions of all groups in an answer; the first error of a group or partition instead.
fn read_groups(
    answer: &Answer,
    groups: impl FnOnce(*mut sys::rd_kafka_event_t, *mut usize) -> *mut *const sys::rd_kafka_group_result_t,
) -> Result<Vec<ListEntry>, Error> {
    let mut count = 0;
    let groups = groups(answer.as_ptr(), &raw mut count);
    let mut all = Vec::new();
    // SAFETY: the answer owns everything that is read here, and is alive.
    unsafe {
        for group in each(groups, count) {
            if let Some(error) = NativeError::read(sys::rd_kafka_group_result_error(group)) {
                return Err(error);
            }
            for entry in PartitionList::read(sys::rd_kafka_group_result_partitions(group)) {
                if let Some(error) = entry.error {
                    return Err(error);
                }
                all.push(entry);
            }
        }
    }
    Ok(all)
}
