use clap::Subcommand;

use crate::Error;
use crate::application::{self, ApplicationArgs};
use crate::completions::{self, CompletionsArgs};
use crate::consume::{self, ConsumeArgs};
use crate::dlq::{self, DlqArgs};
use crate::doctor::{self, DoctorArgs};
use crate::orders::{self, OrdersArgs};
use crate::produce::{self, ProduceArgs};
use crate::replay::{self, ReplayArgs};
use crate::saga::{self, SagaArgs};
use crate::schemas::{self, SchemasArgs};
use crate::settings::Settings;
use crate::snapshots::{self, SnapshotsArgs};
use crate::topics::{self, TopicsArgs};
use crate::topology::{self, TopologyArgs};

/// What looks into topics, schemas and running applications.
#[derive(Debug, Subcommand)]
pub enum Tool {
    /// Send commands, a JSON object on each line, checked against their schema.
    Produce(ProduceArgs),
    /// Read a topic, decoded.
    Consume(ConsumeArgs),
    /// Compare topics with what is declared, and make them so.
    Topics(TopicsArgs),
    /// Look into the schema registry.
    Schemas(SchemasArgs),
    /// Follow an order's saga.
    Saga(SagaArgs),
    /// Look orders up.
    Orders(OrdersArgs),
    /// Look at dead letters, and send them again.
    Dlq(DlqArgs),
    /// Rebuild a projection's state and views, or a decider's state, from the topics.
    Replay(ReplayArgs),
    /// Look at snapshots of stores, and delete them.
    Snapshots(SnapshotsArgs),
    /// Describe processors: what they read, keep and write.
    Topology(TopologyArgs),
    /// Move a processor to another application.
    Application(ApplicationArgs),
    /// Check broker, registry, topics, permissions and versions, and say what to do.
    Doctor(DoctorArgs),
    /// Print a script that completes commands in a shell.
    Completions(CompletionsArgs),
}

impl Tool {
    /// Runs it.
    ///
    /// # Errors
    /// The tool's.
    pub fn run(&self, settings: &Settings) -> Result<(), Error> {
        match self {
            Self::Produce(arguments) => produce::run(arguments, settings),
            Self::Consume(arguments) => consume::run(arguments, settings),
            Self::Topics(arguments) => topics::run(arguments, settings),
            Self::Schemas(arguments) => schemas::run(arguments, settings),
            Self::Saga(arguments) => saga::run(arguments, settings),
            Self::Orders(arguments) => orders::run(arguments, settings),
            Self::Dlq(arguments) => dlq::run(arguments, settings),
            Self::Replay(arguments) => replay::run(arguments, settings),
            Self::Snapshots(arguments) => snapshots::run(arguments, settings),
            Self::Topology(arguments) => topology::run(arguments),
            Self::Application(arguments) => application::run(arguments, settings),
            Self::Doctor(arguments) => doctor::run(arguments, settings),
            Self::Completions(arguments) => completions::run(arguments),
        }
    }
}
