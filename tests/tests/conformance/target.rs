//! The brokers that the cases run on.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use headwater_devbroker::{Broker, BrokerOptions, StorageKind};
use tempfile::TempDir;
use tokio::runtime::Runtime;

/// A broker under test.
pub struct Target {
    pub name: &'static str,
    pub bootstrap: String,
    /// Longest time that a case waits for anything here.
    pub patience: Duration,
    unique: AtomicU64,
    embedded: Option<Embedded>,
}

struct Embedded {
    runtime: Runtime,
    broker: Option<Broker>,
    _dir: Option<TempDir>,
}

impl Target {
    pub fn embedded_on_disk() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self::embedded("devbroker-disk", StorageKind::Disk(dir.path().to_owned()), Some(dir))
    }

    pub fn embedded_in_memory() -> Self {
        Self::embedded("devbroker-memory", StorageKind::Memory, None)
    }

    fn embedded(name: &'static str, storage: StorageKind, dir: Option<TempDir>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let mut options = BrokerOptions::new(storage);
        options.maintenance_interval_ms = 200;
        let broker = runtime.block_on(Broker::start(options)).unwrap();
        Self {
            name,
            bootstrap: broker.address().to_string(),
            patience: Duration::from_secs(40),
            unique: AtomicU64::new(0),
            embedded: Some(Embedded { runtime, broker: Some(broker), _dir: dir }),
        }
    }

    /// The cluster that the environment names.
    pub fn apache_kafka() -> Option<Self> {
        let bootstrap = std::env::var("KAFKA_BOOTSTRAP_SERVERS").ok()?;
        Some(Self {
            name: "apache-kafka",
            bootstrap,
            // Its log cleaner and its abort timer act every 15 and every 10 s.
            patience: Duration::from_secs(90),
            unique: AtomicU64::new(0),
            embedded: None,
        })
    }

    /// A name that no other case and no earlier run has used.
    pub fn unique(&self, prefix: &str) -> String {
        let number = self.unique.fetch_add(1, Ordering::Relaxed);
        let micros = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
        format!("{prefix}-{}-{micros}-{number}", std::process::id())
    }
}

impl Drop for Target {
    fn drop(&mut self) {
        if let Some(embedded) = &mut self.embedded
            && let Some(broker) = embedded.broker.take()
        {
            embedded.runtime.block_on(broker.stop()).unwrap();
        }
    }
}
