use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_log::TopicName;
use headwater_streams::{TaskEnvironment, Topology};

use crate::fusible::Fusible;
use crate::planted::Planted;
use crate::{Error, Placement};

/// What a worker needs to know of a changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangelogFacts {
    /// The topic's id, where the broker gives one.
    pub topic_id: Option<String>,
    /// The topic's `delete.retention.ms`.
    pub delete_retention_ms: i64,
}

/// What a worker needs to know of its topics, beyond what its tasks do.
#[derive(Debug, Clone, Default)]
pub struct ClusterFacts {
    /// Changelogs, and topics that tables are kept of, by their real names.
    pub changelogs: BTreeMap<TopicName, ChangelogFacts>,
    /// Topics whose records get the broker's time, not their producer's.
    pub log_append_time: BTreeSet<TopicName>,
}

/// How the workers of an application work; bytes are one worker's share.
#[derive(Debug, Clone)]
pub struct WorkerSettings {
    /// `application.id`.
    pub application: String,
    /// The instance's name, for messages.
    pub instance: String,
    /// The longest that a transaction stays open under load.
    pub commit_interval_max: Duration,
    /// Staged writes: a worker commits before it holds more.
    pub staged_bytes_max: usize,
    /// Whether records to partitions that a worker both writes and reads are handed over within the transaction.
    pub fusion: bool,
    /// Records handed to tasks and not yet processed.
    pub input_bytes_max: usize,
}

/// What the workers of an application share in one process; read only, but for the count of assignments.
pub struct Blueprint {
    /// How they work.
    pub settings: WorkerSettings,
    /// The application's processors.
    pub topologies: Vec<Topology>,
    /// What the tasks have in common.
    pub environment: Arc<TaskEnvironment>,
    placement: Placement,
    fusible: Fusible,
    changelogs: BTreeMap<TopicName, ChangelogFacts>,
    epochs: AtomicU64,
    /// Which assignment has the store of each task.
    claims: Mutex<BTreeMap<String, u64>>,
    pub(crate) planted: Planted,
}

impl Blueprint {
    /// Places the topologies' tasks by their anchors.
    ///
    /// # Errors
    /// [`Error::Configuration`] when an anchor is no topic of the environment.
    pub fn new(
        settings: WorkerSettings,
        topologies: Vec<Topology>,
        environment: Arc<TaskEnvironment>,
        cluster: ClusterFacts,
    ) -> Result<Self, Error> {
        let placement = Placement::new(&topologies, &environment)?;
        let ClusterFacts { changelogs, log_append_time } = cluster;
        let fusible = Fusible::new(&topologies, &environment, &log_append_time);
        let epochs = AtomicU64::new(0);
        Ok(Self {
            settings,
            topologies,
            environment,
            placement,
            fusible,
            changelogs,
            epochs,
            claims: Mutex::default(),
            planted: Planted::default(),
        })
    }

    /// Plants a bug.
    #[cfg(feature = "planted-bugs")]
    pub const fn plant(&mut self, bug: crate::Bug) {
        self.planted.bug = Some(bug);
    }

    /// Which tasks come with which anchor.
    #[must_use]
    pub const fn placement(&self) -> &Placement {
        &self.placement
    }

    /// Which topics are written and read inside the application.
    pub(crate) const fn fusible(&self) -> &Fusible {
        &self.fusible
    }

    /// A number for an assignment, unlike any before in this process: what an earlier run of a worker asked for never
    /// passes for what the present one did.
    pub(crate) fn next_epoch(&self) -> u64 {
        self.epochs.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Does something with the store of a task for the assignment of that number; None if it was assigned anew since.
    /// The workers of a process share its stores. One that was away for longer than its session may still believe to have
    /// a task which another of them has by now, and would write old values over that one's.
    pub(crate) fn as_owner<T>(&self, task: &str, claim: u64, work: impl FnOnce() -> T) -> Option<T> {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let latest = claims.entry(task.to_owned()).or_default();
        *latest = claim.max(*latest);
        (*latest == claim).then(work)
    }

    /// What is known of a changelog, or of the topic of a table.
    pub(crate) fn changelog_facts(&self, changelog: &TopicName) -> ChangelogFacts {
        let unknown = ChangelogFacts { topic_id: None, delete_retention_ms: i64::MAX };
        self.changelogs.get(changelog).cloned().unwrap_or(unknown)
    }
}

#[cfg(test)]
mod tests;
