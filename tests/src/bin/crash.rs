//! `cargo xtask crash`: kill -9 under load, again and again, on the embedded broker and on Apache Kafka, then the audit.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test with a command line")]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, ValueEnum};
use headwater_tests::crash::{self, Plan};

/// kill -9 under load, again and again, then an audit of every topic.
#[derive(Debug, Parser)]
#[command(name = "crash")]
struct Arguments {
    /// Kills on each broker
    #[arg(long, value_name = "N", default_value_t = 50)]
    rounds: usize,
    /// Which broker
    #[arg(long, value_enum, default_value = "both")]
    on: On,
    /// Decides orders and moments; the same seed kills at the same moments
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Keep logs, stores and the embedded broker's data here [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// More arguments for `headwater dev` and `headwater run`, such as --workers 2 or --payment-profile slow
    #[arg(last = true, value_name = "ARGUMENT")]
    more: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    Kafka,
    Embedded,
    Both,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).unwrap();
    let plan =
        Plan { rounds: arguments.rounds, seed: arguments.seed, arguments: arguments.more.clone(), is_loud: true };
    let mut is_clean = true;
    let mut has_run = false;
    if arguments.on != On::Kafka {
        println!("on the embedded broker, {} rounds", plan.rounds);
        let report = crash::on_embedded(&plan, &folder);
        println!("{report}");
        is_clean &= report.is_clean();
        has_run = true;
    }
    if arguments.on != On::Embedded {
        println!("on Apache Kafka, {} rounds", plan.rounds);
        let report = crash::on_kafka(&plan, &folder);
        // Whoever asks for Kafka by name wants it to run.
        is_clean &= report.as_ref().map_or(arguments.on == On::Both, crash::Report::is_clean);
        has_run |= report.is_some();
        if let Some(report) = report {
            println!("{report}");
        }
    }
    if is_clean && has_run { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
