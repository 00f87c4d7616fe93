//! What worker threads ask: the id to write a type with, and the schema of an id they read.
//!
//! Blocking by design: workers are threads. The usual answer is one hash lookup (see
//! [`WorkerSchemas`]); only an id never seen before asks the registry, within a bounded wait, and
//! what the registry does not know is not asked for again until a time has passed.

mod clock;
mod local;
mod strategy;
mod worker;

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

pub use clock::Clock;
pub use strategy::SubjectStrategy;
pub use worker::WorkerSchemas;

use crate::avro::AvroSchema;
use crate::{Error, ErrorKind, SchemaId, WriterSchema};

/// Where a book looks up what it does not know; blocks no longer than its own bound.
pub trait SchemaSource: Send + Sync {
    /// The schema JSON of an id.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    fn schema(&self, id: SchemaId) -> Result<String, Error>;

    /// The id that a schema has under a subject.
    ///
    /// # Errors
    /// As [`SchemaSource::schema`].
    fn id_of(&self, subject: &str, schema: &AvroSchema) -> Result<SchemaId, Error>;
}

/// How long a book remembers what it could not get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BookSettings {
    /// How long an id the registry does not know is not asked for again.
    pub unknown_for: Duration,
    /// How long after a failed call the next one waits, so that a registry that is down does not
    /// hold up every record for a time-out.
    pub unavailable_for: Duration,
}

impl Default for BookSettings {
    fn default() -> Self {
        Self { unknown_for: Duration::from_secs(30), unavailable_for: Duration::from_secs(1) }
    }
}

/// A type that is written to a topic: its subject follows from these.
#[derive(Debug, Clone, PartialEq)]
pub struct Declaration {
    /// The topic, with its prefix.
    pub topic: String,
    /// How the subject is named.
    pub strategy: SubjectStrategy,
    /// The schema JSON it is written with; for a command topic the union.
    pub schema: String,
}

/// Ids that failed remembered at most; beyond it the oldest knowledge is dropped.
const FAILURES_MAX: usize = 1024;

/// Schemas by id and ids by subject, shared by all workers of a process. Cloning is cheap.
#[derive(Clone)]
pub struct SchemaBook {
    inner: Arc<Inner>,
}

struct Inner {
    source: Box<dyn SchemaSource>,
    settings: BookSettings,
    clock: Clock,
    by_id: RwLock<FxHashMap<SchemaId, Arc<WriterSchema>>>,
    by_subject: RwLock<FxHashMap<String, SchemaId>>,
    failures: Mutex<FxHashMap<SchemaId, (Instant, Error)>>,
}

impl std::fmt::Debug for SchemaBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SchemaBook").finish_non_exhaustive()
    }
}

impl SchemaBook {
    /// A book over a source, on the system's monotonic clock.
    #[must_use]
    pub fn new(source: Box<dyn SchemaSource>, settings: BookSettings) -> Self {
        Self::with_clock(source, settings, Clock::system())
    }

    /// A book with a clock of the caller's.
    #[must_use]
    pub fn with_clock(source: Box<dyn SchemaSource>, settings: BookSettings, clock: Clock) -> Self {
        Self {
            inner: Arc::new(Inner {
                source,
                settings,
                clock,
                by_id: RwLock::default(),
                by_subject: RwLock::default(),
                failures: Mutex::default(),
            }),
        }
    }

    /// A book without a registry: declared schemas get the ids 1, 2, 3 in order. For tests and the
    /// test driver.
    #[must_use]
    pub fn local() -> Self {
        Self::new(Box::new(local::LocalIds::default()), BookSettings::default())
    }

    /// Fetches the ids of what this process writes, at start.
    ///
    /// # Errors
    /// The first that fails, naming its subject; the ones before it are known.
    pub fn prefetch(&self, declarations: &[Declaration]) -> Result<(), Error> {
        for declaration in declarations {
            self.declare(&declaration.topic, declaration.strategy, &declaration.schema)?;
        }
        Ok(())
    }

    /// Makes one type known, and gives the id it is written with.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchema`]; [`ErrorKind::NotFound`] if the registry does not have this
    /// schema under its subject; and those of the source.
    pub fn declare(&self, topic: &str, strategy: SubjectStrategy, schema: &str) -> Result<SchemaId, Error> {
        let avro = AvroSchema::parse(schema)?;
        let subject = strategy.subject(topic, avro.full_name().unwrap_or_default());
        let id = self.inner.source.id_of(&subject, &avro).map_err(|error| {
            let message = format!("{subject}: {error}");
            match error.kind() {
                ErrorKind::NotFound => {
                    Error::new(ErrorKind::NotFound, format!("{message}; register it with `headwater topics apply`"))
                }
                kind => Error::new(kind, message),
            }
        })?;
        let writer = Arc::new(WriterSchema::from_avro(avro)?);
        let mut by_id = self.inner.by_id.write().unwrap_or_else(PoisonError::into_inner);
        by_id.entry(id).or_insert(writer);
        drop(by_id);
        let mut by_subject = self.inner.by_subject.write().unwrap_or_else(PoisonError::into_inner);
        by_subject.insert(subject, id);
        Ok(id)
    }

    /// The id to write a type with. It builds the subject's name: keep the id, do not ask for each
    /// record.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if it was not declared.
    pub fn id_for(&self, topic: &str, strategy: SubjectStrategy, full_name: &str) -> Result<SchemaId, Error> {
        let subject = strategy.subject(topic, full_name);
        let known = self.inner.by_subject.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&subject).copied().ok_or_else(|| {
            Error::new(ErrorKind::NotFound, format!("subject {subject} was not declared; declare its schema at start"))
        })
    }

    /// The schema of an id that a record names. Unknown ids are asked for, which blocks for the
    /// source's bound at most.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], remembered for a while; [`ErrorKind::Unavailable`];
    /// [`ErrorKind::InvalidSchema`].
    pub fn writer(&self, id: SchemaId) -> Result<Arc<WriterSchema>, Error> {
        let known = self.inner.by_id.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(writer) = known.get(&id) {
            return Ok(Arc::clone(writer));
        }
        drop(known);
        self.inner.fetch(id)
    }

    /// A cache of its own for one worker: no lock for ids it has seen.
    #[must_use]
    pub fn worker(&self) -> WorkerSchemas {
        WorkerSchemas::new(self.clone())
    }
}

impl Inner {
    fn fetch(&self, id: SchemaId) -> Result<Arc<WriterSchema>, Error> {
        if let Some(error) = self.remembered_failure(id) {
            return Err(error);
        }
        let fetched = self.source.schema(id).and_then(|json| WriterSchema::compile(&json));
        match fetched {
            Ok(writer) => {
                let writer = Arc::new(writer);
                let mut by_id = self.by_id.write().unwrap_or_else(PoisonError::into_inner);
                Ok(Arc::clone(by_id.entry(id).or_insert(writer)))
            }
            Err(error) => {
                let error = match error.kind() {
                    ErrorKind::NotFound => Error::new(
                        ErrorKind::NotFound,
                        format!(
                            "schema id {id} is not in the registry; the record was written with another registry, or the schema was deleted"
                        ),
                    ),
                    kind => Error::new(kind, format!("schema id {id}: {error}")),
                };
                self.remember_failure(id, &error);
                Err(error)
            }
        }
    }

    fn remembered_failure(&self, id: SchemaId) -> Option<Error> {
        let failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let (until, error) = failures.get(&id)?;
        (self.clock.now() < *until).then(|| error.clone())
    }

    fn remember_failure(&self, id: SchemaId, error: &Error) {
        let lasting = match error.kind() {
            ErrorKind::Unavailable => self.settings.unavailable_for,
            _ => self.settings.unknown_for,
        };
        let now = self.clock.now();
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        if failures.len() >= FAILURES_MAX {
            failures.retain(|_, (until, _)| now < *until);
        }
        if failures.len() >= FAILURES_MAX {
            failures.clear();
        }
        failures.insert(id, (now + lasting, error.clone()));
    }
}

#[cfg(test)]
mod tests;
