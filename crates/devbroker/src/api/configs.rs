//! DescribeConfigs, AlterConfigs, IncrementalAlterConfigs, ListConfigResources.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::alter_configs_response::AlterConfigsResourceResponse as AlteredWhole;
use kafka_protocol::messages::describe_configs_request::DescribeConfigsResource;
use kafka_protocol::messages::describe_configs_response::{
    DescribeConfigsResourceResult, DescribeConfigsResult, DescribeConfigsSynonym,
};
use kafka_protocol::messages::incremental_alter_configs_request::AlterableConfig;
use kafka_protocol::messages::incremental_alter_configs_response::AlterConfigsResourceResponse as Altered;
use kafka_protocol::messages::list_config_resources_response::ConfigResource;
use kafka_protocol::messages::{
    AlterConfigsRequest, AlterConfigsResponse, DescribeConfigsRequest, DescribeConfigsResponse,
    IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, ListConfigResourcesRequest,
    ListConfigResourcesResponse,
};

use super::Node;
use super::answers::{NODE, Refusal, text};
use crate::cluster::broker_config::broker_settings;
use crate::cluster::topic_config::{self, ConfigType, DEFINITIONS, Definition};

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

/// The setting was given for this topic.
pub(super) const SOURCE_DYNAMIC_TOPIC: i8 = 1;
const SOURCE_STATIC_BROKER: i8 = 4;
/// The setting has Kafka's default.
pub(super) const SOURCE_DEFAULT: i8 = 5;

/// DescribeConfigs, for topics and the broker.
pub(super) fn describe(node: &Node, request: DescribeConfigsRequest) -> DescribeConfigsResponse {
    let results = request.resources.into_iter().map(|resource| {
        let result = describe_one(node, &resource, request.include_synonyms);
        let (code, message) = Refusal::parts(&result);
        let wanted = |config: &DescribeConfigsResourceResult| {
            resource.configuration_keys.as_ref().is_none_or(|keys| keys.is_empty() || keys.contains(&config.name))
        };
        DescribeConfigsResult::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(resource.resource_type)
            .with_configs(result.unwrap_or_default().into_iter().filter(wanted).collect())
            .with_resource_name(resource.resource_name)
    });
    DescribeConfigsResponse::default().with_results(results.collect())
}

fn describe_one(
    node: &Node,
    resource: &DescribeConfigsResource,
    synonyms: bool,
) -> Result<Vec<DescribeConfigsResourceResult>, Refusal> {
    match resource.resource_type {
        TOPIC => {
            let topic = node.catalog.topic(&resource.resource_name).ok_or(ResponseError::UnknownTopicOrPartition)?;
            Ok(DEFINITIONS.iter().map(|definition| topic_setting(definition, &topic.configs, synonyms)).collect())
        }
        BROKER if matches!(resource.resource_name.as_str(), "" | "1") => {
            if resource.resource_name.is_empty() {
                // The cluster-wide defaults: none are set.
                return Ok(Vec::new());
            }
            let listen = node.address.to_string();
            let settings =
                broker_settings(&listen, &node.log_dir, node.default_partitions, node.auto_create_topics, NODE.0);
            Ok(settings
                .into_iter()
                .map(|(name, kind, value)| setting(name, &value, kind, SOURCE_STATIC_BROKER).with_read_only(true))
                .collect())
        }
        BROKER => Err(Refusal::new(ResponseError::InvalidRequest, "the only broker is 1")),
        BROKER_LOGGER | CLIENT_METRICS | GROUP => Ok(Vec::new()),
        other => Err(Refusal::new(ResponseError::InvalidRequest, format!("resource type {other} has no settings"))),
    }
}

fn setting(name: &str, value: &str, kind: ConfigType, source: i8) -> DescribeConfigsResourceResult {
    DescribeConfigsResourceResult::default()
        .with_name(text(name))
        .with_value(Some(text(value)))
        .with_config_source(source)
        .with_config_type(kind as i8)
}

fn topic_setting(
    definition: &Definition,
    configs: &BTreeMap<String, String>,
    synonyms: bool,
) -> DescribeConfigsResourceResult {
    let given = configs.get(definition.name);
    let value = given.map_or(definition.default, String::as_str);
    let source = if given.is_some() { SOURCE_DYNAMIC_TOPIC } else { SOURCE_DEFAULT };
    let shown = setting(definition.name, value, definition.kind, source);
    if !synonyms {
        return shown;
    }
    let synonym = |value: &str, source: i8| {
        DescribeConfigsSynonym::default()
            .with_name(text(definition.name))
            .with_value(Some(text(value)))
            .with_source(source)
    };
    let own = given.map(|value| synonym(value, SOURCE_DYNAMIC_TOPIC));
    let default = synonym(definition.default, SOURCE_DEFAULT);
    shown.with_synonyms(own.into_iter().chain([default]).collect())
}

/// AlterConfigs: replaces all of a topic's settings.
pub(super) fn alter(node: &Node, request: AlterConfigsRequest) -> AlterConfigsResponse {
    let responses = request.resources.into_iter().map(|resource| {
        let result = topic_only(resource.resource_type).and_then(|()| {
            let mut configs = BTreeMap::new();
            for config in &resource.configs {
                if let Some(value) = config.value.as_deref() {
                    checked(&config.name, value)?;
                    configs.insert(config.name.to_string(), value.to_owned());
                }
            }
            replace(node, &resource.resource_name, configs, request.validate_only)
        });
        let (code, message) = Refusal::parts(&result);
        AlteredWhole::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name)
    });
    AlterConfigsResponse::default().with_responses(responses.collect())
}

/// IncrementalAlterConfigs: changes single settings of a topic.
pub(super) fn incremental_alter(
    node: &Node,
    request: IncrementalAlterConfigsRequest,
) -> IncrementalAlterConfigsResponse {
    let responses = request.resources.into_iter().map(|resource| {
        let result = topic_only(resource.resource_type).and_then(|()| {
            let topic = node.catalog.topic(&resource.resource_name).ok_or(ResponseError::UnknownTopicOrPartition)?;
            let mut configs = topic.configs.clone();
            for change in &resource.configs {
                apply(&mut configs, change)?;
            }
            replace(node, &resource.resource_name, configs, request.validate_only)
        });
        let (code, message) = Refusal::parts(&result);
        Altered::default()
            .with_error_code(code)
            .with_error_message(message)
            .with_resource_type(resource.resource_type)
            .with_resource_name(resource.resource_name)
    });
    IncrementalAlterConfigsResponse::default().with_responses(responses.collect())
}

fn topic_only(resource_type: i8) -> Result<(), Refusal> {
    match resource_type {
        TOPIC => Ok(()),
        BROKER => Err(Refusal::new(ResponseError::InvalidConfig, "this broker's settings are read-only")),
        other => Err(Refusal::new(ResponseError::InvalidRequest, format!("resource type {other} has no settings"))),
    }
}

fn checked(name: &str, value: &str) -> Result<(), Refusal> {
    topic_config::check(name, value).map_err(|why| Refusal::new(ResponseError::InvalidConfig, why))
}

fn replace(node: &Node, name: &str, configs: BTreeMap<String, String>, validate_only: bool) -> Result<(), Refusal> {
    if validate_only {
        return match node.catalog.topic(name) {
            Some(_) => Ok(()),
            None => Err(ResponseError::UnknownTopicOrPartition.into()),
        };
    }
    Ok(node.catalog.set_configs(name, configs)?)
}

const SET: i8 = 0;
const DELETE: i8 = 1;
const APPEND: i8 = 2;
const SUBTRACT: i8 = 3;

fn apply(configs: &mut BTreeMap<String, String>, change: &AlterableConfig) -> Result<(), Refusal> {
    let name = change.name.as_str();
    let Some(definition) = topic_config::definition(name) else {
        return checked(name, "");
    };
    if change.config_operation == DELETE {
        configs.remove(name);
        return Ok(());
    }
    let value = change
        .value
        .as_deref()
        .ok_or_else(|| Refusal::new(ResponseError::InvalidRequest, format!("the value of {name} is missing")))?;
    let present = configs.get(name).map_or(definition.default, String::as_str);
    let list_only = || match definition.kind {
        ConfigType::List => Ok(()),
        _ => Err(Refusal::new(ResponseError::InvalidConfig, format!("{name} is no list: it can only be set"))),
    };
    let updated = match change.config_operation {
        SET => value.to_owned(),
        APPEND => {
            list_only()?;
            let mut words: Vec<&str> = topic_config::list(present).collect();
            words.extend(topic_config::list(value).filter(|word| !topic_config::list(present).any(|w| w == *word)));
            words.join(",")
        }
        SUBTRACT => {
            list_only()?;
            let keep = |word: &&str| !topic_config::list(value).any(|gone| gone == *word);
            topic_config::list(present).filter(keep).collect::<Vec<_>>().join(",")
        }
        other => {
            return Err(Refusal::new(ResponseError::InvalidRequest, format!("operation {other} is unknown")));
        }
    };
    checked(name, &updated)?;
    configs.insert(name.to_owned(), updated);
    Ok(())
}

/// ListConfigResources: topics and the broker; version 0 asked for client metrics only, which there are none of.
pub(super) fn list_resources(node: &Node, request: ListConfigResourcesRequest) -> ListConfigResourcesResponse {
    let wanted = |kind: i8| request.resource_types.contains(&kind);
    let resource =
        |name: &str, kind: i8| ConfigResource::default().with_resource_name(text(name)).with_resource_type(kind);
    let mut resources = Vec::new();
    if wanted(TOPIC) {
        resources.extend(node.catalog.all().iter().map(|topic| resource(&topic.name, TOPIC)));
    }
    if wanted(BROKER) {
        resources.push(resource("1", BROKER));
    }
    ListConfigResourcesResponse::default().with_config_resources(resources)
}
