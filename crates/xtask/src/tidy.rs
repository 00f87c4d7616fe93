//! `cargo xtask tidy`: the invariants of ARCHITECTURE.md as code, so that neither can rot.

mod clock;
mod cpp;
mod dashboards;
mod dependencies;
mod docs;
mod invariants;
mod machine;
mod manifest;
mod names;
mod rust;
mod sizes;
mod tree;
mod unsafety;

use std::fmt;
use std::path::Path;

use crate::failure::Result;
use crate::tally::Tally;
use tree::Tree;

/// Something that breaks an invariant, or soon will.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    path: String,
    line: usize,
    message: String,
    remedy: String,
    warning: bool,
}

impl Finding {
    fn new(path: impl Into<String>, line: usize, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { path: path.into(), line, message: message.into(), remedy: remedy.into(), warning: false }
    }

    fn warning(mut self) -> Self {
        self.warning = true;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}\n    {}", self.path, self.line, self.message, self.remedy)
    }
}

/// An invariant: its name, the sentence that ARCHITECTURE.md says, and how it is checked.
struct Check {
    name: &'static str,
    invariant: &'static str,
    run: fn(&Tree) -> Result<Vec<Finding>>,
}

const CHECKS: [Check; 12] = [
    Check {
        name: "dependency-directions",
        invariant: dependencies::DIRECTIONS,
        run: |tree| Ok(dependencies::directions(tree)),
    },
    Check { name: "foreign-crates", invariant: dependencies::FOREIGN, run: |tree| Ok(dependencies::foreign(tree)) },
    Check { name: "one-cpp-build", invariant: cpp::INVARIANT, run: cpp::check },
    Check { name: "unsafe-code", invariant: unsafety::INVARIANT, run: |tree| Ok(unsafety::check(tree)) },
    Check { name: "ambient-clock", invariant: clock::INVARIANT, run: |tree| Ok(clock::check(tree)) },
    Check { name: "file-sizes", invariant: sizes::INVARIANT, run: |tree| Ok(sizes::check(tree)) },
    Check { name: "module-names", invariant: names::INVARIANT, run: |tree| Ok(names::check(tree)) },
    Check { name: "public-docs", invariant: docs::DOCUMENTED, run: |tree| Ok(docs::documented(tree)) },
    Check { name: "readmes", invariant: docs::README, run: |tree| Ok(docs::readmes(tree)) },
    Check { name: "machine-paths", invariant: machine::INVARIANT, run: |tree| Ok(machine::check(tree)) },
    Check { name: "dashboards", invariant: dashboards::INVARIANT, run: |tree| Ok(dashboards::check(tree)) },
    Check {
        name: "invariants-listed",
        invariant: invariants::INVARIANT,
        run: |tree| Ok(invariants::check(tree, &names_of_checks())),
    },
];

/// Runs every check on the repository and prints what it finds.
pub fn run(root: &Path) -> Result<Tally> {
    let tree = Tree::read(root)?;
    let mut tally = Tally::default();
    for check in &CHECKS {
        let findings = (check.run)(&tree)?;
        let failures = findings.iter().filter(|finding| !finding.warning).count();
        for finding in &findings {
            let kind = if finding.warning { "warning" } else { "error" };
            println!("{kind}[{}]: {finding}", check.name);
        }
        println!("{} {}", if failures == 0 { "ok    " } else { "FAILED" }, check.name);
        tally += Tally::one(failures == 0);
    }
    Ok(tally)
}

/// The list that ARCHITECTURE.md's section holds.
pub fn invariants() -> String {
    CHECKS.iter().map(|check| format!("- **{}**: {}\n", check.name, check.invariant)).collect()
}

fn names_of_checks() -> Vec<&'static str> {
    CHECKS.iter().map(|check| check.name).collect()
}

#[cfg(test)]
mod tests;
