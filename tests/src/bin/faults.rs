//! `cargo xtask faults`: a seeded script of faults on three brokers and six instances, then the audit.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test with a command line")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use headwater_tests::faults::{self, Kind, Plan};

/// Kills, stalls, cuts and fills under load, then audits every topic.
#[derive(Debug, Parser)]
#[command(name = "faults")]
struct Arguments {
    /// No fault begins after so many minutes; start, last healing and audit come on top
    #[arg(long, value_name = "N", default_value_t = 6.0)]
    minutes: f64,
    /// Decides orders, faults and their order; the same seed is the same script
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Only this kind, may be repeated: kill-instance, kill-broker, stall, cut, delay, half-close, silence,
    /// rolling-restart, leader-moves, full-disk
    #[arg(long, value_name = "KIND", value_parser = Kind::of_name)]
    only: Vec<Kind>,
    /// How long a stalled instance is stopped; its session times out after 20
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    stall: u64,
    /// Orders a second
    #[arg(long, value_name = "N", default_value_t = 25)]
    rate: u32,
    /// Write the report to bench/FAULTS.md
    #[arg(long)]
    write: bool,
    /// Keep logs, stores and the brokers' data here [default: a temporary folder]
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// More arguments for `headwater run`, such as --workers 2
    #[arg(last = true, value_name = "ARGUMENT")]
    more: Vec<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let temporary = tempfile::tempdir().unwrap();
    let folder = arguments.keep.clone().unwrap_or_else(|| temporary.path().to_owned());
    std::fs::create_dir_all(&folder).unwrap();
    end_on_signals();
    let plan = Plan {
        script: Duration::from_secs_f64(arguments.minutes * 60.0),
        seed: arguments.seed,
        kinds: if arguments.only.is_empty() { Kind::ALL.to_vec() } else { arguments.only.clone() },
        stall: Duration::from_secs(arguments.stall),
        rate: arguments.rate,
        arguments: arguments.more.clone(),
    };
    println!("faults: seed {}, {} minutes, {} orders/s", plan.seed, arguments.minutes, plan.rate);
    // Whoever asks for a campaign wants it to run.
    let Some(report) = faults::run(&plan, &folder) else { return ExitCode::FAILURE };
    println!("{report}");
    if arguments.write {
        let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/FAULTS.md");
        let only: String = arguments.only.iter().map(|kind| format!(" --only {}", kind.name())).collect();
        let Arguments { minutes, seed, stall, rate, .. } = &arguments;
        let command =
            format!("cargo xtask faults --minutes {minutes} --seed {seed} --stall {stall} --rate {rate}{only} --write");
        std::fs::write(page, report.page(&command)).unwrap();
    }
    if report.is_clean() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What is mounted must not stay when somebody ends the campaign; its processes are of the same group and end too.
fn end_on_signals() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let mut terminate = signal(SignalKind::terminate()).unwrap();
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
        });
        faults::unmount_all();
        std::process::exit(130);
    });
}
