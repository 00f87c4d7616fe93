use headwater_log::TopicName;

use super::plan::{Plan, TopicChange};
use super::schemas::{SchemaChange, SchemaRegistry};
use crate::admin::{ConfigChange, NewTopic};
use crate::{Admin, Error, ErrorKind};

/// What applying a plan reports as it goes.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A topic's change is done.
    Topic(&'a TopicChange),
    /// A subject is registered, under this schema id.
    Schema(&'a SchemaChange, u32),
}

/// Makes a cluster as the plan says: topics are created, grown and configured, then schemas are registered, then topics
/// are deleted. It stops at the first failure; planning again continues.
///
/// # Errors
/// [`ErrorKind::Refused`] when the cluster is another one than the plan's, or when there are schemas and no registry;
/// otherwise the first change that failed, by kind.
pub fn apply(
    plan: &Plan,
    admin: &Admin,
    registry: Option<&dyn SchemaRegistry>,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<(), Error> {
    let cluster_id = admin.describe_cluster()?.cluster_id;
    if cluster_id != plan.cluster_id {
        return Err(Error::new(
            ErrorKind::Refused,
            format!("the plan is for cluster {}, and this is cluster {cluster_id}: plan again", plan.cluster_id),
        ));
    }
    if registry.is_none() && !plan.schemas.is_empty() {
        return Err(Error::new(ErrorKind::Refused, "the plan registers schemas: name a registry"));
    }
    let is_deletion = |change: &&TopicChange| matches!(change, TopicChange::Delete { .. });
    for change in plan.changes.iter().filter(|change| !is_deletion(change)) {
        apply_change(change, admin)?;
        progress(Progress::Topic(change));
    }
    for schema in &plan.schemas {
        let Some(registry) = registry else { break };
        let id = registry.register(&schema.subject)?;
        progress(Progress::Schema(schema, id));
    }
    for change in plan.changes.iter().filter(is_deletion) {
        apply_change(change, admin)?;
        progress(Progress::Topic(change));
    }
    Ok(())
}

fn apply_change(change: &TopicChange, admin: &Admin) -> Result<(), Error> {
    match change {
        TopicChange::Create { topic, partitions, replication_factor, configs } => {
            let topic = NewTopic {
                name: topic.clone(),
                partitions: *partitions,
                replication_factor: *replication_factor,
                configs: configs.clone(),
            };
            first_failure(admin.create_topics(&[topic])?)
        }
        TopicChange::AddPartitions { topic, to, .. } => {
            first_failure(admin.create_partitions(&[(topic.clone(), *to)])?)
        }
        TopicChange::AlterConfigs { topic, configs } => {
            let changes = configs
                .iter()
                .map(|difference| {
                    let name = difference.name.clone();
                    match &difference.after {
                        Some(value) => ConfigChange::Set { name, value: value.clone() },
                        None => ConfigChange::Reset { name },
                    }
                })
                .collect();
            admin.alter_configs(&[(topic.clone(), changes)])
        }
        TopicChange::Delete { topic, .. } => first_failure(admin.delete_topics(std::slice::from_ref(topic))?),
    }
}

fn first_failure(outcomes: Vec<(TopicName, Result<(), Error>)>) -> Result<(), Error> {
    outcomes.into_iter().try_for_each(|(_, outcome)| outcome)
}
