//! Runs simulations from seeds: `cargo xtask simulate`.

use std::process::ExitCode;

use clap::Parser;
use headwater_simulator::{Application, Simulation, shrink, simulate};

/// Simulates workers under faults, one run for each seed.
#[derive(Debug, Parser)]
#[command(
    name = "headwater-simulate",
    after_help = "Examples:\n  cargo xtask simulate --seeds 1000\n  cargo xtask simulate --seed 42 --trace"
)]
struct Arguments {
    /// How many seeds.
    #[arg(long, default_value_t = 200)]
    seeds: u64,
    /// The first seed; without --seeds the only one.
    #[arg(long)]
    seed: Option<u64>,
    /// What runs: counting, saga, or both.
    #[arg(long, value_enum, default_value_t = What::Both)]
    application: What,
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
    let seeds = match arguments.seed {
        Some(seed) if arguments.seeds == 200 => seed..seed + 1,
        Some(seed) => seed..seed + arguments.seeds,
        None => 0..arguments.seeds,
    };
    let mut failed = 0;
    let applications: &[Application] = match arguments.application {
        What::Counting => &[Application::Counting],
        What::Saga => &[Application::Saga],
        What::Both => &[Application::Counting, Application::Saga],
    };
    for seed in seeds.clone() {
        for application in applications {
            let simulation = Simulation { keeps_trace: arguments.trace, ..Simulation::new(*application, seed) };
            failed += u64::from(!is_good(simulation));
        }
    }
    println!("{} seeds, {failed} failed", seeds.end - seeds.start);
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Makes a run; tells of one that failed, with the fewest faults that do it.
fn is_good(simulation: Simulation) -> bool {
    let outcome = simulate(simulation);
    for line in &outcome.trace {
        println!("{line}");
    }
    if outcome.failures.is_empty() {
        return true;
    }
    println!("seed {} of {:?} failed:", simulation.seed, simulation.application);
    for failure in &outcome.failures {
        println!("  {failure}");
    }
    let shrunk = shrink(simulation);
    println!("with these faults alone:");
    for fault in &shrunk.faults {
        println!("  {fault}");
    }
    for failure in &shrunk.outcome.failures {
        println!("  => {failure}");
    }
    false
}
