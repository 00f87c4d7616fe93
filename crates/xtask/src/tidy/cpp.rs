//! librdkafka and RocksDB take twenty minutes to compile: Cargo must see them the same whatever is selected.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Finding, tree::Tree};
use crate::failure::Result;
use crate::process;

/// What ARCHITECTURE.md says.
pub const INVARIANT: &str = "librdkafka and RocksDB are compiled once: one profile, and the same features in their \
part of the dependency graph whether Cargo is asked for the binary, the tests, the benchmarks or the whole workspace.";

const ROOTS: [&str; 2] = ["librocksdb-sys ", "rdkafka-sys "];
const BUILD: &str = "normal,build";
/// What `cargo run`, `bench`, `crash` and `test` select; tests see dev-dependencies too.
const SELECTIONS: [(&[&str], &str); 5] = [
    (&["--package", "headwater"], BUILD),
    (&["--package", "headwater-tests"], BUILD),
    (&["--package", "headwater-bench"], BUILD),
    (&["--workspace"], BUILD),
    (&["--workspace"], "normal,build,dev"),
];

/// Asks Cargo for the graph of each selection and compares the C++ part.
pub fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let mut findings = profiles(tree);
    let Some(root) = &tree.root else {
        return Ok(findings);
    };
    let mut reference: Option<BTreeSet<String>> = None;
    for (selection, edges) in SELECTIONS {
        let part = cpp_part(&graph(root, selection, edges)?);
        match &reference {
            None => reference = Some(part),
            Some(first) => findings.extend(compare(first, &part, &selection.join(" "))),
        }
    }
    Ok(findings)
}

fn graph(root: &Path, selection: &[&str], edges: &str) -> Result<String> {
    let mut command = process::cargo(root);
    command.arg("tree").args(selection);
    command.args(["--edges", edges, "--prefix", "depth"]);
    process::output(command.args(["--format", " {p}|{f}"]))
}

/// A second profile would compile the C++ again.
fn profiles(tree: &Tree) -> Vec<Finding> {
    let Some(manifest) = tree.file("Cargo.toml") else {
        return Vec::new();
    };
    manifest
        .lines()
        .filter(|(_, line)| line.starts_with("[profile.") && !line.starts_with("[profile.dev"))
        .map(|(line, text)| {
            Finding::new(
                "Cargo.toml",
                line,
                format!("{text} is a second profile"),
                "set what you need in [profile.dev], which the demo, the tests and `cargo run` share",
            )
        })
        .collect()
}

/// The packages with their features, as far as librdkafka and RocksDB depend on them.
pub fn cpp_part(graph: &str) -> BTreeSet<String> {
    let mut children: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let mut above: Vec<&str> = Vec::new();
    for line in graph.lines() {
        let Some((depth, rest)) = line.split_once(' ') else {
            continue;
        };
        let Ok(depth) = depth.parse::<usize>() else {
            continue;
        };
        // Cargo prints the children of a package once, and marks the other places.
        let package = rest.strip_suffix(" (*)").unwrap_or(rest);
        above.truncate(depth);
        if let Some(parent) = above.last() {
            children.entry(parent).or_default().insert(package);
        }
        children.entry(package).or_default();
        above.push(package);
    }
    let mut open: Vec<&str> =
        children.keys().filter(|package| ROOTS.iter().any(|root| package.starts_with(root))).copied().collect();
    let mut part = BTreeSet::new();
    while let Some(package) = open.pop() {
        if part.insert(package.to_owned()) {
            open.extend(children.get(package).into_iter().flatten());
        }
    }
    part
}

/// What differs between the first selection and another one.
pub fn compare(first: &BTreeSet<String>, other: &BTreeSet<String>, selection: &str) -> Vec<Finding> {
    first
        .symmetric_difference(other)
        .map(|package| {
            let side = if first.contains(package) { "without" } else { "with" };
            Finding::new(
                "Cargo.toml",
                1,
                format!("`{selection}` builds librdkafka or RocksDB {side} `{package}`"),
                "name the missing feature of that package in [workspace.dependencies] and in \
                 crates/kafka or crates/runtime, as is done for zstd-sys and either",
            )
        })
        .collect()
}
