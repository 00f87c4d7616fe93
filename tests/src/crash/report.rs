use std::fmt;
use std::time::Duration;

use super::Moment;
use crate::audit::Findings;
use crate::metrics::Metrics;

/// A restart may replay what was committed and not yet written when the process died: a transaction or two, never the
/// whole changelog.
const REPLAYED_MAX: u64 = 20_000;

/// What happened, for people and for the exit code.
#[derive(Debug)]
pub struct Report {
    name: String,
    seed: u64,
    rounds: Vec<Round>,
    served: Vec<Duration>,
    worked: Vec<Duration>,
    replayed: Vec<u64>,
    rebuilt: u64,
    /// Commands that were sent and acknowledged.
    pub commands: u64,
    /// Records in all changelogs at the end.
    pub changelog_records: u64,
    /// The whole run.
    pub duration: Duration,
    audit: Option<String>,
    findings: Vec<String>,
}

#[derive(Debug)]
struct Round {
    number: usize,
    moment: Moment,
    ended_orders: usize,
    replayed: Option<u64>,
}

impl Report {
    #[must_use]
    pub fn new(name: &str, seed: u64) -> Self {
        Self {
            name: name.to_owned(),
            seed,
            rounds: Vec::new(),
            served: Vec::new(),
            worked: Vec::new(),
            replayed: Vec::new(),
            rebuilt: 0,
            commands: 0,
            changelog_records: 0,
            duration: Duration::ZERO,
            audit: None,
            findings: Vec::new(),
        }
    }

    /// Whether everything held.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Fails a test unless everything held.
    pub fn assert_clean(&self) {
        println!("{self}");
        assert!(self.is_clean(), "{self}");
    }

    pub(super) fn finding(&mut self, what: String) {
        self.findings.push(what);
    }

    /// It said that it serves, so long after its start.
    pub(super) fn served(&mut self, after: Duration) {
        self.served.push(after);
    }

    /// Orders ended again, so long after its start.
    pub(super) fn worked(&mut self, after: Duration) {
        self.worked.push(after);
    }

    pub(super) fn killed(&mut self, number: usize, moment: Moment, metrics: Option<&Metrics>, ended_orders: usize) {
        let replayed = metrics.map(|metrics| self.look_at(metrics));
        self.rounds.push(Round { number, moment, ended_orders, replayed });
    }

    pub(super) fn last_restart(&mut self, metrics: &Metrics) {
        self.look_at(metrics);
    }

    fn look_at(&mut self, metrics: &Metrics) -> u64 {
        let replayed = metrics.count("headwater_restored_records_total");
        self.rebuilt += metrics.count("headwater_stores_rebuilt_total");
        self.replayed.push(replayed);
        replayed
    }

    pub(super) fn judge(&mut self, audit: &Findings) {
        self.audit = Some(audit.to_string());
        self.findings.extend(audit.wrong.iter().cloned());
        if !audit.open.is_empty() {
            self.findings.push(format!("{} orders are open: {:?}", audit.open.len(), audit.open.iter().next()));
        }
        if audit.delivered == 0 || audit.cancelled == 0 {
            self.findings.push("the load was none: no order was delivered, or none cancelled".to_owned());
        }
        if self.rebuilt > 0 {
            self.findings.push(format!("{} stores were rebuilt from the start", self.rebuilt));
        }
        let most = self.replayed.iter().max().copied().unwrap_or_default();
        if most > REPLAYED_MAX {
            self.findings.push(format!("a restart replayed {most} changelog records, more than {REPLAYED_MAX}"));
        }
    }

    /// One line of the round that has just ended.
    #[must_use]
    pub fn last_round(&self) -> String {
        let Some(Round { number, moment, ended_orders, replayed }) = self.rounds.last() else {
            return String::new();
        };
        let when = match moment {
            Moment::WhileStarting { after } => format!("{:>5} ms after its start", after.as_millis()),
            Moment::OnceServing { after } => format!("{:>5} ms after it served", after.as_millis()),
            Moment::UnderLoad { after } => format!("{:>5} ms under load", after.as_millis()),
        };
        let last = |times: &[Duration]| times.last().map_or(0, Duration::as_millis);
        let served = match moment {
            Moment::WhileStarting { .. } => String::new(),
            Moment::OnceServing { .. } => format!(", served after {} ms", last(&self.served)),
            Moment::UnderLoad { .. } => {
                format!(", served after {} ms, worked after {} ms", last(&self.served), last(&self.worked))
            }
        };
        let replayed = replayed.map_or_else(String::new, |records| format!(", {records} records replayed"));
        format!("  kill {number:>3}: {when}{served}{replayed}, {ended_orders} orders ended")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let starting = self.rounds.iter().filter(|round| matches!(round.moment, Moment::WhileStarting { .. })).count();
        let most = self.replayed.iter().max().copied().unwrap_or_default();
        let sum: u64 = self.replayed.iter().sum();
        writeln!(f, "kill -9 on {}, seed {}, {:.0} s", self.name, self.seed, self.duration.as_secs_f64())?;
        writeln!(f, "  kills            {}, {starting} of them while it was starting", self.rounds.len())?;
        writeln!(f, "  serving again    {} after its start", spread(&self.served))?;
        writeln!(f, "  orders end again {} after its start", spread(&self.worked))?;
        writeln!(
            f,
            "  replayed         at most {most} changelog records in a restart, {sum} in all of {}; {} stores rebuilt",
            self.changelog_records, self.rebuilt
        )?;
        writeln!(f, "  commands sent    {}", self.commands)?;
        if let Some(audit) = &self.audit {
            writeln!(f, "  audit            {audit}")?;
        }
        match self.findings.as_slice() {
            [] => write!(f, "  nothing was lost, nothing doubled, every saga ended"),
            findings => {
                write!(f, "  {} FINDINGS", findings.len())?;
                for finding in findings.iter().take(50) {
                    write!(f, "\n    {finding}")?;
                }
                Ok(())
            }
        }
    }
}

fn spread(times: &[Duration]) -> String {
    let mut sorted: Vec<u128> = times.iter().map(Duration::as_millis).collect();
    sorted.sort_unstable();
    let at = |share: usize| sorted.get((sorted.len().max(1) - 1) * share / 100).copied().unwrap_or_default();
    format!("p50 {} ms, p90 {} ms, max {} ms", at(50), at(90), at(100))
}
