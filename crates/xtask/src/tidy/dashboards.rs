//! Dashboards show metrics that exist.

use std::collections::BTreeSet;

use super::{Finding, tree::Tree};

/// What ARCHITECTURE.md says.
pub const INVARIANT: &str =
    "every metric that a dashboard or an alert in deploy/ asks for is one that the code exports.";

/// The prefixes of the metrics that this project exports.
const PREFIXES: [&str; 2] = ["headwater_", "kafka_consumergroup_"];
/// What Prometheus appends to the name of a histogram.
const SUFFIXES: [&str; 3] = ["_bucket", "_count", "_sum"];

/// Compares the names in deploy/ with the string literals of the crates.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let exported: BTreeSet<&str> = tree
        .rust()
        .filter(|file| !file.is_test() && !file.path.starts_with("crates/xtask/"))
        .flat_map(|file| names(&file.text))
        .collect();
    let mut findings = Vec::new();
    for file in tree.files.iter().filter(|f| f.path.starts_with("deploy/")) {
        let mut seen = BTreeSet::new();
        for (number, line) in file.lines() {
            for name in names(line) {
                let base = SUFFIXES.iter().find_map(|suffix| name.strip_suffix(suffix)).unwrap_or(name);
                let known = exported.contains(name) || exported.contains(base);
                if !known && seen.insert(name) {
                    findings.push(Finding::new(
                        &file.path,
                        number,
                        format!("shows {name}, which no crate exports"),
                        "use the name that crates/runtime registers, or register it there",
                    ));
                }
            }
        }
    }
    findings
}

/// The words that look like metrics of ours.
fn names(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| PREFIXES.iter().any(|prefix| word.starts_with(prefix)))
}
