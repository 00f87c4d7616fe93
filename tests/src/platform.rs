//! The cluster and registry that instances work on: Apache Kafka as the environment names it, or what `headwater dev`
//! brings.

use std::time::Duration;

use headwater_contracts::topics::ALL_TOPICS;
use headwater_kafka::admin::NewTopic;
use headwater_kafka::topics::Declaration;
use headwater_kafka::{Admin, ConnectionSettings, TopicPrefix};
use headwater_log::TopicName;
use headwater_schema::avro::AvroSchema;
use headwater_schema::registry_client::{BlockingRegistry, ClientSettings};

use crate::deadline::wait_for;
use crate::headwater::Ports;

const TOPICS_YAML: &str = include_str!("../../topics.yaml");
const CALL_DEADLINE: Duration = Duration::from_secs(20);

/// Where topics and schemas live, and under which names.
#[derive(Debug, Clone)]
pub struct Platform {
    pub bootstrap: String,
    pub registry_url: String,
    /// What stands in front of every topic's declared name.
    pub prefix: String,
    /// `application.id`, the group.
    pub application: String,
}

impl Platform {
    /// The Apache Kafka and the registry that the environment names, with topics of this run alone; None, said aloud,
    /// when one of them is missing.
    #[must_use]
    pub fn apache_kafka(scenario: &str) -> Option<Self> {
        let bootstrap = needed(scenario, "KAFKA_BOOTSTRAP_SERVERS_TEST")?;
        let registry_url = needed(scenario, "HEADWATER_TEST_REGISTRY_URL")?;
        let application = format!("{scenario}-{}-{}", std::process::id(), micros());
        let platform = Self { bootstrap, registry_url, prefix: format!("{application}."), application };
        platform.declare();
        Some(platform)
    }

    /// What a running `headwater dev` brings.
    #[must_use]
    pub fn of_dev(ports: &Ports) -> Self {
        Self {
            bootstrap: ports.bootstrap(),
            registry_url: ports.registry_url(),
            prefix: String::new(),
            application: "headwater".to_owned(),
        }
    }

    /// A declared topic's name on the cluster.
    #[must_use]
    pub fn topic(&self, declared: &str) -> String {
        format!("{}{declared}", self.prefix)
    }

    /// Questions and changes.
    #[must_use]
    pub fn admin(&self) -> Admin {
        Admin::new(&ConnectionSettings::new(&self.bootstrap), CALL_DEADLINE).unwrap()
    }

    /// How many partitions a declared topic has.
    #[must_use]
    pub fn partitions(&self, declared: &str) -> u32 {
        let name = TopicName::new(&self.topic(declared)).unwrap();
        let described = self.admin().describe_topic(&name).unwrap();
        described.map_or(0, |topic| u32::try_from(topic.partitions.len()).unwrap())
    }

    /// Makes the topics and registers the schemas.
    fn declare(&self) {
        let declared = Declaration::parse(TOPICS_YAML, "topics.yaml").unwrap();
        let prefix = TopicPrefix::new(&self.prefix).unwrap();
        let wanted: Vec<NewTopic> = declared
            .expanded(&prefix)
            .unwrap()
            .into_iter()
            .map(|topic| NewTopic {
                name: topic.name,
                partitions: topic.partitions,
                replication_factor: topic.replication_factor,
                configs: topic.configs,
            })
            .collect();
        let admin = self.admin();
        for (topic, made) in admin.create_topics(&wanted).unwrap() {
            made.unwrap_or_else(|error| panic!("topic {topic}: {error}"));
        }
        let registry = BlockingRegistry::new(ClientSettings::from_urls(&self.registry_url).unwrap()).unwrap();
        for topic in ALL_TOPICS {
            for subject in topic.subjects(&self.topic(topic.name)) {
                registry.register(&subject.name, &AvroSchema::parse(subject.schema).unwrap()).unwrap();
            }
        }
        let names: Vec<TopicName> = wanted.into_iter().map(|topic| topic.name).collect();
        wait_for("the topics are known to the broker", CALL_DEADLINE, || {
            let described = admin.describe_topics(&names).map_err(|error| error.to_string())?;
            let missing = described.into_iter().find(|(_, found)| {
                !found.as_ref().is_ok_and(|topic| topic.partitions.iter().all(|partition| partition.leader.is_some()))
            });
            missing.map_or(Ok(()), |(name, _)| Err(format!("{name} has no leaders yet")))
        });
    }
}

/// A variable that a scenario can't do without.
#[must_use]
pub fn needed(scenario: &str, variable: &str) -> Option<String> {
    let value = std::env::var(variable).ok().filter(|value| !value.is_empty());
    if value.is_none() {
        println!("{scenario} is skipped: {variable} is not set; `cargo xtask test` sets it");
        eprintln!("{scenario} is skipped: {variable} is not set; `cargo xtask test` sets it");
    }
    value
}

/// Part of names that no other run has.
#[allow(clippy::disallowed_methods, reason = "names of runs")]
fn micros() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros()
}
