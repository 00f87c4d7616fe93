//! ARCHITECTURE.md lists exactly what is checked.

use super::{Finding, tree::Tree};

/// What ARCHITECTURE.md says.
pub const INVARIANT: &str = "this list and the checks of `cargo xtask tidy` name the same things.";

const FILE: &str = "ARCHITECTURE.md";
const HEADING: &str = "invariants";

/// Compares the section's list with the checks' names, both ways.
pub fn check(tree: &Tree, checks: &[&str]) -> Vec<Finding> {
    let remedy = "take the text from `cargo xtask tidy --list`";
    let Some(file) = tree.file(FILE) else {
        return vec![Finding::new(FILE, 1, "is missing", remedy)];
    };
    let mut inside = false;
    let mut heading = None;
    let mut listed: Vec<(usize, &str)> = Vec::new();
    for (number, line) in file.lines() {
        if line.starts_with('#') {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            inside = title.starts_with(HEADING);
            if inside {
                heading = Some(number);
            }
        } else if inside {
            listed.extend(name(line).map(|name| (number, name)));
        }
    }
    let Some(heading) = heading else {
        return vec![Finding::new(FILE, 1, "has no section `Invariants`", remedy)];
    };
    let mut findings = Vec::new();
    for check in checks {
        if !listed.iter().any(|(_, name)| name == check) {
            let message = format!("does not list the invariant {check}");
            findings.push(Finding::new(FILE, heading, message, remedy));
        }
    }
    for (number, name) in listed {
        if !checks.contains(&name) {
            let message = format!("lists {name}, which nothing checks");
            findings.push(Finding::new(FILE, number, message, remedy));
        }
    }
    findings
}

/// The bold word that begins a list item.
fn name(line: &str) -> Option<&str> {
    let rest = line.trim_start().strip_prefix("- **")?;
    rest.split("**").next()
}
