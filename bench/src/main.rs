//! Headwater beside Kafka Streams: the same work on the same Kafka, in turn, in one run.
//!
//! `headwater-bench run` compares and prints ratios, `sweep` draws how figures change with one size, and
//! `headwater-bench work …` is one measured process.

#![allow(missing_docs, reason = "a program, not a library")]

mod compare;
mod figures;
mod job;
mod peer;
mod produce;
mod report;
mod saga;
mod services;
mod session;
mod sweep;
mod work;

use std::process::ExitCode;

use clap::Parser;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Measures Headwater beside Kafka Streams on the Kafka of KAFKA_BOOTSTRAP_SERVERS.
#[derive(Parser)]
#[command(
    name = "headwater-bench",
    after_help = "Examples:\n  cargo xtask bench\n  cargo xtask bench run --only count,table --runs 3"
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Parser)]
enum Command {
    /// Runs every comparison and prints ratios (the default).
    Run(compare::Arguments),
    /// How figures change with one size: tables and plots.
    Sweep(sweep::Arguments),
    /// One measured piece of Headwater's work, in a process of its own.
    Work(work::Arguments),
    /// Order sagas on the embedded broker.
    Saga(saga::Arguments),
}

fn main() -> ExitCode {
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    }
    let given = Arguments::parse().command;
    let done = match given.unwrap_or_else(|| Command::parse_from(["headwater-bench", "run"])) {
        Command::Run(run) => compare::run(&run),
        Command::Sweep(sweep) => sweep::run(&sweep),
        Command::Work(work) => work::run(&work),
        Command::Saga(saga) => saga::run(&saga),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
