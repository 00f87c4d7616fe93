use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use headwater_kafka::{ConnectionSettings, MessageBroker, ProducerEngine};
use headwater_runtime::{ApplicationSettings, Place, Snapshots};
use headwater_streams::Topology;

use crate::args::{OnStop, PaymentProfile, RunArgs};
use crate::settings::{Settings, host_name};
use crate::{Error, platform};

/// The application of several processors.
const APPLICATION: &str = "headwater";

/// How `run` runs.
pub struct RunOptions {
    /// `application.id`.
    pub application: String,
    /// This instance among the application's.
    pub instance: String,
    /// Its processors.
    pub topologies: Vec<Topology>,
    /// Which Kafka.
    pub connection: ConnectionSettings,
    /// Which registry.
    pub registry: String,
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
    /// Whether records are handed over within a transaction.
    pub fusion: bool,
    /// Who speaks to the brokers for transactions.
    pub producer: ProducerEngine,
    /// Memory for stores, caches and fetches, in MiB.
    pub memory_mib: usize,
    /// Where the HTTP API listens.
    pub http: SocketAddr,
    /// Where others reach it, if not there.
    pub advertised_url: Option<String>,
    /// What a stop means, if told.
    pub on_stop: Option<OnStop>,
    /// How the simulated payment provider behaves.
    pub payments: PaymentProfile,
}

impl RunOptions {
    /// From flags, environment and files.
    ///
    /// # Errors
    /// Usage, for what contradicts itself or can't be understood.
    pub fn resolve(arguments: &RunArgs, settings: &Settings) -> Result<Self, Error> {
        if settings.message_broker()? == MessageBroker::InMemory {
            return Err(Error::usage(
                "MESSAGE_BROKER=in_memory is a broker inside one process: `headwater dev` has one, and `run` needs a Kafka",
            ));
        }
        let topologies = match arguments.all {
            true => platform::all()?,
            false => {
                distinct(&arguments.processors)?.into_iter().map(platform::named).collect::<Result<Vec<_>, Error>>()?
            }
        };
        let application = match (&arguments.application, arguments.processors.as_slice()) {
            (Some(name), _) => checked("--application", name)?,
            (None, [only]) => only.clone(),
            (None, _) => APPLICATION.to_owned(),
        };
        let instance = match &arguments.instance {
            Some(name) => checked("--instance", name)?,
            None => {
                settings.text(None, "HEADWATER_INSTANCE", |_| None).unwrap_or_else(|| host_name(settings.environment()))
            }
        };
        let state_dir = settings.folder(
            arguments.state_dir.as_deref(),
            |file| file.state_dir.as_ref().map(|folder| folder.join(&application).join(&instance)),
            &[&application, &instance],
        )?;
        let registry = settings.registry(&arguments.connection).unwrap_or_else(|| "http://localhost:8081".to_owned());
        let snapshots = snapshots(arguments, settings)?;
        let http_port = settings.value(arguments.http_port, "HEADWATER_HTTP_PORT", |file| file.http_port)?;
        let http_listen = settings.value(arguments.http_listen, "HEADWATER_HTTP_LISTEN", |file| file.http_listen)?;
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        Ok(Self {
            topologies,
            connection: settings.connection(&arguments.connection)?,
            registry,
            state_dir,
            application,
            instance,
            fusion: !arguments.no_fusion,
            producer: arguments.producer,
            snapshots,
            workers: settings.value(arguments.workers, "HEADWATER_WORKERS", |file| file.workers)?.unwrap_or(1),
            standbys: settings.value(arguments.standbys, "HEADWATER_STANDBYS", |_| None)?.unwrap_or(0),
            session_timeout: arguments
                .session_timeout
                .map_or(ApplicationSettings::SESSION_TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
            memory_mib: settings
                .value(arguments.memory_mib, "HEADWATER_MEMORY_MIB", |file| file.memory_mib)?
                .unwrap_or(256),
            http: SocketAddr::new(http_listen.unwrap_or(loopback), http_port.unwrap_or(8080)),
            advertised_url: settings.text(arguments.advertised_url.as_deref(), "HEADWATER_ADVERTISED_URL", |_| None),
            on_stop: arguments.on_stop,
            payments: arguments.payment_profile.unwrap_or(PaymentProfile::Default),
        })
    }
}

fn snapshots(arguments: &RunArgs, settings: &Settings) -> Result<Option<Snapshots>, Error> {
    let seconds = settings.value(arguments.snapshot_interval, "HEADWATER_SNAPSHOT_INTERVAL", |_| None)?;
    let interval = seconds.map_or(Snapshots::INTERVAL, |seconds: u32| Duration::from_secs(seconds.max(1).into()));
    let Some(url) = settings.text(arguments.snapshots.as_deref(), "HEADWATER_SNAPSHOTS", |_| None) else {
        return Ok(None);
    };
    let place = Place::open(&url, settings.environment()).map_err(|error| Error::usage(error.to_string()))?;
    Ok(Some(Snapshots { place, interval }))
}

fn distinct(names: &[String]) -> Result<Vec<&str>, Error> {
    let mut distinct: Vec<&str> = Vec::with_capacity(names.len());
    for name in names {
        if distinct.contains(&name.as_str()) {
            return Err(Error::usage(format!("processor {name} is named twice")));
        }
        distinct.push(name);
    }
    Ok(distinct)
}

/// Names become parts of topics', groups' and folders' names.
fn checked(flag: &str, name: &str) -> Result<String, Error> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if name.is_empty() || name.starts_with('.') || !name.chars().all(legal) {
        return Err(Error::usage(format!("{flag} {name}: use letters, digits, dashes, underscores and dots")));
    }
    Ok(name.to_owned())
}
