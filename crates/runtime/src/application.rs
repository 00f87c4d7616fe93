use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_kafka::{Admin, ConnectionSettings};
use headwater_log::Partition;
use headwater_streams::{Limits, Schemas, TaskEnvironment, TaskId, Topology, Tracer};
use headwater_worker::{Blueprint, Standby, WorkerSettings};
use tokio::runtime::Handle;

use crate::Error;
use crate::calls::Steps;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::leave::leave;
use crate::members::{Member, MembersTopic};
use crate::metrics::Metrics;
use crate::restore::{self, RestoreHandle, RestoreMeter, RestoreProgress, RestoreSetup, Warmth};
use crate::settings::{ApplicationSettings, Stop};
use crate::snapshots::{SnapshotKeeper, SnapshotKeeping, SnapshotSource};
use crate::standbys::{Gate, Keeping, StandbyKeeper, Who};
use crate::state::{StateDatabase, TaskState};
use crate::supervisor::{Supervised, Supervisor};
use crate::topics;

const ADMIN_DEADLINE: Duration = Duration::from_secs(15);
/// A stop that takes longer is given up; the end of the process is as safe as a crash.
const STOP_LIMIT: Duration = Duration::from_secs(10);
/// Restores that are done and not taken in yet: at most one for each task of a worker.
const RESTORED_MAX: usize = 65_536;

/// What an application is made of.
pub struct Setup {
    /// How it runs here.
    pub settings: ApplicationSettings,
    /// Which Kafka.
    pub connection: ConnectionSettings,
    /// Its processors.
    pub topologies: Vec<Topology>,
    /// Schemas, from a registry or local.
    pub schemas: Arc<dyn Schemas>,
    /// The outside calls that its processors make.
    pub steps: Steps,
    /// Where its metrics go.
    pub metrics: prometheus::Registry,
    /// Where outside calls run.
    pub calls: Handle,
    /// Makes a span for each message that is processed; None for no tracing.
    pub tracer: Option<Arc<dyn Tracer>>,
}

/// What the workers of an application share; read only, but for the directory.
pub struct Shared {
    pub(crate) settings: ApplicationSettings,
    pub(crate) connection: ConnectionSettings,
    pub(crate) blueprint: Arc<Blueprint>,
    pub(crate) database: StateDatabase,
    pub(crate) metrics: Metrics,
    pub(crate) clock: Clock,
    pub(crate) directory: Arc<Directory>,
    pub(crate) restorer: RestoreHandle,
    /// What the workers wait for before they join their group.
    pub(crate) gate: Gate,
}

/// How an application is doing in this process.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    /// Tasks that work.
    pub running: Vec<String>,
    /// Tasks that are being restored.
    pub restoring: Vec<String>,
    /// Workers that have joined the group and have been given their share.
    pub workers_joined: usize,
    /// Workers in all.
    pub workers: usize,
    /// Why a worker has ended for good.
    pub failed: Option<String>,
}

impl Status {
    /// Whether every worker has joined and every task works.
    #[must_use]
    pub const fn is_ready(&self) -> bool {
        self.failed.is_none() && self.workers_joined == self.workers && self.restoring.is_empty()
    }
}

/// An application that runs in this process.
pub struct Application {
    shared: Arc<Shared>,
    supervisor: Supervisor,
    members: Option<MembersTopic>,
    standbys: Option<StandbyKeeper>,
    snapshots: Option<SnapshotKeeper>,
    warmth: Warmth,
    restores: RestoreMeter,
    restore_threads: Vec<JoinHandle<()>>,
}

impl Application {
    /// Checks its topics, makes internal ones that are missing, opens the stores, and starts the workers.
    ///
    /// # Errors
    /// [`Error::Configuration`] for what has to be mended first, [`Error::Kafka`], [`Error::State`].
    pub fn start(setup: Setup) -> Result<Self, Error> {
        let Setup { settings, connection, topologies, schemas, steps, metrics, calls, tracer } = setup;
        let clock = Clock::system();
        let metrics = Metrics::new(&metrics, &settings.application)?;
        let admin = Admin::new(&connection, ADMIN_DEADLINE).map_err(crate::error::from_kafka)?;
        let found = topics::prepare(&admin, &topologies, connection.prefix())?;
        let cluster = admin.describe_cluster().map_err(crate::error::from_kafka)?;
        let database = open_database(&settings)?;
        let workers = settings.workers.max(1);
        let tasks_max = found.facts.iter().map(|topic| topic.partitions.get() as usize).max().unwrap_or(1)
            * topologies.iter().map(|topology| topology.subtopologies().len()).sum::<usize>().max(1);
        let limits = Limits {
            cache_bytes_max: (settings.memory.overlay_bytes() / tasks_max.max(1)).max(64 << 10),
            calls_in_flight_max: settings.calls_in_flight_max,
            ..Limits::default()
        };
        crate::schemas::check(&topologies, &*schemas)?;
        let environment = TaskEnvironment::new(schemas, cluster.cluster_id, found.facts, limits)
            .map_err(|error| Error::Configuration(error.to_string()))?
            .traced(tracer);
        let worker = WorkerSettings {
            application: settings.application.clone(),
            instance: settings.instance.clone(),
            commit_interval_max: settings.commit_interval_max,
            staged_bytes_max: settings.memory.staged_bytes() / workers,
            fusion: settings.fusion,
            input_bytes_max: settings.memory.input_buffer_bytes() / workers,
        };
        let blueprint = Blueprint::new(worker, topologies, Arc::new(environment), found.cluster)?;
        let (senders, receivers): (Vec<_>, Vec<_>) = (0..workers).map(|_| sync_channel(RESTORED_MAX)).unzip();
        let restores = RestoreMeter::default();
        let warmth = Warmth::default();
        let snapshots = SnapshotSource::of(&settings, &calls, &metrics)?;
        let (restorer, restore_threads) = restore::start(&RestoreSetup {
            connection: &connection,
            results: &senders,
            database: &database,
            snapshots: snapshots.as_ref(),
            memory: settings.memory,
            metrics: &metrics,
            meter: &restores,
            warmth: &warmth,
            clock,
        })?;
        let members = MembersTopic::start(&connection, &settings, clock)?;
        let shared = Arc::new(Shared {
            settings,
            connection,
            blueprint: Arc::new(blueprint),
            database,
            metrics,
            clock,
            directory: Arc::default(),
            restorer,
            gate: Gate::default(),
        });
        let publisher = members.as_ref().map(MembersTopic::publisher);
        let standbys = match members.as_ref().filter(|_| shared.settings.standbys > 0) {
            Some(members) => Some(keep_standbys(&shared, members, &warmth)?),
            None => {
                shared.gate.open();
                None
            }
        };
        let snapshots = snapshots.map(|source| keep_snapshots(&shared, source)).transpose()?;
        let supervisor = Supervisor::start(Supervised {
            shared: Arc::clone(&shared),
            steps,
            calls,
            restored: receivers,
            publisher,
        })?;
        Ok(Self { shared, supervisor, members, standbys, snapshots, warmth, restores, restore_threads })
    }

    /// How it is doing.
    #[must_use]
    pub fn status(&self) -> Status {
        self.supervisor.status()
    }

    /// How far the restores have come.
    #[must_use]
    pub fn restore_progress(&self) -> RestoreProgress {
        self.restores.progress(self.shared.clock.monotonic())
    }

    /// The tasks that are kept warm here while other instances work on them.
    #[must_use]
    pub fn standbys(&self) -> Vec<Standby> {
        self.warmth.all()
    }

    /// Whether every worker has joined and every task works.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.status().is_ready()
    }

    /// Why it has failed for good, if it has.
    #[must_use]
    pub fn failed(&self) -> Option<String> {
        self.status().failed
    }

    /// A task's committed state, if the task works in this process.
    #[must_use]
    pub fn view(&self, processor: &str, subtopology: &str, partition: Partition) -> Option<TaskState> {
        let id = TaskId { processor: processor.to_owned(), subtopology: subtopology.to_owned(), partition };
        self.shared.directory.find(&id)
    }

    /// The tasks that work in this process.
    #[must_use]
    pub fn tasks(&self) -> Vec<TaskId> {
        self.shared.directory.ids()
    }

    /// How many partitions a topic has (declared name); None for a topic that it does not use.
    #[must_use]
    pub fn partitions_of(&self, topic: &str) -> Option<u32> {
        let environment = &self.shared.blueprint.environment;
        let topic = environment.find(topic)?;
        Some(environment.topic(topic)?.partitions.get())
    }

    /// Who holds which task, over all instances, as the members topic says; empty when this instance serves no queries.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        self.members.as_ref().map(MembersTopic::members).unwrap_or_default()
    }

    /// Room that the stores take.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn refresh_metrics(&self) -> Result<(), Error> {
        let sizes = self.shared.database.sizes()?;
        let set = |kind: &str, bytes: u64| {
            self.shared.metrics.state_bytes.with_label_values(&[kind]).set(i64::try_from(bytes).unwrap_or(i64::MAX));
        };
        set("disk", sizes.disk_bytes);
        set("memory", sizes.memory_bytes);
        let status = self.status();
        let count = |tasks: &[String]| i64::try_from(tasks.len()).unwrap_or(i64::MAX);
        self.shared.metrics.tasks_in("running").set(count(&status.running));
        self.shared.metrics.tasks_in("restoring").set(count(&status.restoring));
        let standbys = self.warmth.all().len();
        self.shared.metrics.tasks_in("standby").set(i64::try_from(standbys).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Commits, gives its partitions back, and ends.
    ///
    /// # Errors
    /// The first worker's error.
    pub fn stop(self, how: Stop) -> Result<(), Error> {
        let settings = self.shared.settings.clone();
        let connection = self.shared.connection.clone();
        let (ended, end) = sync_channel(1);
        let stopping = std::thread::Builder::new()
            .name("headwater-stop".to_owned())
            .spawn(move || {
                // Whoever waited may have given up.
                let _late = ended.send(self.stop_in_order(how));
            })
            .map_err(|error| Error::Configuration(format!("a thread can't be started: {error}")))?;
        if let Ok(stopped) = end.recv_timeout(STOP_LIMIT) {
            let _panicked = stopping.join();
            return stopped;
        }
        // What is not committed is done again by whoever comes next, as after a crash.
        tracing::error!(limit_s = STOP_LIMIT.as_secs(), "the application did not stop in time, and is left as it is");
        if how == Stop::Leave {
            leave(&connection, &settings, 0..settings.workers.max(1), ADMIN_DEADLINE);
        }
        Ok(())
    }

    fn stop_in_order(mut self, how: Stop) -> Result<(), Error> {
        if let Some(standbys) = self.standbys.take() {
            standbys.stop();
        }
        if let Some(snapshots) = self.snapshots.take() {
            snapshots.stop();
        }
        let stopped = self.supervisor.stop(how);
        if let Some(members) = self.members.take() {
            members.stop(how);
        }
        drop(self.shared);
        for thread in self.restore_threads {
            // A thread ends when the last worker's way to it is gone.
            let _panicked = thread.join();
        }
        stopped
    }
}

fn keep_standbys(shared: &Shared, members: &MembersTopic, warmth: &Warmth) -> Result<StandbyKeeper, Error> {
    let settings = &shared.settings;
    let (application, instance) = (settings.application.clone(), settings.instance.clone());
    StandbyKeeper::start(Keeping {
        who: Who { application, instance, copies: settings.standbys },
        units: shared.blueprint.standby_units()?,
        view: members.view(),
        publisher: members.publisher(),
        restorer: shared.restorer.clone(),
        warmth: warmth.clone(),
        gate: shared.gate.clone(),
        clock: shared.clock,
    })
}

fn keep_snapshots(shared: &Shared, source: SnapshotSource) -> Result<SnapshotKeeper, Error> {
    let units = shared.blueprint.standby_units()?;
    let tasks = units.into_iter().flat_map(|unit| unit.tasks).map(|task| (task.task.clone(), task)).collect();
    SnapshotKeeper::start(SnapshotKeeping {
        source,
        tasks,
        instance: shared.settings.instance.clone(),
        database: shared.database.clone(),
        directory: Arc::clone(&shared.directory),
        clock: shared.clock,
    })
}

/// Opens the stores; a database that is damaged is set aside and its stores are rebuilt from their changelogs.
fn open_database(settings: &ApplicationSettings) -> Result<StateDatabase, Error> {
    match StateDatabase::open(&settings.state_dir, settings.memory) {
        Err(Error::Corrupt(why)) => {
            let aside = settings.state_dir.with_extension("damaged");
            tracing::error!(%why, aside = %aside.display(), "local state is damaged; it is set aside and rebuilt");
            let moved = std::fs::remove_dir_all(&aside).or_else(|error| match error.kind() {
                std::io::ErrorKind::NotFound => Ok(()),
                _ => Err(error),
            });
            moved
                .and_then(|()| std::fs::rename(&settings.state_dir, &aside))
                .map_err(|error| Error::State(format!("damaged state can't be set aside: {error}")))?;
            StateDatabase::open(&settings.state_dir, settings.memory)
        }
        opened => opened,
    }
}
