//! Makes a short story of a run that failed: without the faults and the input that the failure does not need.

use crate::fault::Fault;
use crate::story::{Outcome, faults_of};
use crate::{Simulation, simulate};

/// What a trace says again and again, and a short story leaves out.
const DAILY: [&str; 4] = [" marker ", "ends its transaction: commit true", ": transaction committed", ": call "];

/// A run that failed, with the fewest faults that were found to do it.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The faults, each in words.
    pub faults: Vec<String>,
    /// How many records come in; None where the application can't do with fewer.
    pub records: Option<usize>,
    /// What came of the run with these.
    pub outcome: Outcome,
    /// What happened in it: its trace without what happens every day.
    pub story: Vec<String>,
}

/// Makes a failing run smaller as long as it still fails: drops faults one by one until each is needed, then input from the
/// end. A run that does not fail comes back as it is.
#[must_use]
pub fn shrink(simulation: Simulation) -> Shrunk {
    let mut smallest = Smallest { simulation, faults: faults_of(simulation.seed), records: usize::MAX };
    if !simulate(simulation).failures.is_empty() {
        while smallest.drop_faults() {}
        if simulation.work().may_be_cut() {
            smallest.drop_records();
            while smallest.drop_faults() {}
        }
    }
    let Smallest { faults, records, .. } = smallest;
    let told = Simulation { keeps_trace: true, ..simulation };
    let outcome = told.with(faults.clone(), records);
    let story = story_of(&outcome.trace);
    let records = (records < usize::MAX).then_some(records);
    Shrunk { faults: faults.iter().map(ToString::to_string).collect(), records, outcome, story }
}

/// A trace without what happens every day; what is said many times in a row is said once.
fn story_of(trace: &[String]) -> Vec<String> {
    let what = |line: &str| line.trim_start().split_once(' ').map(|(_, what)| what.to_owned()).unwrap_or_default();
    let mut story: Vec<String> = Vec::new();
    let mut last = (String::new(), 0_u64);
    for line in trace.iter().filter(|line| !DAILY.iter().any(|daily| line.contains(daily))) {
        let what = what(line);
        if last.0 == what {
            last.1 += 1;
            continue;
        }
        if last.1 > 0 {
            story.push(format!("           and {} times more", last.1));
        }
        last = (what, 0);
        story.push(line.clone());
    }
    story
}

struct Smallest {
    simulation: Simulation,
    faults: Vec<Fault>,
    records: usize,
}

impl Smallest {
    fn fails(&self, faults: &[Fault], records: usize) -> bool {
        !self.simulation.with(faults.to_vec(), records).failures.is_empty()
    }

    /// Whether any could be dropped.
    fn drop_faults(&mut self) -> bool {
        let before = self.faults.len();
        for at in (0..before).rev() {
            let mut fewer = self.faults.clone();
            fewer.remove(at);
            if self.fails(&fewer, self.records) {
                self.faults = fewer;
            }
        }
        self.faults.len() < before
    }

    /// Takes away records from the end, in ever smaller pieces.
    fn drop_records(&mut self) {
        let mut most = self.simulation.work().records();
        let mut piece = most / 2;
        while piece > 0 {
            let fewer = most.saturating_sub(piece);
            if self.fails(&self.faults, fewer) {
                most = fewer;
            } else {
                piece /= 2;
            }
        }
        self.records = most;
    }
}
