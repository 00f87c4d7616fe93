use std::collections::BTreeMap;
use std::fmt;

use headwater_log::TopicName;
use serde::de::{Deserialize, Deserializer, Visitor};
use serde_saphyr::{Location, Spanned};

use super::declaration::{Compatibility, Declaration, SubjectStrategy, TopicDeclaration};
use crate::Error;

/// The file as it is written; unknown keys are refused, so that a typo can't be taken for a default.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    #[serde(default)]
    cluster_id: Option<String>,
    #[serde(default)]
    defaults: Defaults,
    #[serde(default)]
    topics: Vec<Topic>,
}

#[derive(serde::Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Defaults {
    #[serde(default)]
    partitions: Option<Spanned<u32>>,
    #[serde(default)]
    replication_factor: Option<Spanned<i32>>,
    #[serde(default)]
    compatibility: Option<Compatibility>,
    #[serde(default)]
    subject_strategy: Option<SubjectStrategy>,
    #[serde(default)]
    deletion_protection: bool,
    #[serde(default)]
    configs: BTreeMap<String, Scalar>,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Topic {
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    owner: String,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    anchor: bool,
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    partitions: Option<Spanned<u32>>,
    #[serde(default)]
    replication_factor: Option<Spanned<i32>>,
    #[serde(default)]
    configs: BTreeMap<String, Scalar>,
    #[serde(default)]
    schemas: Vec<String>,
    #[serde(default)]
    subject_strategy: Option<SubjectStrategy>,
    #[serde(default)]
    compatibility: Option<Compatibility>,
    #[serde(default)]
    dead_letters: bool,
    #[serde(default)]
    deletion_protection: Option<bool>,
    #[serde(default)]
    absent: bool,
}

/// A config's value: `-1`, `0.5`, `true` and `compact` are all text to Kafka.
struct Scalar(String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct AnyScalar;
        impl Visitor<'_> for AnyScalar {
            type Value = Scalar;
            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a text, number or boolean")
            }
            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar(value.to_owned()))
            }
            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string()))
            }
        }
        deserializer.deserialize_any(AnyScalar)
    }
}

/// Reads the text of a topics.yaml; `file` is only named in errors.
pub(super) fn parse(text: &str, file: &str) -> Result<Declaration, Error> {
    let read: File = serde_saphyr::from_str(text).map_err(|error| {
        let plain = error.without_snippet().to_string();
        match error.location() {
            Some(location) => at(file, location, strip_location(&plain)),
            None => Error::invalid(format!("{file}: {plain}")),
        }
    })?;
    if read.version.value != 1 {
        return Err(at(
            file,
            read.version.referenced,
            &format!("version {} is not known: this program reads version 1", read.version.value),
        ));
    }
    let mut topics = Vec::with_capacity(read.topics.len());
    let mut lines: BTreeMap<TopicName, u64> = BTreeMap::new();
    for topic in read.topics {
        let place = topic.name.referenced;
        let topic = complete(topic, &read.defaults, file)?;
        if let Some(line) = lines.insert(topic.name.clone(), place.line()) {
            return Err(at(file, place, &format!("topic {} is declared twice, first on line {line}", topic.name)));
        }
        topics.push(topic);
    }
    check_domains(&topics).map_err(|problem| Error::invalid(format!("{file}: {problem}")))?;
    check_dead_letters(&topics, file, &lines)?;
    Ok(Declaration { cluster_id: read.cluster_id, topics })
}

fn at(file: &str, location: Location, message: &str) -> Error {
    Error::invalid(format!("{file}:{}:{}: {message}", location.line(), location.column()))
}

/// The parser ends its messages with "at line L, column C", which stands in front already.
fn strip_location(message: &str) -> &str {
    message.split(" at line ").next().unwrap_or(message)
}

fn complete(topic: Topic, defaults: &Defaults, file: &str) -> Result<TopicDeclaration, Error> {
    let place = topic.name.referenced;
    let name = TopicName::new(&topic.name.value).map_err(|error| at(file, place, &error.to_string()))?;
    let partitions = topic.partitions.as_ref().or(defaults.partitions.as_ref());
    let partitions = partitions
        .ok_or_else(|| at(file, place, &format!("topic {name} has no partitions: set them here or in defaults")))?;
    if partitions.value == 0 || partitions.value > 100_000 {
        return Err(at(
            file,
            partitions.referenced,
            &format!("topic {name} cannot have {} partitions: use 1 to 100000", partitions.value),
        ));
    }
    let replication = topic.replication_factor.as_ref().or(defaults.replication_factor.as_ref());
    if let Some(bad) = replication.filter(|factor| factor.value != -1 && !(1..=32).contains(&factor.value)) {
        let message = format!(
            "topic {name} cannot have replication factor {}: use -1 for the broker's default, or 1 to 32",
            bad.value
        );
        return Err(at(file, bad.referenced, &message));
    }
    let mut configs: BTreeMap<String, String> =
        defaults.configs.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect();
    configs.extend(topic.configs.into_iter().map(|(name, value)| (name, value.0)));
    let domain = topic.domain.filter(|domain| domain != "none");
    if topic.anchor && domain.is_none() {
        return Err(at(file, place, &format!("topic {name} cannot be an anchor without a domain")));
    }
    if topic.owner.trim().is_empty() {
        return Err(at(file, place, &format!("topic {name} needs an owner")));
    }
    Ok(TopicDeclaration {
        name,
        description: topic.description,
        owner: topic.owner,
        domain,
        anchor: topic.anchor,
        key: topic.key,
        partitions: partitions.value,
        replication_factor: replication.map_or(-1, |factor| factor.value),
        configs,
        schemas: topic.schemas,
        subject_strategy: topic.subject_strategy.or(defaults.subject_strategy).unwrap_or(SubjectStrategy::Topic),
        compatibility: topic.compatibility.or(defaults.compatibility).unwrap_or(Compatibility::BackwardTransitive),
        dead_letters: topic.dead_letters,
        deletion_protection: topic.deletion_protection.unwrap_or(defaults.deletion_protection),
        absent: topic.absent,
    })
}

/// A domain is co-partitioned: one partition count, and one anchor that groups subscribe to.
fn check_domains(topics: &[TopicDeclaration]) -> Result<(), String> {
    let mut by_domain: BTreeMap<&str, Vec<&TopicDeclaration>> = BTreeMap::new();
    for topic in topics.iter().filter(|topic| !topic.absent) {
        if let Some(domain) = &topic.domain {
            by_domain.entry(domain).or_default().push(topic);
        }
    }
    for (domain, members) in by_domain {
        let Some(first) = members.first() else { continue };
        if let Some(odd) = members.iter().find(|topic| topic.partitions != first.partitions) {
            return Err(format!(
                "topics {} ({} partitions) and {} ({} partitions) are both in domain {domain}: give them the same count",
                first.name, first.partitions, odd.name, odd.partitions
            ));
        }
        let anchors: Vec<_> = members.iter().filter(|topic| topic.anchor).map(|topic| topic.name.as_str()).collect();
        match anchors.as_slice() {
            [_] => {}
            [] => return Err(format!("domain {domain} has no anchor: set `anchor: true` on one of its topics")),
            several => {
                return Err(format!("domain {domain} has several anchors ({}): keep one", several.join(", ")));
            }
        }
    }
    Ok(())
}

fn check_dead_letters(topics: &[TopicDeclaration], file: &str, lines: &BTreeMap<TopicName, u64>) -> Result<(), Error> {
    for topic in topics.iter().filter(|topic| topic.dead_letters) {
        let dead_letters = topic.dead_letter_topic().map_err(|error| Error::invalid(format!("{file}: {error}")))?;
        if let Some((name, line)) = dead_letters.and_then(|topic| lines.get_key_value(&topic.name)) {
            return Err(Error::invalid(format!(
                "{file}:{line}: topic {name} is declared already by `dead_letters: true` of {}",
                topic.name
            )));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
