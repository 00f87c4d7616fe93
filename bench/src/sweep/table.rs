//! A sweep as a table: medians by side, a row for each size.

use std::fmt::Write as _;

use super::list::Sweep;
use super::raw::{Measured, line};
use crate::report::number;

pub fn markdown(sweep: &Sweep, measured: &[Measured]) -> String {
    let sides: Vec<&str> = sweep.sides.iter().map(|side| side.words()).collect();
    let mut sizes: Vec<u64> = measured.iter().map(|row| row.x).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let mut text = format!("| {} | figure |", sweep.x);
    for side in &sides {
        let _infallible = write!(text, " {side} |");
    }
    let _infallible = writeln!(text, "\n|---|---{}|", "|---".repeat(sides.len()));
    for panel in sweep.panels {
        let lines: Vec<_> = sides.iter().map(|side| line(measured, side, panel.figure)).collect();
        for size in &sizes {
            let place = sweep.x_scale.place(*size as f64);
            let _infallible = write!(text, "| {} | {} |", sweep.x_scale.words(place), panel.words);
            for line in &lines {
                let found = line.iter().find(|(x, _)| x == size);
                let figure = found.map_or_else(|| "–".to_owned(), |(_, value)| number(*value));
                let _infallible = write!(text, " {figure} |");
            }
            text.push('\n');
        }
    }
    let runs = measured.iter().map(|row| row.run + 1).max().unwrap_or(0);
    let _infallible = writeln!(text, "\nMedians of {runs}.");
    text
}
