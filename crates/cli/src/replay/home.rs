use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use headwater_devbroker::{Broker, BrokerOptions, StorageKind};
use headwater_kafka::ConnectionSettings;
use tokio::net::TcpListener;

use super::ReplayArgs;
use crate::Error;
use crate::clock::{Deadline, pause};
use crate::cluster::Cluster;
use crate::output::note;
use crate::registry::EmbeddedRegistry;
use crate::settings::Settings;

/// A `headwater dev` that was stopped stays a member until its session times out.
const SESSION: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(250);
const REGISTRY_URL: &str = "http://127.0.0.1:8081";

/// Where the topics are: a cluster, or the data of a `headwater dev` that is stopped.
pub struct Home {
    connection: ConnectionSettings,
    registry_url: String,
    state_dir: Option<PathBuf>,
    embedded: Option<(Broker, EmbeddedRegistry)>,
}

impl Home {
    /// Connects, or starts broker and registry on the data.
    ///
    /// # Errors
    /// Usage for settings that can't work; failed when the data is in use, as while `dev` runs.
    pub async fn open(arguments: &ReplayArgs, settings: &Settings) -> Result<Self, Error> {
        let connection = settings.connection(&arguments.connection)?;
        let Some(folder) = &arguments.data_dir else {
            let registry_url = settings.registry(&arguments.connection).unwrap_or_else(|| REGISTRY_URL.to_owned());
            return Ok(Self { connection, registry_url, state_dir: arguments.state_dir.clone(), embedded: None });
        };
        let log = folder.join("broker");
        if !log.is_dir() {
            return Err(Error::usage(format!(
                "{} is no folder of `headwater dev`: it has no broker",
                folder.display()
            )));
        }
        let mut options = BrokerOptions::new(StorageKind::Disk(log));
        options.listen.set_port(0);
        options.auto_create_topics = false;
        let broker = Broker::start(options)
            .await
            .map_err(|error| Error::from(error).context("stop `headwater dev` first, if it runs on this folder"))?;
        let connection =
            ConnectionSettings::new(&broker.address().to_string()).with_prefix(connection.prefix().clone());
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .await
            .map_err(|error| Error::failed(format!("no port for the registry: {error}")))?;
        let registry = EmbeddedRegistry::start(listener, connection.clone()).await?;
        Ok(Self {
            connection,
            registry_url: registry.url(),
            state_dir: Some(folder.join("state")),
            embedded: Some((broker, registry)),
        })
    }

    /// How to reach the topics.
    pub const fn connection(&self) -> &ConnectionSettings {
        &self.connection
    }

    /// Where the schemas are.
    pub fn registry_url(&self) -> &str {
        &self.registry_url
    }

    /// The stores to be built anew, where there are any here.
    pub fn state_dir(&self) -> Option<&Path> {
        self.state_dir.as_deref()
    }

    /// Refuses while the application runs. On data that nobody else serves, a member can only be one that was stopped
    /// and has not timed out yet: that is waited for.
    ///
    /// # Errors
    /// Failed, with who is there and the remedy.
    pub fn wait_until_stopped(&self, cluster: &Cluster, application: &str) -> Result<(), Error> {
        let first = cluster.must_be_stopped(application);
        if self.embedded.is_none() || first.is_ok() {
            return first;
        }
        note("waiting for the session of the instance that was stopped to time out");
        let deadline = Deadline::after(SESSION);
        loop {
            pause(LOOK_EVERY);
            let still = cluster.must_be_stopped(application);
            if still.is_ok() || deadline.has_passed() {
                return still;
            }
        }
    }

    /// Stops what was started.
    ///
    /// # Errors
    /// When the broker did not stop as it should.
    pub async fn close(self) -> Result<(), Error> {
        if let Some((broker, registry)) = self.embedded {
            registry.stop().await;
            broker.stop().await?;
        }
        Ok(())
    }
}
