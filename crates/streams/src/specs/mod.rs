//! Specs in YAML: given, ingest, verify, on the test driver. They never wait.
//!
//! A file is a list of cases:
//! ```yaml
//! - name: an order is placed
//!   given:                       # the same steps as ingest; what they output is not verified
//!     - send: { topic: inventory.commands, json: { type: ReceiveStock, sku: mug, quantity: 5 } }
//!   ingest:
//!     - send: { topic: orders.commands, key: o-1, json: { type: PlaceOrder, order_id: o-1 }, headers: { ce_id: x } }
//!     - send: { topic: payments.events, type: PaymentProcessed, avro: { order_id: o-1, payment_id: p-1 } }
//!     - send: { topic: lines, key: k, text: "any bytes" }       # or value: null, a tombstone
//!     - call_result: { step: charge, ok: { accepted: true } }  # or refused: reason; one open call of the step
//!     - advance: 30m                                           # ms, s, m, h, d
//!     - crash: disk                                            # or memory: state comes back from the changelog
//!   verify:
//!     outputs:                   # by topic: exactly these, in order; values by the fields that are named
//!       orders.events: [{ type: OrderCreated, key: o-1, value: { customer_id: c-1 } }]
//!     stores: { orders: { o-1: { version: 1 } } }              # null: absent
//!     dead_letters: { orders.commands: [{ message: not JSON }] }
//!     timers: [{ name: step, key: o-1, in: 30m }]
//!     calls: [{ step: charge, idempotency_key: o-1, request: { amount: 5 } }]
//!     counters: { rejected: 1 }
//! ```

mod case;
mod compare;
mod run;

use std::fmt;
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::case::Case;
use crate::{DriverOptions, Topology};

/// The specs that failed, each with the difference.
#[derive(Clone, PartialEq, Eq)]
pub struct SpecFailure {
    differences: Vec<String>,
}

impl SpecFailure {
    fn new(difference: String) -> Self {
        Self { differences: vec![difference] }
    }
}

impl fmt::Display for SpecFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.differences.join("\n\n"))
    }
}

/// As people read it, since that is what a failing test prints.
impl fmt::Debug for SpecFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "\n{self}\n")
    }
}

impl std::error::Error for SpecFailure {}

/// Runs every `.yaml` file of a folder. A folder without any is a failure: nothing would have been checked.
///
/// # Errors
/// Every case that failed, with the difference.
pub fn run_dir(topology: &Topology, folder: impl AsRef<Path>) -> Result<(), SpecFailure> {
    run_dir_with(&[topology], &DriverOptions::default(), folder)
}

/// As [`run_dir`], for several topologies in a world of one's choice.
///
/// # Errors
/// As [`run_dir`].
pub fn run_dir_with(
    topologies: &[&Topology],
    options: &DriverOptions,
    folder: impl AsRef<Path>,
) -> Result<(), SpecFailure> {
    let folder = folder.as_ref();
    let unreadable = |error: std::io::Error| SpecFailure::new(format!("{}: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(unreadable)?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    if files.is_empty() {
        return Err(SpecFailure::new(format!("{} holds no .yaml file", folder.display())));
    }
    let failures = files.iter().filter_map(|file| run_file_with(topologies, options, file).err());
    all_of(failures.flat_map(|failure| failure.differences).collect())
}

/// Runs the cases of one file.
///
/// # Errors
/// Every case that failed, with the difference.
pub fn run_file(topology: &Topology, file: impl AsRef<Path>) -> Result<(), SpecFailure> {
    run_file_with(&[topology], &DriverOptions::default(), file.as_ref())
}

fn run_file_with(topologies: &[&Topology], options: &DriverOptions, file: &Path) -> Result<(), SpecFailure> {
    let text = std::fs::read_to_string(file);
    let text = text.map_err(|error| SpecFailure::new(format!("{}: {error}", file.display())))?;
    run_text(topologies, options, &text, &file.display().to_string())
}

/// Runs the cases of a text; `name` is what failures call it.
///
/// # Errors
/// Every case that failed, with the difference.
pub fn run_text(topologies: &[&Topology], options: &DriverOptions, text: &str, name: &str) -> Result<(), SpecFailure> {
    let broken = |error: String| SpecFailure::new(format!("{name}: not a list of cases: {error}"));
    let document: Value = serde_saphyr::from_str(text).map_err(|error| broken(error.to_string()))?;
    let cases: Vec<Case> = serde_json::from_value(document).map_err(|error| broken(error.to_string()))?;
    if cases.is_empty() {
        return Err(SpecFailure::new(format!("{name} holds no case")));
    }
    let mut differences = Vec::new();
    for case in &cases {
        match run::run(topologies, options, case) {
            Ok(found) if found.is_empty() => {}
            Ok(found) => differences.push(format!("{name}: {}\n  {}", case.name, found.join("\n  "))),
            Err(error) => differences.push(format!("{name}: {}\n  {error}", case.name)),
        }
    }
    all_of(differences)
}

fn all_of(differences: Vec<String>) -> Result<(), SpecFailure> {
    if differences.is_empty() { Ok(()) } else { Err(SpecFailure { differences }) }
}
