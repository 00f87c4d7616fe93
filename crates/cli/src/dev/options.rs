use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use headwater_kafka::{ConnectionSettings, MessageBroker, ProducerEngine, TopicPrefix};

use crate::Error;
use crate::args::{DevArgs, PaymentProfile};
use crate::settings::Settings;

const LOOPBACK: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// Which broker.
#[derive(Debug, Clone)]
pub enum BrokerChoice {
    /// The embedded one, kept on disk.
    Disk {
        /// Its port; 0 takes a free one.
        port: u16,
    },
    /// The embedded one, gone with the process.
    Memory {
        /// Its port; 0 takes a free one.
        port: u16,
    },
    /// A Kafka of the user's.
    External(ConnectionSettings),
}

/// Which schema registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryChoice {
    /// The embedded one, on this address.
    Embedded(SocketAddr),
    /// One of the user's, as SCHEMA_REGISTRY_URL has it.
    External(String),
}

/// How `dev` runs.
#[derive(Debug, Clone)]
pub struct DevOptions {
    /// Where everything is kept.
    pub data_dir: PathBuf,
    /// Which broker.
    pub broker: BrokerChoice,
    /// Which registry.
    pub registry: RegistryChoice,
    /// What stands in front of every topic's name.
    pub prefix: TopicPrefix,
    /// Where the HTTP API listens.
    pub http: SocketAddr,
    /// Threads that process records.
    pub workers: usize,
    /// Whether records are handed over within a transaction.
    pub fusion: bool,
    /// Who speaks to the brokers for transactions.
    pub producer: ProducerEngine,
    /// Memory for stores, caches and fetches, in MiB.
    pub memory_mib: usize,
    /// How the simulated payment provider behaves.
    pub payments: PaymentProfile,
}

impl DevOptions {
    /// From flags, environment and files.
    ///
    /// # Errors
    /// Usage, for what contradicts itself or can't be understood.
    pub fn resolve(arguments: &DevArgs, settings: &Settings) -> Result<Self, Error> {
        let connection = settings.connection(&arguments.connection)?;
        let prefix = connection.prefix().clone();
        let kafka_port = settings.value(arguments.kafka_port, "HEADWATER_KAFKA_PORT", |file| file.kafka_port)?;
        let port = kafka_port.unwrap_or(9092);
        let external = settings.brokers(&arguments.connection).is_some();
        let broker = match (settings.message_broker()?, external) {
            (MessageBroker::InMemory, true) => {
                return Err(Error::usage(
                    "MESSAGE_BROKER=in_memory is a broker inside this process, and brokers are named besides: leave one out",
                ));
            }
            (MessageBroker::InMemory, false) => BrokerChoice::Memory { port },
            (MessageBroker::Kafka, true) => BrokerChoice::External(connection),
            (MessageBroker::Kafka, false) => BrokerChoice::Disk { port },
        };
        let registry_port =
            settings.value(arguments.registry_port, "HEADWATER_REGISTRY_PORT", |file| file.registry_port)?;
        // A registry of the user's holds the schemas of a Kafka of the user's, never those of an embedded broker.
        let registry = match (settings.registry(&arguments.connection), external) {
            (Some(url), true) => RegistryChoice::External(url),
            (Some(_), false) if arguments.connection.registry.is_some() => {
                return Err(Error::usage("--registry names a registry of a Kafka: name that with -b too"));
            }
            _ => RegistryChoice::Embedded(SocketAddr::new(LOOPBACK, registry_port.unwrap_or(8081))),
        };
        let http_port = settings.value(arguments.http_port, "HEADWATER_HTTP_PORT", |file| file.http_port)?;
        let http_listen = settings.value(arguments.http_listen, "HEADWATER_HTTP_LISTEN", |file| file.http_listen)?;
        Ok(Self {
            data_dir: settings.folder(arguments.data_dir.as_deref(), |file| file.data_dir.clone(), &["dev"])?,
            broker,
            registry,
            prefix,
            http: SocketAddr::new(http_listen.unwrap_or(LOOPBACK), http_port.unwrap_or(8080)),
            fusion: !arguments.no_fusion,
            producer: arguments.producer,
            workers: settings.value(arguments.workers, "HEADWATER_WORKERS", |file| file.workers)?.unwrap_or(1),
            memory_mib: settings
                .value(arguments.memory_mib, "HEADWATER_MEMORY_MIB", |file| file.memory_mib)?
                .unwrap_or(128),
            payments: arguments.payment_profile.unwrap_or(PaymentProfile::Default),
        })
    }
}

#[cfg(test)]
mod tests;
