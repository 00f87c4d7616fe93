use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headwater_kafka::{Isolation, Next};
use headwater_log::TopicPartition;
use headwater_payments::Profile;
use headwater_runtime::state::MemoryBudget;
use headwater_runtime::{Application, ApplicationSettings, RegistrySchemas, Setup, Stop};
use headwater_schema::SchemaBook;
use headwater_schema::registry_client::{BlockingRegistry, ClientSettings};
use headwater_schema::schema_book::BookSettings;
use headwater_streams::Topology;
use tokio::runtime::Handle;

use super::ReplayArgs;
use super::home::Home;
use super::plan::ReplayPlan;
use crate::clock::{Deadline, pause};
use crate::cluster::Cluster;
use crate::output::Progress;
use crate::records::read_range;
use crate::{Error, platform};

const INSTANCE: &str = "replay";
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// Without a record processed for so long, something is wrong.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs the processor alone until it has read what there was, and leaves. Answers with how many offsets that were.
///
/// # Errors
/// Failed, when the processor fails or stands still.
pub fn run(
    arguments: &ReplayArgs,
    home: &Home,
    topology: Topology,
    cluster: &Cluster,
    plan: &ReplayPlan,
    runtime: &Handle,
) -> Result<u64, Error> {
    let scratch = Scratch::new(home.state_dir(), &arguments.application, topology.name());
    let settings = ApplicationSettings {
        workers: arguments.workers.max(1),
        memory: MemoryBudget::new(arguments.memory_mib.saturating_mul(1 << 20)),
        ..ApplicationSettings::new(&arguments.application, INSTANCE, scratch.path().to_owned())
    };
    let application = Application::start(Setup {
        settings,
        connection: cluster.connection.clone(),
        topologies: vec![topology],
        schemas: schemas(home, cluster)?,
        steps: platform::steps(Profile::default()),
        metrics: prometheus::Registry::new(),
        calls: runtime.clone(),
        tracer: None,
    })
    .map_err(|error| Error::failed(error.to_string()))?;
    let followed = follow(&application, cluster, plan);
    let stopped = application.stop(Stop::Leave).map_err(|error| Error::failed(error.to_string()));
    followed.and(stopped)?;
    Ok(plan.records())
}

/// The schemas that the events are written with.
///
/// # Errors
/// Usage for a registry's URL that is none.
pub fn schemas(home: &Home, cluster: &Cluster) -> Result<Arc<RegistrySchemas>, Error> {
    let registry = BlockingRegistry::new(ClientSettings::from_urls(home.registry_url())?)?;
    let book = SchemaBook::new(Box::new(registry), BookSettings::default());
    Ok(Arc::new(RegistrySchemas::new(book, cluster.connection.prefix().clone())))
}

fn follow(application: &Application, cluster: &Cluster, plan: &ReplayPlan) -> Result<(), Error> {
    let partitions: Vec<TopicPartition> = plan.ranges.keys().cloned().collect();
    let progress = Progress::of_records(plan.records());
    let mut best = 0;
    let mut deadline = Deadline::after(PATIENCE);
    let result = loop {
        if let Some(reason) = application.failed() {
            break Err(Error::failed(format!("{} has failed: {reason}", plan.processor)));
        }
        let committed = cluster.admin.list_group_offsets(&plan.application, Some(&partitions), false)?;
        let (done, behind) = plan.progress(&committed);
        progress.set(done);
        if behind.is_empty() {
            break Ok(());
        }
        if done > best {
            best = done;
            deadline = Deadline::after(PATIENCE);
        } else if application.is_ready() && !has_records(cluster, &behind)? {
            // What is left are transaction markers, which nobody processes.
            break Ok(());
        } else if deadline.has_passed() {
            let waiting = application.status();
            break Err(Error::failed(format!(
                "{} has stood still for {} s at {done} of {} offsets, with {} tasks running and {} being restored: its log \
                 says more with RUST_LOG=info",
                plan.processor,
                PATIENCE.as_secs(),
                plan.records(),
                waiting.running.len(),
                waiting.restoring.len()
            )));
        }
        pause(LOOK_EVERY);
    };
    progress.finish();
    result
}

/// Whether any committed record lies in these ranges.
fn has_records(
    cluster: &Cluster,
    ranges: &std::collections::BTreeMap<TopicPartition, crate::records::Ends>,
) -> Result<bool, Error> {
    let mut found = false;
    read_range(&cluster.connection, ranges, Isolation::ReadCommitted, Duration::from_secs(30), |_| {
        found = true;
        Next::Stop
    })?;
    Ok(found)
}

/// A folder for stores: the one that was given, or one that goes away.
pub struct Scratch {
    path: PathBuf,
    is_ours: bool,
}

impl Scratch {
    /// The given folder, or one that is named by what it is for.
    pub fn new(given: Option<&Path>, application: &str, processor: &str) -> Self {
        match given {
            Some(path) => Self { path: path.to_owned(), is_ours: false },
            None => {
                let name = format!("headwater-replay-{application}-{processor}-{}", std::process::id());
                Self { path: std::env::temp_dir().join(name), is_ours: true }
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.is_ours {
            // What can't be removed is the system's to tidy: it lies in the temporary folder.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}
