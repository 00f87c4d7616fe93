use headwater_log::TopicName;
use serde::Serialize;

use super::declaration::{Compatibility, Declaration, SubjectStrategy};
use crate::{Error, ErrorKind, TopicPrefix};

/// A subject of the registry that the declaration wants, and what belongs in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaSubject {
    /// The subject's name.
    pub subject: String,
    /// The topic on the cluster.
    pub topic: TopicName,
    /// The .avsc files: one, or the members of a union in their order.
    pub schemas: Vec<String>,
    /// What a new version must get along with.
    pub compatibility: Compatibility,
}

/// How a registry stands to a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaStatus {
    /// It has exactly this schema as the latest version, and the level.
    Registered,
    /// It has no version yet.
    New,
    /// This would be a new version, and gets along with the old ones.
    NewVersion,
    /// This would be a new version, and does not get along: why, by field and rule.
    Incompatible(String),
}

/// One subject to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SchemaChange {
    /// What is registered.
    #[serde(flatten)]
    pub subject: SchemaSubject,
    /// Whether it is the subject's first version.
    pub is_first: bool,
}

/// The registry as plans see it; implemented over a client of a real one.
pub trait SchemaRegistry {
    /// Compares a subject, and changes nothing.
    ///
    /// # Errors
    /// When the registry can't be asked, or a schema can't be read.
    fn compare(&self, subject: &SchemaSubject) -> Result<SchemaStatus, Error>;

    /// Registers a version with its compatibility level, and answers with its id.
    ///
    /// # Errors
    /// When the registry refuses, or can't be asked.
    fn register(&self, subject: &SchemaSubject) -> Result<u32, Error>;
}

/// The subjects of all declared topics. `full_name_of` reads a schema file's record name
/// (`headwater.orders.OrderCreated`), see [`full_name`].
///
/// # Errors
/// What `full_name_of` answers.
pub fn subjects(
    declared: &Declaration,
    prefix: &TopicPrefix,
    full_name_of: impl Fn(&str) -> Result<String, Error>,
) -> Result<Vec<SchemaSubject>, Error> {
    let mut subjects = Vec::new();
    for topic in declared.topics.iter().filter(|topic| !topic.absent && !topic.schemas.is_empty()) {
        let name = prefix.apply(&topic.name)?;
        let compatibility = topic.compatibility;
        match topic.subject_strategy {
            SubjectStrategy::Topic => subjects.push(SchemaSubject {
                subject: format!("{name}-value"),
                topic: name,
                schemas: topic.schemas.clone(),
                compatibility,
            }),
            SubjectStrategy::TopicRecord => {
                for schema in &topic.schemas {
                    subjects.push(SchemaSubject {
                        subject: format!("{name}-{}", full_name_of(schema)?),
                        topic: name.clone(),
                        schemas: vec![schema.clone()],
                        compatibility,
                    });
                }
            }
        }
    }
    Ok(subjects)
}

/// The full name of the record in the text of an .avsc file.
///
/// # Errors
/// [`ErrorKind::Invalid`] when it is no JSON object with a name.
pub fn full_name(avsc: &str, path: &str) -> Result<String, Error> {
    let schema: serde_json::Value =
        serde_json::from_str(avsc).map_err(|error| Error::invalid(format!("{path}: {error}")))?;
    let text = |field: &str| schema.get(field).and_then(serde_json::Value::as_str);
    match (text("namespace"), text("name")) {
        (_, None) => Err(Error::invalid(format!("{path}: the schema has no name"))),
        (Some(namespace), Some(name)) if !name.contains('.') => Ok(format!("{namespace}.{name}")),
        (_, Some(name)) => Ok(name.to_owned()),
    }
}

/// What has to be registered; every subject is checked for compatibility first.
///
/// # Errors
/// [`ErrorKind::Refused`] naming every incompatible subject with the reason, or what the registry answers.
pub fn plan_schemas(subjects: &[SchemaSubject], registry: &dyn SchemaRegistry) -> Result<Vec<SchemaChange>, Error> {
    let (mut changes, mut refusals) = (Vec::new(), Vec::new());
    for subject in subjects {
        match registry.compare(subject)? {
            SchemaStatus::Registered => {}
            SchemaStatus::New => changes.push(SchemaChange { subject: subject.clone(), is_first: true }),
            SchemaStatus::NewVersion => changes.push(SchemaChange { subject: subject.clone(), is_first: false }),
            SchemaStatus::Incompatible(reason) => refusals.push(format!(
                "subject {} is {}, and {} is not: {reason}",
                subject.subject,
                subject.compatibility,
                subject.schemas.join(" + ")
            )),
        }
    }
    if refusals.is_empty() { Ok(changes) } else { Err(Error::new(ErrorKind::Refused, refusals.join("\n"))) }
}
