//! `headwater topics`: declared against actual, and the way from one to the other.

mod catalogue;
mod registered;

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use headwater_kafka::topics::{
    Actual, Declaration, Plan, PlanOptions, Progress, SchemaRegistry, TopicChange, TopicListing, apply, import, list,
    plan, plan_schemas, render_text, subjects,
};
use headwater_log::TopicName;

use crate::Error;
use crate::args::ConnectionArgs;
use crate::cluster::{Cluster, registry};
use crate::output::{Format, Grid, OutputArgs, counted, has_colours, note, write_out};
use crate::platform;
use crate::settings::Settings;
use catalogue::Catalogue;
use registered::Registered;

/// `headwater topics`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater topics plan                        what apply would do; exit code 3 if there is anything\n  \
    headwater topics apply                       create, grow and configure topics, register schemas\n  \
    headwater topics apply --allow-delete        also delete what is declared absent, or not declared\n  \
    headwater topics drift -o json               what differs from the declaration, for a scheduled check\n  \
    headwater topics list\n  \
    headwater topics import > topics.yaml        begin with what a cluster has")]
pub struct TopicsArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: TopicsCommand,
}

/// What to do about topics.
#[derive(Debug, Clone, Subcommand)]
pub enum TopicsCommand {
    /// Show what apply would do; exit code 3 if there is anything.
    Plan(PlanArgs),
    /// Make the cluster and the registry as declared. Nothing is deleted without --allow-delete.
    Apply(PlanArgs),
    /// Show how the cluster differs from what is declared, undeclared topics too; exit code 3 if it does.
    Drift(PlanArgs),
    /// List topics, declared and existing.
    List(ListArgs),
    /// Write a topics.yaml of what the cluster has.
    Import(ImportArgs),
}

/// `headwater topics plan`, `apply` and `drift`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater topics plan -b kafka:9092 --registry http://registry:8081\n  \
    headwater topics plan --file topics.yaml -o json\n  \
    headwater topics apply --no-schemas")]
pub struct PlanArgs {
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// The declaration; schemas lie beside it [default: topics.yaml here, else the one that is built in]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Let topics be deleted that are declared absent, or that nobody declared
    #[arg(long)]
    pub allow_delete: bool,
    /// Leave the schema registry alone
    #[arg(long)]
    pub no_schemas: bool,
    /// How the answer is written.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `headwater topics list`.
#[derive(Debug, Clone, Args)]
#[command(
    after_help = "Examples:\n  headwater topics list\n  headwater topics list -o json | jq '.[] | select(.is_declared | not)'"
)]
pub struct ListArgs {
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// The declaration [default: topics.yaml here, else the one that is built in]
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// How the answer is written.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `headwater topics import`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  headwater topics import -b kafka:9092 > topics.yaml")]
pub struct ImportArgs {
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
}

/// Runs it.
///
/// # Errors
/// Usage for a declaration that can't be read, pending when the cluster is not as declared, failed otherwise.
pub fn run(arguments: &TopicsArgs, settings: &Settings) -> Result<(), Error> {
    match &arguments.command {
        TopicsCommand::Plan(arguments) => {
            let planned = Planned::make(arguments, settings)?;
            planned.show(arguments.output.format)?;
            let pending = planned.plan.changes.len() + planned.plan.schemas.len();
            if planned.plan.is_empty() { Ok(()) } else { Err(pending_changes(pending, "headwater topics apply")) }
        }
        TopicsCommand::Drift(arguments) => {
            let planned = Planned::make(arguments, settings)?;
            planned.show(arguments.output.format)?;
            let differences = planned.plan.changes.len() + planned.plan.schemas.len() + planned.plan.notes.len();
            if planned.plan.has_drifted() { Err(pending_changes(differences, "headwater topics plan")) } else { Ok(()) }
        }
        TopicsCommand::Apply(arguments) => {
            let planned = Planned::make(arguments, settings)?;
            planned.show(arguments.output.format)?;
            planned.apply()
        }
        TopicsCommand::List(arguments) => {
            let cluster = Cluster::reach(settings, &arguments.connection)?;
            let declared = declaration(arguments.file.as_deref())?.0;
            let listed = list(&declared, &Actual::read(&cluster.admin)?, cluster.connection.prefix())?;
            arguments.output.print(&listed, || table(&listed).to_text())
        }
        TopicsCommand::Import(arguments) => {
            let cluster = Cluster::reach(settings, &arguments.connection)?;
            write_out(&import(&Actual::read(&cluster.admin)?, cluster.connection.prefix())?)
        }
    }
}

fn pending_changes(count: usize, command: &str) -> Error {
    Error::pending(format!("{} pending: see `{command}`", counted(count as u64, "difference")))
}

/// The declaration that was asked for, and where its schemas lie.
fn declaration(file: Option<&Path>) -> Result<(Declaration, Catalogue), Error> {
    let here = Path::new("topics.yaml");
    match file.or_else(|| here.is_file().then_some(here)) {
        Some(file) => {
            let folder = file.parent().unwrap_or(Path::new("")).to_owned();
            Ok((Declaration::read(file)?, Catalogue::beside(folder)))
        }
        None => Ok((platform::declaration()?, Catalogue::BuiltIn)),
    }
}

struct Planned {
    cluster: Cluster,
    plan: Plan,
    registry: Option<Registered>,
}

impl Planned {
    fn make(arguments: &PlanArgs, settings: &Settings) -> Result<Self, Error> {
        let (declared, catalogue) = declaration(arguments.file.as_deref())?;
        let cluster = Cluster::reach(settings, &arguments.connection)?;
        let prefix = cluster.connection.prefix().clone();
        let options = PlanOptions { prefix: prefix.clone(), allow_delete: arguments.allow_delete };
        let mut plan = plan(&declared, &Actual::read(&cluster.admin)?, &options)?;
        let registry = if arguments.no_schemas {
            None
        } else {
            let wanted = subjects(&declared, &prefix, |path| catalogue.full_name(path))?;
            let registry = Registered::new(registry(settings, &arguments.connection)?, catalogue);
            plan.schemas = plan_schemas(&wanted, &registry).map_err(without_registry)?;
            Some(registry)
        };
        Ok(Self { cluster, plan, registry })
    }

    fn show(&self, format: Format) -> Result<(), Error> {
        let text = crate::output::render(format, &self.plan, || render_text(&self.plan, has_colours()))?;
        write_out(&text)
    }

    fn apply(&self) -> Result<(), Error> {
        if self.plan.is_empty() {
            return Ok(());
        }
        let registry = self.registry.as_ref().map(|registry| registry as &dyn SchemaRegistry);
        apply(&self.plan, &self.cluster.admin, registry, &mut |step| match step {
            Progress::Topic(change) => note(&format!("done: {}", told(change))),
            Progress::Schema(schema, id) => note(&format!("done: subject {} has id {id}", schema.subject.subject)),
        })?;
        note(&format!("cluster {} is as declared", self.plan.cluster_id));
        Ok(())
    }
}

fn without_registry(error: headwater_kafka::Error) -> Error {
    match error.kind() {
        headwater_kafka::ErrorKind::Unavailable => Error::failed(format!(
            "{error}: name the registry with --registry or SCHEMA_REGISTRY_URL, or leave schemas out with --no-schemas"
        )),
        _ => error.into(),
    }
}

fn told(change: &TopicChange) -> String {
    let of = |doing: &str, topic: &TopicName| format!("topic {topic} {doing}");
    match change {
        TopicChange::Create { topic, .. } => of("created", topic),
        TopicChange::AddPartitions { topic, to, .. } => of(&format!("has {to} partitions"), topic),
        TopicChange::AlterConfigs { topic, .. } => of("configured", topic),
        TopicChange::Delete { topic, .. } => of("deleted", topic),
    }
}

fn table(listed: &[TopicListing]) -> Grid {
    let mut grid = Grid::new(&["TOPIC", "OWNER", "DOMAIN", "PARTITIONS", "REPLICAS", "CLEANUP", "RETENTION", "STATE"]);
    for topic in listed {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        let number = |number: Option<u32>| number.map_or_else(|| "-".to_owned(), |number| number.to_string());
        let state = match (topic.is_declared, topic.partitions) {
            (true, Some(_)) => "ok",
            (true, None) => "missing",
            (false, _) if is_made_by_programs(topic.name.as_str()) => "internal",
            (false, _) => "undeclared",
        };
        grid.row([
            topic.name.to_string(),
            or_dash(&topic.owner),
            or_dash(&topic.domain),
            number(topic.partitions),
            number(topic.replication_factor),
            or_dash(&topic.cleanup_policy),
            retention(topic),
            state.to_owned(),
        ]);
    }
    grid
}

/// The registry's topic, and those that processors make for themselves.
fn is_made_by_programs(name: &str) -> bool {
    name.starts_with('_') || name.ends_with("-changelog") || name.ends_with("-repartition")
}

fn retention(topic: &TopicListing) -> String {
    const HOUR_MS: i64 = 3_600_000;
    match topic.retention_ms {
        None => "-".to_owned(),
        Some(_) if topic.cleanup_policy.as_deref() == Some("compact") => "latest by key".to_owned(),
        Some(ms) if ms < 0 => "for ever".to_owned(),
        Some(ms) if ms % (24 * HOUR_MS) == 0 => format!("{}d", ms / (24 * HOUR_MS)),
        Some(ms) if ms % HOUR_MS == 0 => format!("{}h", ms / HOUR_MS),
        Some(ms) => format!("{ms}ms"),
    }
}

#[cfg(test)]
mod tests;
