use std::collections::BTreeSet;
use std::sync::Arc;

use headwater_contracts::topics::ALL_TOPICS;
use headwater_kafka::admin::NewTopic;
use headwater_kafka::topics::Declaration;
use headwater_kafka::{Admin, ErrorKind, TopicPrefix};
use headwater_log::TopicName;
use headwater_schema::avro::AvroSchema;
use headwater_schema::compatibility::Level;
use headwater_schema::registry_client::RegistryClient;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::Error;

/// The project's topics.yaml, as this binary was built with it.
const TOPICS_YAML: &str = include_str!("../../../../topics.yaml");
/// Subjects that are asked for at one time.
const LOOKUPS_MAX: usize = 16;

/// The topics of this platform.
///
/// # Errors
/// Failed, when the file that was built in is not right, which a test would show.
pub fn declaration() -> Result<Declaration, Error> {
    Ok(Declaration::parse(TOPICS_YAML, "topics.yaml")?)
}

/// Creates the declared topics that are missing, and leaves the others as they are. Answers with what it created.
///
/// # Errors
/// The first topic that can't be created.
pub fn ensure_topics(admin: &Admin, declared: &Declaration, prefix: &TopicPrefix) -> Result<Vec<TopicName>, Error> {
    let there: BTreeSet<TopicName> = admin.list_topics()?.into_iter().collect();
    let missing: Vec<NewTopic> = declared
        .expanded(prefix)?
        .into_iter()
        .filter(|topic| !topic.absent && !there.contains(&topic.name))
        .map(|topic| NewTopic {
            name: topic.name,
            partitions: topic.partitions,
            replication_factor: topic.replication_factor,
            configs: topic.configs,
        })
        .collect();
    for (topic, outcome) in admin.create_topics(&missing)? {
        match outcome {
            Err(error) if error.kind() != ErrorKind::Exists => {
                return Err(Error::from(error).context(format!("topic {topic} can't be created")));
            }
            _ => {}
        }
    }
    Ok(missing.into_iter().map(|topic| topic.name).collect())
}

/// Registers what the topics may hold where the registry does not have it yet, each subject with the level that its
/// topic declares. Answers with how many were new.
///
/// # Errors
/// The first subject that the registry refuses, with its reason, or that can't be asked for.
pub async fn register_schemas(
    client: &RegistryClient,
    declared: &Declaration,
    prefix: &TopicPrefix,
) -> Result<usize, Error> {
    let mut asked = JoinSet::new();
    let turns = Arc::new(Semaphore::new(LOOKUPS_MAX));
    for topic in ALL_TOPICS {
        let real = prefix.apply(&TopicName::new(topic.name)?)?;
        let level =
            declared.topic(topic.name).map(|topic| topic.compatibility.as_str()).unwrap_or("BACKWARD_TRANSITIVE");
        let level: Level = level.parse()?;
        for subject in topic.subjects(real.as_str()) {
            let (client, turns) = (client.clone(), Arc::clone(&turns));
            asked.spawn(async move {
                let _turn = turns.acquire_owned().await;
                register(&client, &subject.name, subject.schema, level)
                    .await
                    .map_err(|error| Error::from(error).context(format!("subject {}", subject.name)))
            });
        }
    }
    let mut new = 0;
    while let Some(registered) = asked.join_next().await {
        new += usize::from(registered??);
    }
    Ok(new)
}

async fn register(
    client: &RegistryClient,
    subject: &str,
    schema: &str,
    level: Level,
) -> Result<bool, headwater_schema::Error> {
    let schema = AvroSchema::parse(schema)?;
    match client.id_of(subject, &schema).await {
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == headwater_schema::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    if client.level(Some(subject)).await? != Some(level) {
        client.set_level(Some(subject), level).await?;
    }
    client.register(subject, &schema).await?;
    Ok(true)
}

#[cfg(test)]
mod tests;
