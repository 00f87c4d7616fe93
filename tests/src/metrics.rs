//! What a process says of itself at /metrics.

use std::time::Duration;

use crate::deadline::wait_for;

/// The metrics of one process at one moment.
#[derive(Debug, Clone, Default)]
pub struct Metrics {
    lines: Vec<(String, f64)>,
}

impl Metrics {
    /// Asks a process.
    ///
    /// # Errors
    /// When it does not answer.
    pub fn fetch(base_url: &str) -> Result<Self, String> {
        let url = format!("{base_url}/metrics");
        let http = reqwest::blocking::Client::new();
        let answer = http.get(&url).timeout(Duration::from_secs(5)).send().map_err(|e| format!("{url}: {e}"))?;
        let status = answer.status();
        let text = answer.text().map_err(|e| format!("{url}: {e}"))?;
        if status.is_success() { Ok(Self::of_text(&text)) } else { Err(format!("{url}: {status}: {text}")) }
    }

    /// Reads Prometheus' text.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let lines = samples.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self { lines: lines.collect() }
    }

    /// The sum of a metric over all its labels that contain a text; None when it has no sample.
    #[must_use]
    pub fn sum(&self, name: &str, label: &str) -> Option<f64> {
        let named = |sample: &&(String, f64)| {
            let (found, labels) = sample.0.split_once('{').unwrap_or((&sample.0, ""));
            found == name && labels.contains(label)
        };
        let found: Vec<f64> = self.lines.iter().filter(named).map(|sample| sample.1).collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// A counter over all its labels; 0 before its first sample.
    #[must_use]
    pub fn count(&self, name: &str) -> u64 {
        self.sum(name, "").unwrap_or_default() as u64
    }
}

/// Looks in a row, 50 ms apart, that must show the same.
const QUIET_LOOKS: u32 = 20;

/// Waits until a process has nothing under way: for a second it has produced and committed nothing.
pub fn wait_until_quiet(base_url: &str, within: Duration, mut check: impl FnMut()) -> Metrics {
    let (mut before, mut looks) = (None, 0);
    wait_for("nothing is under way any more", within, || {
        check();
        let metrics = Metrics::fetch(base_url)?;
        let now = ["headwater_records_produced_total", "headwater_transactions_total"].map(|name| metrics.count(name));
        looks = if before.replace(now) == Some(now) { looks + 1 } else { 0 };
        if looks >= QUIET_LOOKS { Ok(metrics) } else { Err(format!("records and transactions: {now:?}")) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_summed_by_name_and_label() {
        let text = "# HELP a x\na{k=\"1\"} 2\na{k=\"2\"} 3\nab 9\nb 4.5\n";
        let metrics = Metrics::of_text(text);
        assert_eq!(metrics.sum("a", ""), Some(5.0));
        assert_eq!(metrics.sum("a", "k=\"2\""), Some(3.0));
        assert_eq!(metrics.count("b"), 4);
        assert_eq!(metrics.sum("c", ""), None);
    }
}
