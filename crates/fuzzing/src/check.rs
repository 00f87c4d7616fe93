//! What a test calls: the corpus first, then made inputs, by count or for a time.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::corpus::{self, Seed};
use crate::mutator::Mutator;

/// Made inputs of a plain test run: a few thousand over all targets, in seconds.
const ROUNDS: u64 = 2_000;
/// For how long a run is to last, in whole seconds; without it, a run has [`ROUNDS`].
const SECONDS: &str = "HEADWATER_FUZZ_SECONDS";

/// What a run did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The target's name.
    pub target: String,
    /// Files of the corpus.
    pub seeds: usize,
    /// Calls of the target, the corpus included.
    pub executions: u64,
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "fuzz {}: {} executions, {} seeds, no crash", self.target, self.executions, self.seeds)
    }
}

/// Why a run failed.
#[derive(Clone, PartialEq, Eq)]
pub enum Failure {
    /// The corpus cannot be read.
    Corpus(String),
    /// An input broke the target.
    Crash {
        /// The target's name.
        target: String,
        /// Where the input lies.
        input: PathBuf,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Corpus(why) => f.write_str(why),
            Self::Crash { target, input } => {
                write!(f, "fuzz {target}: crash: {}; mend it and keep the input in the corpus", input.display())
            }
        }
    }
}

/// A test that returns an error prints it this way.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Failure {}

/// Calls `target` with every file of `fuzz/corpus/<name>`, then with inputs made from them.
///
/// # Errors
/// [`Failure::Crash`] at the first input that makes it panic; [`Failure::Corpus`] where there is no corpus.
pub fn check(name: &str, target: fn(&[u8])) -> Result<Report, Failure> {
    let seeds = corpus::read(name).map_err(|error| {
        Failure::Corpus(format!("fuzz {name}: fuzz/corpus/{name} cannot be read: {error}; put a real sample there"))
    })?;
    let run = Run { name, target };
    for seed in &seeds {
        run.once(&seed.bytes, || seed.name.clone())?;
    }
    let executions = seeds.len() as u64
        + match std::env::var(SECONDS).ok().and_then(|seconds| seconds.parse().ok()) {
            Some(seconds) => run.timed(&seeds, Duration::from_secs(seconds))?,
            None => run.counted(&seeds)?,
        };
    let report = Report { target: name.to_owned(), seeds: seeds.len(), executions };
    println!("{report}");
    Ok(report)
}

struct Run<'a> {
    name: &'a str,
    target: fn(&[u8]),
}

impl Run<'_> {
    fn once(&self, bytes: &[u8], file: impl FnOnce() -> String) -> Result<(), Failure> {
        if catch_unwind(AssertUnwindSafe(|| (self.target)(bytes))).is_ok() {
            return Ok(());
        }
        let input = corpus::keep(self.name, &file(), bytes).map_err(|error| {
            let bytes = bytes.escape_ascii();
            Failure::Corpus(format!("fuzz {}: crash on b\"{bytes}\", which cannot be kept: {error}", self.name))
        })?;
        Err(Failure::Crash { target: self.name.to_owned(), input })
    }

    fn counted(&self, seeds: &[Seed]) -> Result<u64, Failure> {
        let mut mutator = Mutator::new(1);
        for round in 0..ROUNDS {
            let bytes = next(&mut mutator, seeds);
            self.once(&bytes, || format!("crash-1-{round}"))?;
        }
        Ok(ROUNDS)
    }

    fn timed(&self, seeds: &[Seed], time: Duration) -> Result<u64, Failure> {
        let unkept = |error| Failure::Corpus(format!("fuzz {}: an input cannot be kept: {error}", self.name));
        #[allow(clippy::disallowed_methods, reason = "the edge: a run that is to last a minute needs a clock")]
        let started = Instant::now();
        // Other inputs with each run; what breaks is kept, so it need not be made again.
        let seed = u64::from(std::process::id());
        let mut mutator = Mutator::new(seed);
        let mut round = 0;
        while started.elapsed() < time {
            let bytes = next(&mut mutator, seeds);
            // An overflow of the stack ends the process without a word: what was at hand is then here.
            let current = corpus::keep(self.name, "current", &bytes).map_err(unkept)?;
            self.once(&bytes, || format!("crash-{seed}-{round}"))?;
            std::fs::remove_file(current).map_err(unkept)?;
            round += 1;
        }
        Ok(round)
    }
}

fn next(mutator: &mut Mutator, seeds: &[Seed]) -> Vec<u8> {
    let (one, other) = (mutator.below(seeds.len()), mutator.below(seeds.len()));
    match (seeds.get(one), seeds.get(other)) {
        (Some(one), Some(other)) => mutator.mutate(&one.bytes, &other.bytes),
        _ => Vec::new(),
    }
}
