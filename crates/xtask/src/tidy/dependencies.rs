//! Who may depend on whom, and who may name which foreign crate.

use super::Finding;
use super::manifest::{self, Dependency};
use super::rust::{code_only, has_word};
use super::tree::{File, Tree};

/// What ARCHITECTURE.md says about the crates.
pub const DIRECTIONS: &str = "dependencies point one way: log <- event <- contracts; log, event <- schema; \
log, event <- kafka; log, event, schema <- streams <- worker; worker and processors <- simulator; log, event, worker <- snapshot; worker, schema, kafka, snapshot <- runtime; processors see log, event, \
contracts, schema and streams, never another processor (but the tests of sagas, which run all of them); devbroker, fuzzing and xtask stand alone; only cli, tests and fuzz see devbroker.";

/// What ARCHITECTURE.md says about foreign crates.
pub const FOREIGN: &str = "only crates/kafka names rdkafka, only crates/runtime names rocksdb (tests and bench may, as \
peers), only schema and cli name axum, only kafka, devbroker and tests name kafka-protocol, only crates/snapshot names object_store; log, event, contracts, streams, \
worker and the processors name no tokio: they are pure, and build in seconds. What fuzz names is what the tests that it runs name.";

const ANY: &[&str] = &["*"];
const PROCESSOR: &[&str] = &["log", "event", "contracts", "schema", "streams"];

/// For each crate, the crates of the workspace that it may name.
const MAP: &[(&str, &[&str])] = &[
    ("crates/log", &[]),
    ("crates/event", &["log"]),
    ("crates/contracts", &["log", "event"]),
    ("crates/schema", &["log", "event"]),
    ("crates/kafka", &["log", "event"]),
    ("crates/streams", &["log", "event", "schema"]),
    ("crates/worker", &["log", "event", "streams"]),
    (
        "crates/simulator",
        &[
            "log",
            "event",
            "contracts",
            "schema",
            "streams",
            "worker",
            "processors/orders",
            "processors/inventory",
            "processors/payments",
            "processors/shipping",
        ],
    ),
    ("crates/snapshot", &["log", "event", "worker"]),
    ("crates/runtime", &["log", "event", "schema", "kafka", "streams", "worker", "snapshot"]),
    ("crates/devbroker", &[]),
    ("crates/fuzzing", &[]),
    ("crates/xtask", &[]),
    ("fuzz", &["log", "event", "schema", "streams", "worker", "snapshot", "devbroker", "processors/sagas"]),
    ("crates/cli", ANY),
    ("tests", ANY),
    ("bench", &["log", "event", "contracts", "schema", "kafka", "streams", "runtime"]),
];

/// What only a crate's tests may name besides: the generated types are tested with the codecs above them, and the
/// tracker with the processors that it watches.
const FOR_TESTS: &[(&str, &str)] = &[
    ("crates/event", "fuzzing"),
    ("crates/schema", "fuzzing"),
    ("crates/kafka", "fuzzing"),
    ("crates/streams", "fuzzing"),
    ("crates/worker", "fuzzing"),
    ("crates/snapshot", "fuzzing"),
    ("crates/devbroker", "fuzzing"),
    ("processors/sagas", "fuzzing"),
    ("crates/contracts", "schema"),
    ("processors/sagas", "processors/orders"),
    ("processors/sagas", "processors/inventory"),
    ("processors/sagas", "processors/payments"),
    ("processors/sagas", "processors/shipping"),
    ("processors/sagas", "processors/notifications"),
    ("processors/sagas", "processors/order-views"),
];

/// Foreign crates, and the packages that may name them.
const OWNERS: &[(&[&str], &[&str])] = &[
    (&["rdkafka", "rdkafka-sys"], &["crates/kafka", "tests", "bench"]),
    (&["rocksdb", "librocksdb-sys"], &["crates/runtime", "bench"]),
    (&["axum"], &["crates/schema", "crates/cli", "fuzz"]),
    (&["kafka-protocol"], &["crates/kafka", "crates/devbroker", "tests"]),
    (
        &["tokio"],
        &[
            "crates/schema",
            "crates/kafka",
            "crates/snapshot",
            "crates/runtime",
            "crates/devbroker",
            "crates/cli",
            "tests",
            "bench",
            "fuzz",
        ],
    ),
    (&["object_store"], &["crates/snapshot"]),
];

/// Checks the map on every manifest.
pub fn directions(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for file in tree.manifests() {
        let package = file.package();
        let Some(allowed) = allowed(package) else {
            findings.push(Finding::new(
                &file.path,
                1,
                format!("{package} is not on the map of crates"),
                "add it to MAP in crates/xtask/src/tidy/dependencies.rs and to ARCHITECTURE.md",
            ));
            continue;
        };
        for dependency in manifest::dependencies(file) {
            if let Some(named) = internal(&dependency, tree) {
                let for_tests = dependency.for_tests && FOR_TESTS.contains(&(package, named.as_str()));
                if allowed != ANY && !for_tests && !allowed.contains(&named.as_str()) {
                    findings.push(Finding::new(
                        &file.path,
                        dependency.line,
                        format!("{package} depends on {}", dependency.name),
                        format!(
                            "{package} may see {}: move what is shared down, or pass it in as a parameter",
                            listed(allowed)
                        ),
                    ));
                }
            }
        }
    }
    findings
}

fn allowed(package: &str) -> Option<&'static [&'static str]> {
    if package.starts_with("processors/") {
        return Some(PROCESSOR);
    }
    let entry = MAP.iter().find(|(name, _)| *name == package)?;
    Some(entry.1)
}

/// The short name of a crate of this workspace; processors keep their folder's name.
fn internal(dependency: &Dependency, tree: &Tree) -> Option<String> {
    if dependency.name == "headwater" {
        return Some("cli".into());
    }
    let short = dependency.name.strip_prefix("headwater-")?;
    let processor = format!("processors/{short}/Cargo.toml");
    if tree.file(&processor).is_some() {
        return Some(format!("processors/{short}"));
    }
    Some(short.to_owned())
}

fn listed(names: &[&str]) -> String {
    if names.is_empty() { "no crate of the workspace".into() } else { names.join(", ") }
}

/// Checks the owners of foreign crates in manifests and in code.
pub fn foreign(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (crates, owners) in OWNERS {
        for file in tree.manifests() {
            if owners.contains(&file.package()) {
                continue;
            }
            for dependency in manifest::dependencies(file) {
                if crates.contains(&dependency.name.as_str()) {
                    findings.push(named(file, dependency.line, &dependency.name, owners));
                }
            }
        }
        for file in tree.rust() {
            if !owners.contains(&file.package()) {
                findings.extend(named_in_code(file, crates, owners));
            }
        }
    }
    findings
}

fn named_in_code(file: &File, crates: &[&str], owners: &[&str]) -> Vec<Finding> {
    let code = code_only(&file.text);
    let mut findings = Vec::new();
    for (index, line) in code.lines().enumerate() {
        for name in crates {
            let path = name.replace('-', "_");
            let is_path = line.contains(&format!("{path}::")) || line.contains("use ");
            if is_path && has_word(line, &path) {
                findings.push(named(file, index + 1, name, owners));
            }
        }
    }
    findings
}

fn named(file: &File, line: usize, name: &str, owners: &[&str]) -> Finding {
    Finding::new(
        &file.path,
        line,
        format!("names {name}"),
        format!("only {} may: ask its crate for what you need", owners.join(", ")),
    )
}
