//! What must hold for every seed.
#![allow(clippy::unwrap_used, clippy::panic)]

use headwater_simulator::{Application, Simulation, Strike, shrink, simulate, strike};

fn check(application: Application, seeds: impl IntoIterator<Item = u64>) {
    for seed in seeds {
        let simulation = Simulation::new(application, seed);
        let outcome = simulate(simulation);
        if !outcome.failures.is_empty() {
            let shrunk = shrink(simulation);
            panic!(
                "seed {seed}: {:#?}\nwith these faults alone: {:#?}\nthis happens: {:#?}",
                outcome.failures, shrunk.faults, shrunk.story
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
fn tasks_are_taken_over_from_warm_standbys_and_the_law_for_it_is_asked() {
    let take_overs = |application, seed| simulate(Simulation::new(application, seed)).take_overs;
    let counting: u64 = (0..40).map(|seed| take_overs(Application::Counting, seed)).sum();
    let saga: u64 = (0..20).map(|seed| take_overs(Application::Saga, seed)).sum();
    assert!(counting > 20 && saga > 20, "{counting} and {saga}");
}

#[test]
fn nothing_is_lost_or_doubled_at_whatever_step_of_a_commit_it_is_struck() {
    const STEPS: u32 = 24;
    for what in [Strike::Crash, Strike::Stall, Strike::Zombie, Strike::LostAnswer, Strike::LateRequest] {
        for step in 0..STEPS {
            for (application, seed) in [(Application::Counting, u64::from(step)), (Application::Saga, u64::from(step))]
            {
                let outcome = strike(Simulation::new(application, seed), what, step);
                assert!(outcome.failures.is_empty(), "{what:?} at step {step}: {:#?}", outcome.failures);
            }
        }
    }
}

#[test]
fn the_same_seed_is_the_same_run_line_by_line() {
    for (application, seed) in
        [3, 7, 11].map(|seed| (Application::Counting, seed)).into_iter().chain([(Application::Saga, 5)])
    {
        let simulation = Simulation { keeps_trace: true, ..Simulation::new(application, seed) };
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
