//! The cluster and registry that instances work on: Apache Kafka as the environment names it, or what `headwater dev`
//! brings.

use std::sync::Arc;
use std::time::Duration;

use headwater_kafka::{Admin, ConnectionSettings};
use headwater_log::TopicName;
use headwater_schema::registry::{Registry, serve};

use crate::deadline::wait_for;
use crate::headwater::{Ports, run};

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
    /// The Apache Kafka that the environment names, with topics of this run alone; None, said aloud, when it names none.
    /// The registry is the one that it names, else an embedded one of this process.
    #[must_use]
    pub fn apache_kafka(scenario: &str) -> Option<Self> {
        Some(Self::of_cluster(scenario, &needed(scenario, "KAFKA_BOOTSTRAP_SERVERS_TEST")?))
    }

    /// An Apache Kafka, with topics of this run alone; the registry as above.
    #[must_use]
    pub fn of_cluster(scenario: &str, bootstrap: &str) -> Self {
        let registry_url = optional("HEADWATER_TEST_REGISTRY_URL").unwrap_or_else(own_registry);
        let application = format!("{scenario}-{}-{}", std::process::id(), micros());
        let prefix = format!("{application}.");
        let platform = Self { bootstrap: bootstrap.to_owned(), registry_url, prefix, application };
        platform.declare();
        platform
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

    /// Makes the topics and registers the schemas, as a person would.
    fn declare(&self) {
        let arguments = [
            "topics",
            "apply",
            "-b",
            &self.bootstrap,
            "--registry",
            &self.registry_url,
            "--topic-prefix",
            &self.prefix,
        ];
        let (code, output, errors) = run(&arguments, &[], "");
        assert_eq!(code, 0, "{arguments:?}: {output}{errors}");
        let admin = self.admin();
        wait_for("the topics are known to the broker", CALL_DEADLINE, || {
            let names = self.own_topics(&admin)?;
            let described = admin.describe_topics(&names).map_err(|error| error.to_string())?;
            let missing = described.into_iter().find(|(_, found)| {
                !found.as_ref().is_ok_and(|topic| topic.partitions.iter().all(|partition| partition.leader.is_some()))
            });
            missing.map_or(Ok(()), |(name, _)| Err(format!("{name} has no leaders yet")))
        });
    }

    fn own_topics(&self, admin: &Admin) -> Result<Vec<TopicName>, String> {
        let topics = admin.list_topics().map_err(|error| error.to_string())?;
        let own: Vec<_> = topics.into_iter().filter(|topic| topic.as_str().starts_with(&self.prefix)).collect();
        if own.is_empty() { Err("no topics yet".to_owned()) } else { Ok(own) }
    }

    /// Removes this run's topics, once nothing uses them: the broker is other scenarios' too.
    pub fn remove(&self) {
        assert!(!self.prefix.is_empty(), "only the topics of a run of its own are removed");
        let admin = self.admin();
        let own = self.own_topics(&admin).unwrap();
        for (topic, removed) in admin.delete_topics(&own).unwrap() {
            removed.unwrap_or_else(|error| panic!("topic {topic}: {error}"));
        }
    }
}

/// A registry in this process, for as long as it lives.
fn own_registry() -> String {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || runtime.block_on(serve(listener, Arc::new(Registry::in_memory()))));
    url
}

fn optional(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// A variable that a scenario can't do without.
#[must_use]
pub fn needed(scenario: &str, variable: &str) -> Option<String> {
    let value = optional(variable);
    if value.is_none() {
        eprintln!("{scenario} is skipped: {variable} is not set; `cargo xtask test` sets it");
    }
    value
}

/// Part of names that no other run has.
#[allow(clippy::disallowed_methods, reason = "names of runs")]
fn micros() -> u128 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros()
}
