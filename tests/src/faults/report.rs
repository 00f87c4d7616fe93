use std::fmt::{self, Write as _};
use std::time::Duration;

use crate::audit::Findings;

/// One fault that was done, and how long it took until all was well.
#[derive(Debug, Clone, Default)]
pub struct Row {
    /// When it began, from the start of the script.
    pub at: Duration,
    pub fault: String,
    /// How long it stood.
    pub stood: Duration,
    /// Orders that ended while it stood.
    pub ended_meanwhile: usize,
    /// The longest time without an order's end, from its beginning until all was well.
    pub longest_gap: Duration,
    /// Orders that were open when it was over.
    pub pending: usize,
    /// From its end: the first order's end, the last of the pending ones', all instances serving, all replicas in sync.
    pub first: Option<Duration>,
    pub all: Option<Duration>,
    pub serving: Option<Duration>,
    pub in_sync: Option<Duration>,
    /// What else was seen.
    pub notes: Vec<String>,
}

impl Row {
    fn cells(&self) -> [String; 10] {
        [
            clock(self.at),
            self.fault.clone(),
            seconds(Some(self.stood)),
            self.ended_meanwhile.to_string(),
            seconds(Some(self.longest_gap)),
            seconds(self.first),
            format!("{} ({})", seconds(self.all), self.pending),
            seconds(self.serving),
            seconds(self.in_sync),
            self.notes.join("; "),
        ]
    }
}

/// What was done and what was measured.
#[derive(Debug, Default)]
pub struct Report {
    pub seed: u64,
    /// Orders a second.
    pub rate: u32,
    pub rows: Vec<Row>,
    /// Kinds that could not be done here, with the reason.
    pub skipped: Vec<String>,
    /// The script, from the first fault to the end of the last healing.
    pub script: Duration,
    /// From the last fault's healing until nothing was open and nothing under way.
    pub drained: Option<Duration>,
    pub commands: u64,
    /// Starts of instances, the first ones too.
    pub starts: usize,
    /// What the audit said.
    pub audit: String,
    /// What the views and the audit say that delivered orders brought in, in minor units.
    pub revenue: Option<(i64, i64)>,
    /// Stores that were rebuilt from the start of their changelogs, by instances in their last life.
    pub stores_rebuilt: u64,
    pub findings: Vec<String>,
}

/// One cause has many of them.
const FINDINGS_SHOWN: usize = 20;

const HEAD: [&str; 10] = [
    "at",
    "fault",
    "stood s",
    "orders ended meanwhile",
    "longest gap s",
    "first order after s",
    "all pending after s (orders)",
    "all serve after s",
    "in sync after s",
    "seen",
];

impl Report {
    /// Whether everything held.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.findings.is_empty()
    }

    /// Takes over what the audit found.
    pub fn judge(&mut self, audit: &Findings) {
        self.audit = audit.to_string().lines().next().unwrap_or_default().to_owned();
        self.findings.extend(audit.wrong.iter().cloned());
        if !audit.open.is_empty() {
            let some: Vec<_> = audit.open.iter().take(5).collect();
            self.findings.push(format!("{} orders are open: {some:?}", audit.open.len()));
        }
        if audit.delivered == 0 || audit.cancelled == 0 {
            self.findings.push("the load was none: no order was delivered, or none cancelled".to_owned());
        }
    }

    /// The page that is kept.
    #[must_use]
    pub fn page(&self, command: &str) -> String {
        let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
        let mut page = format!(
            "# Faults\nThree brokers of Apache Kafka 4.3.1 (each a controller too, three replicas, two in sync) and six \
             instances of `headwater run --all`, the load and the proxies on the same {cores} cores. `{command}` \
             writes this page; the seed gives the same script again.\n\n\
             *longest gap*: without an order's end, from the fault's beginning until all was well. The columns *after* \
             count from the fault's end: the first order that ended, the last of those that were open then, every \
             instance answering that it serves, every replica in sync.\n\n"
        );
        let _written = writeln!(page, "| {} |\n|{}", HEAD.join(" | "), "---|".repeat(HEAD.len()));
        for row in &self.rows {
            let _written = writeln!(page, "| {} |", row.cells().map(|cell| cell.replace('|', "/")).join(" | "));
        }
        let _written = writeln!(page, "\n```text\n{}```", self.summary());
        page
    }

    fn summary(&self) -> String {
        let mut text = String::new();
        let mut line = |name: &str, what: String| {
            let _written = writeln!(text, "{name:16} {what}");
        };
        let script = self.script.as_secs_f64();
        line("script", format!("seed {}, {} faults in {script:.0} s", self.seed, self.rows.len()));
        line("load", format!("{} orders/s asked for, {} commands sent", self.rate, self.commands));
        line("starts", format!("{} of instances", self.starts));
        self.skipped.iter().for_each(|kind| line("skipped", kind.clone()));
        line("drained", format!("{} s after the last healing", seconds(self.drained)));
        line("audit", self.audit.clone());
        if let Some((views, audit)) = self.revenue {
            line("revenue", format!("{views} in the views, {audit} of delivered orders, in minor units"));
        }
        line("stores rebuilt", self.stores_rebuilt.to_string());
        match self.findings.as_slice() {
            [] => line("findings", "none: nothing lost, nothing doubled, every saga ended, money adds up".to_owned()),
            findings => {
                line("findings", findings.len().to_string());
                findings.iter().take(FINDINGS_SHOWN).for_each(|finding| line("", finding.clone()));
                if let Some(more @ 1..) = findings.len().checked_sub(FINDINGS_SHOWN) {
                    line("", format!("and {more} more"));
                }
            }
        }
        text
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [at, fault, stood, ended, gap, first, all, serving, in_sync, notes] = self.cells();
        write!(
            f,
            "{at} {fault}: stood {stood} s, {ended} orders ended meanwhile, longest gap {gap} s; after it first {first} s, \
             all pending {all} s, all serve {serving} s, in sync {in_sync} s"
        )?;
        if notes.is_empty() { Ok(()) } else { write!(f, "; {notes}") }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.summary().trim_end())
    }
}

fn clock(time: Duration) -> String {
    format!("{}:{:02}", time.as_secs() / 60, time.as_secs() % 60)
}

fn seconds(time: Option<Duration>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| format!("{:.1}", time.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_what_never_came() {
        let row = Row { at: Duration::from_secs(125), first: Some(Duration::from_millis(1_260)), ..Row::default() };
        let text = row.to_string();
        assert!(
            text.starts_with("2:05 ") && text.contains("first 1.3 s") && text.contains("all pending never"),
            "{text}"
        );
    }

    #[test]
    fn findings_are_in_the_page_and_spoil_it() {
        let mut report =
            Report { rows: vec![Row { fault: "a | b".to_owned(), ..Row::default() }], ..Report::default() };
        assert!(report.is_clean() && report.page("x").contains("findings         none"));
        report.judge(&Findings { wrong: vec!["lost".to_owned()], ..Findings::default() });
        let page = report.page("x");
        assert!(!report.is_clean() && page.contains("lost") && page.contains("a / b"), "{page}");
    }
}
