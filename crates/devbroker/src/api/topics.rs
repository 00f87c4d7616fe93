//! CreateTopics, DeleteTopics, CreatePartitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::create_partitions_request::CreatePartitionsTopic;
use kafka_protocol::messages::create_partitions_response::CreatePartitionsTopicResult;
use kafka_protocol::messages::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use kafka_protocol::messages::create_topics_response::{CreatableTopicConfigs, CreatableTopicResult};
use kafka_protocol::messages::delete_topics_request::DeleteTopicState;
use kafka_protocol::messages::delete_topics_response::DeletableTopicResult;
use kafka_protocol::messages::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse, DeleteTopicsRequest,
    DeleteTopicsResponse,
};
use uuid::Uuid;

use super::Node;
use super::answers::{NODE, Refusal, text};
use super::configs::{SOURCE_DEFAULT, SOURCE_DYNAMIC_TOPIC};
use crate::cluster::catalog::PARTITIONS_MAX;
use crate::cluster::topic::{Topic, check_name, is_internal};
use crate::cluster::topic_config::{self, DEFINITIONS};

/// CreateTopics.
pub(super) fn create(node: &Node, request: CreateTopicsRequest, version: i16) -> CreateTopicsResponse {
    let names: Vec<String> = request.topics.iter().map(|topic| topic.name.to_string()).collect();
    let topics = request.topics.into_iter().map(|topic| {
        let repeated = names.iter().filter(|name| name.as_str() == topic.name.as_str()).count() > 1;
        let result = if repeated {
            Err(Refusal::new(ResponseError::InvalidRequest, "the topic is named twice in one request"))
        } else {
            create_one(node, &topic, request.validate_only)
        };
        let (code, message) = Refusal::parts(&result);
        let answer =
            CreatableTopicResult::default().with_name(topic.name).with_error_code(code).with_error_message(message);
        match result {
            Ok(made) if version >= 5 => answer
                .with_topic_id(made.id)
                .with_num_partitions(made.partitions)
                .with_replication_factor(1)
                .with_configs(Some(shown_configs(&made.configs))),
            _ => answer,
        }
    });
    CreateTopicsResponse::default().with_topics(topics.collect())
}

struct Made {
    id: Uuid,
    partitions: i32,
    configs: BTreeMap<String, String>,
}

fn create_one(node: &Node, topic: &CreatableTopic, validate_only: bool) -> Result<Made, Refusal> {
    check_name(&topic.name).map_err(|why| Refusal::new(ResponseError::InvalidTopicException, why))?;
    if node.catalog.topic(&topic.name).is_some() {
        let message = format!("Topic '{}' already exists.", topic.name.as_str());
        return Err(Refusal::new(ResponseError::TopicAlreadyExists, message));
    }
    let partitions = partition_count(node, topic)?;
    let configs = checked_configs(&topic.configs)?;
    if validate_only {
        return Ok(Made { id: Uuid::nil(), partitions, configs });
    }
    let made: Arc<Topic> = node.catalog.create(&topic.name, partitions, configs.clone())?;
    Ok(Made { id: made.id, partitions, configs })
}

fn partition_count(node: &Node, topic: &CreatableTopic) -> Result<i32, Refusal> {
    if !topic.assignments.is_empty() {
        if topic.num_partitions != -1 || topic.replication_factor != -1 {
            let message = "partitions and replication factor must be -1 where assignments are given";
            return Err(Refusal::new(ResponseError::InvalidRequest, message));
        }
        let mut indexes: Vec<i32> = topic.assignments.iter().map(|a| a.partition_index).collect();
        indexes.sort_unstable();
        let complete = indexes.iter().zip(0..).all(|(index, expected)| *index == expected);
        let here = topic.assignments.iter().all(|a| a.broker_ids == [NODE]);
        if !complete || !here {
            let message = "assignments must name every partition once, each on broker 1";
            return Err(Refusal::new(ResponseError::InvalidReplicaAssignment, message));
        }
        return Ok(indexes.len() as i32);
    }
    if !matches!(topic.replication_factor, -1 | 1) {
        let message = format!(
            "Unable to replicate the partition {} time(s): only 1 broker(s) are registered.",
            topic.replication_factor
        );
        return Err(Refusal::new(ResponseError::InvalidReplicationFactor, message));
    }
    match topic.num_partitions {
        -1 => Ok(node.default_partitions),
        count @ 1..=PARTITIONS_MAX => Ok(count),
        count => Err(Refusal::new(
            ResponseError::InvalidPartitions,
            format!("{count} partitions: between 1 and {PARTITIONS_MAX} are possible"),
        )),
    }
}

fn checked_configs(configs: &[CreatableTopicConfig]) -> Result<BTreeMap<String, String>, Refusal> {
    let mut checked = BTreeMap::new();
    for config in configs {
        let Some(value) = config.value.as_deref() else { continue };
        topic_config::check(&config.name, value).map_err(|why| Refusal::new(ResponseError::InvalidConfig, why))?;
        checked.insert(config.name.to_string(), value.to_owned());
    }
    Ok(checked)
}

fn shown_configs(configs: &BTreeMap<String, String>) -> Vec<CreatableTopicConfigs> {
    let shown = |definition: &topic_config::Definition| {
        let given = configs.get(definition.name);
        CreatableTopicConfigs::default()
            .with_name(text(definition.name))
            .with_value(Some(text(given.map_or(definition.default, String::as_str))))
            .with_config_source(if given.is_some() { SOURCE_DYNAMIC_TOPIC } else { SOURCE_DEFAULT })
    };
    DEFINITIONS.iter().map(shown).collect()
}

/// DeleteTopics: by name, or since version 6 by id.
pub(super) fn delete(node: &Node, request: DeleteTopicsRequest, version: i16) -> DeleteTopicsResponse {
    let asked: Vec<DeleteTopicState> = if version >= 6 {
        request.topics
    } else {
        request.topic_names.into_iter().map(|name| DeleteTopicState::default().with_name(Some(name))).collect()
    };
    let responses = asked.into_iter().map(|asked| {
        let name = match &asked.name {
            Some(name) => Ok(name.to_string()),
            None => node
                .catalog
                .topic_by_id(asked.topic_id)
                .map(|topic| topic.name.clone())
                .ok_or(ResponseError::UnknownTopicId),
        };
        let result = name.clone().and_then(|name| delete_one(node, &name));
        let shown_name = asked.name.or_else(|| name.ok().map(|name| super::answers::topic_name(&name)));
        DeletableTopicResult::default()
            .with_name(shown_name)
            .with_topic_id(result.unwrap_or(asked.topic_id))
            .with_error_code(super::answers::code(&result))
    });
    DeleteTopicsResponse::default().with_responses(responses.collect())
}

fn delete_one(node: &Node, name: &str) -> Result<Uuid, ResponseError> {
    if is_internal(name) {
        return Err(ResponseError::InvalidTopicException);
    }
    let id = node.catalog.delete(name)?;
    node.groups.forget_topic(name);
    Ok(id)
}

/// CreatePartitions.
pub(super) fn create_partitions(node: &Node, request: CreatePartitionsRequest) -> CreatePartitionsResponse {
    let results = request.topics.into_iter().map(|topic| {
        let result = grow(node, &topic, request.validate_only);
        let (code, message) = Refusal::parts(&result);
        CreatePartitionsTopicResult::default().with_name(topic.name).with_error_code(code).with_error_message(message)
    });
    CreatePartitionsResponse::default().with_results(results.collect())
}

fn grow(node: &Node, asked: &CreatePartitionsTopic, validate_only: bool) -> Result<(), Refusal> {
    if is_internal(&asked.name) {
        return Err(Refusal::new(ResponseError::InvalidRequest, "internal topics keep their partitions"));
    }
    let topic = node.catalog.topic(&asked.name).ok_or(ResponseError::UnknownTopicOrPartition)?;
    let present = topic.partitions.len() as i32;
    if asked.count <= present || asked.count > PARTITIONS_MAX {
        let message = format!(
            "Topic currently has {present} partitions, which is not less than the requested {} (at most {PARTITIONS_MAX}).",
            asked.count
        );
        return Err(Refusal::new(ResponseError::InvalidPartitions, message));
    }
    if let Some(assignments) = &asked.assignments {
        let added = usize::try_from(asked.count - present).unwrap_or(0);
        if assignments.len() != added || assignments.iter().any(|a| a.broker_ids != [NODE]) {
            let message = "assignments must name every new partition, each on broker 1";
            return Err(Refusal::new(ResponseError::InvalidReplicaAssignment, message));
        }
    }
    if !validate_only {
        node.catalog.grow(&asked.name, asked.count)?;
    }
    Ok(())
}
