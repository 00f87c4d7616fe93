//! An instance that writes its stores down, is killed, and loses its disk: it begins at its snapshots, and replays what
//! came after them. Then the newest snapshots are damaged as well.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use headwater_runtime::state::{MemoryBudget, StateDatabase};
use headwater_tests::audit::audit_load;
use headwater_tests::deadline::{Stopwatch, wait_for};
use headwater_tests::ended::Ended;
use headwater_tests::headwater::{Headwater, Place};
use headwater_tests::load::{Orders, Sender, send_all};
use headwater_tests::metrics::{Metrics, wait_until_quiet};
use headwater_tests::platform::Platform;

const PATIENCE: Duration = Duration::from_secs(90);
const ORDERS_A_SECOND: u32 = 100;
const OPEN_MAX: usize = 600;
/// Snapshots in all before the instance is killed: each is of a thousand records more, so most tasks have one by then.
const SNAPSHOTS_MIN: u64 = 80;
const TAKEN_WITHIN: Duration = Duration::from_secs(240);
/// Changes of transactions that had committed and were not yet in the store when it was killed.
const IN_FLIGHT_MAX: i64 = 3_000;

struct Scenario {
    platform: Platform,
    folder: tempfile::TempDir,
    place: Place,
}

impl Scenario {
    fn start(&self) -> Headwater {
        let snapshots = self.snapshots().display().to_string();
        let arguments = ["--snapshots", &snapshots, "--snapshot-interval", "1"];
        let mut process =
            Headwater::run_all(&self.platform, &self.place, &arguments, &self.folder.path().join("a.log"));
        process.wait_healthy(&format!("{}/health", self.place.url()), PATIENCE);
        process
    }

    fn snapshots(&self) -> PathBuf {
        self.folder.path().join("snapshots")
    }

    fn metrics(&self) -> Metrics {
        Metrics::fetch(&self.place.url()).unwrap()
    }

    /// Where each task's store was in its changelog, once its process is dead.
    fn offsets(&self) -> BTreeMap<String, i64> {
        let database = StateDatabase::open(&self.place.state_dir, MemoryBudget::default()).unwrap();
        let all = database.all_meta().unwrap();
        all.into_iter().map(|(task, meta)| (task, meta.changelog_offset)).collect()
    }

    /// The manifests of a task, the newest last.
    fn manifests(&self, task: &str) -> Vec<PathBuf> {
        let folder = self.snapshots().join(&self.platform.application).join(task);
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        found.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        found.sort();
        found
    }
}

/// A snapshot's name says up to where it is.
fn offset_of(manifest: &Path) -> i64 {
    manifest.file_name().unwrap().to_str().unwrap().split('-').nth(1).unwrap().parse().unwrap()
}

/// What is left to replay of tasks that begin at these snapshots; and of all.
fn to_replay(offsets: &BTreeMap<String, i64>, begins: impl Fn(&str) -> Option<i64>) -> (i64, i64) {
    let left = offsets.iter().map(|(task, offset)| offset - begins(task).unwrap_or(0)).sum();
    (left, offsets.values().sum())
}

#[test]
fn an_instance_that_lost_its_disk_begins_at_its_snapshots() {
    let Some(platform) = Platform::apache_kafka("snapshot") else { return };
    let folder = tempfile::tempdir().unwrap();
    let place = Place::new("a", folder.path());
    let scenario = Scenario { platform, folder, place };
    let platform = &scenario.platform;
    let ended = Arc::new(Ended::follow(platform));
    send_all(platform, &Orders::stock());
    let sender = Sender::start(platform, Orders::new("snapshot", 31), ORDERS_A_SECOND, OPEN_MAX, Arc::clone(&ended));

    let mut process = scenario.start();
    wait_for("snapshots are taken", TAKEN_WITHIN, || {
        process.check()?;
        let taken = scenario.metrics().count("headwater_snapshot_taken_total");
        if taken >= SNAPSHOTS_MIN { Ok(()) } else { Err(format!("{taken} taken")) }
    });
    let metrics = scenario.metrics();
    assert_eq!(metrics.count("headwater_snapshot_failures_total"), 0);
    assert!(metrics.count("headwater_snapshot_bytes_total") > 0);
    assert!(metrics.sum("headwater_snapshot_age_seconds", "task").is_some());
    process.kill();

    // The disk is lost, the folder of the snapshots is not.
    let offsets = scenario.offsets();
    let newest = |task: &str| scenario.manifests(task).last().map(|manifest| offset_of(manifest));
    let (left, all) = to_replay(&offsets, newest);
    let with_snapshot = offsets.keys().filter(|task| newest(task).is_some()).count() as u64;
    std::fs::remove_dir_all(&scenario.place.state_dir).unwrap();
    let clock = Stopwatch::start();
    let mut process = scenario.start();
    let ready_ms = clock.elapsed().as_millis();
    let metrics = scenario.metrics();
    let restored = metrics.count("headwater_restored_records_total");
    let loaded = metrics.count("headwater_snapshot_loaded_total");
    println!(
        "{with_snapshot} of {} stores began at a snapshot; {restored} records replayed, {left} came after the \
         snapshots, {all} offsets in all; ready after {ready_ms} ms",
        offsets.len()
    );
    assert_eq!(loaded, with_snapshot);
    assert!(restored as i64 <= left + IN_FLIGHT_MAX, "{restored} replayed, {left} after the snapshots");
    assert!(left * 2 < all, "{left} of {all} left: the snapshots prove little");
    assert_eq!(metrics.count("headwater_snapshot_refused_total"), 0);
    assert_eq!(metrics.count("headwater_stores_rebuilt_total"), 0);

    // At most two of a task stay, and the parts of no others.
    let before = ended.count();
    wait_for("orders end", PATIENCE, || {
        process.check()?;
        if ended.count() >= before + 300 { Ok(()) } else { Err(ended.count().to_string()) }
    });
    process.kill();
    let offsets = scenario.offsets();
    let mut damaged = 0;
    for task in offsets.keys() {
        let manifests = scenario.manifests(task);
        // One more than two while the oldest is being removed: it was killed at any time.
        assert!(manifests.len() <= 3, "{task}: {manifests:?}");
        let Some(manifest) = manifests.last() else { continue };
        let mut bytes = std::fs::read(manifest).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(manifest, bytes).unwrap();
        damaged += 1;
    }
    let older = |task: &str| scenario.manifests(task).iter().rev().nth(1).map(|manifest| offset_of(manifest));
    let (left, all) = to_replay(&offsets, older);
    std::fs::remove_dir_all(&scenario.place.state_dir).unwrap();
    let mut process = scenario.start();
    let metrics = scenario.metrics();
    let restored = metrics.count("headwater_restored_records_total");
    let refused = metrics.count("headwater_snapshot_refused_total");
    println!(
        "{damaged} snapshots damaged, {refused} refused; {restored} records replayed of {left} expected, {all} in all"
    );
    assert_eq!(refused, damaged);
    assert!(restored as i64 <= left + IN_FLIGHT_MAX, "{restored} replayed, {left} after the older snapshots");

    let sent = sender.stop();
    ended.wait_for_all(&sent.ids(), PATIENCE, || process.check().unwrap()).unwrap();
    wait_until_quiet(&scenario.place.url(), PATIENCE, || process.check().unwrap());
    let findings = audit_load(platform, &sent.orders).unwrap();
    println!("{findings}");
    findings.assert_clean();
    assert_eq!(findings.created, sent.orders.len());
    process.signal_and_wait("INT", Duration::from_secs(30));
    platform.remove();
}
