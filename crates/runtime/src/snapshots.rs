//! Writes the stores of the tasks that work here down, in the background, where a new instance finds them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_snapshot::{Depot, Last, Manifest, Pace, Reader, SnapshotId, Taking, is_due, superfluous};
use headwater_worker::StandbyTask;
use headwater_worker::ports::{SnapshotReader, SnapshotWanted};
use tokio::runtime::Handle;
use tokio::sync::watch;

use crate::Error;
use crate::clock::Clock;
use crate::directory::Directory;
use crate::metrics::{Metrics, SnapshotMetrics};
use crate::settings::{ApplicationSettings, Snapshots};
use crate::state::{StateDatabase, TaskMeta};

/// Tasks are looked at so often at most.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);
/// After a failure nothing is tried for so long; twice as long after each that follows.
const FAILURE_WAIT: Duration = Duration::from_secs(10);
const FAILURE_WAIT_MAX: Duration = Duration::from_secs(600);
/// After a part it rests for so many times as long as that took: it has a quarter of one core at most.
const REST: u32 = 3;
const REST_MAX: Duration = Duration::from_secs(1);

/// Where the snapshots of an application lie, for those who write and those who read them.
#[derive(Clone)]
pub(crate) struct SnapshotSource {
    depot: Depot,
    interval: Duration,
    handle: Handle,
    metrics: SnapshotMetrics,
}

impl SnapshotSource {
    /// As the settings say; None where they say nothing of it.
    ///
    /// # Errors
    /// [`Error::Configuration`].
    pub(crate) fn of(
        settings: &ApplicationSettings,
        handle: &Handle,
        metrics: &Metrics,
    ) -> Result<Option<Self>, Error> {
        let Some(Snapshots { place, interval }) = &settings.snapshots else { return Ok(None) };
        let depot = Depot::new(place.clone(), &settings.application)
            .map_err(|error| Error::Configuration(error.to_string()))?;
        let (interval, metrics) = (*interval, metrics.snapshots.clone());
        Ok(Some(Self { depot, interval, handle: handle.clone(), metrics }))
    }

    /// Begins to look for a snapshot that is of use. None where the broker gives topics no ids: whether a snapshot is of
    /// this changelog could not be said.
    pub(crate) fn read(&self, wanted: &SnapshotWanted) -> Option<Box<dyn SnapshotReader>> {
        wanted.bounds.topic_id.as_ref()?;
        let refused = self.metrics.refused.clone();
        let refused = Arc::new(move || refused.inc());
        Some(Box::new(Reader::start(&self.handle, self.depot.clone(), wanted.clone(), refused)))
    }
}

/// What the keeper of the snapshots works with.
pub(crate) struct SnapshotKeeping {
    pub(crate) source: SnapshotSource,
    /// The tasks of which there may be snapshots, by name, wherever they work.
    pub(crate) tasks: BTreeMap<String, StandbyTask>,
    pub(crate) instance: String,
    pub(crate) database: StateDatabase,
    pub(crate) directory: Arc<Directory>,
    pub(crate) clock: Clock,
}

/// The thread that takes snapshots.
pub(crate) struct SnapshotKeeper {
    stop: SyncSender<()>,
    stopped: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

impl SnapshotKeeper {
    pub(crate) fn start(keeping: SnapshotKeeping) -> Result<Self, Error> {
        let (stop, waits) = sync_channel(1);
        let (stopped, watches) = watch::channel(false);
        let mut keeper = Keeper { keeping, known: BTreeMap::new(), stop: waits, stopped: watches, failures: 0 };
        let thread = std::thread::Builder::new()
            .name("hw-snapshots".to_owned())
            .spawn(move || keeper.keep())
            .map_err(|error| Error::Configuration(format!("the snapshots' thread can't be started: {error}")))?;
        Ok(Self { stop, stopped, thread })
    }

    /// Ends it; a snapshot that is being taken is given up.
    pub(crate) fn stop(self) {
        let _ended = self.stopped.send(true);
        drop(self.stop);
        let _panicked = self.thread.join();
    }
}

/// Why a snapshot was not taken.
enum Trouble {
    /// The process ends.
    Stopped,
    Failed(String),
}

impl From<headwater_snapshot::Error> for Trouble {
    fn from(error: headwater_snapshot::Error) -> Self {
        Self::Failed(error.to_string())
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Failed(error.to_string())
    }
}

struct Keeper {
    keeping: SnapshotKeeping,
    /// The last snapshot of each task that works here; None of one that has none.
    known: BTreeMap<String, Option<Last>>,
    stop: Receiver<()>,
    stopped: watch::Receiver<bool>,
    failures: u32,
}

impl Keeper {
    fn keep(&mut self) {
        let interval = LOOK_INTERVAL.min(self.keeping.source.interval);
        let mut wait = interval;
        while self.waits(wait).is_ok() {
            wait = match self.look() {
                Ok(()) => {
                    self.failures = 0;
                    interval
                }
                Err(Trouble::Stopped) => return,
                Err(Trouble::Failed(error)) => {
                    let place = self.keeping.source.depot.place();
                    tracing::warn!(%place, error, "a snapshot failed; it is tried again");
                    self.keeping.source.metrics.failures.inc();
                    self.failures = (self.failures + 1).min(16);
                    (FAILURE_WAIT * 2_u32.pow(self.failures - 1)).min(FAILURE_WAIT_MAX).max(interval)
                }
            };
        }
    }

    /// Waits, unless it is stopped.
    fn waits(&self, wait: Duration) -> Result<(), Trouble> {
        match self.stop.recv_timeout(wait) {
            Err(RecvTimeoutError::Timeout) => Ok(()),
            _ => Err(Trouble::Stopped),
        }
    }

    /// Takes the snapshots that are due, one after the other.
    fn look(&mut self) -> Result<(), Trouble> {
        let working: Vec<String> = self.keeping.directory.ids().iter().map(ToString::to_string).collect();
        let age = self.keeping.source.metrics.age.clone();
        self.known.retain(|task, _| {
            let is_kept = working.contains(task);
            if !is_kept {
                let _absent = age.remove_label_values(&[task]);
            }
            is_kept
        });
        for name in &working {
            // Tasks with stores in memory are not among them: these begin empty, wherever else there is state.
            let Some(task) = self.keeping.tasks.get(name).cloned() else { continue };
            let Some(meta) = self.keeping.database.meta(name)? else { continue };
            if !self.known.contains_key(name) {
                self.look_up(name)?;
            }
            if self.is_due(&task, &meta) {
                // Another instance may have had the task in the meantime.
                self.look_up(name)?;
                if self.is_due(&task, &meta) {
                    self.take(&task)?;
                }
            }
            if let Some(Some(last)) = self.known.get(name) {
                let seconds = self.keeping.clock.wall().since_ms(last.taken_at) / 1_000;
                age.with_label_values(&[name]).set(seconds);
            }
        }
        Ok(())
    }

    fn is_due(&self, task: &StandbyTask, meta: &TaskMeta) -> bool {
        let pace = Pace { interval: self.keeping.source.interval, delete_retention_ms: task.delete_retention_ms };
        let last = self.known.get(&task.task).and_then(Option::as_ref);
        is_due(meta, last, pace, self.keeping.clock.wall())
    }

    /// The newest snapshot of a task that can be read, whoever took it.
    fn look_up(&mut self, task: &str) -> Result<(), Trouble> {
        let depot = &self.keeping.source.depot;
        let last = self.ask(async {
            for id in depot.find(task).await?.whole.iter().rev() {
                match depot.manifest(task, id).await {
                    Ok(manifest) => return Ok(Some(last_of(&manifest))),
                    Err(error @ headwater_snapshot::Error::Place(_)) => return Err(error),
                    Err(why) => tracing::warn!(task, snapshot = %id, %why, "a snapshot can't be used"),
                }
            }
            Ok(None)
        })?;
        self.known.insert(task.to_owned(), last);
        Ok(())
    }

    fn take(&mut self, task: &StandbyTask) -> Result<(), Trouble> {
        let Keeper { keeping, stopped, .. } = self;
        let SnapshotSource { depot, handle, metrics, .. } = &keeping.source;
        let begun = keeping.clock.monotonic();
        let Some(frozen) = keeping.database.freeze(&task.task)? else { return Ok(()) };
        let meta = frozen.meta();
        let id = SnapshotId {
            taken_at: keeping.clock.wall(),
            offset: meta.changelog_offset,
            instance: keeping.instance.clone(),
        };
        let place = (task.changelog.topic.as_str(), task.changelog.partition.get());
        let Some(manifest) = Manifest::of(depot.application(), &task.task, &id, place, meta) else { return Ok(()) };
        let mut taking = Taking::begin(depot, handle.clone(), stopped.clone(), manifest);
        let mut rested = begun;
        let written = frozen.visit(|key, value| {
            if taking.push(key, value)? {
                let took = keeping.clock.monotonic().saturating_sub(rested);
                match self.stop.recv_timeout((took * REST).min(REST_MAX)) {
                    Err(RecvTimeoutError::Timeout) => {}
                    _ => return Err(Trouble::Stopped),
                }
                rested = keeping.clock.monotonic();
            }
            Ok(())
        });
        drop(frozen);
        if let Err(trouble) = written {
            taking.give_up();
            return Err(if *stopped.borrow() { Trouble::Stopped } else { trouble });
        }
        let manifest = match taking.finish() {
            Err(_) if *stopped.borrow() => return Err(Trouble::Stopped),
            finished => finished?,
        };
        let took = keeping.clock.monotonic().saturating_sub(begun);
        metrics.taken.inc();
        metrics.bytes.inc_by(manifest.bytes());
        tracing::info!(
            task = task.task,
            snapshot = %id,
            keys = manifest.entries(),
            bytes = manifest.bytes(),
            ?took,
            "a snapshot was taken"
        );
        self.known.insert(task.task.clone(), Some(last_of(&manifest)));
        self.remove_older(&task.task)
    }

    /// What manifests name is removed, and what nobody finished. One that can't be read stays, for people to look at.
    fn remove_older(&self, task: &str) -> Result<(), Trouble> {
        let depot = &self.keeping.source.depot;
        let now = self.keeping.clock.wall();
        self.ask(async {
            let found = depot.find(task).await?;
            for id in found.abandoned(now) {
                depot.remove_unfinished(task, id).await?;
                tracing::info!(task, snapshot = %id, "a snapshot that nobody finished was removed");
            }
            for id in superfluous(&found.whole) {
                match depot.manifest(task, &id).await {
                    Ok(manifest) => depot.remove(&manifest).await?,
                    Err(error @ headwater_snapshot::Error::Place(_)) => return Err(error),
                    Err(why) => tracing::warn!(task, snapshot = %id, %why, "an older snapshot can't be removed"),
                }
            }
            Ok(())
        })
    }

    /// Asks something of the place, until it is stopped.
    fn ask<T>(&self, asked: impl Future<Output = Result<T, headwater_snapshot::Error>>) -> Result<T, Trouble> {
        let mut stopped = self.stopped.clone();
        self.keeping.source.handle.block_on(async {
            tokio::select! {
                biased;
                Ok(_) = stopped.wait_for(|stopped| *stopped) => Err(Trouble::Stopped),
                asked = asked => Ok(asked?),
            }
        })
    }
}

fn last_of(manifest: &Manifest) -> Last {
    Last {
        topic_id: manifest.changelog.topic_id.clone(),
        taken_at: manifest.taken_at,
        offset: manifest.offset,
        saved_at: manifest.saved_at,
        entries: manifest.entries(),
    }
}
