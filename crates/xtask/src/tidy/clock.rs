//! Exceptions from the ban on ambient clocks, randomness and sleep.

use super::{Finding, tree::Tree};

/// What ARCHITECTURE.md says.
pub const INVARIANT: &str = "no ambient clock, randomness or sleep (clippy.toml names the calls): time comes in as a \
parameter; an exception stands at the edge and says its reason. Nothing is let through for a whole crate outside tests.";

const LINT: &str = "clippy::disallowed_methods";

/// Checks that every exception has a reason, and that none covers a crate.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().filter(|file| !file.is_test()) {
        // This file, and the fixtures beside it, talk about the attribute.
        if file.path.starts_with("crates/xtask/src/tidy") {
            continue;
        }
        for (at, _) in file.text.match_indices(LINT) {
            let line = file.text[..at].matches('\n').count() + 1;
            let attribute = attribute_around(&file.text, at);
            if !attribute.contains("reason") {
                findings.push(Finding::new(
                    &file.path,
                    line,
                    "an exception without a reason",
                    format!("write #[allow({LINT}, reason = \"…\")], or take the time as a parameter"),
                ));
            }
            // A benchmark is nothing but edge.
            let bench = file.path.starts_with("bench/");
            let is_root = file.path.ends_with("src/lib.rs") || file.path.ends_with("src/main.rs");
            if attribute.starts_with("#![") && !bench && is_root {
                findings.push(Finding::new(
                    &file.path,
                    line,
                    "an exception for a whole crate",
                    "put it on the one function at the edge that needs it",
                ));
            }
        }
    }
    findings
}

fn attribute_around(text: &str, at: usize) -> &str {
    let start = text[..at].rfind('#').unwrap_or(at);
    let end = text[at..].find(']').map_or(text.len(), |end| at + end);
    &text[start..end]
}
