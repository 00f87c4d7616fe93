//! An application that runs in this process, as its HTTP API and whoever started it see it.

mod setup;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use headwater_log::Partition;
use headwater_runtime::members::Member;
use headwater_runtime::state::TaskState;
use headwater_runtime::{Application, RestoreProgress, Standby, Status, Stop};

use crate::Error;
use crate::clock::Deadline;

pub use setup::{ServiceOptions, start_application};

const POLL: Duration = Duration::from_millis(10);

/// The application, from before it starts until after it has stopped; cheap to clone.
#[derive(Clone)]
pub struct Service {
    inner: Arc<Inner>,
}

struct Inner {
    application: RwLock<Option<Application>>,
    is_open: AtomicBool,
    metrics: prometheus::Registry,
    own_url: String,
}

/// Whether it serves, in one word, and more for people.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Health {
    /// `serving`, `starting` or `failed`.
    pub status: &'static str,
    /// Tasks that work.
    pub tasks_running: usize,
    /// Tasks that are being restored.
    pub tasks_restoring: usize,
    /// Tasks of other instances that are kept warm here.
    pub tasks_standby: usize,
    /// Those of them that have caught up once.
    pub tasks_warm: usize,
    /// Changelog records that the one furthest behind is behind.
    pub standby_lag_records: i64,
    /// Why it has failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Service {
    /// A service without its application yet; `own_url` is where other instances reach it.
    #[must_use]
    pub fn new(metrics: prometheus::Registry, own_url: String) -> Self {
        let inner = Inner { application: RwLock::new(None), is_open: AtomicBool::new(false), metrics, own_url };
        Self { inner: Arc::new(inner) }
    }

    /// Takes the application in.
    pub fn install(&self, application: Application) {
        *self.inner.application.write().unwrap_or_else(PoisonError::into_inner) = Some(application);
    }

    /// Says that everything around the application serves too.
    pub fn open(&self) {
        self.inner.is_open.store(true, Ordering::Release);
    }

    /// Where other instances reach this one.
    #[must_use]
    pub fn own_url(&self) -> &str {
        &self.inner.own_url
    }

    /// The metrics of this process.
    #[must_use]
    pub fn metrics(&self) -> &prometheus::Registry {
        &self.inner.metrics
    }

    fn with<T>(&self, read: impl FnOnce(&Application) -> T) -> Option<T> {
        self.inner.application.read().unwrap_or_else(PoisonError::into_inner).as_ref().map(read)
    }

    /// How the application is doing; None before it was started and after it has stopped.
    #[must_use]
    pub fn status(&self) -> Option<Status> {
        self.with(Application::status)
    }

    /// How far restores have come.
    #[must_use]
    pub fn restore_progress(&self) -> RestoreProgress {
        self.with(Application::restore_progress).unwrap_or_default()
    }

    /// Whether it serves.
    #[must_use]
    pub fn health(&self) -> Health {
        let status = self.status();
        let is_open = self.inner.is_open.load(Ordering::Acquire);
        health_of(status.as_ref(), &self.standbys(), is_open)
    }

    /// The tasks that are kept warm here.
    #[must_use]
    pub fn standbys(&self) -> Vec<Standby> {
        self.with(Application::standbys).unwrap_or_default()
    }

    /// A task's committed state, where the task works here.
    #[must_use]
    pub fn view(&self, processor: &str, subtopology: &str, partition: Partition) -> Option<TaskState> {
        self.with(|application| application.view(processor, subtopology, partition)).flatten()
    }

    /// Who holds which task, over all instances.
    #[must_use]
    pub fn members(&self) -> Vec<Member> {
        self.with(Application::members).unwrap_or_default()
    }

    /// Brings the gauges up to date that nobody else does.
    pub fn refresh_metrics(&self) {
        if let Some(Err(error)) = self.with(Application::refresh_metrics) {
            tracing::warn!(%error, "sizes of the stores can't be read");
        }
    }

    /// Waits until every task works.
    ///
    /// # Errors
    /// Failed, when the application has failed, or the deadline has passed.
    pub async fn ready(&self, within: Duration) -> Result<(), Error> {
        let deadline = Deadline::after(within);
        loop {
            let status = self.status().unwrap_or_default();
            if let Some(reason) = status.failed {
                return Err(Error::failed(format!("the application has failed: {reason}")));
            }
            if status.workers > 0 && status.is_ready() {
                return Ok(());
            }
            if deadline.has_passed() {
                return Err(Error::failed(format!(
                    "the application was not ready within {} s: {} of {} workers have joined, {} tasks are being restored",
                    within.as_secs(),
                    status.workers_joined,
                    status.workers,
                    status.restoring.len()
                )));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Ends when the application has failed for good.
    pub async fn failed(&self) -> String {
        const WATCH: Duration = Duration::from_millis(500);
        loop {
            if let Some(reason) = self.with(Application::failed).flatten() {
                return reason;
            }
            tokio::time::sleep(WATCH).await;
        }
    }

    /// Commits and ends. Blocks.
    ///
    /// # Errors
    /// Failed, with the first worker's error.
    pub fn stop(&self, how: Stop) -> Result<(), Error> {
        let application = self.inner.application.write().unwrap_or_else(PoisonError::into_inner).take();
        match application {
            Some(application) => application.stop(how).map_err(|error| Error::failed(error.to_string())),
            None => Ok(()),
        }
    }
}

fn health_of(status: Option<&Status>, standbys: &[Standby], is_open: bool) -> Health {
    let serves = status.is_some_and(|status| status.workers > 0 && status.is_ready()) && is_open;
    let reason = status.and_then(|status| status.failed.clone());
    Health {
        status: match (serves, &reason) {
            (_, Some(_)) => "failed",
            (true, None) => "serving",
            (false, None) => "starting",
        },
        tasks_running: status.map_or(0, |status| status.running.len()),
        tasks_restoring: status.map_or(0, |status| status.restoring.len()),
        tasks_standby: standbys.len(),
        tasks_warm: standbys.iter().filter(|standby| standby.is_warm).count(),
        standby_lag_records: standbys.iter().map(|standby| standby.lag_records).max().unwrap_or(0),
        reason,
    }
}
