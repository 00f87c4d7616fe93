use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use headwater_kafka::{ConnectionSettings, ProducerEngine};
use headwater_payments::Profile;
use headwater_runtime::state::MemoryBudget;
use headwater_runtime::{Application, ApplicationSettings, RegistrySchemas, Setup, Snapshots};
use headwater_schema::SchemaBook;
use headwater_schema::registry_client::{BlockingRegistry, ClientSettings};
use headwater_schema::schema_book::BookSettings;
use headwater_streams::Topology;
use tokio::runtime::Handle;

use super::Service;
use crate::args::PaymentProfile;
use crate::{Error, platform, telemetry};

/// What an application is started with.
pub struct ServiceOptions {
    /// `application.id`.
    pub application: String,
    /// This instance's name.
    pub instance: String,
    /// Where the stores live.
    pub state_dir: PathBuf,
    /// Threads that process records.
    pub workers: usize,
    /// How many other instances keep each task's state warm.
    pub standbys: usize,
    /// Where stores are written down, and how often.
    pub snapshots: Option<Snapshots>,
    /// After so long without a heartbeat an instance's tasks go to others.
    pub session_timeout: Duration,
    /// Whether records to partitions that a worker both writes and reads are handed over within the transaction.
    pub fusion: bool,
    /// Who speaks to the brokers for transactions.
    pub producer: ProducerEngine,
    /// Memory for stores, caches and fetches, in MiB.
    pub memory_mib: usize,
    /// How the simulated payment provider behaves.
    pub payments: PaymentProfile,
    /// Its processors.
    pub topologies: Vec<Topology>,
    /// Which Kafka.
    pub connection: ConnectionSettings,
    /// Which registry, as SCHEMA_REGISTRY_URL has it.
    pub registry: String,
}

/// Starts an application and hands it to its service. It is ready later: see [`Service::ready`].
///
/// # Errors
/// What has to be mended first, or what can't be reached.
pub async fn start_application(service: &Service, options: ServiceOptions) -> Result<(), Error> {
    let calls = Handle::current();
    let metrics = service.metrics().clone();
    let advertised_url = Some(service.own_url().to_owned());
    let tracer = telemetry::tracer(&options.application);
    let application = tokio::task::spawn_blocking(move || {
        let profile = Profile::named(options.payments.name()).unwrap_or_default();
        let registry = BlockingRegistry::new(ClientSettings::from_urls(&options.registry)?)?;
        let book = SchemaBook::new(Box::new(registry), BookSettings::default());
        let schemas = RegistrySchemas::new(book, options.connection.prefix().clone());
        let settings = ApplicationSettings {
            workers: options.workers.max(1),
            standbys: options.standbys,
            snapshots: options.snapshots,
            session_timeout: options.session_timeout,
            fusion: options.fusion,
            producer: options.producer,
            memory: MemoryBudget::new(options.memory_mib.saturating_mul(1 << 20)),
            advertised_url,
            ..ApplicationSettings::new(options.application, options.instance, options.state_dir)
        };
        let setup = Setup {
            settings,
            connection: options.connection,
            topologies: options.topologies,
            schemas: Arc::new(schemas),
            steps: platform::steps(profile),
            metrics,
            calls,
            tracer,
        };
        Application::start(setup).map_err(|error| match error {
            headwater_runtime::Error::Configuration(message) => Error::usage(message),
            other => Error::failed(other.to_string()),
        })
    })
    .await??;
    service.install(application);
    Ok(())
}
