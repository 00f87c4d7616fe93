//! Documentation that must be there.

use super::Finding;
use super::tree::{File, Tree};

/// What ARCHITECTURE.md says about the code.
pub const DOCUMENTED: &str = "every public item is documented: each crate inherits the workspace's lints, `missing_docs` \
among them, each crate root begins with what it is for, and what is let through says why.";

/// What ARCHITECTURE.md says about the READMEs.
pub const README: &str =
    "every crate and processor has a README of one screen: what it is for, entry points, invariants, terms.";

const README_LINES: std::ops::RangeInclusive<usize> = 5..=80;

/// Checks the lint, its inheritance, and the head of every crate root.
pub fn documented(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    let lint_is_set = tree.file("Cargo.toml").is_some_and(|workspace| {
        workspace.lines().any(|(_, line)| line.starts_with("missing_docs = \"") && !line.contains("allow"))
    });
    if !lint_is_set {
        findings.push(Finding::new(
            "Cargo.toml",
            1,
            "the workspace does not ask for missing_docs",
            "set missing_docs = \"warn\" under [workspace.lints.rust]",
        ));
    }
    for manifest in tree.manifests() {
        if !inherits_lints(manifest) {
            findings.push(Finding::new(
                &manifest.path,
                1,
                "does not inherit the workspace's lints",
                "add [lints] with workspace = true",
            ));
        }
    }
    for file in tree.rust() {
        if is_crate_root(&file.path) && !begins_with_docs(file) {
            findings.push(Finding::new(
                &file.path,
                1,
                "a crate root without a word on what it is for",
                "begin it with a `//!` comment",
            ));
        }
        if !file.is_test() {
            findings.extend(unexplained(file));
        }
    }
    findings
}

fn inherits_lints(manifest: &File) -> bool {
    let mut in_lints = false;
    manifest.lines().any(|(_, line)| {
        if line.starts_with('[') {
            in_lints = line.trim() == "[lints]";
        }
        in_lints && line.replace(' ', "") == "workspace=true"
    })
}

fn is_crate_root(path: &str) -> bool {
    path.ends_with("src/lib.rs") || path.ends_with("src/main.rs") || path.contains("/src/bin/")
}

fn begins_with_docs(file: &File) -> bool {
    file.lines()
        .map(|(_, line)| line.trim())
        .find(|line| !line.is_empty() && !line.starts_with("#!["))
        .is_some_and(|line| line.starts_with("//!"))
}

/// `allow(missing_docs)` without a reason.
fn unexplained(file: &File) -> Vec<Finding> {
    let needle = concat!("allow(", "missing_docs");
    file.lines()
        .filter(|(_, line)| line.contains(needle) && !line.contains("reason"))
        .map(|(number, _)| {
            Finding::new(
                &file.path,
                number,
                "lets undocumented items through without a reason",
                "document them, or give the reason in the attribute",
            )
        })
        .collect()
}

/// Checks that each crate's README is there and short.
pub fn readmes(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for manifest in tree.manifests() {
        let package = manifest.package();
        if !package.contains('/') {
            continue;
        }
        let path = format!("{package}/README.md");
        let Some(readme) = tree.file(&path) else {
            findings.push(Finding::new(
                path,
                1,
                format!("{package} has no README"),
                "write one screen: what it is for, entry points, invariants, terms",
            ));
            continue;
        };
        let lines = readme.text.lines().count();
        if !README_LINES.contains(&lines) {
            findings.push(Finding::new(
                path,
                lines,
                format!("{lines} lines"),
                format!("one screen: {} to {} lines", README_LINES.start(), README_LINES.end()),
            ));
        }
    }
    findings
}
