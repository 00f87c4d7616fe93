//! The registry's state: a pure fold of its records.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Mode, Record, SchemaValue};
use crate::avro::AvroSchema;
use crate::compatibility::Level;

/// Which versions a query sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    /// Those that are not deleted.
    Hide,
    /// All, with those deleted softly.
    Show,
    /// Those deleted softly.
    Only,
}

impl Deleted {
    fn sees(self, deleted: bool) -> bool {
        match self {
            Self::Hide => !deleted,
            Self::Show => true,
            Self::Only => deleted,
        }
    }
}

/// A version of a subject.
#[derive(Debug, Clone, PartialEq)]
pub struct SubjectVersion {
    /// What the log says.
    pub value: SchemaValue,
    /// The parsed schema; none where the log of another registry holds what is no Avro.
    pub schema: Option<Arc<AvroSchema>>,
}

/// Everything the registry knows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RegistryState {
    subjects: BTreeMap<String, BTreeMap<u32, SubjectVersion>>,
    ids_by_text: BTreeMap<String, u32>,
    level: Option<Level>,
    levels: BTreeMap<String, Level>,
    mode: Option<Mode>,
    modes: BTreeMap<String, Mode>,
    id_max: u32,
}

impl RegistryState {
    /// Takes one record of the log. The same records in the same order give the same state.
    pub fn apply(&mut self, record: Record) {
        match record {
            Record::Schema { subject, version, value: Some(value) } => self.put(subject, version, value),
            Record::Schema { subject, version, value: None } => self.remove(&subject, version),
            Record::Config { subject, level } => match subject {
                None => self.level = level,
                Some(subject) => put_or_remove(&mut self.levels, subject, level),
            },
            Record::Mode { subject, mode } => match subject {
                None => self.mode = mode,
                Some(subject) => put_or_remove(&mut self.modes, subject, mode),
            },
            Record::DeleteSubject { subject, version: Some(last) } => {
                let versions = self.subjects.get_mut(&subject).into_iter();
                for (_, version) in versions.flat_map(|versions| versions.range_mut(..=last)) {
                    version.value.deleted = true;
                }
            }
            Record::DeleteSubject { version: None, .. } | Record::Noop => {}
        }
    }

    fn put(&mut self, subject: String, version: u32, value: SchemaValue) {
        self.id_max = self.id_max.max(value.id);
        self.ids_by_text.insert(value.schema.clone(), value.id);
        let is_avro = value.schema_type.as_deref().is_none_or(|t| t == "AVRO");
        // One parsed schema serves all subjects that share it.
        let shared = self
            .versions_of_id(value.id)
            .find(|known| known.value.schema == value.schema)
            .and_then(|known| known.schema.clone());
        let schema = match shared {
            Some(schema) => Some(schema),
            None if is_avro => AvroSchema::parse(&value.schema).ok().map(Arc::new),
            None => None,
        };
        let versions = self.subjects.entry(subject).or_default();
        versions.insert(version, SubjectVersion { value, schema });
    }

    fn remove(&mut self, subject: &str, version: u32) {
        let Some(versions) = self.subjects.get_mut(subject) else {
            return;
        };
        let removed = versions.remove(&version);
        if versions.is_empty() {
            self.subjects.remove(subject);
        }
        // A text nobody holds any more gets a new id if it comes again.
        if let Some(removed) = removed
            && self.versions_of_id(removed.value.id).next().is_none()
        {
            self.ids_by_text.remove(&removed.value.schema);
        }
    }

    /// The subjects that have a version to see, sorted.
    pub fn subjects(&self, deleted: Deleted) -> impl Iterator<Item = &str> {
        self.subjects
            .iter()
            .filter(move |(_, versions)| match deleted {
                // Half-deleted subjects are not deleted ones.
                Deleted::Only => versions.values().all(|version| version.value.deleted),
                _ => versions.values().any(|version| deleted.sees(version.value.deleted)),
            })
            .map(|(subject, _)| subject.as_str())
    }

    /// The versions of a subject, oldest first.
    pub fn versions(&self, subject: &str, deleted: Deleted) -> impl DoubleEndedIterator<Item = &SubjectVersion> {
        self.subjects
            .get(subject)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter(move |version| deleted.sees(version.value.deleted))
    }

    /// One version of a subject.
    #[must_use]
    pub fn version(&self, subject: &str, version: u32) -> Option<&SubjectVersion> {
        self.subjects.get(subject)?.get(&version)
    }

    /// All versions of all subjects that have an id.
    pub fn versions_of_id(&self, id: u32) -> impl Iterator<Item = &SubjectVersion> {
        self.subjects.values().flat_map(BTreeMap::values).filter(move |version| version.value.id == id)
    }

    /// The id a canonical text has.
    #[must_use]
    pub fn id_of_text(&self, text: &str) -> Option<u32> {
        self.ids_by_text.get(text).copied()
    }

    /// The id the next new schema gets.
    #[must_use]
    pub fn next_id(&self) -> u32 {
        self.id_max.saturating_add(1)
    }

    /// The version the next schema of a subject gets: deleted ones count.
    #[must_use]
    pub fn next_version(&self, subject: &str) -> u32 {
        self.subjects
            .get(subject)
            .and_then(|versions| versions.last_key_value())
            .map_or(1, |(last, _)| last.saturating_add(1))
    }

    /// The registry's level, as set; BACKWARD if it was not.
    #[must_use]
    pub fn level(&self) -> Level {
        self.level.unwrap_or_default()
    }

    /// A subject's own level.
    #[must_use]
    pub fn subject_level(&self, subject: &str) -> Option<Level> {
        self.levels.get(subject).copied()
    }

    /// The registry's mode.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode.unwrap_or_default()
    }

    /// A subject's own mode.
    #[must_use]
    pub fn subject_mode(&self, subject: &str) -> Option<Mode> {
        self.modes.get(subject).copied()
    }

    /// True if there is no version at all, deleted or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.subjects.is_empty()
    }

    /// The subjects that hold an id.
    #[must_use]
    pub fn subjects_of_id(&self, id: u32, deleted: Deleted) -> BTreeSet<&str> {
        self.versions_of_id(id)
            .filter(|version| deleted.sees(version.value.deleted))
            .map(|version| version.value.subject.as_str())
            .collect()
    }
}

fn put_or_remove<T>(map: &mut BTreeMap<String, T>, key: String, value: Option<T>) {
    match value {
        Some(value) => {
            map.insert(key, value);
        }
        None => {
            map.remove(&key);
        }
    }
}
