#![allow(unsafe_code, reason = "configs through librdkafka's admin calls")]

use std::time::Duration;

use headwater_log::TopicName;
use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Op;

use super::Admin;
use super::call::{Options, Parts, call, each};
use crate::Error;
use crate::clock::Deadline;
use crate::native::{NativeError, as_number, c_string, error_of_code, text_at};

/// Who decided a config's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConfigSource {
    /// The topic's own setting.
    Topic,
    /// A broker's, or all brokers', set while running.
    DynamicBroker,
    /// A broker's file.
    StaticBroker,
    /// Kafka's default.
    Default,
    /// One that this program does not know.
    Other,
}

/// One config of a topic as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigEntry {
    /// Kafka's name.
    pub name: String,
    /// The value; None when the broker hides it.
    pub value: Option<String>,
    /// Who decided it.
    pub source: ConfigSource,
    /// Whether nobody can change it.
    pub is_read_only: bool,
}

/// A change to one config of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigChange {
    /// Give it this value.
    Set {
        /// Kafka's name.
        name: String,
        /// The new value.
        value: String,
    },
    /// Go back to the broker's default.
    Reset {
        /// Kafka's name.
        name: String,
    },
}

fn resources() -> Parts<sys::rd_kafka_ConfigResource_t> {
    Parts::new(sys::rd_kafka_ConfigResource_destroy)
}

fn push_topic(
    request: &mut Parts<sys::rd_kafka_ConfigResource_t>,
    topic: &TopicName,
) -> Result<*mut sys::rd_kafka_ConfigResource_t, Error> {
    let name = c_string("a topic's name", topic.as_str())?;
    // SAFETY: the name is copied.
    let part = unsafe {
        sys::rd_kafka_ConfigResource_new(sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC, name.as_ptr())
    };
    request.push(part, || format!("topic {topic}"))?;
    Ok(part)
}

impl Admin {
    /// The configs of topics as they are in force.
    ///
    /// # Errors
    /// When the call failed as a whole, or the first topic that has no answer, by kind.
    pub fn describe_configs(&self, topics: &[TopicName]) -> Result<Vec<(TopicName, Vec<ConfigEntry>)>, Error> {
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let mut request = resources();
        for topic in topics {
            push_topic(&mut request, topic)?;
        }
        let options = Options::default();
        let answer =
            call(&self.client, Op::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, self.deadline, &options, |rk, options, queue| {
                // SAFETY: all of them are alive; the request is copied.
                unsafe { sys::rd_kafka_DescribeConfigs(rk, request.as_mut_ptr(), request.len(), options, queue) }
            })
            .map_err(|error| error.context("configs cannot be described"))?;
        let mut count = 0;
        // SAFETY: the answer is of this kind, and owns everything that is read here.
        unsafe {
            let result = sys::rd_kafka_event_DescribeConfigs_result(answer.as_ptr());
            let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &raw mut count);
            each(resources, count)
                .map(|resource| {
                    let name = outcome(resource)?;
                    let mut entry_count = 0;
                    let entries = sys::rd_kafka_ConfigResource_configs(resource, &raw mut entry_count);
                    Ok((name, each(entries, entry_count).map(|entry| read_entry(entry)).collect()))
                })
                .collect()
        }
    }

    /// Changes configs of topics, and leaves the others as they are (IncrementalAlterConfigs, KIP-339).
    ///
    /// # Errors
    /// When the call failed as a whole, or the first topic that was refused, by kind.
    pub fn alter_configs(&self, changes: &[(TopicName, Vec<ConfigChange>)]) -> Result<(), Error> {
        let mut request = resources();
        for (topic, changes) in changes.iter().filter(|(_, changes)| !changes.is_empty()) {
            let part = push_topic(&mut request, topic)?;
            for change in changes {
                let (name, operation, value) = match change {
                    ConfigChange::Set { name, value } => {
                        (name, sys::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_SET, Some(value))
                    }
                    ConfigChange::Reset { name } => {
                        (name, sys::rd_kafka_AlterConfigOpType_t::RD_KAFKA_ALTER_CONFIG_OP_TYPE_DELETE, None)
                    }
                };
                let c_name = c_string("a config's name", name)?;
                let c_value = value.map(|value| c_string(name, value)).transpose()?;
                let c_value = c_value.as_ref().map_or(std::ptr::null(), |value| value.as_ptr());
                // SAFETY: the part is alive, the texts are copied, and the error that is returned is ours.
                let error = unsafe {
                    let error =
                        sys::rd_kafka_ConfigResource_add_incremental_config(part, c_name.as_ptr(), operation, c_value);
                    NativeError::take(error)
                };
                if let Some(error) = error {
                    return Err(error.to_error().context(format!("topic {topic}, config {name}")));
                }
            }
        }
        if request.len() == 0 {
            return Ok(());
        }
        let options = Options::default();
        let operation = Op::RD_KAFKA_ADMIN_OP_INCREMENTALALTERCONFIGS;
        let answer = call(&self.client, operation, self.deadline, &options, |rk, options, queue| {
            // SAFETY: all of them are alive; the request is copied.
            unsafe { sys::rd_kafka_IncrementalAlterConfigs(rk, request.as_mut_ptr(), request.len(), options, queue) }
        })
        .map_err(|error| error.context("configs cannot be altered"))?;
        let mut count = 0;
        // SAFETY: the answer is of this kind, and owns everything that is read here.
        unsafe {
            let result = sys::rd_kafka_event_IncrementalAlterConfigs_result(answer.as_ptr());
            let resources = sys::rd_kafka_IncrementalAlterConfigs_result_resources(result, &raw mut count);
            each(resources, count).try_for_each(|resource| outcome(resource).map(|_| ()))?;
        }
        self.wait_for_configs(changes);
        Ok(())
    }

    /// A KRaft controller answers before the brokers have heard of the change: waits until the broker that is asked
    /// shows it. Gives up silently, since the change itself is done, and values may be spelt differently.
    fn wait_for_configs(&self, changes: &[(TopicName, Vec<ConfigChange>)]) {
        let deadline = Deadline::after(self.deadline.min(Duration::from_secs(1)));
        let names: Vec<_> = changes.iter().map(|(name, _)| name.clone()).collect();
        let shows = |described: &[(TopicName, Vec<ConfigEntry>)]| {
            changes.iter().all(|(topic, changes)| {
                let entries = described.iter().find(|(name, _)| name == topic).map(|(_, entries)| entries);
                let entry = |name: &str| entries.and_then(|entries| entries.iter().find(|entry| entry.name == name));
                changes.iter().all(|change| match change {
                    ConfigChange::Set { name, value } => {
                        entry(name).is_some_and(|entry| entry.value.as_ref() == Some(value))
                    }
                    ConfigChange::Reset { name } => entry(name).is_none_or(|entry| entry.source != ConfigSource::Topic),
                })
            })
        };
        while !deadline.has_passed() && !self.describe_configs(&names).is_ok_and(|described| shows(&described)) {
            self.client.serve(Duration::from_millis(20));
        }
    }
}

/// # Safety
/// `resource` is alive.
unsafe fn outcome(resource: *const sys::rd_kafka_ConfigResource_t) -> Result<TopicName, Error> {
    // SAFETY: alive, as the caller promises, with its texts.
    let (name, code, reason) = unsafe {
        (
            text_at(sys::rd_kafka_ConfigResource_name(resource)),
            as_number::rd_kafka_ConfigResource_error(resource),
            text_at(sys::rd_kafka_ConfigResource_error_string(resource)),
        )
    };
    if code != 0 {
        return Err(error_of_code(code, Some(&reason)).context(format!("configs of topic {name}")));
    }
    Ok(TopicName::new(&name)?)
}

/// # Safety
/// `entry` is alive.
unsafe fn read_entry(entry: *const sys::rd_kafka_ConfigEntry_t) -> ConfigEntry {
    // SAFETY: alive, as the caller promises, with its texts.
    unsafe {
        let value = sys::rd_kafka_ConfigEntry_value(entry);
        ConfigEntry {
            name: text_at(sys::rd_kafka_ConfigEntry_name(entry)),
            value: (!value.is_null()).then(|| text_at(value)),
            source: match as_number::rd_kafka_ConfigEntry_source(entry) {
                1 => ConfigSource::Topic,
                2 | 3 => ConfigSource::DynamicBroker,
                4 => ConfigSource::StaticBroker,
                5 => ConfigSource::Default,
                _ => ConfigSource::Other,
            },
            is_read_only: sys::rd_kafka_ConfigEntry_is_read_only(entry) == 1,
        }
    }
}
