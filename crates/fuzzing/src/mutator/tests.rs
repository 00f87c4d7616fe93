use std::collections::BTreeSet;

use super::*;

fn inputs(seed: u64) -> Vec<Vec<u8>> {
    let mut mutator = Mutator::new(seed);
    (0..500).map(|_| mutator.mutate(b"{\"number\":17}", b"other")).collect()
}

#[test]
fn a_seed_gives_the_same_inputs_each_time_and_many_of_them() {
    assert_eq!(inputs(1), inputs(1));
    assert_ne!(inputs(1), inputs(2));
    let distinct: BTreeSet<_> = inputs(1).into_iter().collect();
    assert!(distinct.len() > 400, "{}", distinct.len());
}

#[test]
fn nothing_comes_of_nothing_without_a_panic_and_inputs_stay_small() {
    for seed in 0..50 {
        let mut mutator = Mutator::new(seed);
        let mut input = Vec::new();
        for _ in 0..200 {
            input = mutator.mutate(&input, &[]);
            assert!(input.len() <= BYTES_MAX);
        }
    }
}
