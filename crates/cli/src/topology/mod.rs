//! `headwater topology`: what a processor reads, keeps and writes.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use headwater_streams::{Manifest, Topology};

use crate::Error;
use crate::output::write_out;
use crate::platform;

/// `headwater topology`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater topology orders\n  \
    headwater topology --all --format mermaid > topology.mmd\n  \
    headwater topology order-views --format manifest > order-views.json    to compare with later\n  \
    headwater topology order-views --check order-views.json                would state be lost?")]
pub struct TopologyArgs {
    /// The processors
    #[arg(value_name = "PROCESSOR", required_unless_present = "all", conflicts_with = "all")]
    pub processors: Vec<String>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// How it is written
    #[arg(short = 'f', long, value_enum, default_value_t = Shape::Text, value_name = "FORMAT")]
    pub format: Shape,
    /// Compare with a manifest that was written before; exit code 1 if state would be lost or misread
    #[arg(long, value_name = "FILE", conflicts_with_all = ["all", "format"])]
    pub check: Option<PathBuf>,
}

/// How a topology is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Shape {
    /// Indented text.
    Text,
    /// JSON.
    Json,
    /// A Mermaid flowchart.
    Mermaid,
    /// What must stay the same for state to be found again, as JSON.
    Manifest,
}

/// Runs it.
///
/// # Errors
/// Usage for an unknown processor; failed when a comparison finds that state would be lost.
pub fn run(arguments: &TopologyArgs) -> Result<(), Error> {
    let topologies = if arguments.all {
        platform::all()?
    } else {
        arguments.processors.iter().map(|name| platform::named(name)).collect::<Result<_, _>>()?
    };
    match &arguments.check {
        Some(file) => check(&topologies, file),
        None => write_out(&describe(&topologies, arguments.format)?),
    }
}

/// Topologies in a shape; several in JSON are an array.
///
/// # Errors
/// When JSON can't be written.
pub fn describe(topologies: &[Topology], shape: Shape) -> Result<String, Error> {
    let parts: Vec<serde_json::Value> = match shape {
        Shape::Text => return Ok(topologies.iter().map(Topology::describe).collect::<Vec<_>>().join("\n")),
        Shape::Mermaid => return Ok(topologies.iter().map(Topology::describe_mermaid).collect::<Vec<_>>().join("\n")),
        Shape::Json => topologies.iter().map(Topology::describe_json).collect(),
        Shape::Manifest => topologies
            .iter()
            .map(|topology| serde_json::to_value(topology.manifest()))
            .collect::<Result<_, _>>()
            .map_err(|error| Error::failed(error.to_string()))?,
    };
    let text = match parts.as_slice() {
        [one] => serde_json::to_string_pretty(one),
        all => serde_json::to_string_pretty(all),
    };
    text.map(|text| text + "\n").map_err(|error| Error::failed(error.to_string()))
}

fn check(topologies: &[Topology], file: &Path) -> Result<(), Error> {
    let name = file.display();
    let text = std::fs::read_to_string(file).map_err(|error| Error::usage(format!("{name} can't be read: {error}")))?;
    let old: Manifest = serde_json::from_str(&text)
        .map_err(|error| Error::usage(format!("{name} is no manifest ({error}): write one with --format manifest")))?;
    for topology in topologies {
        topology.check_migration(&old).map_err(|migration| Error::failed(migration.to_string()))?;
    }
    write_out("state stays where it is found\n")
}

#[cfg(test)]
mod tests;
