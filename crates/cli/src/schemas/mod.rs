//! `headwater schemas`: what the schema registry has.

use std::io::Read;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use headwater_schema::avro::AvroSchema;
use headwater_schema::compatibility::Level;
use headwater_schema::registry_client::{BlockingRegistry, RegistryClient};
use headwater_schema::schema_book::SchemaSource;
use headwater_schema::{SchemaId, Version};
use serde::Serialize;
use serde_json::Value;

use crate::Error;
use crate::args::ConnectionArgs;
use crate::cluster::registry;
use crate::output::{Format, Grid, OutputArgs, counted, note, write_out};
use crate::settings::Settings;

/// `headwater schemas`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater schemas list\n  \
    headwater schemas get orders.commands-value\n  \
    headwater schemas check orders.events-headwater.orders.OrderPaid OrderPaid.avsc\n  \
    headwater schemas config orders.commands-value --set FULL_TRANSITIVE")]
pub struct SchemasArgs {
    /// How to reach the registry.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: SchemasCommand,
}

/// What to do about schemas.
#[derive(Debug, Clone, Subcommand)]
pub enum SchemasCommand {
    /// List subjects with their newest version, id and compatibility level.
    #[command(after_help = "Examples:\n  headwater schemas list\n  headwater schemas list orders. -o json")]
    List {
        /// Only subjects that begin so
        #[arg(value_name = "PREFIX", default_value = "")]
        prefix: String,
        /// How the answer is written.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Print a schema.
    #[command(
        disable_version_flag = true,
        after_help = "Examples:\n  headwater schemas get orders.commands-value\n  headwater schemas get orders.commands-value --version 1\n  headwater schemas get --id 7"
    )]
    Get {
        /// The subject
        #[arg(value_name = "SUBJECT", required_unless_present = "id", conflicts_with = "id")]
        subject: Option<String>,
        /// The version [default: the newest]
        #[arg(long, value_name = "N", conflicts_with = "id")]
        version: Option<u32>,
        /// The schema of an id
        #[arg(long, value_name = "N")]
        id: Option<u32>,
        /// How the answer is written.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Register a new version of a subject.
    #[command(after_help = "Examples:\n  headwater schemas register my.topic-value my.avsc")]
    Register {
        /// The subject
        #[arg(value_name = "SUBJECT")]
        subject: String,
        /// An Avro schema; - is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Ask whether a schema may follow what a subject has; exit code 1 if not, with the field and the rule.
    #[command(after_help = "Examples:\n  headwater schemas check orders.commands-value commands.avsc")]
    Check {
        /// The subject
        #[arg(value_name = "SUBJECT")]
        subject: String,
        /// An Avro schema; - is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Show or set a compatibility level, of a subject or of the whole registry.
    #[command(
        after_help = "Examples:\n  headwater schemas config\n  headwater schemas config orders.commands-value --set BACKWARD_TRANSITIVE"
    )]
    Config {
        /// The subject [default: the whole registry]
        #[arg(value_name = "SUBJECT")]
        subject: Option<String>,
        /// NONE, BACKWARD, FORWARD, FULL, or these with _TRANSITIVE
        #[arg(long, value_name = "LEVEL")]
        set: Option<Level>,
        /// How the answer is written.
        #[command(flatten)]
        output: OutputArgs,
    },
}

/// A subject in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct SubjectRow {
    subject: String,
    version: u32,
    id: u32,
    /// None where the registry's level holds.
    compatibility: Option<Level>,
    /// The record's full name; None for a union.
    name: Option<String>,
}

#[derive(Serialize)]
struct LevelRow<'a> {
    subject: Option<&'a str>,
    compatibility: Option<Level>,
}

/// Runs it.
///
/// # Errors
/// Usage for a file that is no schema; failed for what the registry answers.
pub fn run(arguments: &SchemasArgs, settings: &Settings) -> Result<(), Error> {
    let registry = registry(settings, &arguments.connection)?;
    match &arguments.command {
        SchemasCommand::List { prefix, output } => {
            let rows = rows(&registry, prefix)?;
            output.print(&rows, || table(&rows).to_text())
        }
        SchemasCommand::Get { subject, version, id, output } => {
            let text = match (subject, id) {
                (Some(subject), _) => {
                    let (subject, version) = (subject.clone(), version.map(Version));
                    registry.wait(|client| async move { client.version(&subject, version).await })?.schema
                }
                (None, id) => registry.schema(SchemaId(id.unwrap_or_default()))?,
            };
            let schema: Value = serde_json::from_str(&text)
                .map_err(|error| Error::failed(format!("the registry's schema is no JSON: {error}")))?;
            // A schema is JSON: for people too.
            let format = if output.format == Format::Table { Format::Json } else { output.format };
            write_out(&crate::output::render(format, &schema, String::new)?)
        }
        SchemasCommand::Register { subject, file } => {
            let id = registry.register(subject, &read(file)?)?;
            note(&format!("subject {subject} has this schema under id {id}"));
            write_out(&format!("{id}\n"))
        }
        SchemasCommand::Check { subject, file } => {
            let (schema, of) = (read(file)?, subject.clone());
            let reasons = registry.wait(|client| async move { client.check_compatibility(&of, &schema).await })?;
            if reasons.is_empty() {
                return write_out(&format!("compatible with {subject}\n"));
            }
            let count = counted(reasons.len() as u64, "reason");
            Err(Error::failed(format!("not compatible with {subject}, for {count}:\n{}", reasons.join("\n"))))
        }
        SchemasCommand::Config { subject, set, output } => {
            let (of, level) = (subject.clone(), *set);
            let compatibility = registry.wait(|client| async move {
                if let Some(level) = level {
                    client.set_level(of.as_deref(), level).await?;
                }
                client.level(of.as_deref()).await
            })?;
            let row = LevelRow { subject: subject.as_deref(), compatibility };
            output.print(&row, || match compatibility {
                Some(level) => level.to_string(),
                None => "no level of its own: the registry's holds".to_owned(),
            })
        }
    }
}

fn rows(registry: &BlockingRegistry, prefix: &str) -> Result<Vec<SubjectRow>, Error> {
    let mut subjects = registry.wait(|client| async move { client.subjects().await })?;
    subjects.retain(|subject| subject.starts_with(prefix));
    subjects.sort();
    let mut rows = Vec::with_capacity(subjects.len());
    for subject in subjects {
        rows.push(registry.wait(|client| row(client, subject))?);
    }
    Ok(rows)
}

async fn row(client: RegistryClient, subject: String) -> Result<SubjectRow, headwater_schema::Error> {
    let latest = client.version(&subject, None).await?;
    let name = AvroSchema::parse(&latest.schema).ok().and_then(|schema| schema.full_name().map(str::to_owned));
    let compatibility = client.level(Some(&subject)).await?;
    Ok(SubjectRow { subject, version: latest.version.0, id: latest.id.0, compatibility, name })
}

fn table(rows: &[SubjectRow]) -> Grid {
    let mut grid = Grid::new(&["SUBJECT", "VERSION", "ID", "COMPATIBILITY"]);
    for row in rows {
        let level = row.compatibility.map_or_else(|| "(the registry's)".to_owned(), |level| level.to_string());
        grid.row([row.subject.clone(), row.version.to_string(), row.id.to_string(), level]);
    }
    grid
}

fn read(file: &Path) -> Result<AvroSchema, Error> {
    let unreadable = |error: std::io::Error| Error::usage(format!("{} can't be read: {error}", file.display()));
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(unreadable)?;
        text
    } else {
        std::fs::read_to_string(file).map_err(unreadable)?
    };
    AvroSchema::parse(&text).map_err(|error| Error::usage(format!("{}: {error}", file.display())))
}

#[cfg(test)]
mod tests;
