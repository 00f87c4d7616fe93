#![allow(clippy::unwrap_used)]

use std::convert::Infallible;

use super::{Found, Limits, holds, search};
use crate::figures::Figures;

fn check(limits: Limits, capacity: u64, tried: &[u64], expected: Found) {
    let mut seen = Vec::new();
    let found = search(limits, |load| {
        seen.push(load);
        Ok::<_, Infallible>(load <= capacity)
    });
    assert_eq!((found.unwrap(), seen.as_slice()), (expected, tried));
}

#[test]
fn the_load_doubles_and_then_the_interval_halves() {
    let limits = Limits { from: 4_000, trials: 20 };
    let tried = [4_000, 8_000, 16_000, 12_000, 10_000, 11_000];
    check(limits, 10_500, &tried, Found { held: 10_000, not_held: Some(11_000) });
}

#[test]
fn the_first_load_may_be_too_much() {
    let limits = Limits { from: 4_000, trials: 20 };
    check(
        limits,
        1_000,
        &[4_000, 2_000, 1_000, 1_500, 1_250, 1_125, 1_062],
        Found { held: 1_000, not_held: Some(1_062) },
    );
}

#[test]
fn it_ends_where_nothing_is_held() {
    check(Limits { from: 4, trials: 20 }, 0, &[4, 2, 1], Found { held: 0, not_held: Some(1) });
}

#[test]
fn trials_are_bounded() {
    check(Limits { from: 1, trials: 3 }, u64::MAX, &[1, 2, 4], Found { held: 4, not_held: None });
}

#[test]
fn a_load_is_held_when_all_came_out_in_time() {
    let of = |done: f64, p99: f64| {
        let figures = [("done", done), ("of", 10.0), ("p99_ms", p99)];
        holds(&figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    };
    assert!(of(10.0, 999.0));
    assert!(!of(10.0, 1_000.0));
    assert!(!of(9.0, 10.0));
    assert!(!holds(&Figures::new()), "what was not measured was not held");
}
