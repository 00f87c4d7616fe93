//! `headwater application`: which processors belong to which application.

pub mod moving;

use clap::{Args, Subcommand};
use headwater_kafka::CommittedOffset;

use crate::Error;
use crate::args::ConnectionArgs;
use crate::cluster::Cluster;
use crate::output::{Format, Grid, OutputArgs, note};
use crate::platform;
use crate::settings::Settings;
use moving::{MovePlan, Readers};

/// `headwater application`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater application move inventory --from headwater --to inventory          shows the plan\n  \
    headwater application move inventory --from headwater --to inventory --yes    does it")]
pub struct ApplicationArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: ApplicationCommand,
}

/// What to do about applications.
#[derive(Debug, Clone, Subcommand)]
pub enum ApplicationCommand {
    /// Move a processor to another application, with its positions. Both must be stopped. Shows a plan; --yes does it.
    Move(MoveArgs),
}

/// `headwater application move`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater application move order-views --from headwater --to order-views --yes\n  \
    headwater run order-views                                                      goes on where headwater stopped\n\n\
    Stores and internal topics are named by processor, so they stay; local state is restored from the changelog.")]
pub struct MoveArgs {
    /// The processor
    #[arg(value_name = "PROCESSOR")]
    pub processor: String,
    /// The application it leaves
    #[arg(long, value_name = "APPLICATION")]
    pub from: String,
    /// The application it joins
    #[arg(long, value_name = "APPLICATION")]
    pub to: String,
    /// Replace positions that the other application has of it from before
    #[arg(long)]
    pub replace: bool,
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
/// Usage for an unknown processor; failed while one of the applications runs, or when there is nothing to move.
pub fn run(arguments: &ApplicationArgs, settings: &Settings) -> Result<(), Error> {
    let ApplicationCommand::Move(arguments) = &arguments.command;
    move_processor(arguments, settings)
}

fn move_processor(arguments: &MoveArgs, settings: &Settings) -> Result<(), Error> {
    platform::named(&arguments.processor)?;
    if arguments.from == arguments.to {
        return Err(Error::usage("--from and --to are the same application: nothing to move"));
    }
    let cluster = Cluster::reach(settings, &arguments.connection)?;
    cluster.must_be_stopped(&arguments.from)?;
    cluster.must_be_stopped(&arguments.to)?;
    let from = committed(&cluster, &arguments.from)?;
    let to = committed(&cluster, &arguments.to)?;
    let readers = Readers::of(&platform::all()?, cluster.connection.prefix())?;
    let plan = MovePlan::make(&arguments.processor, &from, &to, &readers);
    arguments.output.print(&plan, || table(&plan).to_text())?;
    if plan.steps.is_empty() {
        return Err(Error::failed(format!(
            "application {} has no positions of {}: did it ever run there?",
            arguments.from, arguments.processor
        )));
    }
    if plan.replaces() && !arguments.replace {
        return Err(Error::failed(format!(
            "application {} has positions of {} from before, at other places: replace them with --replace",
            arguments.to, arguments.processor
        )));
    }
    if !arguments.yes {
        if arguments.output.format == Format::Table {
            note(&format!("{} positions would move: do it with --yes", plan.steps.len()));
        }
        return Ok(());
    }
    // The new home first: if this breaks off, both have the positions, and doing it again completes it.
    cluster.admin.alter_group_offsets(&arguments.to, &plan.to)?;
    if !plan.from.is_empty() {
        cluster.admin.alter_group_offsets(&arguments.from, &plan.from)?;
    }
    if !plan.emptied.is_empty() {
        cluster.admin.delete_group_offsets(&arguments.from, &plan.emptied)?;
    }
    note(&format!("{} is of application {} now: start it with `headwater run`", arguments.processor, arguments.to));
    Ok(())
}

/// What a group has committed; nothing for a group that never was.
///
/// # Errors
/// What the cluster answers.
pub fn committed(cluster: &Cluster, group: &str) -> Result<Vec<CommittedOffset>, Error> {
    match cluster.admin.list_group_offsets(group, None, true) {
        Ok(committed) => Ok(committed),
        Err(error) if error.kind() == headwater_kafka::ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error.into()),
    }
}

fn table(plan: &MovePlan) -> Grid {
    let mut grid = Grid::new(&["TOPIC", "PARTITION", "READER", "POSITION", "THERE NOW"]);
    for step in &plan.steps {
        grid.row([
            step.topic.to_string(),
            step.partition.to_string(),
            step.reader.clone(),
            step.position.to_string(),
            step.replaces.map_or_else(|| "-".to_owned(), |position| position.to_string()),
        ]);
    }
    grid
}

#[cfg(test)]
mod tests;
