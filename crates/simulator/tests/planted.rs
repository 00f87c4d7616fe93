//! Bugs on purpose are found, ten of eleven, each within 200 seeds: `cargo test -p headwater-simulator --features planted-bugs`.
#![cfg(feature = "planted-bugs")]
#![allow(clippy::unwrap_used, clippy::panic)]

use headwater_simulator::{Application, Bug, Simulation, simulate};

const SEEDS: u64 = 200;

/// The seeds that catch a bug; all of them where the table is asked for, or the first.
fn caught(bug: Bug, all: bool) -> Vec<(u64, String)> {
    let mut caught = Vec::new();
    for seed in 0..SEEDS {
        let simulation = Simulation { planted: Some(bug), ..Simulation::new(Application::Counting, seed) };
        if let Some(failure) = simulate(simulation).failures.first() {
            caught.push((seed, failure.clone()));
            if !all {
                break;
            }
        }
    }
    caught
}

#[test]
fn every_planted_bug_is_caught() {
    let to_find = Bug::ALL.into_iter().filter(|bug| !Bug::NOT_FOUND.contains(bug));
    let missed: Vec<Bug> = to_find.filter(|bug| caught(*bug, false).is_empty()).collect();
    assert!(missed.is_empty(), "not caught within {SEEDS} seeds: {missed:?}");
}

#[test]
#[ignore = "takes minutes; prints in how many seeds each is caught"]
fn table_of_planted_bugs() {
    for bug in Bug::ALL {
        let caught = caught(bug, true);
        let first = caught.first().map(|(seed, failure)| format!("seed {seed}: {failure}")).unwrap_or_default();
        println!("{:<22} {:>4} of {SEEDS}  {first}", format!("{bug:?}"), caught.len());
    }
}
