use clap::Subcommand;

/// What looks into topics, schemas and running applications.
#[derive(Debug, Subcommand)]
pub enum Tool {}
