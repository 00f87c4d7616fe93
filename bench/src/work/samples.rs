//! What a process's memory is made of, second by second.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{Failure, SEEN, now};
use crate::figures::memory_mib;

const EVERY: Duration = Duration::from_secs(1);

/// A second of a process.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    pub second: f64,
    pub records: u64,
    pub rss_mib: f64,
    /// What it allocated.
    pub heap_mib: f64,
    /// Pages of its program and libraries.
    pub code_mib: f64,
}

/// Samples that are taken while somebody waits.
pub struct Samples {
    began: Instant,
    taken: Vec<Sample>,
}

impl Samples {
    pub fn begin() -> Self {
        Self { began: now(), taken: Vec::new() }
    }

    /// Takes one if a second has gone by since the last.
    pub fn tick(&mut self) {
        let due = EVERY * u32::try_from(self.taken.len()).unwrap_or(u32::MAX);
        if self.began.elapsed() >= due {
            self.taken.push(Sample {
                second: self.began.elapsed().as_secs_f64(),
                records: SEEN.load(Ordering::Relaxed),
                rss_mib: memory_mib("self", "VmRSS"),
                heap_mib: memory_mib("self", "RssAnon"),
                code_mib: memory_mib("self", "RssFile"),
            });
        }
    }

    /// The sample with the largest memory.
    pub fn largest(&self) -> Option<Sample> {
        self.taken.iter().copied().max_by(|one, other| one.rss_mib.total_cmp(&other.rss_mib))
    }

    /// Mean memory of a tenth of the records, the first being 0; None where no sample fell into it.
    pub fn mean_of_tenth(&self, tenth: u64, records: u64) -> Option<f64> {
        mean_of_tenth(&self.taken, tenth, records)
    }

    /// Writes all of them as CSV.
    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        let mut text = "second,records,rss_mib,heap_mib,code_mib\n".to_owned();
        for Sample { second, records, rss_mib, heap_mib, code_mib } in &self.taken {
            writeln!(text, "{second:.1},{records},{rss_mib:.1},{heap_mib:.1},{code_mib:.1}")?;
        }
        std::fs::write(path, text).map_err(|error| format!("{} can't be written: {error}", path.display()).into())
    }
}

fn mean_of_tenth(samples: &[Sample], tenth: u64, records: u64) -> Option<f64> {
    let within: Vec<f64> = samples
        .iter()
        .filter(|sample| (sample.records * 10 / records.max(1)).min(9) == tenth)
        .map(|sample| sample.rss_mib)
        .collect();
    (!within.is_empty()).then(|| within.iter().sum::<f64>() / within.len() as f64)
}

#[cfg(test)]
mod tests;
