//! `headwater dev`: broker, registry, topics, products and the application in one process.

mod banner;
mod options;
mod ports;
mod seed;

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use headwater_contracts::domains;
use headwater_devbroker::{Broker, BrokerOptions, StorageKind};
use headwater_kafka::topics::Declaration;
use headwater_kafka::{Admin, ConnectionSettings};
use headwater_log::TopicName;
use headwater_runtime::{ApplicationSettings, Stop};
use headwater_schema::registry_client::{ClientSettings, RegistryClient};
use tokio::net::TcpListener;

use crate::args::DevArgs;
use crate::http::{self, Api, Server};
use crate::query::Asker;
use crate::registry::{EmbeddedRegistry, local_address};
use crate::service::{Service, ServiceOptions, start_application};
use crate::settings::Settings;
use crate::signals::Signals;
use crate::{Error, platform};

pub use options::{BrokerChoice, DevOptions, RegistryChoice};
pub use ports::Ports;

/// The application and its one instance.
const APPLICATION: &str = "headwater";
const INSTANCE: &str = "dev";
const CALL_DEADLINE: Duration = Duration::from_secs(20);
/// A store that has to be rebuilt takes its time.
const READY_DEADLINE: Duration = Duration::from_secs(600);

/// Runs until a signal comes or the application fails.
///
/// # Errors
/// What has to be mended, or what went wrong.
pub async fn run(arguments: &DevArgs, settings: &Settings) -> Result<(), Error> {
    let mut signals = Signals::watch()?;
    let options = DevOptions::resolve(arguments, settings)?;
    let starting = Dev::start(options);
    let dev = tokio::select! {
        dev = starting => dev?,
        // Nothing serves yet: what was written is as after a crash, which every part of it can take.
        _ = signals.next() => return Ok(()),
    };
    println!("{}", dev.banner());
    let failed = tokio::select! {
        _ = signals.next() => None,
        reason = dev.service().failed() => Some(reason),
    };
    signals.end_at_next();
    eprintln!("stopping");
    let stopped = dev.stop().await;
    match failed {
        Some(reason) => Err(Error::failed(format!("the application has failed: {reason}"))),
        None => stopped,
    }
}

/// Everything, running.
pub struct Dev {
    options: DevOptions,
    ports: Ports,
    connection: ConnectionSettings,
    registry_url: String,
    broker: Option<Broker>,
    registry: Option<EmbeddedRegistry>,
    server: Server,
    service: Service,
}

impl Dev {
    /// Starts everything, and returns once it serves.
    ///
    /// # Errors
    /// What has to be mended, or what went wrong.
    pub async fn start(options: DevOptions) -> Result<Self, Error> {
        ports::prepare(&options.data_dir)?;
        let listener = http::listen(options.http, "--http-port").await?;
        let http_address = local_address(&listener)?;
        let service = Service::new(prometheus::Registry::new(), format!("http://{}", http::reachable(http_address)));
        let api = Api::new(service.clone());
        let server = Server::start(listener, http::router(api.clone()));

        let (broker, connection) = start_broker(&options).await?;
        let listener = registry_listener(&options).await?;
        let registry_port = listener.as_ref().map(local_address).transpose()?.map(|address| address.port());
        let kafka_port = broker.as_ref().map(|broker| broker.address().port());
        let ports = Ports { kafka: kafka_port, registry: registry_port, http: http_address.port() };
        ports.write(&options.data_dir)?;

        let declared = platform::declaration()?;
        let (schemas, topics) = tokio::join!(
            prepare_schemas(&options, listener, &connection, &declared),
            prepare_topics(connection.clone(), declared.clone())
        );
        let (registry, registry_url) = schemas?;
        let partitions = topics?;
        start_application(
            &service,
            ServiceOptions {
                application: APPLICATION.to_owned(),
                instance: INSTANCE.to_owned(),
                state_dir: state_dir(&options)?,
                workers: options.workers,
                // The only instance has nobody to keep anything warm for.
                standbys: 0,
                snapshots: None,
                session_timeout: ApplicationSettings::SESSION_TIMEOUT,
                fusion: options.fusion,
                producer: options.producer,
                memory_mib: options.memory_mib,
                payments: options.payments,
                topologies: platform::all()?,
                connection: connection.clone(),
                registry: registry_url.clone(),
            },
        )
        .await?;
        let asker = Asker::new(service.clone(), partitions)?;
        service.ready(READY_DEADLINE).await?;
        api.answer_by(asker.clone());
        seed::products(&asker, connection.clone()).await?;
        service.open();
        Ok(Self { options, ports, connection, registry_url, broker, registry, server, service })
    }

    /// The application.
    #[must_use]
    pub const fn service(&self) -> &Service {
        &self.service
    }

    /// How to reach the Kafka that it runs on.
    #[must_use]
    pub const fn connection(&self) -> &ConnectionSettings {
        &self.connection
    }

    /// Where the HTTP API is.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.ports.http)
    }

    /// Where the schema registry is.
    #[must_use]
    pub fn registry_url(&self) -> &str {
        &self.registry_url
    }

    /// What there is to see, for the person at the terminal.
    #[must_use]
    pub fn banner(&self) -> String {
        banner::text(self)
    }

    /// Stops everything in order: questions, application, registry, broker.
    ///
    /// # Errors
    /// The first part that did not stop as it should; the others are stopped all the same.
    pub async fn stop(self) -> Result<(), Error> {
        let Self { options, broker, registry, server, service, .. } = self;
        server.stop().await;
        // It will be back as the same member, on the same data.
        let application = tokio::task::spawn_blocking(move || service.stop(Stop::Stay)).await;
        if let Some(registry) = registry {
            registry.stop().await;
        }
        let broker = match broker {
            Some(broker) => broker.stop().await,
            None => Ok(()),
        };
        ports::remove(&options.data_dir);
        application??;
        Ok(broker?)
    }
}

async fn start_broker(options: &DevOptions) -> Result<(Option<Broker>, ConnectionSettings), Error> {
    let (storage, port) = match &options.broker {
        BrokerChoice::External(connection) => return Ok((None, connection.clone())),
        BrokerChoice::Memory { port } => (StorageKind::Memory, *port),
        BrokerChoice::Disk { port } => (StorageKind::Disk(options.data_dir.join("broker")), *port),
    };
    let mut broker_options = BrokerOptions::new(storage);
    broker_options.listen.set_port(port);
    // Topics come from topics.yaml: a misspelt name must not make one.
    broker_options.auto_create_topics = false;
    let broker = Broker::start(broker_options)
        .await
        .map_err(|error| Error::from(error).context("choose a free port with --kafka-port"))?;
    let connection = ConnectionSettings::new(&broker.address().to_string()).with_prefix(options.prefix.clone());
    Ok((Some(broker), connection))
}

/// Where the embedded registry listens; None for one of the user's.
async fn registry_listener(options: &DevOptions) -> Result<Option<TcpListener>, Error> {
    match &options.registry {
        RegistryChoice::External(_) => Ok(None),
        RegistryChoice::Embedded(address) => http::listen(*address, "--registry-port").await.map(Some),
    }
}

/// A registry that has the schemas.
async fn prepare_schemas(
    options: &DevOptions,
    listener: Option<TcpListener>,
    connection: &ConnectionSettings,
    declared: &Declaration,
) -> Result<(Option<EmbeddedRegistry>, String), Error> {
    let (registry, url) = match (&options.registry, listener) {
        (RegistryChoice::Embedded(_), Some(listener)) => {
            let registry = EmbeddedRegistry::start(listener, connection.clone()).await?;
            let url = registry.url();
            (Some(registry), url)
        }
        (RegistryChoice::External(url), _) => (None, url.clone()),
        (RegistryChoice::Embedded(address), None) => {
            return Err(Error::failed(format!("the schema registry does not listen on {address}")));
        }
    };
    let client = RegistryClient::new(ClientSettings::from_urls(&url)?)?;
    let schemas = platform::register_schemas(&client, declared, connection.prefix()).await?;
    if schemas > 0 {
        tracing::info!(schemas, "registered what was missing");
    }
    Ok((registry, url))
}

/// The topics, made where they are missing, and how many partitions each domain has.
async fn prepare_topics(
    connection: ConnectionSettings,
    declared: Declaration,
) -> Result<BTreeMap<&'static str, NonZeroU32>, Error> {
    let on = connection.clone();
    let created = tokio::task::spawn_blocking(move || {
        let admin = Admin::new(&on, CALL_DEADLINE)?;
        platform::ensure_topics(&admin, &declared, on.prefix())
    })
    .await??;
    if !created.is_empty() {
        tracing::info!(topics = created.len(), "created what was missing");
    }
    partitions_by_domain(connection).await
}

/// How many partitions each domain has on this cluster, as its anchor says.
///
/// # Errors
/// Failed, when an anchor is not there.
pub async fn partitions_by_domain(connection: ConnectionSettings) -> Result<BTreeMap<&'static str, NonZeroU32>, Error> {
    tokio::task::spawn_blocking(move || {
        let admin = Admin::new(&connection, CALL_DEADLINE)?;
        let mut partitions = BTreeMap::new();
        for domain in [domains::ORDER, domains::SKU] {
            let topic = connection.prefix().apply(&TopicName::new(domain.anchor)?)?;
            let described = admin.describe_topic(&topic)?;
            let count =
                described.and_then(|topic| u32::try_from(topic.partitions.len()).ok()).and_then(NonZeroU32::new);
            let missing = || Error::failed(format!("topic {topic} is not there: run `headwater topics apply`"));
            partitions.insert(domain.name, count.ok_or_else(missing)?);
        }
        Ok(partitions)
    })
    .await?
}

/// Where the stores live; what belongs to a broker in memory is as short-lived as that.
fn state_dir(options: &DevOptions) -> Result<PathBuf, Error> {
    let folder = match &options.broker {
        BrokerChoice::External(_) => options.data_dir.join("state-of-kafka"),
        BrokerChoice::Disk { .. } => options.data_dir.join("state"),
        BrokerChoice::Memory { .. } => {
            let folder = options.data_dir.join("state-in-memory");
            match std::fs::remove_dir_all(&folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                    return Err(Error::failed(format!("{} can't be emptied: {error}", folder.display())));
                }
                _ => folder,
            }
        }
    };
    Ok(folder)
}
