//! The short form of `cargo xtask crash`: three kills on each broker.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_tests::crash::{Plan, on_embedded, on_kafka};

const PLAN: Plan = Plan { rounds: 3, seed: 1, arguments: Vec::new(), is_loud: false };

#[test]
fn kills_of_headwater_dev_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    on_embedded(&PLAN, folder.path()).assert_clean();
}

#[test]
fn kills_of_headwater_run_on_apache_kafka_lose_and_double_nothing() {
    let folder = tempfile::tempdir().unwrap();
    if let Some(report) = on_kafka(&PLAN, folder.path()) {
        report.assert_clean();
    }
}
