//! One handler for each route.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::answers::{self, Answer, Json};
use super::extract::{Body, Path, Query};
use crate::compatibility::Level;
use crate::registry::operations::find_version;
use crate::registry::{ApiError, DeleteKind, Deleted, Mode, RegisterRequest, Registry};

type Shared = State<Arc<Registry>>;

/// Every query parameter that any route takes; unknown ones are ignored, as Confluent does.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Flags {
    deleted: Flag,
    #[serde(rename = "deletedOnly")]
    deleted_only: Flag,
    permanent: Flag,
    normalize: Flag,
    verbose: Flag,
    force: Flag,
    #[serde(rename = "defaultToGlobal")]
    default_to_global: Flag,
    #[serde(rename = "latestOnly")]
    latest_only: Flag,
    #[serde(rename = "subjectPrefix")]
    subject_prefix: String,
    offset: String,
    limit: String,
}

/// A boolean as Java reads it: `true` in any case, all else false.
#[derive(Debug, Default, Clone, Copy)]
struct Flag(bool);

impl<'de> Deserialize<'de> for Flag {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from).map(|word| Self(word.eq_ignore_ascii_case("true")))
    }
}

impl Flags {
    fn deleted(&self) -> Deleted {
        match (self.deleted_only.0, self.deleted.0) {
            (true, _) => Deleted::Only,
            (false, true) => Deleted::Show,
            (false, false) => Deleted::Hide,
        }
    }

    fn delete_kind(&self) -> DeleteKind {
        match self.permanent.0 {
            true => DeleteKind::Permanent,
            false => DeleteKind::Soft,
        }
    }

    /// `limit=-1` is all, as is what is no number.
    fn page<T>(&self, all: impl Iterator<Item = T>) -> Vec<T> {
        let offset = self.offset.parse().unwrap_or(0);
        all.skip(offset).take(self.limit.parse().unwrap_or(usize::MAX)).collect()
    }
}

fn body<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, ApiError> {
    serde_json::from_slice(bytes)
        .map_err(|error| ApiError::new(400, format!("request body is not as expected: {error}")))
}

/// Runs a write where blocking is allowed: the log may be a Kafka topic.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ApiError> + Send + 'static,
) -> Result<T, ApiError> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|error| Err(ApiError::new(500, format!("request failed: {error}"))))
}

pub(super) async fn subjects(State(registry): Shared, Query(flags): Query<Flags>) -> Answer {
    let state = registry.state();
    let all = state.subjects(flags.deleted()).filter(|subject| subject.starts_with(prefix(&flags)));
    Ok(Json(json!(flags.page(all))))
}

/// Confluent's user interfaces ask with `:*:` for all contexts.
fn prefix(flags: &Flags) -> &str {
    match flags.subject_prefix.as_str() {
        ":*:" => "",
        other => other,
    }
}

pub(super) async fn look_up(
    State(registry): Shared,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
    Body(bytes): Body,
) -> Answer {
    let request: RegisterRequest = body(&bytes)?;
    let found = registry.look_up(&subject, &request, flags.normalize.0, flags.deleted())?;
    Ok(Json(answers::version(&found)))
}

pub(super) async fn delete_subject(
    State(registry): Shared,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
) -> Answer {
    let kind = flags.delete_kind();
    let deleted = blocking(move || registry.delete_subject(&subject, kind)).await?;
    Ok(Json(json!(deleted)))
}

pub(super) async fn versions(
    State(registry): Shared,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
) -> Answer {
    let state = registry.state();
    let all = state.versions(&subject, flags.deleted());
    let all: Vec<u32> = all.map(|version| version.value.version).collect();
    if all.is_empty() {
        return Err(ApiError::subject_not_found(&subject));
    }
    Ok(Json(json!(flags.page(all.into_iter()))))
}

pub(super) async fn register(
    State(registry): Shared,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
    Body(bytes): Body,
) -> Answer {
    let request: RegisterRequest = body(&bytes)?;
    let normalize = flags.normalize.0;
    let id = blocking(move || registry.register(&subject, &request, normalize)).await?;
    Ok(Json(json!({"id": id})))
}

pub(super) async fn version(
    State(registry): Shared,
    Path((subject, version)): Path<(String, String)>,
    Query(flags): Query<Flags>,
) -> Answer {
    let state = registry.state();
    let found = find_version(&state, &subject, &version, flags.deleted())?;
    Ok(Json(answers::version(found)))
}

pub(super) async fn version_schema(
    State(registry): Shared,
    Path((subject, version)): Path<(String, String)>,
    Query(flags): Query<Flags>,
) -> Answer {
    let state = registry.state();
    let found = find_version(&state, &subject, &version, flags.deleted())?;
    raw(&found.value.schema)
}

/// The schema itself as the answer's JSON.
fn raw(text: &str) -> Answer {
    serde_json::from_str(text)
        .map(Json)
        .map_err(|error| ApiError::new(500, format!("stored schema is not JSON: {error}")))
}

pub(super) async fn referenced_by(State(registry): Shared, Path((subject, version)): Path<(String, String)>) -> Answer {
    let state = registry.state();
    find_version(&state, &subject, &version, Deleted::Show)?;
    Ok(Json(json!([])))
}

pub(super) async fn delete_version(
    State(registry): Shared,
    Path((subject, version)): Path<(String, String)>,
    Query(flags): Query<Flags>,
) -> Answer {
    let kind = flags.delete_kind();
    let deleted = blocking(move || registry.delete_version(&subject, &version, kind)).await?;
    Ok(Json(json!(deleted)))
}

pub(super) async fn schemas(State(registry): Shared, Query(flags): Query<Flags>) -> Answer {
    let state = registry.state();
    let all = state
        .subjects(Deleted::Show)
        .filter(|subject| subject.starts_with(prefix(&flags)))
        .flat_map(|subject| {
            let seen = state.versions(subject, flags.deleted());
            let skip = match flags.latest_only.0 {
                true => state.versions(subject, flags.deleted()).count().saturating_sub(1),
                false => 0,
            };
            seen.skip(skip)
        })
        .map(answers::version);
    Ok(Json(json!(flags.page(all))))
}

pub(super) async fn types() -> Answer {
    Ok(Json(json!(["AVRO"])))
}

pub(super) async fn contexts() -> Answer {
    Ok(Json(json!(["."])))
}

pub(super) async fn metadata_id() -> Answer {
    Ok(Json(json!({"scope": {"path": [], "clusters": {
        "kafka-cluster": "headwater",
        "schema-registry-cluster": "headwater",
    }}})))
}

pub(super) async fn metadata_version() -> Answer {
    Ok(Json(json!({"version": env!("CARGO_PKG_VERSION"), "commitId": ""})))
}

fn parse_id(id: &str) -> Result<u32, ApiError> {
    id.parse::<u32>().map_err(|_| ApiError::new(404, "HTTP 404 Not Found"))
}

/// Softly deleted versions are found too: old records must stay readable.
fn schema_of(registry: &Registry, id: u32) -> Result<(String, Option<String>), ApiError> {
    let state = registry.state();
    state
        .versions_of_id(id)
        .next()
        .map(|version| (version.value.schema.clone(), version.value.schema_type.clone()))
        .ok_or_else(|| ApiError::schema_id_not_found(id))
}

pub(super) async fn by_id(State(registry): Shared, Path(id): Path<String>) -> Answer {
    let (schema, kind) = schema_of(&registry, parse_id(&id)?)?;
    let mut shown = json!({"schema": schema});
    if let (Some(kind), Some(object)) = (kind.filter(|kind| kind != "AVRO"), shown.as_object_mut()) {
        object.insert("schemaType".to_owned(), json!(kind));
    }
    Ok(Json(shown))
}

pub(super) async fn by_id_schema(State(registry): Shared, Path(id): Path<String>) -> Answer {
    raw(&schema_of(&registry, parse_id(&id)?)?.0)
}

pub(super) async fn by_id_subjects(
    State(registry): Shared,
    Path(id): Path<String>,
    Query(flags): Query<Flags>,
) -> Answer {
    let id = parse_id(&id)?;
    schema_of(&registry, id)?;
    let state = registry.state();
    let all = state.subjects_of_id(id, flags.deleted());
    Ok(Json(json!(flags.page(all.into_iter()))))
}

pub(super) async fn by_id_versions(
    State(registry): Shared,
    Path(id): Path<String>,
    Query(flags): Query<Flags>,
) -> Answer {
    let id = parse_id(&id)?;
    schema_of(&registry, id)?;
    let deleted = flags.deleted();
    let state = registry.state();
    let all = state
        .versions_of_id(id)
        .filter(|version| deleted != Deleted::Hide || !version.value.deleted)
        .map(|version| json!({"subject": version.value.subject, "version": version.value.version}));
    Ok(Json(json!(flags.page(all))))
}

fn compatible(messages: &[String], flags: &Flags) -> Json {
    let mut shown = json!({"is_compatible": messages.is_empty()});
    if let (true, Some(object)) = (flags.verbose.0, shown.as_object_mut()) {
        object.insert("messages".to_owned(), json!(messages));
    }
    Json(shown)
}

pub(super) async fn check_all(
    State(registry): Shared,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
    Body(bytes): Body,
) -> Answer {
    let request: RegisterRequest = body(&bytes)?;
    let found = registry.check_compatibility(&subject, None, &request, flags.normalize.0)?;
    Ok(compatible(&found, &flags))
}

pub(super) async fn check_one(
    State(registry): Shared,
    Path((subject, version)): Path<(String, String)>,
    Query(flags): Query<Flags>,
    Body(bytes): Body,
) -> Answer {
    let request: RegisterRequest = body(&bytes)?;
    let normalize = flags.normalize.0;
    let found = registry.check_compatibility(&subject, Some(&version), &request, normalize)?;
    Ok(compatible(&found, &flags))
}

#[derive(Deserialize)]
struct LevelBody {
    compatibility: Option<String>,
}

fn level_in(bytes: &Bytes) -> Result<Level, ApiError> {
    let request: LevelBody = body(bytes)?;
    let word = request.compatibility.ok_or_else(ApiError::invalid_level)?;
    word.parse().map_err(|_| ApiError::invalid_level())
}

async fn put_level(registry: Arc<Registry>, subject: Option<String>, bytes: Bytes) -> Answer {
    let level = level_in(&bytes)?;
    blocking(move || registry.set_level(subject.as_deref(), Some(level))).await?;
    Ok(Json(json!({"compatibility": level})))
}

async fn drop_level(registry: Arc<Registry>, subject: Option<String>) -> Answer {
    let before = blocking(move || registry.set_level(subject.as_deref(), None)).await?;
    Ok(Json(json!({"compatibilityLevel": before})))
}

pub(super) async fn level(State(registry): Shared) -> Answer {
    Ok(Json(json!({"compatibilityLevel": registry.state().level()})))
}

pub(super) async fn set_level(State(registry): Shared, Body(bytes): Body) -> Answer {
    put_level(registry, None, bytes).await
}

pub(super) async fn unset_level(State(registry): Shared) -> Answer {
    drop_level(registry, None).await
}

pub(super) async fn subject_level(
    State(registry): Shared,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
) -> Answer {
    let state = registry.state();
    let level = match state.subject_level(&subject) {
        Some(level) => level,
        None if flags.default_to_global.0 => state.level(),
        None => return Err(ApiError::no_subject_level(&subject)),
    };
    Ok(Json(json!({"compatibilityLevel": level})))
}

pub(super) async fn set_subject_level(
    State(registry): Shared,
    Path(subject): Path<String>,
    Body(bytes): Body,
) -> Answer {
    put_level(registry, Some(subject), bytes).await
}

pub(super) async fn unset_subject_level(State(registry): Shared, Path(subject): Path<String>) -> Answer {
    drop_level(registry, Some(subject)).await
}

#[derive(Deserialize)]
struct ModeBody {
    mode: Option<String>,
}

fn mode_in(bytes: &Bytes) -> Result<Mode, ApiError> {
    let request: ModeBody = body(bytes)?;
    request.mode.ok_or_else(ApiError::invalid_mode)?.parse()
}

async fn put_mode(registry: Arc<Registry>, subject: Option<String>, flags: Flags, bytes: Bytes) -> Answer {
    let mode = mode_in(&bytes)?;
    let force = flags.force.0;
    blocking(move || registry.set_mode(subject.as_deref(), Some(mode), force)).await?;
    Ok(mode_answer(mode))
}

fn mode_answer(mode: Mode) -> Json {
    Json(json!({"mode": Value::from(mode.word())}))
}

pub(super) async fn mode(State(registry): Shared) -> Answer {
    Ok(mode_answer(registry.state().mode()))
}

pub(super) async fn set_mode(State(registry): Shared, Query(flags): Query<Flags>, Body(bytes): Body) -> Answer {
    put_mode(registry, None, flags, bytes).await
}

pub(super) async fn unset_mode(State(registry): Shared) -> Answer {
    let before = blocking(move || registry.set_mode(None, None, false)).await?;
    Ok(mode_answer(before))
}

pub(super) async fn subject_mode(
    State(registry): Shared,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
) -> Answer {
    let state = registry.state();
    let mode = match state.subject_mode(&subject) {
        Some(mode) => mode,
        None if flags.default_to_global.0 => state.mode(),
        None => return Err(ApiError::no_subject_mode(&subject)),
    };
    Ok(mode_answer(mode))
}

pub(super) async fn set_subject_mode(
    State(registry): Shared,
    Path(subject): Path<String>,
    Query(flags): Query<Flags>,
    Body(bytes): Body,
) -> Answer {
    put_mode(registry, Some(subject), flags, bytes).await
}

pub(super) async fn unset_subject_mode(State(registry): Shared, Path(subject): Path<String>) -> Answer {
    let before = blocking(move || registry.set_mode(Some(&subject), None, false)).await?;
    Ok(mode_answer(before))
}
