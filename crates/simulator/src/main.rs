//! Runs simulations from seeds: `cargo xtask simulate`.

use std::num::NonZeroUsize;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};

use clap::Parser;
use headwater_simulator::{Application, Simulation, shrink, simulate};

/// Simulates workers under faults, one run for each seed.
#[derive(Debug, Parser)]
#[command(
    name = "headwater-simulate",
    after_help = "Examples:\n  cargo xtask simulate --seeds 1000\n  cargo xtask simulate --seed 42 --trace"
)]
struct Arguments {
    /// How many seeds; 200, or the one that --seed names.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed.
    #[arg(long)]
    seed: Option<u64>,
    /// What runs: counting, saga, or both.
    #[arg(long, value_enum, default_value_t = What::Both)]
    application: What,
    /// How many runs at a time.
    #[arg(long, default_value_t = NonZeroUsize::MIN)]
    jobs: NonZeroUsize,
    /// Prints what was done in each run, line by line.
    #[arg(long)]
    trace: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum What {
    Counting,
    Saga,
    Both,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let first = arguments.seed.unwrap_or(0);
    let count = arguments.seeds.unwrap_or(if arguments.seed.is_some() { 1 } else { 200 });
    let seeds = first..first.saturating_add(count);
    let applications: &[Application] = match arguments.application {
        What::Counting => &[Application::Counting],
        What::Saga => &[Application::Saga],
        What::Both => &[Application::Counting, Application::Saga],
    };
    let (next, failed) = (AtomicU64::new(seeds.start), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for _ in 0..arguments.jobs.get() {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if !seeds.contains(&seed) {
                        break;
                    }
                    for application in applications {
                        let simulation =
                            Simulation { keeps_trace: arguments.trace, ..Simulation::new(*application, seed) };
                        let (is_good, told) = run(simulation);
                        print!("{told}");
                        failed.fetch_add(u64::from(!is_good), Ordering::Relaxed);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner();
    println!("{} seeds, {failed} runs failed", seeds.end - seeds.start);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Makes a run: whether it was good, and what there is to tell of it; of one that failed a short story.
fn run(simulation: Simulation) -> (bool, String) {
    let outcome = simulate(simulation);
    let mut told = lines("", &outcome.trace);
    if outcome.failures.is_empty() {
        return (true, told);
    }
    let shrunk = shrink(simulation);
    let records = shrunk.records.map(|records| format!(" and {records} records")).unwrap_or_default();
    told += &format!("seed {} of {:?} failed:\n", simulation.seed, simulation.application);
    told += &lines("  ", &outcome.failures);
    told += &format!("with these faults{records} alone:\n");
    told += &lines("  ", &shrunk.faults);
    told += "this happens:\n";
    told += &lines("  ", &shrunk.story);
    told += &lines("  => ", &shrunk.outcome.failures);
    (false, told)
}

fn lines(before: &str, lines: &[String]) -> String {
    lines.iter().map(|line| format!("{before}{line}\n")).collect()
}
