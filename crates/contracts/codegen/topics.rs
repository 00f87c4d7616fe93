use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use super::Error;
use super::model::{Catalogue, Definition};

/// What topics.yaml says about schemas and keys; its other parts are read by the tool that applies it.
#[derive(Debug)]
pub struct Declarations(Vec<TopicDeclaration>);

/// One topic.
#[derive(Debug)]
pub struct TopicDeclaration {
    /// Its name.
    pub name: String,
    /// What it is keyed by; empty for topics outside of every co-partitioned set.
    pub domain: String,
    /// How its subjects are named.
    pub strategy: Strategy,
    /// The field of its messages that is the record's key.
    key: String,
    anchor: bool,
    /// Full names, from the schemas' paths.
    schemas: Vec<String>,
}

/// How a topic's subjects are named in the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Default)]
pub enum Strategy {
    /// TopicRecordNameStrategy: `<topic>-<full name>`, so that a topic can hold several types.
    #[default]
    #[serde(rename = "topic_record")]
    TopicRecordName,
    /// TopicNameStrategy: `<topic>-value`, which consoles expect.
    #[serde(rename = "topic")]
    TopicName,
}

#[derive(Deserialize)]
struct File {
    topics: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    #[serde(default)]
    domain: String,
    #[serde(default)]
    key: String,
    #[serde(default)]
    anchor: bool,
    #[serde(default)]
    schemas: Vec<String>,
    #[serde(default)]
    subject_strategy: Strategy,
}

impl Declarations {
    /// Reads topics.yaml.
    ///
    /// # Errors
    /// When it is no YAML, or a topic's keys have other types than expected.
    pub fn parse(yaml: &str) -> Result<Self, Error> {
        let file: File = serde_saphyr::from_str(yaml).map_err(|error| Error::new(format!("topics.yaml: {error}")))?;
        file.topics.into_iter().map(topic).collect::<Result<_, _>>().map(Self)
    }

    /// Topics that declare schemas, in the order of the file.
    pub fn with_schemas(&self) -> impl Iterator<Item = &TopicDeclaration> {
        self.0.iter().filter(|topic| !topic.schemas.is_empty())
    }

    /// Full names of all types that lie in a topic.
    pub fn messages(&self) -> BTreeSet<&str> {
        self.0.iter().flat_map(|topic| topic.schemas.iter().map(String::as_str)).collect()
    }

    /// Every co-partitioned set with its anchor topic.
    pub fn domains(&self) -> BTreeMap<&str, &str> {
        let anchors = self.0.iter().filter(|topic| topic.anchor);
        anchors.map(|topic| (topic.domain.as_str(), topic.name.as_str())).collect()
    }

    /// Checks that topics and schemas fit together: one anchor for each domain, no message without a topic, no two
    /// messages of one short name in a topic.
    ///
    /// # Errors
    /// When they do not; the message names the topic or the schema.
    pub fn check(&self, catalogue: &Catalogue) -> Result<(), Error> {
        for topic in self.0.iter().filter(|topic| topic.anchor) {
            if topic.domain.is_empty() || self.domains().get(topic.domain.as_str()) != Some(&topic.name.as_str()) {
                return Err(Error::new(format!("topic {}: a domain has exactly one anchor", topic.name)));
            }
        }
        for topic in self.with_schemas() {
            if !self.domains().contains_key(topic.domain.as_str()) {
                let (name, domain) = (&topic.name, &topic.domain);
                return Err(Error::new(format!("topic {name}: domain {domain:?} has no topic with anchor: true")));
            }
            let short: BTreeSet<_> = topic.resolve(catalogue)?.iter().map(|message| message.name.as_str()).collect();
            if short.len() != topic.schemas.len() {
                return Err(Error::new(format!("topic {}: two of its schemas share a short name", topic.name)));
            }
        }
        self.check_no_orphans(catalogue)
    }

    fn check_no_orphans(&self, catalogue: &Catalogue) -> Result<(), Error> {
        let fields = catalogue.0.values().flat_map(|definition| definition.fields());
        let mut known: BTreeSet<&str> = fields.filter_map(|field| field.kind.named()).collect();
        known.extend(self.messages());
        match catalogue.0.values().find(|definition| !known.contains(definition.full_name.as_str())) {
            None => Ok(()),
            Some(Definition { context, name, .. }) => Err(Error::new(format!(
                "schemas/{context}/{name}.avsc is in no topic of topics.yaml, and no schema refers to it"
            ))),
        }
    }
}

impl TopicDeclaration {
    /// The messages it may hold.
    ///
    /// # Errors
    /// When a schema is not there, or its first field is not the topic's key.
    pub fn resolve<'a>(&self, catalogue: &'a Catalogue) -> Result<Vec<&'a Definition>, Error> {
        let message = |name: &String| match catalogue.get(name) {
            Ok(message) if message.fields().first().is_some_and(|field| field.name == self.key) => Ok(message),
            Ok(_) => Err(Error::new(format!("topic {}: the first field of {name} is not {:?}", self.name, self.key))),
            Err(error) => Err(Error::new(format!("topic {}: {error}", self.name))),
        };
        self.schemas.iter().map(message).collect()
    }
}

fn topic(entry: Entry) -> Result<TopicDeclaration, Error> {
    let Entry { name, domain, key, anchor, schemas, subject_strategy: strategy } = entry;
    let schemas = schemas.iter().map(|path| full_name(path)).collect::<Result<_, _>>();
    let schemas = schemas.map_err(|error| Error::new(format!("topic {name}: {error}")))?;
    Ok(TopicDeclaration { name, domain, key, strategy, anchor, schemas })
}

/// `schemas/orders/OrderCreated.avsc`, seen from the repository's root, as `headwater.orders.OrderCreated`.
fn full_name(path: &str) -> Result<String, Error> {
    let inner = path.strip_prefix("schemas/").and_then(|path| path.strip_suffix(".avsc"));
    match inner.and_then(|inner| inner.split_once('/')) {
        Some((context, name)) if !name.contains('/') => Ok(super::model::full_name(context, name)),
        _ => Err(Error::new(format!("{path:?} is no path such as schemas/orders/OrderCreated.avsc"))),
    }
}
