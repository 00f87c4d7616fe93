//! How long a source file may be.

use super::{Finding, tree::Tree};

/// What ARCHITECTURE.md says.
pub const INVARIANT: &str =
    "a source file holds one idea: about 400 lines at most (a warning), never more than 600, tests aside.";

const WARN_LINES: usize = 400;
const FAIL_LINES: usize = 600;

/// Counts the lines of every Rust file that is no test.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.rust().filter(|file| !file.is_test()) {
        let lines = file.text.lines().count();
        if lines <= WARN_LINES {
            continue;
        }
        let finding = Finding::new(
            &file.path,
            lines,
            format!("{lines} lines"),
            "split it by ideas into a module of the same name with files below it",
        );
        findings.push(if lines > FAIL_LINES { finding } else { finding.warning() });
    }
    findings
}
