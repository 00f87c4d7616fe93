//! The async client.

use std::sync::{Arc, PoisonError, RwLock};

use reqwest::{Certificate, Method};
use rustc_hash::FxHashMap;
use schema_registry_converter::async_impl::schema_registry::{
    SrSettings, get_all_subjects, get_schema_by_id, get_schema_by_subject_and_version, post_schema,
};
use schema_registry_converter::schema_registry_common::{SchemaType, SuppliedSchema};
use serde::Deserialize;
use serde_json::{Value, json};

use super::request::{converted, send};
use super::settings::encode_percent;
use super::{Auth, ClientSettings};
use crate::avro::AvroSchema;
use crate::compatibility::Level;
use crate::{Error, ErrorKind, SchemaId, Version};

/// Entries a cache holds at most; a full one starts anew.
const CACHE_MAX: usize = 10_000;

/// A version of a subject, as the registry gives it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct RegisteredVersion {
    /// The subject.
    pub subject: String,
    /// The version.
    pub version: Version,
    /// The schema's id.
    pub id: SchemaId,
    /// The schema text.
    pub schema: String,
}

/// A client. Ids and schemas never change once given, so they are asked for once. Cloning is cheap.
#[derive(Clone)]
pub struct RegistryClient {
    inner: Arc<Inner>,
}

struct Inner {
    settings: ClientSettings,
    http: reqwest::Client,
    converter: SrSettings,
    schemas: RwLock<FxHashMap<SchemaId, Arc<str>>>,
    ids: RwLock<FxHashMap<(String, String), SchemaId>>,
}

impl std::fmt::Debug for RegistryClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RegistryClient").field("settings", &self.inner.settings).finish_non_exhaustive()
    }
}

impl RegistryClient {
    /// A client; nothing is sent yet.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] if there is no URL, or the certificate or proxy cannot be used.
    pub fn new(settings: ClientSettings) -> Result<Self, Error> {
        let http = builder(&settings)?.timeout(settings.request_timeout).build();
        let http = http.map_err(|error| refused(format!("no HTTP client: {error}")))?;
        let converter = converter(&settings)?;
        Ok(Self {
            inner: Arc::new(Inner { settings, http, converter, schemas: RwLock::default(), ids: RwLock::default() }),
        })
    }

    /// The settings it was made with.
    #[must_use]
    pub fn settings(&self) -> &ClientSettings {
        &self.inner.settings
    }

    /// The schema text of an id, deleted ones included.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    pub async fn schema(&self, id: SchemaId) -> Result<Arc<str>, Error> {
        if let Some(known) = read(&self.inner.schemas).get(&id) {
            return Ok(Arc::clone(known));
        }
        let found = self
            .retried(|| async {
                get_schema_by_id(id.0, &self.inner.converter)
                    .await
                    .map_err(|error| converted(&self.inner.settings.urls, &error))
            })
            .await?;
        if found.schema_type != SchemaType::Avro {
            return Err(Error::new(
                ErrorKind::InvalidSchema,
                format!("schema {id} is {:?} and not Avro", found.schema_type),
            ));
        }
        let text: Arc<str> = found.schema.into();
        remember(&self.inner.schemas, id, Arc::clone(&text));
        Ok(text)
    }

    /// Registers a schema; one that is there keeps its id.
    ///
    /// # Errors
    /// [`ErrorKind::Refused`] with the registry's reason if it is incompatible;
    /// [`ErrorKind::InvalidSchema`]; [`ErrorKind::Unavailable`].
    pub async fn register(&self, subject: &str, schema: &AvroSchema) -> Result<SchemaId, Error> {
        let key = (subject.to_owned(), schema.canonical().to_owned());
        if let Some(known) = read(&self.inner.ids).get(&key) {
            return Ok(*known);
        }
        let found = self
            .retried(|| async {
                let supplied = SuppliedSchema::new(None, SchemaType::Avro, schema.canonical().to_owned());
                post_schema(&self.inner.converter, encode_percent(subject), supplied)
                    .await
                    .map_err(|error| converted(&self.inner.settings.urls, &error))
            })
            .await?;
        remember(&self.inner.ids, key, SchemaId(found.id));
        Ok(SchemaId(found.id))
    }

    /// The id a schema has under a subject, without registering it.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if the subject or the schema is not there; [`ErrorKind::Unavailable`].
    pub async fn id_of(&self, subject: &str, schema: &AvroSchema) -> Result<SchemaId, Error> {
        let key = (subject.to_owned(), schema.canonical().to_owned());
        if let Some(known) = read(&self.inner.ids).get(&key) {
            return Ok(*known);
        }
        let path = format!("/subjects/{}", encode_percent(subject));
        let body = json!({"schema": schema.canonical()});
        let found: RegisteredVersion = self.call(Method::POST, &path, Some(body)).await?;
        remember(&self.inner.ids, key, found.id);
        Ok(found.id)
    }

    /// Why a schema could not follow the versions of a subject, in the registry's words; empty if
    /// it could, or if there is no such subject.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchema`], [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    pub async fn check_compatibility(&self, subject: &str, schema: &AvroSchema) -> Result<Vec<String>, Error> {
        #[derive(Deserialize)]
        struct Verdict {
            is_compatible: bool,
            #[serde(default)]
            messages: Option<Vec<String>>,
        }
        let path = format!("/compatibility/subjects/{}/versions?verbose=true", encode_percent(subject));
        let body = json!({"schema": schema.canonical()});
        let verdict: Verdict = match self.call(Method::POST, &path, Some(body)).await {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            other => other?,
        };
        let messages = verdict.messages.unwrap_or_default();
        Ok(match (verdict.is_compatible, messages.is_empty()) {
            (true, _) => Vec::new(),
            (false, false) => messages,
            (false, true) => vec!["the registry says incompatible and gives no reason".to_owned()],
        })
    }

    /// All subjects.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    pub async fn subjects(&self) -> Result<Vec<String>, Error> {
        self.retried(|| async {
            get_all_subjects(&self.inner.converter).await.map_err(|error| converted(&self.inner.settings.urls, &error))
        })
        .await
    }

    /// The versions of a subject.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    pub async fn versions(&self, subject: &str) -> Result<Vec<Version>, Error> {
        let path = format!("/subjects/{}/versions", encode_percent(subject));
        self.call(Method::GET, &path, None).await
    }

    /// One version of a subject; none is the newest.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    pub async fn version(&self, subject: &str, version: Option<Version>) -> Result<RegisteredVersion, Error> {
        let found = self
            .retried(|| async {
                let encoded = encode_percent(subject);
                let number = version.map(|version| version.0);
                get_schema_by_subject_and_version(&self.inner.converter, &encoded, number)
                    .await
                    .map_err(|error| converted(&self.inner.settings.urls, &error))
            })
            .await?;
        Ok(RegisteredVersion {
            subject: subject.to_owned(),
            version: Version(found.version.unwrap_or_default()),
            id: SchemaId(found.id),
            schema: found.schema,
        })
    }

    /// The level of a subject (none if it has no own), or of the registry.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    pub async fn level(&self, subject: Option<&str>) -> Result<Option<Level>, Error> {
        #[derive(Deserialize)]
        struct Config {
            #[serde(rename = "compatibilityLevel")]
            level: Level,
        }
        match self.call::<Config>(Method::GET, &config_path(subject), None).await {
            Ok(config) => Ok(Some(config.level)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Sets the level of a subject, or of the registry.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    pub async fn set_level(&self, subject: Option<&str>, level: Level) -> Result<(), Error> {
        let body = json!({"compatibility": level});
        self.call::<Value>(Method::PUT, &config_path(subject), Some(body)).await?;
        Ok(())
    }

    /// Deletes a subject; the versions that were deleted. For good it must be deleted softly first.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    pub async fn delete_subject(&self, subject: &str, permanent: bool) -> Result<Vec<Version>, Error> {
        let path = format!("/subjects/{}?permanent={permanent}", encode_percent(subject));
        let deleted = self.call(Method::DELETE, &path, None).await;
        write(&self.inner.ids).retain(|(known, _), _| known != subject);
        deleted
    }

    /// Deletes one version; its number. For good it must be deleted softly first.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`], [`ErrorKind::Unavailable`], [`ErrorKind::Refused`].
    pub async fn delete_version(&self, subject: &str, version: Version, permanent: bool) -> Result<Version, Error> {
        let path = format!("/subjects/{}/versions/{version}?permanent={permanent}", encode_percent(subject));
        let deleted = self.call(Method::DELETE, &path, None).await;
        write(&self.inner.ids).retain(|(known, _), _| known != subject);
        deleted
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<T, Error> {
        let inner = &self.inner;
        let answer = self
            .retried(async || send(&inner.http, &inner.settings, method.clone(), path, body.as_ref()).await)
            .await?;
        serde_json::from_value(answer)
            .map_err(|error| refused(format!("schema registry answered {path} with something else: {error}")))
    }

    /// Tries again while the registry cannot be reached. All calls may be repeated: registering
    /// again gives the same id, and deleting again says that it is deleted.
    async fn retried<T, F>(&self, call: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut attempt = 1;
        loop {
            let error = match call().await {
                Err(error) if error.kind() == ErrorKind::Unavailable => error,
                done => return done,
            };
            let Some(delay) = self.inner.settings.backoff.delay_after(attempt) else {
                return Err(error);
            };
            tracing::warn!(%error, attempt, delay_ms = delay.as_millis(), "schema registry call is tried again");
            tokio::time::sleep(delay).await;
            attempt += 1;
        }
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Refused, message)
}

fn config_path(subject: Option<&str>) -> String {
    match subject {
        None => "/config".to_owned(),
        Some(subject) => format!("/config/{}", encode_percent(subject)),
    }
}

fn builder(settings: &ClientSettings) -> Result<reqwest::ClientBuilder, Error> {
    let mut builder = reqwest::Client::builder();
    if let Some(pem) = &settings.ca_pem {
        let authorities = Certificate::from_pem_bundle(pem)
            .map_err(|error| refused(format!("the registry's CA file is no PEM certificate: {error}")))?;
        for authority in authorities {
            builder = builder.add_root_certificate(authority);
        }
    }
    if settings.no_proxy {
        builder = builder.no_proxy();
    }
    if let Some(proxy) = &settings.proxy {
        let proxy =
            reqwest::Proxy::all(proxy).map_err(|_| refused("the registry's proxy is no URL; give http://host:port"))?;
        builder = builder.proxy(proxy);
    }
    Ok(builder)
}

fn converter(settings: &ClientSettings) -> Result<SrSettings, Error> {
    let mut urls = settings.urls.iter().cloned();
    let first = urls.next().ok_or_else(|| refused("no schema registry URL; set SCHEMA_REGISTRY_URL"))?;
    let mut converter = SrSettings::new_builder(first);
    for url in urls {
        converter.add_url(url);
    }
    match &settings.auth {
        Auth::None => {}
        Auth::Basic { user, password } => {
            converter.set_basic_authorization(user, Some(password.reveal()));
        }
        Auth::Bearer(token) => {
            converter.set_token_authorization(token.reveal());
        }
    }
    converter.set_timeout(settings.request_timeout);
    converter
        .build_with(builder(settings)?)
        .map_err(|error| refused(format!("no schema registry client: {}", error.error)))
}

fn read<K, V>(cache: &RwLock<FxHashMap<K, V>>) -> std::sync::RwLockReadGuard<'_, FxHashMap<K, V>> {
    cache.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<K, V>(cache: &RwLock<FxHashMap<K, V>>) -> std::sync::RwLockWriteGuard<'_, FxHashMap<K, V>> {
    cache.write().unwrap_or_else(PoisonError::into_inner)
}

fn remember<K: Eq + std::hash::Hash, V>(cache: &RwLock<FxHashMap<K, V>>, key: K, value: V) {
    let mut cache = write(cache);
    if cache.len() >= CACHE_MAX {
        cache.clear();
    }
    cache.insert(key, value);
}
