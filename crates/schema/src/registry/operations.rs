//! What clients ask the registry to do: judged on the state, appended to the log, applied.

use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard};

use super::{
    ApiError, Deleted, MemoryLog, Mode, Record, RegistryState, SchemaLog, SchemaValue, SubjectVersion,
    compatibility_check,
};
use crate::Error;
use crate::avro::AvroSchema;
use crate::compatibility::Level;

/// Versions one subject may have, deleted ones included.
const VERSIONS_MAX: usize = 10_000;

/// A schema to register, look up or check, as the API takes it.
#[derive(Debug, Clone, Default, PartialEq, serde::Deserialize)]
pub struct RegisterRequest {
    /// The schema text.
    #[serde(default)]
    pub schema: Option<String>,
    /// AVRO where absent; other types are refused.
    #[serde(rename = "schemaType", default)]
    pub schema_type: Option<String>,
    /// References to other subjects; refused where there are any.
    #[serde(default)]
    pub references: Option<Vec<serde_json::Value>>,
    /// The id to give it, in IMPORT mode.
    #[serde(default)]
    pub id: Option<i64>,
    /// The version to give it, in IMPORT mode.
    #[serde(default)]
    pub version: Option<i64>,
}

/// How a subject or version is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeleteKind {
    /// Hidden, its id still readable.
    Soft,
    /// Gone; it must be deleted softly before.
    Permanent,
}

/// A registry over a log. Reads take a shared lock; writes are one at a time.
pub struct Registry {
    log: Box<dyn SchemaLog>,
    state: RwLock<RegistryState>,
    writing: Mutex<()>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Registry").finish_non_exhaustive()
    }
}

type Answer<T> = Result<T, ApiError>;

impl Registry {
    /// Opens a registry by replaying its log. It may block.
    ///
    /// # Errors
    /// What the log says, or [`crate::ErrorKind::Malformed`] for a record that is none of a registry's.
    pub fn open(log: Box<dyn SchemaLog>) -> Result<Self, Error> {
        let mut state = RegistryState::default();
        log.replay(&mut |key, value| {
            state.apply(Record::read(key, value)?);
            Ok(())
        })?;
        Ok(Self { log, state: RwLock::new(state), writing: Mutex::default() })
    }

    /// An empty registry that forgets when it ends.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { log: Box::new(MemoryLog::default()), state: RwLock::default(), writing: Mutex::default() }
    }

    /// The state, to read. Hold it briefly: writers wait.
    pub fn state(&self) -> RwLockReadGuard<'_, RegistryState> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, _turn: &MutexGuard<'_, ()>, record: Record) -> Answer<()> {
        self.log.append(&record.key(), record.value().as_deref()).map_err(|error| ApiError::store(&error))?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.apply(record);
        Ok(())
    }

    /// Registers a schema under a subject; the same schema again gives the same id.
    ///
    /// # Errors
    /// 42201 invalid, 409 incompatible (with field and rule), 42205 by mode, 50001 by the log.
    pub fn register(&self, subject: &str, request: &RegisterRequest, normalize: bool) -> Answer<u32> {
        let schema = parse(request, normalize)?;
        let turn = self.writing();
        let record = {
            let state = self.state();
            let known =
                state.versions(subject, Deleted::Hide).find(|version| version.value.schema == schema.canonical());
            if let Some(known) = known
                && request.id.is_none_or(|id| id == i64::from(known.value.id))
            {
                return Ok(known.value.id);
            }
            plan_register(&state, subject, &schema, request)?
        };
        let id = match &record {
            Record::Schema { value: Some(value), .. } => value.id,
            _ => 0,
        };
        self.write(&turn, record)?;
        Ok(id)
    }

    /// The version of a subject that holds a schema.
    ///
    /// # Errors
    /// 40401, 40403, 42201.
    pub fn look_up(
        &self,
        subject: &str,
        request: &RegisterRequest,
        normalize: bool,
        deleted: Deleted,
    ) -> Answer<SubjectVersion> {
        let schema = parse(request, normalize)?;
        let state = self.state();
        let mut versions = state.versions(subject, deleted).rev().peekable();
        if versions.peek().is_none() {
            return Err(ApiError::subject_not_found(subject));
        }
        versions
            .find(|version| version.value.schema == schema.canonical())
            .cloned()
            .ok_or_else(ApiError::schema_not_found)
    }

    /// Why a schema could not follow the versions of a subject (or one of them), empty if it could.
    ///
    /// # Errors
    /// 40402, 42201, 42202.
    pub fn check_compatibility(
        &self,
        subject: &str,
        version: Option<&str>,
        request: &RegisterRequest,
        normalize: bool,
    ) -> Answer<Vec<String>> {
        let schema = parse(request, normalize)?;
        let state = self.state();
        let level = level_of(&state, subject);
        let earlier: Vec<&SubjectVersion> = match version {
            None => state.versions(subject, Deleted::Hide).collect(),
            Some(version) => match find_version(&state, subject, version, Deleted::Hide) {
                Ok(version) => vec![version],
                // Nothing to be incompatible with: Confluent says compatible.
                Err(_) if is_latest(version) => Vec::new(),
                Err(error) if error.code == 42202 => return Err(error),
                Err(_) => return Err(ApiError::version_not_found(version)),
            },
        };
        Ok(compatibility_check::messages(level, &schema, &earlier))
    }

    /// Deletes a subject; the versions that it deleted.
    ///
    /// # Errors
    /// 40401, 40404, 40405, 42205, 50001.
    pub fn delete_subject(&self, subject: &str, kind: DeleteKind) -> Answer<Vec<u32>> {
        let turn = self.writing();
        let (live, all) = {
            let state = self.state();
            check_writable(&state, subject)?;
            (versions_of(&state, subject, Deleted::Hide), versions_of(&state, subject, Deleted::Show))
        };
        match (kind, live.last(), all.last()) {
            (_, _, None) => Err(ApiError::subject_not_found(subject)),
            (DeleteKind::Soft, None, _) => Err(ApiError::subject_soft_deleted(subject)),
            (DeleteKind::Soft, Some(last), _) => {
                let record = Record::DeleteSubject { subject: subject.to_owned(), version: Some(*last) };
                self.write(&turn, record)?;
                self.forget_settings(&turn, subject)?;
                Ok(live)
            }
            (DeleteKind::Permanent, Some(_), _) => Err(ApiError::subject_not_soft_deleted(subject)),
            (DeleteKind::Permanent, None, _) => {
                for version in &all {
                    self.write(&turn, gone(subject, *version))?;
                }
                // The mark would hide versions that a new life of the subject brings.
                let mark = Record::DeleteSubject { subject: subject.to_owned(), version: None };
                self.write(&turn, mark)?;
                Ok(all)
            }
        }
    }

    /// A deleted subject's level and mode go with it, by records of their own: compaction may drop
    /// the mark that deleted it.
    fn forget_settings(&self, turn: &MutexGuard<'_, ()>, subject: &str) -> Answer<()> {
        let (level, mode) = {
            let state = self.state();
            (state.subject_level(subject), state.subject_mode(subject))
        };
        let subject = Some(subject.to_owned());
        if level.is_some() {
            let subject = subject.clone();
            self.write(turn, Record::Config { subject, level: None })?;
        }
        if mode.is_some() {
            self.write(turn, Record::Mode { subject, mode: None })?;
        }
        Ok(())
    }

    /// Deletes one version; its number.
    ///
    /// # Errors
    /// 40401, 40402, 40406, 40407, 42202, 42205, 50001.
    pub fn delete_version(&self, subject: &str, version: &str, kind: DeleteKind) -> Answer<u32> {
        let turn = self.writing();
        let mut value = {
            let state = self.state();
            check_writable(&state, subject)?;
            let deleted = match kind {
                DeleteKind::Soft if is_latest(version) => Deleted::Hide,
                _ => Deleted::Show,
            };
            find_version(&state, subject, version, deleted)?.value.clone()
        };
        let number = value.version;
        let record = match (kind, value.deleted) {
            (DeleteKind::Soft, true) => {
                return Err(ApiError::version_soft_deleted(subject, number));
            }
            (DeleteKind::Permanent, false) => {
                return Err(ApiError::version_not_soft_deleted(subject, number));
            }
            (DeleteKind::Soft, false) => {
                value.deleted = true;
                Record::Schema { subject: subject.to_owned(), version: number, value: Some(value) }
            }
            (DeleteKind::Permanent, true) => gone(subject, number),
        };
        self.write(&turn, record)?;
        Ok(number)
    }

    /// Sets the level of a subject, or of the registry; none takes it back. The level before.
    ///
    /// # Errors
    /// 40401 if there is no level of the subject to take back, 42205, 50001.
    pub fn set_level(&self, subject: Option<&str>, level: Option<Level>) -> Answer<Level> {
        let turn = self.writing();
        let before = {
            let state = self.state();
            check_writable(&state, subject.unwrap_or_default())?;
            match subject {
                None => state.level(),
                Some(subject) => match (state.subject_level(subject), level) {
                    (None, None) => return Err(ApiError::subject_not_found(subject)),
                    (own, _) => own.unwrap_or_else(|| state.level()),
                },
            }
        };
        let subject = subject.map(str::to_owned);
        self.write(&turn, Record::Config { subject, level })?;
        Ok(before)
    }

    /// Sets the mode of a subject, or of the registry; none takes it back. The mode before.
    ///
    /// # Errors
    /// 40401 if there is no mode of the subject to take back; 42205 for IMPORT over existing
    /// schemas without `force`; 50001.
    pub fn set_mode(&self, subject: Option<&str>, mode: Option<Mode>, force: bool) -> Answer<Mode> {
        let turn = self.writing();
        let before = {
            let state = self.state();
            let occupied = match subject {
                None => !state.is_empty(),
                Some(subject) => state.versions(subject, Deleted::Show).next().is_some(),
            };
            if mode == Some(Mode::Import) && occupied && !force {
                let what = subject.map_or_else(|| "the registry".to_owned(), |s| format!("subject {s}"));
                return Err(ApiError::not_permitted(format!(
                    "Cannot import since {what} has existing schemas; use force=true"
                )));
            }
            match subject {
                None => state.mode(),
                Some(subject) => match (state.subject_mode(subject), mode) {
                    (None, None) => return Err(ApiError::subject_not_found(subject)),
                    (own, _) => own.unwrap_or_else(|| state.mode()),
                },
            }
        };
        let subject = subject.map(str::to_owned);
        self.write(&turn, Record::Mode { subject, mode })?;
        Ok(before)
    }
}

fn parse(request: &RegisterRequest, normalize: bool) -> Answer<AvroSchema> {
    if let Some(other) = request.schema_type.as_deref()
        && !other.eq_ignore_ascii_case("AVRO")
    {
        return Err(ApiError::invalid_schema(format!("type {other} is not supported by this registry; use AVRO")));
    }
    if request.references.as_ref().is_some_and(|list| !list.is_empty()) {
        return Err(ApiError::invalid_schema(
            "references are not supported by this registry; write the referenced types into the schema",
        ));
    }
    let text = request.schema.as_deref().unwrap_or_default();
    if text.trim().is_empty() {
        return Err(ApiError::invalid_schema("it is empty"));
    }
    let schema = AvroSchema::parse(text).map_err(ApiError::invalid_schema)?;
    if !normalize {
        return Ok(schema);
    }
    AvroSchema::parse(schema.normalized()).map_err(ApiError::invalid_schema)
}

fn plan_register(
    state: &RegistryState,
    subject: &str,
    schema: &AvroSchema,
    request: &RegisterRequest,
) -> Answer<Record> {
    let importing = mode_of(state, subject) == Mode::Import;
    match (importing, request.id) {
        (false, Some(_)) => {
            return Err(ApiError::not_permitted(format!("Subject {subject} is not in import mode")));
        }
        (true, None) => {
            return Err(ApiError::not_permitted(format!(
                "Subject {subject} is in import mode; give the schema an id, or set the mode to READWRITE"
            )));
        }
        (true, Some(_)) => {}
        (false, None) => check_writable(state, subject)?,
    }
    if state.versions(subject, Deleted::Show).count() >= VERSIONS_MAX {
        return Err(ApiError::not_permitted(format!(
            "Subject {subject} has {VERSIONS_MAX} versions; delete some permanently"
        )));
    }
    let text = schema.canonical();
    let earlier: Vec<_> = state.versions(subject, Deleted::Hide).collect();
    let messages = match importing {
        true => Vec::new(),
        false => compatibility_check::messages(level_of(state, subject), schema, &earlier),
    };
    if !messages.is_empty() {
        return Err(ApiError::incompatible(format!(
            "Schema being registered is incompatible with an earlier schema for subject \"{subject}\", details: [{}]",
            messages.join(", ")
        )));
    }
    let id = match request.id {
        Some(wanted) => import_id(state, wanted, text)?,
        None => state.id_of_text(text).unwrap_or_else(|| state.next_id()),
    };
    let version = match request.version.filter(|version| importing && *version > 0) {
        Some(version) => u32::try_from(version).map_err(|_| ApiError::invalid_version(&version.to_string()))?,
        None => state.next_version(subject),
    };
    Ok(Record::Schema {
        subject: subject.to_owned(),
        version,
        value: Some(SchemaValue {
            subject: subject.to_owned(),
            version,
            id,
            schema_type: None,
            references: Vec::new(),
            schema: text.to_owned(),
            deleted: false,
        }),
    })
}

fn import_id(state: &RegistryState, wanted: i64, text: &str) -> Answer<u32> {
    let refused = |why: &str| ApiError::not_permitted(format!("Cannot import id {wanted}: {why}"));
    let id = u32::try_from(wanted)
        .ok()
        .filter(|id| *id > 0 && i32::try_from(*id).is_ok())
        .ok_or_else(|| refused("an id is 1 to 2^31-1"))?;
    let taken = state.versions_of_id(id).any(|known| known.value.schema != text);
    if taken {
        return Err(refused("it is the id of another schema"));
    }
    match state.id_of_text(text) {
        Some(other) if other != id => Err(refused("the schema has another id here")),
        _ => Ok(id),
    }
}

fn gone(subject: &str, version: u32) -> Record {
    Record::Schema { subject: subject.to_owned(), version, value: None }
}

fn versions_of(state: &RegistryState, subject: &str, deleted: Deleted) -> Vec<u32> {
    let versions = state.versions(subject, deleted);
    versions.map(|version| version.value.version).collect()
}

fn mode_of(state: &RegistryState, subject: &str) -> Mode {
    match state.mode() {
        Mode::ReadonlyOverride => Mode::ReadonlyOverride,
        global => state.subject_mode(subject).unwrap_or(global),
    }
}

fn check_writable(state: &RegistryState, subject: &str) -> Answer<()> {
    match mode_of(state, subject) {
        Mode::Readonly | Mode::ReadonlyOverride => {
            Err(ApiError::not_permitted(format!("Subject {subject} is in read-only mode")))
        }
        Mode::Readwrite | Mode::Import => Ok(()),
    }
}

/// The level that counts for a subject: its own, else the registry's.
pub(super) fn level_of(state: &RegistryState, subject: &str) -> Level {
    state.subject_level(subject).unwrap_or_else(|| state.level())
}

/// True for the words that mean the newest version.
pub(super) fn is_latest(version: &str) -> bool {
    version == "latest" || version == "-1"
}

/// A version by number or `latest`.
pub(super) fn find_version<'a>(
    state: &'a RegistryState,
    subject: &str,
    version: &str,
    deleted: Deleted,
) -> Answer<&'a SubjectVersion> {
    let number = match version {
        word if is_latest(word) => None,
        word => match word.parse::<i32>() {
            Ok(number @ 1..) => Some(number.unsigned_abs()),
            _ => return Err(ApiError::invalid_version(version)),
        },
    };
    let mut versions = state.versions(subject, deleted).peekable();
    if versions.peek().is_none() {
        return Err(ApiError::subject_not_found(subject));
    }
    match number {
        None => versions.last(),
        Some(number) => versions.find(|known| known.value.version == number),
    }
    .ok_or_else(|| ApiError::version_not_found(version))
}
