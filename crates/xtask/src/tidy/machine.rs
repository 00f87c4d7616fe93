//! Paths that exist on one machine only.

use super::{Finding, tree::Tree};

/// What ARCHITECTURE.md says.
pub const INVARIANT: &str = "no file names a path of somebody's machine: a clone works wherever it lies.";

/// In pieces, so that this file does not name one.
const PLACES: [&str; 5] = [
    concat!("/", "root", "/"),
    concat!("/", "home", "/"),
    concat!("/", "work", "/"),
    concat!("/", "Users", "/"),
    concat!("C:", "\\", "Users"),
];

/// Looks for home folders and work folders in every file of text.
pub fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in &tree.files {
        for (number, line) in file.lines() {
            for place in PLACES {
                if starts_a_path(line, place) {
                    findings.push(Finding::new(
                        &file.path,
                        number,
                        format!("names {place}…"),
                        "use a path from the top of the repository, an environment variable or a setting",
                    ));
                }
            }
        }
    }
    findings
}

/// `/x/` in the middle of a longer path or an address is no place on a machine.
fn starts_a_path(line: &str, place: &str) -> bool {
    line.match_indices(place).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || "./}_-~>*".contains(c))
    })
}
