//! How tools reach a cluster and its schema registry.

use std::time::Duration;

use headwater_kafka::admin::{GroupMember, TopicDescription};
use headwater_kafka::{Admin, ConnectionSettings, ErrorKind};
use headwater_log::{Partition, TopicName, TopicPartition};
use headwater_schema::registry_client::{BlockingRegistry, ClientSettings};

use crate::Error;
use crate::args::ConnectionArgs;
use crate::settings::Settings;

/// How long one question to the cluster may take.
pub const DEADLINE: Duration = Duration::from_secs(15);
/// Where `headwater dev` has its registry.
const REGISTRY_URL: &str = "http://127.0.0.1:8081";

/// A cluster, and how to reach it.
#[derive(Clone)]
pub struct Cluster {
    /// How to reach it.
    pub connection: ConnectionSettings,
    /// For questions and changes.
    pub admin: Admin,
}

impl Cluster {
    /// Connects, and makes sure that it answers.
    ///
    /// # Errors
    /// Usage for settings that can't work; failed when no broker answers, with what to do.
    pub fn reach(settings: &Settings, arguments: &ConnectionArgs) -> Result<Self, Error> {
        let cluster = Self::of(settings.connection(arguments)?)?;
        cluster.admin.describe_cluster().map_err(|error| cluster.explain(error))?;
        Ok(cluster)
    }

    /// Without asking anything yet.
    ///
    /// # Errors
    /// Usage for settings that can't work.
    pub fn of(connection: ConnectionSettings) -> Result<Self, Error> {
        Ok(Self { admin: Admin::new(&connection, DEADLINE)?, connection })
    }

    /// What to do about a cluster that does not answer.
    pub fn explain(&self, error: headwater_kafka::Error) -> Error {
        let out_of_reach = matches!(error.kind(), ErrorKind::TimedOut | ErrorKind::Unavailable);
        let told = Error::from(error);
        if !out_of_reach {
            return told;
        }
        let protected = if self.connection.is_plaintext() {
            "; a listener with TLS or passwords wants -X security.protocol=SSL or SASL_SSL"
        } else {
            ""
        };
        Error::failed(format!(
            "no Kafka answers at {}: start one (`headwater dev`), or name yours with -b or KAFKA_BOOTSTRAP_SERVERS{protected} ({told})",
            self.connection.bootstrap_servers()
        ))
    }

    /// A topic by its declared name, or by its name on the cluster.
    ///
    /// # Errors
    /// Failed when there is none, with what to do.
    pub fn topic(&self, name: &str) -> Result<TopicDescription, Error> {
        let declared = TopicName::new(name).map_err(|error| Error::usage(error.to_string()))?;
        let real = self.connection.prefix().apply(&declared)?;
        if let Some(found) = self.admin.describe_topic(&real)? {
            return Ok(found);
        }
        if real != declared
            && let Some(found) = self.admin.describe_topic(&declared)?
        {
            return Ok(found);
        }
        Err(Error::failed(format!(
            "topic {real} does not exist: `headwater topics list` shows what does, `headwater topics apply` makes what is declared"
        )))
    }

    /// The members of a group; empty when it does not exist.
    ///
    /// # Errors
    /// What the cluster answers.
    pub fn members(&self, group: &str) -> Result<Vec<GroupMember>, Error> {
        Ok(self.admin.describe_group(group)?.members)
    }

    /// Refuses while an application runs, naming who is there.
    ///
    /// # Errors
    /// Failed, with every member and the remedy.
    pub fn must_be_stopped(&self, application: &str) -> Result<(), Error> {
        let members = self.members(application)?;
        if members.is_empty() {
            return Ok(());
        }
        Err(Error::failed(running(application, &members)))
    }
}

fn running(application: &str, members: &[GroupMember]) -> String {
    let mut names: Vec<String> = members
        .iter()
        .map(|member| {
            let host = member.host.trim_start_matches('/');
            format!("{} at {host}", member.instance.as_deref().unwrap_or(&member.member))
        })
        .collect();
    names.sort();
    format!(
        "application {application} is running ({}): stop it first, with Ctrl-C or SIGINT, since one that was stopped for a \
         restart stays a member until its session times out",
        names.join(", ")
    )
}

/// The schema registry that the settings name, or the one of `headwater dev`.
///
/// # Errors
/// Usage for a URL that is none.
pub fn registry(settings: &Settings, arguments: &ConnectionArgs) -> Result<BlockingRegistry, Error> {
    let urls = settings.registry(arguments).unwrap_or_else(|| REGISTRY_URL.to_owned());
    let mut client = ClientSettings::from_urls(&urls).map_err(|error| Error::usage(error.to_string()))?;
    client.call_timeout = DEADLINE;
    Ok(BlockingRegistry::new(client)?)
}

/// All partitions of a topic.
pub fn partitions_of(topic: &TopicDescription) -> Vec<TopicPartition> {
    let partitions = topic.partitions.iter();
    partitions.map(|described| TopicPartition::new(topic.name.clone(), described.partition)).collect()
}

/// One partition of a topic.
///
/// # Errors
/// Usage, when the topic has no such partition.
pub fn partition_of(topic: &TopicDescription, number: u32) -> Result<TopicPartition, Error> {
    let count = topic.partitions.len();
    if usize::try_from(number).is_ok_and(|number| number < count) {
        return Ok(TopicPartition::new(topic.name.clone(), Partition::new(number)));
    }
    Err(Error::usage(format!("topic {} has no partition {number}: it has {count}, counted from 0", topic.name)))
}
