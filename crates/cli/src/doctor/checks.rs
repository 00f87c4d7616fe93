use std::collections::BTreeMap;

use headwater_contracts::topics::ALL_TOPICS;
use headwater_kafka::admin::{Operation, TopicDescription};
use headwater_kafka::topics::Plan;
use headwater_kafka::{ConnectionSettings, TopicPrefix};
use headwater_log::{TopicName, TopicPartition};

use super::Finding;
use crate::output::counted;
use crate::records::Ends;

/// Names that are listed before "and more".
const NAMES_MAX: usize = 5;

/// Whether credentials and records travel unprotected to another machine.
pub fn protection(connection: &ConnectionSettings) -> Finding {
    let is_local = connection.bootstrap_servers().split(',').all(|server| {
        let host = server.trim().rsplit_once(':').map_or(server.trim(), |(host, _)| host);
        host == "localhost" || host.starts_with("127.") || host == "[::1]"
    });
    if !connection.is_plaintext() {
        return Finding::ok("protection", "the connection is protected");
    }
    if is_local {
        return Finding::ok("protection", "plaintext, on this machine only");
    }
    Finding::warning(
        "protection",
        "records travel in plaintext",
        "use -X security.protocol=SSL or SASL_SSL where the network is not yours alone",
    )
}

fn may(operations: &[Operation], operation: Operation) -> bool {
    operations.contains(&operation) || operations.contains(&Operation::All)
}

/// Whether internal topics can be made.
pub fn cluster_permissions(operations: &[Operation]) -> Finding {
    if operations.is_empty() {
        return Finding::ok(
            "permissions",
            "the broker does not say what this user may do: no authorizer, or not allowed to ask",
        );
    }
    if may(operations, Operation::Create) {
        return Finding::ok("permissions", "topics may be created");
    }
    Finding::warning(
        "permissions",
        "this user may not create topics",
        "allow Create on the cluster, or have changelogs and repartition topics made before processors start",
    )
}

/// Whether topics may be read and written.
pub fn topic_permissions(topics: &[TopicDescription]) -> Finding {
    let told: Vec<_> = topics.iter().filter(|topic| !topic.operations.is_empty()).collect();
    let lacks =
        |operation| told.iter().filter(move |topic| !may(&topic.operations, operation)).map(|topic| &topic.name);
    let unreadable = names(lacks(Operation::Read));
    let unwritable = names(lacks(Operation::Write));
    match (unreadable, unwritable) {
        (None, None) => Finding::ok("permissions", "every topic may be read and written"),
        (Some(topics), _) => {
            Finding::problem("permissions", format!("may not read {topics}"), "allow Read on them to this user")
        }
        (None, Some(topics)) => {
            Finding::problem("permissions", format!("may not write {topics}"), "allow Write on them to this user")
        }
    }
}

/// Whether the cluster is as declared.
pub fn topics(planned: Result<Plan, headwater_kafka::Error>) -> Finding {
    match planned {
        Err(error) => Finding::problem("topics", error.to_string(), "see `headwater topics plan`"),
        Ok(plan) if plan.is_empty() => Finding::ok("topics", "as declared"),
        Ok(plan) => {
            let changes = counted(plan.changes.len() as u64, "change");
            Finding::problem(
                "topics",
                format!("{changes} pending"),
                "see `headwater topics plan`, then `headwater topics apply`",
            )
        }
    }
}

/// Whether topics have ids: stores and ids by place depend on them (KIP-516).
pub fn topic_ids(topics: &[TopicDescription]) -> Finding {
    match names(topics.iter().filter(|topic| topic.id.0 == 0).map(|topic| &topic.name)) {
        None => Finding::ok("version", "the cluster gives topics ids, as Kafka 2.8 and later do"),
        Some(topics) => Finding::problem(
            "version",
            format!("topics have no ids: {topics}"),
            "use Kafka 2.8 or later: without ids a topic that is made again can't be told from the old one",
        ),
    }
}

/// Whether every partition has a leader.
pub fn leaders(topics: &[TopicDescription]) -> Finding {
    let leaderless = topics.iter().filter(|topic| topic.partitions.iter().any(|partition| partition.leader.is_none()));
    match names(leaderless.map(|topic| &topic.name)) {
        None => Finding::ok("partitions", "every partition has a leader"),
        Some(topics) => Finding::problem(
            "partitions",
            format!("partitions without a leader in {topics}"),
            "bring their brokers back",
        ),
    }
}

/// Whether a lost broker loses records.
pub fn replicas(topics: &[TopicDescription], brokers: usize) -> Finding {
    let single = topics.iter().filter(|topic| topic.partitions.iter().any(|partition| partition.replicas.len() < 2));
    match names(single.map(|topic| &topic.name)) {
        Some(topics) if brokers > 1 => Finding::warning(
            "replicas",
            format!("one copy only of {topics}"),
            "raise their replication with kafka-reassign-partitions, and set default.replication.factor",
        ),
        Some(_) => Finding::ok("replicas", "one copy of everything, on one broker: for development"),
        None => Finding::ok("replicas", "every partition has copies"),
    }
}

/// Whether anything was set aside.
pub fn dead_letters(ends: &BTreeMap<TopicPartition, Ends>) -> Finding {
    let held = |ends: &Ends| ends.end > ends.beginning;
    match names(ends.iter().filter(|(_, ends)| held(ends)).map(|(partition, _)| &partition.topic)) {
        None => Finding::ok("dead letters", "none"),
        Some(topics) => {
            Finding::warning("dead letters", format!("there are some in {topics}"), "see `headwater dlq list`")
        }
    }
}

/// What runs.
pub fn applications(running: &[String]) -> Finding {
    if running.is_empty() {
        return Finding::warning("applications", "none is running", "start them with `headwater run --all`");
    }
    Finding::ok("applications", format!("running: {}", running.join(", ")))
}

/// The subjects that the platform's topics need.
pub fn wanted_subjects(prefix: &TopicPrefix) -> Vec<String> {
    let real = |name: &str| prefix.apply(&TopicName::new(name).ok()?).ok();
    let subjects = ALL_TOPICS.iter().filter_map(|topic| Some(topic.subjects(real(topic.name)?.as_str())));
    subjects.flatten().map(|subject| subject.name).collect()
}

/// Whether they are registered.
pub fn schemas(wanted: &[String], actual: &[String]) -> Finding {
    match names(wanted.iter().filter(|subject| !actual.contains(subject))) {
        None => Finding::ok("schemas", format!("all {} are registered", wanted.len())),
        Some(missing) => {
            Finding::problem("schemas", format!("not registered: {missing}"), "run `headwater topics apply`")
        }
    }
}

/// Some names, and how many more; None for none.
fn names<T: ToString>(all: impl Iterator<Item = T>) -> Option<String> {
    let mut all: Vec<String> = all.map(|name| name.to_string()).collect();
    all.dedup();
    let more = all.len().saturating_sub(NAMES_MAX);
    all.truncate(NAMES_MAX);
    match (all.is_empty(), more) {
        (true, _) => None,
        (false, 0) => Some(all.join(", ")),
        (false, more) => Some(format!("{} and {more} more", all.join(", "))),
    }
}
