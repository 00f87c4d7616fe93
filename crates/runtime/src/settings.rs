use std::path::PathBuf;
use std::time::Duration;

use headwater_kafka::ProducerEngine;
use headwater_snapshot::Place;

use crate::state::MemoryBudget;

/// How an application runs in this process.
#[derive(Debug, Clone)]
pub struct ApplicationSettings {
    /// `application.id`: the consumer group, and the prefix of transactional ids.
    pub application: String,
    /// This instance's name, unique among the application's: static membership and the transactional ids hang on it.
    pub instance: String,
    /// Where the stores live.
    pub state_dir: PathBuf,
    /// Threads, each with a consumer, a transactional producer and its share of the tasks.
    pub workers: usize,
    /// Memory for stores, overlays, caches and fetches, over all workers.
    pub memory: MemoryBudget,
    /// After so long without a heartbeat the group gives a member's partitions to others.
    pub session_timeout: Duration,
    /// The longest that a transaction stays open under load; the broker's time-out is ten seconds.
    pub commit_interval_max: Duration,
    /// Outside calls under way at once, for each worker.
    pub calls_in_flight_max: usize,
    /// Whether records to partitions that a worker both writes and reads are handed over within the transaction.
    pub fusion: bool,
    /// Who speaks to the brokers for transactions.
    pub producer: ProducerEngine,
    /// How many other instances keep each task's state warm, this one among them; 0 keeps none.
    pub standbys: usize,
    /// Where stores are written down, and begin; None for nowhere.
    pub snapshots: Option<Snapshots>,
    /// Where this instance answers queries, for the members topic; None when it serves none.
    pub advertised_url: Option<String>,
}

impl ApplicationSettings {
    /// The default for [`Self::session_timeout`]: longer than the broker takes to end a dead worker's transaction.
    pub const SESSION_TIMEOUT: Duration = Duration::from_secs(20);

    /// The defaults, for an application and an instance with its stores in a folder.
    #[must_use]
    pub fn new(application: impl Into<String>, instance: impl Into<String>, state_dir: PathBuf) -> Self {
        Self {
            application: application.into(),
            instance: instance.into(),
            state_dir,
            workers: 1,
            memory: MemoryBudget::default(),
            session_timeout: Self::SESSION_TIMEOUT,
            commit_interval_max: Duration::from_millis(500),
            calls_in_flight_max: 4_096,
            fusion: true,
            producer: ProducerEngine::default(),
            standbys: 0,
            snapshots: None,
            advertised_url: None,
        }
    }

    /// A worker's name within the application: `<instance>-<number>`.
    #[must_use]
    pub fn worker_name(&self, worker: usize) -> String {
        format!("{}-{worker}", self.instance)
    }

    /// A worker's `transactional.id`: stable over restarts, so that a restart fences what its predecessor left open.
    #[must_use]
    pub fn transactional_id(&self, worker: usize) -> String {
        format!("{}-{}", self.application, self.worker_name(worker))
    }
}

/// Where snapshots of stores lie, and how often they are taken.
#[derive(Debug, Clone)]
pub struct Snapshots {
    /// The place.
    pub place: Place,
    /// The least time between two of a task.
    pub interval: Duration,
}

impl Snapshots {
    /// The default for [`Self::interval`].
    pub const INTERVAL: Duration = Duration::from_secs(600);
}

/// What a stop means for the group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// For good: leave the group, so that its partitions are handed over at once.
    Leave,
    /// For a restart: stay a static member; nothing moves within the session time-out.
    Stay,
}
