//! `headwater replay`: a projection's state and views, or a decider's state, rebuilt from the topics.

mod decider;
mod home;
mod plan;
mod rebuild;
mod reset;

use std::path::PathBuf;

use clap::Args;
use headwater_kafka::Isolation;

use crate::Error;
use crate::application::committed;
use crate::application::moving::Readers;
use crate::args::ConnectionArgs;
use crate::cluster::{Cluster, partitions_of};
use crate::output::{Format, OutputArgs, counted, note};
use crate::platform;
use crate::records::ends_of;
use crate::settings::Settings;
use home::Home;
use plan::ReplayPlan;

/// `headwater replay`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater replay order-views                                   what would be read again; --yes does it\n  \
    headwater replay order-views --application order-views --yes   where it runs as an application of its own\n  \
    headwater replay order-views --data-dir dev --yes              on the data of `headwater dev`, while that is stopped\n  \
    headwater replay sagas --state-dir state --yes                 and leaves the new state there\n  \
    headwater replay orders --yes                                  a decider: its state, from the events it published\n\n\
    The application must be stopped. Its other processors keep their positions. If it breaks off, run it again.")]
pub struct ReplayArgs {
    /// The processor
    #[arg(value_name = "PROCESSOR")]
    pub processor: String,
    /// The application that it belongs to
    #[arg(long, value_name = "APPLICATION", default_value = "headwater")]
    pub application: String,
    /// The stores of an instance, which are wiped and built anew [default: only the changelog; instances restore from it]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// The folder of a `headwater dev` that is stopped: broker, registry and stores are there
    #[arg(long, value_name = "DIR", conflicts_with_all = ["state_dir", "brokers", "registry"])]
    pub data_dir: Option<PathBuf>,
    /// Threads that process records
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub workers: usize,
    /// Memory for stores, caches and fetches, in MiB
    #[arg(long, value_name = "N", default_value_t = 256)]
    pub memory_mib: usize,
    /// Do it
    #[arg(long)]
    pub yes: bool,
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// How the plan is written.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Runs it.
///
/// # Errors
/// Usage for an unknown processor; failed while its application runs, or for one that can't be replayed.
pub fn run(arguments: &ReplayArgs, settings: &Settings) -> Result<(), Error> {
    let topology = platform::named(&arguments.processor)?;
    let is_decider = topology.rebuild().is_some();
    if let Some(reason) = plan::refusal(&topology, &platform::declaration()?).filter(|_| !is_decider) {
        return Err(Error::failed(reason));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed(format!("no threads to run on: {error}")))?;
    let home = runtime.block_on(Home::open(arguments, settings))?;
    let outcome = if is_decider {
        decider::replay(arguments, &home, &topology)
    } else {
        replay(arguments, &home, topology, runtime.handle())
    };
    let closed = runtime.block_on(home.close());
    runtime.shutdown_background();
    outcome.and(closed)
}

fn replay(
    arguments: &ReplayArgs,
    home: &Home,
    topology: headwater_streams::Topology,
    runtime: &tokio::runtime::Handle,
) -> Result<(), Error> {
    let cluster = Cluster::of(home.connection().clone())?;
    cluster.admin.describe_cluster().map_err(|error| cluster.explain(error))?;
    home.wait_until_stopped(&cluster, &arguments.application)?;
    let readers = Readers::of(std::slice::from_ref(&topology), cluster.connection.prefix())?;
    let mut inputs = Vec::new();
    for (topic, _) in readers.iter() {
        inputs.extend(partitions_of(&cluster.topic(topic.as_str())?));
    }
    let ends = ends_of(&cluster.admin, &inputs, Isolation::ReadCommitted)?;
    let before = committed(&cluster, &arguments.application)?;
    let local_tasks = reset::local_tasks(home.state_dir(), topology.name())?;
    let plan = ReplayPlan::make(&topology, &arguments.application, &cluster.connection, ends, &before, &readers)?
        .with_local_tasks(local_tasks);
    arguments.output.print(&plan, || plan.describe())?;
    if !arguments.yes {
        if arguments.output.format == Format::Table {
            note("nothing was changed: do it with --yes");
        }
        return Ok(());
    }
    // Positions first: should it break off here, a projection only folds again what it has folded before.
    cluster.admin.alter_group_offsets(&arguments.application, &plan.rewound)?;
    reset::renew_changelogs(&cluster, &plan.changelogs)?;
    reset::wipe(home.state_dir(), &plan.local_tasks, reset::Left::Nothing)?;
    let records = rebuild::run(arguments, home, topology, &cluster, &plan, runtime)?;
    note(&format!(
        "{} is rebuilt from {}: start application {} again",
        plan.processor,
        counted(records, "record"),
        plan.application
    ));
    Ok(())
}

#[cfg(test)]
mod tests;
