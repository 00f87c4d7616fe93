//! The figures as they were measured: a CSV file from which tables and plots can be made again.

use std::fmt::Write as _;
use std::path::Path;

use crate::figures::{Figures, median};
use crate::work::Failure;

const HEAD: &str = "side,x,run,figure,value";

/// One figure of one run.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    pub side: String,
    pub x: u64,
    pub run: usize,
    pub figure: String,
    pub value: f64,
}

impl Measured {
    /// All figures of a run.
    pub fn of(side: &str, x: u64, run: usize, figures: Figures) -> impl Iterator<Item = Self> {
        let side = side.to_owned();
        figures.into_iter().map(move |(figure, value)| Self { side: side.clone(), x, run, figure, value })
    }
}

/// A figure of one side over the sweep's size: medians, in order.
pub fn line(measured: &[Measured], side: &str, figure: &str) -> Vec<(u64, f64)> {
    let of = |row: &&Measured| row.side == side && row.figure == figure;
    let mut sizes: Vec<u64> = measured.iter().filter(of).map(|row| row.x).collect();
    sizes.sort_unstable();
    sizes.dedup();
    let middle = |x: u64| median(measured.iter().filter(of).filter(|row| row.x == x).map(|row| row.value).collect());
    sizes.into_iter().map(|x| (x, middle(x))).collect()
}

pub fn write(path: &Path, measured: &[Measured]) -> Result<(), Failure> {
    std::fs::write(path, text(measured)).map_err(|error| format!("{} can't be written: {error}", path.display()).into())
}

pub fn read(path: &Path) -> Result<Vec<Measured>, Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{} can't be read: {error}", path.display()))?;
    parse(&text).map_err(|line| format!("{}: line {line} is not `{HEAD}`", path.display()).into())
}

/// A side's name has commas, so it is quoted.
fn text(measured: &[Measured]) -> String {
    let mut text = format!("{HEAD}\n");
    for Measured { side, x, run, figure, value } in measured {
        let _infallible = writeln!(text, "\"{side}\",{x},{run},{figure},{value}");
    }
    text
}

/// Fails with the number of the first line that is not as `text` writes it.
fn parse(text: &str) -> Result<Vec<Measured>, usize> {
    let row = |line: &str| {
        let (side, rest) = line.strip_prefix('"')?.split_once("\",")?;
        let fields: Vec<&str> = rest.split(',').collect();
        let [x, run, figure, value] = fields[..] else { return None };
        let (x, run, value) = (x.parse().ok()?, run.parse().ok()?, value.parse().ok()?);
        Some(Measured { side: side.to_owned(), x, run, figure: figure.to_owned(), value })
    };
    let lines = text.lines().enumerate();
    lines.skip(1).map(|(number, line)| row(line).ok_or(number + 1)).collect()
}

#[cfg(test)]
mod tests;
