//! The broker: starts, listens, keeps house, stops.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::connection::serve;
use super::folder_lock::FolderLock;
use crate::api::Node;
use crate::cluster::catalog::Catalog;
use crate::cluster::clock::Clock;
use crate::cluster::topic::{CONSUMER_OFFSETS, TRANSACTION_STATE};
use crate::group::coordinator::GroupCoordinator;
use crate::storage::{DiskStorage, MemoryStorage, Storage};
use crate::transaction::coordinator::TransactionCoordinator;
use crate::{Error, ErrorKind};

/// Where the broker keeps its data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageKind {
    /// In files below a folder, which is made if it is missing. Survives the process.
    Disk(PathBuf),
    /// In memory: gone when the broker stops.
    Memory,
}

/// How a broker is started.
#[derive(Debug, Clone)]
pub struct BrokerOptions {
    /// Where the data is kept.
    pub storage: StorageKind,
    /// Where it listens, and what it advertises; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Partitions of topics that are made without a count (`num.partitions`).
    pub default_partitions: i32,
    /// Topics are made when a client asks for them (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Shortest session time-out a group member may ask for (`group.min.session.timeout.ms`).
    pub min_session_timeout_ms: i32,
    /// Connections at one time; more wait to be accepted.
    pub max_connections: usize,
    /// Time between rounds of retention and compaction, in milliseconds.
    pub maintenance_interval_ms: u64,
    /// The time, for tests that hold it still.
    pub clock: Clock,
}

impl BrokerOptions {
    /// Kafka's defaults, on a free port of the loopback interface.
    #[must_use]
    pub fn new(storage: StorageKind) -> Self {
        Self {
            storage,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            default_partitions: 1,
            auto_create_topics: true,
            min_session_timeout_ms: 6000,
            max_connections: 4096,
            maintenance_interval_ms: 15_000,
            clock: Clock::system(),
        }
    }
}

/// Kafka's `group.max.session.timeout.ms`.
const SESSION_TIMEOUT_MS_MAX: i32 = 30 * 60 * 1000;
/// Bytes that one step of housekeeping reads from one partition.
const MAINTENANCE_BUDGET_BYTES: usize = 8 * 1024 * 1024;
/// Steps of housekeeping in one round: a bound, so that a round ends.
const MAINTENANCE_STEPS_MAX: usize = 64;
/// Wait after a failed accept, such as for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(100);

/// A running embedded broker. Dropping it ends it as a crash would; [`Broker::stop`] closes its logs cleanly.
#[derive(Debug)]
pub struct Broker {
    node: Arc<Node>,
    stopping: watch::Sender<bool>,
    tasks: JoinSet<()>,
    /// Held for as long as the broker lives, so that no second one opens the same folder.
    _lock: Option<FolderLock>,
}

impl Broker {
    /// Opens the storage, completes what a crash left undecided, and listens.
    ///
    /// # Errors
    /// Of kind `Io` if the folder or the address cannot be used, `CorruptStorage` if the data contradicts itself.
    pub async fn start(options: BrokerOptions) -> Result<Self, Error> {
        let listener = TcpListener::bind(options.listen)
            .await
            .map_err(|error| Error::io(format!("cannot listen on {}", options.listen), error))?;
        let address = listener.local_addr().map_err(|error| Error::io("cannot read the listener's address", error))?;
        let interval = Duration::from_millis(options.maintenance_interval_ms.max(1));
        let lock = match &options.storage {
            StorageKind::Disk(folder) => Some(FolderLock::take(folder)?),
            StorageKind::Memory => None,
        };
        let connections = Arc::new(Semaphore::new(options.max_connections.clamp(1, Semaphore::MAX_PERMITS)));
        let open = move || {
            let (storage, log_dir) = open_storage(&options.storage)?;
            open_node(storage, log_dir, options, address)
        };
        let node = tokio::task::spawn_blocking(open)
            .await
            .map_err(|error| Error::new(ErrorKind::Io, format!("opening the storage failed: {error}")))??;
        let node = Arc::new(node);
        let (stopping, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let groups = Arc::clone(&node.groups);
        tasks.spawn(until(stopped.clone(), async move { groups.run_deadlines().await }));
        let transactions = Arc::clone(&node.transactions);
        tasks.spawn(until(stopped.clone(), async move { transactions.run_deadlines().await }));
        tasks.spawn(until(stopped.clone(), maintain(Arc::clone(&node.catalog), interval)));
        tasks.spawn(listen(listener, Arc::clone(&node), connections, stopped));
        tracing::info!(%address, cluster_id = node.catalog.cluster_id(), "the embedded broker listens; it is for development, not for production");
        Ok(Self { node, stopping, tasks, _lock: lock })
    }

    /// Where clients reach it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.node.address
    }

    /// The cluster's id; it stays the same as long as the data does.
    #[must_use]
    pub fn cluster_id(&self) -> &str {
        self.node.catalog.cluster_id()
    }

    /// Ends all connections, syncs every log and marks it clean, so that the next start is quick.
    ///
    /// # Errors
    /// Of kind `Io` if a log cannot be synced; the data is then as after a crash.
    pub async fn stop(mut self) -> Result<(), Error> {
        // Whoever listened is gone already: then there is nothing to stop.
        let _ = self.stopping.send(true);
        while self.tasks.join_next().await.is_some() {}
        let catalog = Arc::clone(&self.node.catalog);
        tokio::task::spawn_blocking(move || catalog.close())
            .await
            .map_err(|error| Error::new(ErrorKind::Io, format!("closing the logs failed: {error}")))?
    }
}

fn open_storage(kind: &StorageKind) -> Result<(Arc<dyn Storage>, String), Error> {
    Ok(match kind {
        StorageKind::Disk(dir) => (Arc::new(DiskStorage::new(dir)?), dir.display().to_string()),
        StorageKind::Memory => (Arc::new(MemoryStorage::new()), "memory".to_owned()),
    })
}

/// The node over its storage, which `log_dir` names.
pub(crate) fn open_node(
    storage: Arc<dyn Storage>,
    log_dir: String,
    options: BrokerOptions,
    address: SocketAddr,
) -> Result<Node, Error> {
    let clock = options.clock;
    let catalog = Arc::new(Catalog::open(storage, clock.clone())?);
    let internal = |name: &str| {
        catalog
            .partition(name, 0)
            .ok_or_else(|| Error::new(ErrorKind::CorruptStorage, format!("the topic {name} has no partition")))
    };
    let groups = Arc::new(GroupCoordinator::open(internal(CONSUMER_OFFSETS)?, clock.clone())?);
    let transactions = Arc::new(TransactionCoordinator::open(
        internal(TRANSACTION_STATE)?,
        Arc::clone(&catalog),
        Arc::clone(&groups),
        clock.clone(),
    )?);
    Ok(Node {
        clock,
        catalog,
        groups,
        transactions,
        address,
        default_partitions: options.default_partitions.max(1),
        auto_create_topics: options.auto_create_topics,
        session_timeout_ms: options.min_session_timeout_ms..=SESSION_TIMEOUT_MS_MAX,
        log_dir,
    })
}

/// Runs a task until the broker stops.
async fn until(mut stopped: watch::Receiver<bool>, task: impl Future<Output = ()>) {
    tokio::select! {
        () = task => {}
        // An error means that the broker was dropped, which is a stop too.
        _ = stopped.wait_for(|stopped| *stopped) => {}
    }
}

async fn listen(listener: TcpListener, node: Arc<Node>, permits: Arc<Semaphore>, stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    let accepting = async {
        loop {
            let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    connections.spawn(serve_with(permit, Arc::clone(&node), stream, peer));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_RETRY).await;
                }
            }
            // Those that have ended.
            while connections.try_join_next().is_some() {}
        }
    };
    until(stopped, accepting).await;
    connections.shutdown().await;
}

async fn serve_with(permit: OwnedSemaphorePermit, node: Arc<Node>, stream: TcpStream, peer: SocketAddr) {
    serve(node, stream, peer).await;
    drop(permit);
}

async fn maintain(catalog: Arc<Catalog>, interval: Duration) {
    loop {
        tokio::time::sleep(interval).await;
        for _ in 0..MAINTENANCE_STEPS_MAX {
            let catalog = Arc::clone(&catalog);
            let step = tokio::task::spawn_blocking(move || catalog.maintain(MAINTENANCE_BUDGET_BYTES));
            if !matches!(step.await, Ok(true)) {
                break;
            }
        }
        let catalog = Arc::clone(&catalog);
        if let Err(error) = tokio::task::spawn_blocking(move || catalog.sync()).await {
            tracing::error!(%error, "syncing the logs ended badly");
        }
    }
}
