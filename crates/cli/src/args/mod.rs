//! The command line: one file for each group of subcommands.

mod connection;
mod demo;
mod dev;
mod run;
pub mod tools;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

pub use connection::ConnectionArgs;
pub use demo::DemoArgs;
pub use dev::DevArgs;
pub use run::{OnStop, PaymentProfile, RunArgs};

/// Kafka-native stream processing: a stream runtime, and the services that a business runs on it.
#[derive(Debug, Parser)]
#[command(name = "headwater", version, arg_required_else_help = true)]
#[command(after_help = "Start here: `headwater dev` runs everything in one process, with nothing else to install.\n\
    Settings: a flag wins over the environment, that over headwater.yaml, that over a profile, that over the default.\n\
    Exit codes: 0 done, 1 failed, 2 usage, 3 changes are pending.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Settings that hold for every command.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// Settings that hold for every command.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct GlobalArgs {
    /// How log lines look; what is logged is set by RUST_LOG [default: text]
    #[arg(long, global = true, value_enum, value_name = "FORMAT")]
    pub log_format: Option<LogFormat>,
    /// The project's settings [default: headwater.yaml here, where there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// A named set of settings: $XDG_CONFIG_HOME/headwater/profiles/NAME.yaml
    #[arg(long, global = true, value_name = "NAME")]
    pub profile: Option<String>,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything in one process, on an embedded broker and schema registry: for development.
    Dev(DevArgs),
    /// Run processors on a Kafka cluster.
    Run(RunArgs),
    /// Run real orders through `dev`, check the outcome against the data, and show what happened.
    #[command(hide = true)]
    Demo(DemoArgs),
    /// Tools.
    #[command(flatten)]
    Tool(tools::Tool),
}

#[cfg(test)]
mod tests;
