//! What must hold for every seed.
#![allow(clippy::unwrap_used, clippy::panic)]

use headwater_simulator::{Application, Simulation, shrink, simulate};

fn check(application: Application, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let simulation = Simulation::new(application, seed);
        let outcome = simulate(simulation);
        if !outcome.failures.is_empty() {
            let shrunk = shrink(simulation);
            panic!(
                "seed {seed}: {:#?}\nwith these faults alone: {:#?}\n=> {:#?}",
                outcome.failures, shrunk.faults, shrunk.outcome.failures
            );
        }
    }
}

#[test]
fn whatever_goes_wrong_everything_is_counted_once_and_in_order() {
    check(Application::Counting, 0..200);
}

#[test]
fn whatever_goes_wrong_every_saga_ends_once_and_stock_and_money_add_up() {
    check(Application::Saga, 0..100);
}

#[test]
fn the_same_seed_is_the_same_run_line_by_line() {
    for seed in [3, 7, 11] {
        let simulation = Simulation { keeps_trace: true, ..Simulation::new(Application::Counting, seed) };
        let (one, other) = (simulate(simulation), simulate(simulation));
        assert!(!one.trace.is_empty());
        let differs = one.trace.iter().zip(&other.trace).find(|(one, other)| one != other);
        assert_eq!(differs, None, "seed {seed}");
        assert_eq!(one.digest, other.digest, "seed {seed}");
        assert_eq!(one.trace.len(), other.trace.len(), "seed {seed}");
    }
}

#[test]
fn other_seeds_are_other_runs() {
    let digest = |seed| simulate(Simulation::new(Application::Counting, seed)).digest;
    assert_ne!(digest(1), digest(2));
}
