//! The client for threads that block: calls run on a runtime of its own, each within a bound.

use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};

use super::request::unavailable;
use super::{ClientSettings, RegistryClient};
use crate::avro::AvroSchema;
use crate::schema_book::SchemaSource;
use crate::{Error, ErrorKind, SchemaId};

/// A registry for worker threads; a [`SchemaSource`] of books. Cloning is cheap. May be used and
/// dropped anywhere, inside an async runtime too (where it blocks that thread).
#[derive(Clone)]
pub struct BlockingRegistry {
    client: RegistryClient,
    runtime: Arc<OwnRuntime>,
    call_timeout: Duration,
}

struct OwnRuntime(Option<Runtime>);

impl Drop for OwnRuntime {
    fn drop(&mut self) {
        // Dropping a runtime waits, which is a panic inside another runtime.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for BlockingRegistry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("BlockingRegistry").field(&self.client).finish()
    }
}

impl BlockingRegistry {
    /// A blocking client; nothing is sent yet.
    ///
    /// # Errors
    /// As [`RegistryClient::new`]; [`ErrorKind::Unavailable`] if no thread can be started.
    pub fn new(settings: ClientSettings) -> Result<Self, Error> {
        let call_timeout = settings.call_timeout;
        let client = RegistryClient::new(settings)?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("schema-registry")
            .enable_all()
            .build()
            .map_err(|error| unavailable(format!("no thread for registry calls: {error}")))?;
        Ok(Self { client, runtime: Arc::new(OwnRuntime(Some(runtime))), call_timeout })
    }

    /// The async client behind it.
    #[must_use]
    pub fn client(&self) -> &RegistryClient {
        &self.client
    }

    /// Runs a call of the client and waits for it, for `call_timeout` at most.
    ///
    /// # Errors
    /// The call's, or [`ErrorKind::Unavailable`] when time is up; the call is then cancelled.
    pub fn wait<T, F>(&self, call: impl FnOnce(RegistryClient) -> F) -> Result<T, Error>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, Error>> + Send + 'static,
    {
        let Some(runtime) = &self.runtime.0 else {
            return Err(unavailable("the registry client has stopped"));
        };
        let (answer, answered) = sync_channel(1);
        let call = call(self.client.clone());
        let task = runtime.spawn(async move {
            // The receiver is gone only if the wait was given up.
            let _ = answer.send(call.await);
        });
        match answered.recv_timeout(self.call_timeout) {
            Ok(result) => result,
            Err(RecvTimeoutError::Timeout) => {
                task.abort();
                Err(unavailable(format!(
                    "schema registry {} did not answer within {} ms",
                    self.client.settings().urls.join(","),
                    self.call_timeout.as_millis()
                )))
            }
            Err(RecvTimeoutError::Disconnected) => Err(unavailable("the registry call was cut off")),
        }
    }

    /// Registers a schema, as [`RegistryClient::register`].
    ///
    /// # Errors
    /// As [`RegistryClient::register`].
    pub fn register(&self, subject: &str, schema: &AvroSchema) -> Result<SchemaId, Error> {
        let (subject, schema) = (subject.to_owned(), schema.clone());
        self.wait(|client| async move { client.register(&subject, &schema).await })
    }
}

impl SchemaSource for BlockingRegistry {
    fn schema(&self, id: SchemaId) -> Result<String, Error> {
        let text = self.wait(|client| async move { client.schema(id).await })?;
        if text.is_empty() {
            return Err(Error::new(ErrorKind::NotFound, format!("schema {id} is empty")));
        }
        Ok(text.to_string())
    }

    fn id_of(&self, subject: &str, schema: &AvroSchema) -> Result<SchemaId, Error> {
        let (subject, schema) = (subject.to_owned(), schema.clone());
        self.wait(|client| async move { client.id_of(&subject, &schema).await })
    }
}
