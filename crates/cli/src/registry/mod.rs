//! The embedded schema registry: its records in the compacted topic `_schemas`, its API on a port of its own.

mod topic_log;

use std::net::SocketAddr;
use std::sync::Arc;

use headwater_kafka::ConnectionSettings;
use headwater_schema::registry::{Registry, serve_until};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::Error;
use topic_log::TopicLog;

/// The topic, by the name that other registries know it by; no installation's prefix goes before it.
pub const SCHEMAS_TOPIC: &str = "_schemas";

/// A registry that serves.
pub struct EmbeddedRegistry {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<std::io::Result<()>>,
}

impl EmbeddedRegistry {
    /// Reads `_schemas` (which is made where it is missing) and serves on the listener.
    ///
    /// # Errors
    /// When the topic can't be made or read, or holds what is no registry's.
    pub async fn start(listener: TcpListener, connection: ConnectionSettings) -> Result<Self, Error> {
        let address = local_address(&listener)?;
        let registry = tokio::task::spawn_blocking(move || {
            let log = TopicLog::open(connection)?;
            Ok::<_, Error>(Registry::open(Box::new(log))?)
        })
        .await??;
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(serve_until(listener, Arc::new(registry), async {
            // The sender is gone when the process ends: a reason to stop too.
            let _ = stopped.await;
        }));
        Ok(Self { address, stop, server })
    }

    /// Where it serves.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Ends once the requests under way are answered.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let _ = tokio::time::timeout(std::time::Duration::from_secs(2), self.server).await;
    }
}

/// Where a listener listens.
///
/// # Errors
/// What the system says.
pub fn local_address(listener: &TcpListener) -> Result<SocketAddr, Error> {
    listener.local_addr().map_err(|error| Error::failed(format!("a listener has no address: {error}")))
}
