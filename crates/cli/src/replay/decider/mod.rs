//! A decider's replay: its events are folded beside what it holds, and what differs is put right in its changelog.
//!
//! Whenever it breaks off, no key is worse than before: nothing is emptied, each key goes from what it was to what the
//! events say, and running it again does the rest. Input positions, ids seen and records set aside are not touched.

mod correcting;
mod folding;
mod plan;

use std::time::Duration;

use headwater_kafka::Isolation;
use headwater_log::TopicPartition;
use headwater_streams::Topology;

use self::correcting::Corrector;
use self::folding::Folded;
use self::plan::RebuildPlan;
use super::home::Home;
use super::rebuild::{Scratch, schemas};
use super::{ReplayArgs, reset};
use crate::Error;
use crate::application::committed;
use crate::application::moving::{Readers, is_of};
use crate::clock::{Deadline, pause};
use crate::cluster::{Cluster, partitions_of};
use crate::output::{Format, counted, note};
use crate::records::{Ends, ends_of};

/// Transactions of an instance that died are ended by the broker after 10 s.
const SETTLED: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(100);

type Ranges = std::collections::BTreeMap<TopicPartition, Ends>;

/// Shows the plan, and with `--yes` does it.
///
/// # Errors
/// Failed while the application runs, when it never ran the processor, or for an event that can't be folded.
pub fn replay(arguments: &ReplayArgs, home: &Home, topology: &Topology) -> Result<(), Error> {
    let cluster = Cluster::of(home.connection().clone())?;
    cluster.admin.describe_cluster().map_err(|error| cluster.explain(error))?;
    home.wait_until_stopped(&cluster, &arguments.application)?;
    has_run(&cluster, topology, &arguments.application)?;
    let local_tasks = reset::local_tasks(home.state_dir(), topology.name())?;
    let mut plan = RebuildPlan::of(topology, &arguments.application, cluster.connection.prefix(), local_tasks)?;
    let events = partitions_of(&cluster.topic(plan.events.as_str())?);
    plan.measure(&ends_of(&cluster.admin, &events, Isolation::ReadUncommitted)?);
    arguments.output.print(&plan, || plan.describe())?;
    if !arguments.yes {
        if arguments.output.format == Format::Table {
            note("nothing was changed: do it with --yes");
        }
        return Ok(());
    }
    let rebuild = topology.rebuild().ok_or_else(|| Error::failed("its state is no fold of its events"))?;
    let facts =
        headwater_runtime::topic_facts(&cluster.admin, std::slice::from_ref(rebuild), cluster.connection.prefix());
    let facts = facts.map_err(reset::failed)?;
    let changelog = partitions_of(&cluster.topic(plan.changelog.as_str())?);
    let (events, held) = (settled(&cluster, &events)?, settled(&cluster, &changelog)?);
    let scratch = Scratch::new(None, &arguments.application, topology.name());
    let mut folded =
        Folded::open(scratch.path(), arguments.memory_mib, topology, facts, schemas(home, &cluster)?, &cluster)?;
    let records = folded.read_events(&cluster, &events)?;
    folded.read_held(&cluster, &held)?;
    let mut corrector = Corrector::new(&cluster, &plan)?;
    folded.correct(&mut corrector)?;
    let corrected = corrector.finish()?;
    reset::wipe(home.state_dir(), &plan.local_tasks, reset::Left::Positions)?;
    note(&format!(
        "{} is rebuilt from {}, {} put right: start application {} again",
        plan.processor,
        counted(records, "event"),
        counted(corrected, "key"),
        plan.application
    ));
    Ok(())
}

/// State belongs to the application whose positions it goes with: another one may be running with it.
fn has_run(cluster: &Cluster, topology: &Topology, application: &str) -> Result<(), Error> {
    let readers = Readers::of(std::slice::from_ref(topology), cluster.connection.prefix())?;
    let committed = committed(cluster, application)?;
    let mut positions = committed.iter().map(|committed| readers.positions(committed));
    if positions.any(|positions| positions.iter().any(|(reader, _)| is_of(reader, topology.name()))) {
        return Ok(());
    }
    Err(Error::failed(format!(
        "application {application} has never run {}: name the one that has with --application",
        topology.name()
    )))
}

/// Where partitions end once no transaction is open: what was committed is all visible then.
fn settled(cluster: &Cluster, partitions: &[TopicPartition]) -> Result<Ranges, Error> {
    let ends = ends_of(&cluster.admin, partitions, Isolation::ReadUncommitted)?;
    let deadline = Deadline::after(SETTLED);
    loop {
        let stable = ends_of(&cluster.admin, partitions, Isolation::ReadCommitted)?;
        let open = ends.iter().find(|(partition, range)| stable.get(partition).is_none_or(|at| at.end < range.end));
        match open {
            None => return Ok(ends),
            Some((partition, _)) if deadline.has_passed() => {
                return Err(Error::failed(format!("{partition} has a transaction that does not end: try again")));
            }
            Some(_) => pause(LOOK_EVERY),
        }
    }
}

#[cfg(test)]
mod tests;
