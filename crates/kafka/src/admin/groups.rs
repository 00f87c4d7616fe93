#![allow(unsafe_code, reason = "groups through librdkafka's admin calls")]

use std::time::Duration;

use headwater_log::TopicPartition;
use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Op;

use super::Admin;
use super::call::{Options, Parts, call, each};
use super::cluster::{Broker, read_broker};
use crate::clock::Deadline;
use crate::native::{NativeError, PartitionList, as_number, c_string, text_at};
use crate::{Error, ErrorKind};

/// How long a coordinator may take to come into being.
const COORDINATOR_PATIENCE: Duration = Duration::from_secs(10);

/// Where a group stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupState {
    /// Its members are joining again.
    PreparingRebalance,
    /// Its members wait for their assignment.
    CompletingRebalance,
    /// All members have their assignment.
    Stable,
    /// It is being removed.
    Dead,
    /// It has offsets, and no members.
    Empty,
    /// One that this program does not know, among them those of KIP-848.
    Unknown,
}

impl GroupState {
    const fn from_wire(state: i32) -> Self {
        match state {
            1 => Self::PreparingRebalance,
            2 => Self::CompletingRebalance,
            3 => Self::Stable,
            4 => Self::Dead,
            5 => Self::Empty,
            _ => Self::Unknown,
        }
    }
}

/// A group in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupListing {
    /// Its id.
    pub group: String,
    /// Where it stands.
    pub state: GroupState,
}

/// A member of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupMember {
    /// The id that the coordinator gave it.
    pub member: String,
    /// Its `group.instance.id`, if it is static.
    pub instance: Option<String>,
    /// Its `client.id`.
    pub client: String,
    /// Where it connects from.
    pub host: String,
    /// What the group has assigned to it.
    pub assignment: Vec<TopicPartition>,
}

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupDescription {
    /// Its id.
    pub group: String,
    /// Where it stands.
    pub state: GroupState,
    /// How partitions are shared out: `cooperative-sticky`.
    pub assignor: String,
    /// The broker that coordinates it.
    pub coordinator: Option<Broker>,
    /// Its members.
    pub members: Vec<GroupMember>,
}

impl Admin {
    /// All groups that this principal may see.
    ///
    /// # Errors
    /// By kind, also when only some brokers have answered.
    pub fn list_groups(&self) -> Result<Vec<GroupListing>, Error> {
        let options = Options::default();
        let operation = Op::RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPS;
        let answer = call(&self.client, operation, self.deadline, &options, |rk, options, queue| {
            // SAFETY: all of them are alive.
            unsafe { sys::rd_kafka_ListConsumerGroups(rk, options, queue) }
        })
        .map_err(|error| error.context("groups cannot be listed"))?;
        let (mut count, mut error_count) = (0, 0);
        // SAFETY: the answer is of this kind, and owns everything that is read here.
        unsafe {
            let result = sys::rd_kafka_event_ListConsumerGroups_result(answer.as_ptr());
            let errors = sys::rd_kafka_ListConsumerGroups_result_errors(result, &raw mut error_count);
            if error_count > 0 && !errors.is_null() {
                return NativeError::read(*errors).map_or(Ok(Vec::new()), Err);
            }
            let groups = sys::rd_kafka_ListConsumerGroups_result_valid(result, &raw mut count);
            Ok(each(groups, count)
                .map(|group| GroupListing {
                    group: text_at(sys::rd_kafka_ConsumerGroupListing_group_id(group)),
                    state: GroupState::from_wire(as_number::rd_kafka_ConsumerGroupListing_state(group)),
                })
                .collect())
        }
    }

    /// Describes a group: state, coordinator, members. A group that does not exist is dead. On a cluster that never had
    /// a group its coordinator is in the making: that is waited for.
    ///
    /// # Errors
    /// By kind.
    pub fn describe_group(&self, group: &str) -> Result<GroupDescription, Error> {
        let deadline = Deadline::after(self.deadline.min(COORDINATOR_PATIENCE));
        loop {
            match self.describe_group_once(group) {
                Err(error) if error.kind() == ErrorKind::Unavailable && !deadline.has_passed() => {
                    self.client.serve(Duration::from_millis(100));
                }
                described => return described,
            }
        }
    }

    fn describe_group_once(&self, group: &str) -> Result<GroupDescription, Error> {
        let name = c_string("group id", group)?;
        let mut names = [name.as_ptr()];
        let options = Options::default();
        let operation = Op::RD_KAFKA_ADMIN_OP_DESCRIBECONSUMERGROUPS;
        let failed = |error: Error| error.context(format!("group {group} cannot be described"));
        let answer = call(&self.client, operation, self.deadline, &options, |rk, options, queue| {
            // SAFETY: all of them are alive; the names are copied.
            unsafe { sys::rd_kafka_DescribeConsumerGroups(rk, names.as_mut_ptr(), names.len(), options, queue) }
        })
        .map_err(failed)?;
        let mut count = 0;
        // SAFETY: the answer is of this kind, and owns everything that is read here.
        unsafe {
            let result = sys::rd_kafka_event_DescribeConsumerGroups_result(answer.as_ptr());
            let groups = sys::rd_kafka_DescribeConsumerGroups_result_groups(result, &raw mut count);
            let Some(description) = each(groups, count).next() else {
                return Err(Error::new(ErrorKind::NotFound, format!("group {group} has no description")));
            };
            if let Some(error) = NativeError::read(sys::rd_kafka_ConsumerGroupDescription_error(description)) {
                return Err(failed(error));
            }
            let coordinator = sys::rd_kafka_ConsumerGroupDescription_coordinator(description);
            let members = sys::rd_kafka_ConsumerGroupDescription_member_count(description);
            Ok(GroupDescription {
                group: group.to_owned(),
                state: GroupState::from_wire(as_number::rd_kafka_ConsumerGroupDescription_state(description)),
                assignor: text_at(sys::rd_kafka_ConsumerGroupDescription_partition_assignor(description)),
                coordinator: (!coordinator.is_null()).then(|| read_broker(coordinator)),
                members: (0..members)
                    .map(|index| read_member(sys::rd_kafka_ConsumerGroupDescription_member(description, index)))
                    .collect(),
            })
        }
    }

    /// Deletes groups with their offsets. They must have no members.
    ///
    /// # Errors
    /// When the call failed as a whole, or the first group that was refused, by kind.
    pub fn delete_groups(&self, groups: &[&str]) -> Result<(), Error> {
        if groups.is_empty() {
            return Ok(());
        }
        let mut request = Parts::new(sys::rd_kafka_DeleteGroup_destroy);
        for group in groups {
            let name = c_string("group id", group)?;
            // SAFETY: the name is copied.
            request.push(unsafe { sys::rd_kafka_DeleteGroup_new(name.as_ptr()) }, || format!("group {group}"))?;
        }
        let options = Options::default();
        let answer =
            call(&self.client, Op::RD_KAFKA_ADMIN_OP_DELETEGROUPS, self.deadline, &options, |rk, options, queue| {
                // SAFETY: all of them are alive; the request is copied.
                unsafe { sys::rd_kafka_DeleteGroups(rk, request.as_mut_ptr(), request.len(), options, queue) }
            })
            .map_err(|error| error.context("groups cannot be deleted"))?;
        let mut count = 0;
        // SAFETY: the answer is of this kind, and owns everything that is read here.
        unsafe {
            let result = sys::rd_kafka_event_DeleteGroups_result(answer.as_ptr());
            let results = sys::rd_kafka_DeleteGroups_result_groups(result, &raw mut count);
            for result in each(results, count) {
                if let Some(error) = NativeError::read(sys::rd_kafka_group_result_error(result)) {
                    let group = text_at(sys::rd_kafka_group_result_name(result));
                    return Err(error.context(format!("group {group} cannot be deleted")));
                }
            }
        }
        Ok(())
    }
}

/// # Safety
/// `member` is alive.
unsafe fn read_member(member: *const sys::rd_kafka_MemberDescription_t) -> GroupMember {
    // SAFETY: alive, as the caller promises, with everything that is read from it.
    unsafe {
        let instance = text_at(sys::rd_kafka_MemberDescription_group_instance_id(member));
        let assignment = sys::rd_kafka_MemberDescription_assignment(member);
        let partitions =
            if assignment.is_null() { std::ptr::null() } else { sys::rd_kafka_MemberAssignment_partitions(assignment) };
        GroupMember {
            member: text_at(sys::rd_kafka_MemberDescription_consumer_id(member)),
            instance: (!instance.is_empty()).then_some(instance),
            client: text_at(sys::rd_kafka_MemberDescription_client_id(member)),
            host: text_at(sys::rd_kafka_MemberDescription_host(member)),
            assignment: PartitionList::read(partitions).into_iter().map(|entry| entry.partition).collect(),
        }
    }
}
