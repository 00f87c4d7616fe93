use serde::{Deserialize, Serialize};

use super::Topology;
use crate::StoreNumber;

/// What must stay the same for state to be found again. Kept with the state, and compared before a new topology runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The processor's name.
    pub processor: String,
    /// Its subtopologies.
    pub subtopologies: Vec<SubtopologyManifest>,
}

/// A subtopology's part of a [`Manifest`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubtopologyManifest {
    /// Its name.
    pub name: String,
    /// The domain its tasks are partitioned by.
    pub domain: String,
    /// Topics read, sorted.
    pub sources: Vec<String>,
    /// Names of its processors, sorted: timers and calls are kept by them.
    pub processors: Vec<String>,
    /// Stores with their numbers.
    pub stores: Vec<(String, StoreNumber)>,
    /// Stores that are tables, with their topics: these are restored from there, the others from the changelog.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tables: Vec<(String, String)>,
    /// The changelog; None where there is no state.
    pub changelog: Option<String>,
}

/// A change that would orphan or renumber state: what has to happen to the state first.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{processor}: state would be lost or misread: {}", steps.join("; "))]
pub struct Migration {
    /// The processor.
    pub processor: String,
    /// Each change with what to do about it.
    pub steps: Vec<String>,
}

impl Topology {
    /// What must stay the same for state to be found again.
    #[must_use]
    pub fn manifest(&self) -> Manifest {
        let subtopologies = self.subtopologies().iter().map(|subtopology| {
            let mut sources: Vec<String> = subtopology.sources.iter().map(|source| source.topic.clone()).collect();
            sources.sort();
            let mut processors: Vec<String> = subtopology.processors.iter().map(|node| node.name.clone()).collect();
            processors.sort();
            let tables = subtopology.stores.iter();
            let tables = tables.filter_map(|store| Some((store.name.clone(), store.source.clone()?)));
            SubtopologyManifest {
                name: subtopology.name.clone(),
                domain: subtopology.domain.name.to_owned(),
                sources,
                processors,
                stores: subtopology.stores.iter().map(|store| (store.name.clone(), store.number)).collect(),
                tables: tables.collect(),
                changelog: subtopology.changelog.clone(),
            }
        });
        Manifest { processor: self.name().to_owned(), subtopologies: subtopologies.collect() }
    }

    /// Compares with the manifest that the state was written under.
    ///
    /// # Errors
    /// The migration that is needed first. Additions need none.
    pub fn check_migration(&self, old: &Manifest) -> Result<(), Migration> {
        let new = self.manifest();
        let mut steps = Vec::new();
        if new.processor != old.processor {
            steps
                .push(format!("processor {} was {}: rename it back, or move its topics", new.processor, old.processor));
        }
        for before in &old.subtopologies {
            match new.subtopologies.iter().find(|now| now.name == before.name) {
                Some(now) => compare(&mut steps, before, now),
                None if before.changelog.is_some() => steps.push(format!(
                    "subtopology {} is gone: rename it back, or delete {}",
                    before.name,
                    before.changelog.as_deref().unwrap_or_default()
                )),
                None => {}
            }
        }
        if steps.is_empty() { Ok(()) } else { Err(Migration { processor: new.processor, steps }) }
    }
}

fn compare(steps: &mut Vec<String>, before: &SubtopologyManifest, now: &SubtopologyManifest) {
    let own = &before.name;
    if before.domain != now.domain {
        steps.push(format!("{own} is keyed by {} now, by {} before: use a new subtopology", now.domain, before.domain));
    }
    if before.changelog.is_some() && now.changelog.is_none() {
        steps.push(format!("{own} is stateless now: its changelog would be orphaned"));
    }
    for (store, number) in &before.stores {
        match now.stores.iter().find(|(name, _)| name == store) {
            Some((_, same)) if same == number => {}
            Some((_, other)) => steps.push(format!(
                "{own}: store {store} was number {}, is {}: pin it with .number({})",
                number.0, other.0, number.0
            )),
            None => match now.stores.iter().find(|(_, other)| other == number) {
                Some((name, _)) => steps.push(format!(
                    "{own}: store {store} is gone and {name} took its number {}: pin {name} with an unused .number(n)",
                    number.0
                )),
                None => {
                    steps.push(format!("{own}: store {store} is gone: keep it, or rebuild the subtopology's state"))
                }
            },
        }
    }
    for (store, _) in &before.stores {
        let table_of = |manifest: &SubtopologyManifest| {
            manifest.tables.iter().find(|(name, _)| name == store).map(|(_, topic)| topic.clone())
        };
        let is_there = now.stores.iter().any(|(name, _)| name == store);
        match (table_of(before), table_of(now)) {
            (None, Some(topic)) if is_there => steps.push(format!(
                "{own}: store {store} was kept in its changelog, and is the table of {topic} now: what the topic does not \
                 say would be lost; use a new store"
            )),
            (Some(topic), None) if is_there => steps.push(format!(
                "{own}: store {store} was the table of {topic}, and is kept in a changelog now, which lacks what it had: \
                 use a new store"
            )),
            (Some(topic), Some(other)) if topic != other => steps.push(format!(
                "{own}: store {store} was the table of {topic}, and is that of {other} now: use a new store"
            )),
            _ => {}
        }
    }
    for node in before.processors.iter().filter(|node| !now.processors.contains(node)) {
        steps.push(format!("{own}: processor {node} is gone: its timers and calls would be orphaned; rename it back"));
    }
}
