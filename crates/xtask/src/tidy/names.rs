//! Module names that say nothing.

use super::rust::code_only;
use super::{Finding, tree::Tree};

/// What ARCHITECTURE.md says.
pub const INVARIANT: &str = "a module is named by what it knows: none is called utils, common, helpers or misc.";

const EMPTY_NAMES: [&str; 6] = ["utils", "util", "common", "helpers", "helper", "misc"];

/// Checks files, folders and inline modules.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust() {
        let stem = file.path.trim_end_matches(".rs");
        for name in stem.split('/').filter(|part| EMPTY_NAMES.contains(part)) {
            findings.push(named(&file.path, 1, name));
        }
        for (index, line) in code_only(&file.text).lines().enumerate() {
            let mut words = line.split(|c: char| !c.is_alphanumeric() && c != '_');
            if words.by_ref().any(|word| word == "mod") {
                // A file module is found by its path above.
                let name = words.find(|word| !word.is_empty()).unwrap_or_default();
                if EMPTY_NAMES.contains(&name) && line.contains('{') {
                    findings.push(named(&file.path, index + 1, name));
                }
            }
        }
    }
    findings
}

fn named(path: &str, line: usize, name: &str) -> Finding {
    Finding::new(
        path,
        line,
        format!("a module called {name}"),
        "name it by what it knows, or move its parts to where they are used",
    )
}
