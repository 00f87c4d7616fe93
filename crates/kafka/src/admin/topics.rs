#![allow(unsafe_code, reason = "topics through librdkafka's admin calls")]

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use headwater_log::{Partition, TopicName};
use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Op;

use super::Admin;
use super::acls::{Operation, operations_at};
use super::call::{Options, Parts, call, each};
use crate::clock::Deadline;
use crate::native::{NativeError, as_number, c_string, check, error_of_code, millis, text_at, text_in};
use crate::{Error, ErrorKind};

/// A topic to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name on the cluster.
    pub name: TopicName,
    /// How many partitions.
    pub partitions: u32,
    /// How many replicas; -1 is the broker's default.
    pub replication_factor: i32,
    /// Configs by Kafka's names.
    pub configs: BTreeMap<String, String>,
}

/// A topic's id, which a topic of the same name that is made later does not share (KIP-516).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicId(pub u128);

impl fmt::Display for TopicId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

impl fmt::Debug for TopicId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self}")
    }
}

/// One partition of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Which one.
    pub partition: Partition,
    /// The leader's broker id; None while there is none.
    pub leader: Option<i32>,
    /// The brokers that hold it.
    pub replicas: Vec<i32>,
    /// The brokers that are up to date.
    pub in_sync: Vec<i32>,
}

/// A topic as the cluster has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: TopicName,
    /// Its id.
    pub id: TopicId,
    /// Whether it is one of Kafka's own.
    pub is_internal: bool,
    /// Its partitions in order.
    pub partitions: Vec<PartitionDescription>,
    /// What this principal may do with it.
    pub operations: Vec<Operation>,
}

/// What happened to each topic of a call.
pub type TopicOutcomes = Vec<(TopicName, Result<(), Error>)>;

/// A topic that was asked for, and its description or why there is none.
pub type DescribedTopic = (TopicName, Result<TopicDescription, Error>);

impl Admin {
    /// Creates topics, and waits until the cluster has them.
    ///
    /// # Errors
    /// When the call failed as a whole; each topic has its own outcome besides, [`ErrorKind::Exists`] among them.
    pub fn create_topics(&self, topics: &[NewTopic]) -> Result<TopicOutcomes, Error> {
        self.create(topics, false)
    }

    /// Asks whether topics could be created, and creates none.
    ///
    /// # Errors
    /// As [`Admin::create_topics`].
    pub fn try_create_topics(&self, topics: &[NewTopic]) -> Result<TopicOutcomes, Error> {
        self.create(topics, true)
    }

    fn create(&self, topics: &[NewTopic], validate_only: bool) -> Result<TopicOutcomes, Error> {
        let mut request = Parts::new(sys::rd_kafka_NewTopic_destroy);
        for topic in topics {
            let name = c_string("a topic's name", topic.name.as_str())?;
            let mut reason = [0_u8; 256];
            let partitions = i32::try_from(topic.partitions).unwrap_or(i32::MAX);
            // SAFETY: the texts live during the calls, which copy them, and the buffer's true size is given.
            unsafe {
                let (text, size) = (reason.as_mut_ptr().cast(), reason.len());
                let part = sys::rd_kafka_NewTopic_new(name.as_ptr(), partitions, topic.replication_factor, text, size);
                request.push(part, || format!("topic {}: {}", topic.name, text_in(&reason)))?;
                for (config, value) in &topic.configs {
                    let (c_config, c_value) = (c_string("a config's name", config)?, c_string(config, value)?);
                    let code = sys::rd_kafka_NewTopic_set_config(part, c_config.as_ptr(), c_value.as_ptr());
                    check(code, &format!("topic {}, config {config}", topic.name))?;
                }
            }
        }
        let options = Options { validate_only, ..Options::default() };
        let outcomes = self.change(
            request,
            Op::RD_KAFKA_ADMIN_OP_CREATETOPICS,
            &options,
            "topics cannot be created",
            Family {
                submit: sys::rd_kafka_CreateTopics,
                result: |event, count| {
                    // SAFETY: `change` passes an answer of this kind, which is alive.
                    unsafe {
                        sys::rd_kafka_CreateTopics_result_topics(sys::rd_kafka_event_CreateTopics_result(event), count)
                    }
                },
            },
        )?;
        if !validate_only {
            let wanted =
                |name: &TopicName| topics.iter().find(|topic| topic.name == *name).map(|topic| topic.partitions);
            self.wait_for_partitions(&outcomes, wanted);
        }
        Ok(outcomes)
    }

    /// Deletes topics with all their records.
    ///
    /// # Errors
    /// When the call failed as a whole; each topic has its own outcome besides.
    pub fn delete_topics(&self, topics: &[TopicName]) -> Result<TopicOutcomes, Error> {
        let mut request = Parts::new(sys::rd_kafka_DeleteTopic_destroy);
        for topic in topics {
            let name = c_string("a topic's name", topic.as_str())?;
            // SAFETY: the name is copied.
            request.push(unsafe { sys::rd_kafka_DeleteTopic_new(name.as_ptr()) }, || format!("topic {topic}"))?;
        }
        let options = Options::default();
        let outcomes = self.change(
            request,
            Op::RD_KAFKA_ADMIN_OP_DELETETOPICS,
            &options,
            "topics cannot be deleted",
            Family {
                submit: sys::rd_kafka_DeleteTopics,
                result: |event, count| {
                    // SAFETY: `change` passes an answer of this kind, which is alive.
                    unsafe {
                        sys::rd_kafka_DeleteTopics_result_topics(sys::rd_kafka_event_DeleteTopics_result(event), count)
                    }
                },
            },
        )?;
        self.wait_for_partitions(&outcomes, |_| Some(0));
        Ok(outcomes)
    }

    /// Adds partitions, up to these new totals. Keys of old records stay where they are, so ordered topics must not
    /// grow.
    ///
    /// # Errors
    /// When the call failed as a whole; each topic has its own outcome besides.
    pub fn create_partitions(&self, totals: &[(TopicName, u32)]) -> Result<TopicOutcomes, Error> {
        let mut request = Parts::new(sys::rd_kafka_NewPartitions_destroy);
        for (topic, total) in totals {
            let name = c_string("a topic's name", topic.as_str())?;
            let mut reason = [0_u8; 256];
            // SAFETY: the name is copied, and the buffer's true size is given.
            let part = unsafe {
                let (text, size) = (reason.as_mut_ptr().cast(), reason.len());
                sys::rd_kafka_NewPartitions_new(name.as_ptr(), *total as usize, text, size)
            };
            request.push(part, || format!("topic {topic}: {}", text_in(&reason)))?;
        }
        let options = Options::default();
        let outcomes = self.change(
            request,
            Op::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS,
            &options,
            "partitions cannot be added",
            Family {
                submit: sys::rd_kafka_CreatePartitions,
                result: |event, count| {
                    // SAFETY: `change` passes an answer of this kind, which is alive.
                    unsafe {
                        let result = sys::rd_kafka_event_CreatePartitions_result(event);
                        sys::rd_kafka_CreatePartitions_result_topics(result, count)
                    }
                },
            },
        )?;
        let wanted = |name: &TopicName| totals.iter().find(|(topic, _)| topic == name).map(|(_, total)| *total);
        self.wait_for_partitions(&outcomes, wanted);
        Ok(outcomes)
    }

    /// A KRaft controller answers before the brokers have heard of the change: waits until the broker that is asked
    /// shows it, so that what follows finds it done. Gives up silently, since the change itself is done.
    fn wait_for_partitions(&self, outcomes: &TopicOutcomes, wanted: impl Fn(&TopicName) -> Option<u32>) {
        let deadline = Deadline::after(self.deadline.min(Duration::from_secs(5)));
        let names: Vec<_> =
            outcomes.iter().filter(|(_, outcome)| outcome.is_ok()).map(|(name, _)| name.clone()).collect();
        let is_visible = |(name, description): &DescribedTopic| {
            let partitions = match description {
                Ok(description) if description.partitions.iter().all(|partition| partition.leader.is_some()) => {
                    description.partitions.len()
                }
                Ok(_) => return false,
                Err(error) if error.kind() == ErrorKind::NotFound => 0,
                Err(_) => return false,
            };
            wanted(name).is_none_or(|wanted| wanted as usize == partitions)
        };
        while !deadline.has_passed() {
            match self.describe_topics(&names) {
                Ok(described) if described.iter().all(is_visible) => return,
                _ => self.client.serve(Duration::from_millis(20)),
            };
        }
    }

    /// The part that is common to calls which answer topic by topic.
    fn change<T>(
        &self,
        mut request: Parts<T>,
        operation: Op,
        options: &Options,
        failed: &str,
        family: Family<T>,
    ) -> Result<TopicOutcomes, Error> {
        if request.len() == 0 {
            return Ok(Vec::new());
        }
        let answer = call(&self.client, operation, self.deadline, options, |rk, options, queue| {
            // SAFETY: all of them are alive; the request is copied.
            unsafe { (family.submit)(rk, request.as_mut_ptr(), request.len(), options, queue) }
        })
        .map_err(|error| error.context(failed))?;
        let mut count = 0;
        let results = (family.result)(answer.as_ptr(), &raw mut count);
        let mut outcomes = Vec::new();
        // SAFETY: the answer owns the results, and is alive.
        unsafe {
            for result in each(results, count) {
                let name = TopicName::new(&text_at(sys::rd_kafka_topic_result_name(result)))?;
                let code = as_number::rd_kafka_topic_result_error(result);
                let reason = text_at(sys::rd_kafka_topic_result_error_string(result));
                let error = || error_of_code(code, Some(&reason)).context(format!("topic {name}"));
                let outcome = if code == 0 { Ok(()) } else { Err(error()) };
                outcomes.push((name, outcome));
            }
        }
        Ok(outcomes)
    }

    /// The names of all topics, Kafka's own among them.
    ///
    /// # Errors
    /// By kind.
    pub fn list_topics(&self) -> Result<Vec<TopicName>, Error> {
        let mut metadata = std::ptr::null();
        // SAFETY: the client is alive; on success the metadata is ours to destroy, after everything is copied.
        unsafe {
            let none = std::ptr::null_mut();
            let code = sys::rd_kafka_metadata(self.client.as_ptr(), 1, none, &raw mut metadata, millis(self.deadline));
            check(code, "topics cannot be listed")?;
            let count = usize::try_from((*metadata).topic_cnt).unwrap_or(0);
            let names = (0..count).map(|index| text_at((*(*metadata).topics.add(index)).topic)).collect::<Vec<_>>();
            sys::rd_kafka_metadata_destroy(metadata);
            Ok(names.iter().filter_map(|name| TopicName::new(name).ok()).collect())
        }
    }

    /// Describes topics: ids, partitions, what this principal may do.
    ///
    /// # Errors
    /// When the call failed as a whole; each topic has its own outcome besides, [`ErrorKind::NotFound`] among them.
    pub fn describe_topics(&self, topics: &[TopicName]) -> Result<Vec<DescribedTopic>, Error> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let names =
            topics.iter().map(|topic| c_string("a topic's name", topic.as_str())).collect::<Result<Vec<_>, _>>()?;
        let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let mut request = Parts::new(sys::rd_kafka_TopicCollection_destroy);
        // SAFETY: the names live during the call, which copies them.
        let part = unsafe { sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len()) };
        request.push(part, || "topics cannot be described".to_owned())?;
        let options = Options { authorized_operations: true, ..Options::default() };
        let answer =
            call(&self.client, Op::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS, self.deadline, &options, |rk, options, queue| {
                // SAFETY: all of them are alive; the request is copied.
                unsafe { sys::rd_kafka_DescribeTopics(rk, part, options, queue) }
            })
            .map_err(|error| error.context("topics cannot be described"))?;
        let mut count = 0;
        // SAFETY: the answer is of this kind, and owns everything that is read here.
        unsafe {
            let result = sys::rd_kafka_event_DescribeTopics_result(answer.as_ptr());
            let descriptions = sys::rd_kafka_DescribeTopics_result_topics(result, &raw mut count);
            each(descriptions, count).map(|description| read_topic(description)).collect()
        }
    }

    /// Describes one topic; None when it does not exist.
    ///
    /// # Errors
    /// By kind.
    pub fn describe_topic(&self, topic: &TopicName) -> Result<Option<TopicDescription>, Error> {
        match self.describe_topics(std::slice::from_ref(topic))?.into_iter().next() {
            Some((_, Ok(description))) => Ok(Some(description)),
            Some((_, Err(error))) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(None),
        }
    }
}

/// The calls that make up one family of requests.
struct Family<T> {
    submit: unsafe extern "C" fn(
        *mut sys::rd_kafka_t,
        *mut *mut T,
        usize,
        *const sys::rd_kafka_AdminOptions_t,
        *mut sys::rd_kafka_queue_t,
    ),
    result: fn(*mut sys::rd_kafka_event_t, *mut usize) -> *mut *const sys::rd_kafka_topic_result_t,
}

/// # Safety
/// `description` is alive.
unsafe fn read_topic(
    description: *const sys::rd_kafka_TopicDescription_t,
) -> Result<(TopicName, Result<TopicDescription, Error>), Error> {
    // SAFETY: alive, as the caller promises, with everything that is read from it.
    unsafe {
        let name = TopicName::new(&text_at(sys::rd_kafka_TopicDescription_name(description)))?;
        if let Some(error) = NativeError::read(sys::rd_kafka_TopicDescription_error(description)) {
            return Ok((name.clone(), Err(error.context(format!("topic {name}")))));
        }
        let id = sys::rd_kafka_TopicDescription_topic_id(description);
        let high = sys::rd_kafka_Uuid_most_significant_bits(id).cast_unsigned();
        let low = sys::rd_kafka_Uuid_least_significant_bits(id).cast_unsigned();
        let (mut count, mut operation_count) = (0, 0);
        let partitions = sys::rd_kafka_TopicDescription_partitions(description, &raw mut count);
        let mut partitions: Vec<_> =
            each(partitions, count).filter_map(|partition| read_partition(partition)).collect();
        partitions.sort_unstable_by_key(|partition| partition.partition);
        let operations = sys::rd_kafka_TopicDescription_authorized_operations(description, &raw mut operation_count);
        let described = TopicDescription {
            name: name.clone(),
            id: TopicId((u128::from(high) << 64) | u128::from(low)),
            is_internal: sys::rd_kafka_TopicDescription_is_internal(description) != 0,
            partitions,
            operations: operations_at(operations, operation_count),
        };
        Ok((name, Ok(described)))
    }
}

/// # Safety
/// `partition` is alive.
unsafe fn read_partition(partition: *const sys::rd_kafka_TopicPartitionInfo_t) -> Option<PartitionDescription> {
    // SAFETY: alive, as the caller promises, with everything that is read from it.
    unsafe {
        let leader = sys::rd_kafka_TopicPartitionInfo_leader(partition);
        let (mut replica_count, mut in_sync_count) = (0, 0);
        let replicas = sys::rd_kafka_TopicPartitionInfo_replicas(partition, &raw mut replica_count);
        let in_sync = sys::rd_kafka_TopicPartitionInfo_isr(partition, &raw mut in_sync_count);
        Some(PartitionDescription {
            partition: Partition::from_wire(sys::rd_kafka_TopicPartitionInfo_partition(partition)).ok()?,
            leader: (!leader.is_null()).then(|| sys::rd_kafka_Node_id(leader)),
            replicas: each(replicas, replica_count).map(|node| sys::rd_kafka_Node_id(node)).collect(),
            in_sync: each(in_sync, in_sync_count).map(|node| sys::rd_kafka_Node_id(node)).collect(),
        })
    }
}
