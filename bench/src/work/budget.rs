//! The memory budget under everything at once: many stores being written while another's changelog is restored.

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use headwater_runtime::Stop;
use headwater_runtime::state::MemoryBudget;
use headwater_streams::Topology;

use super::feed::Feed;
use super::samples::Samples;
use super::{Arguments, Failure, SEEN, counter, gauge, now, pause, start, topologies};
use crate::figures::rss_peak_mib;
use crate::session::delete_topics;

/// What librdkafka takes for a record that is fetched ahead, beside its key and value: nobody's budget counts it.
const FETCHED_RECORD_BYTES: usize = 400;

/// Two steps on records that it makes itself: a table of them, to have a changelog, and then, with nothing on the disk,
/// that table's restore beside a topology of many stores that reads them from the beginning.
pub fn run(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    if arguments.restoring {
        return restore_beside(arguments, state);
    }
    let ran = both(arguments, &state);
    delete_topics(&arguments.bootstrap, |name| arguments.owns(name))?;
    ran
}

fn table(arguments: &Arguments) -> Result<Topology, Failure> {
    Ok(topologies::table(&arguments.topic, &format!("{}-table", arguments.application))?)
}

/// The table here; what is measured, in a process without this one's past.
fn both(arguments: &Arguments, state: &Path) -> Result<(), Failure> {
    topologies::create(&arguments.bootstrap, &arguments.topic, arguments.partitions, &[])?;
    let mut feed = Feed::start(arguments)?;
    feed.allow(arguments.n)?;
    feed.finish()?;
    let (application, _calls, _metrics) = start(arguments, state.join("first"), vec![table(arguments)?])?;
    while SEEN.load(Ordering::Relaxed) < arguments.n {
        if let Some(why) = application.failed() {
            return Err(why.into());
        }
        pause(Duration::from_millis(20));
    }
    application.stop(Stop::Leave)?;
    let mut measured = std::process::Command::new(std::env::current_exe()?);
    measured
        .args(["work", "budget", &arguments.topic, &arguments.application, "--restoring"])
        .args(["--n", &arguments.n.to_string(), "--stores", &arguments.stores.to_string()])
        .args(["--workers", &arguments.workers.to_string(), "--bootstrap", &arguments.bootstrap])
        .args(["--value-bytes", &arguments.value_bytes.to_string()])
        .arg("--state")
        .arg(state.join("second"));
    if let Some(samples) = &arguments.samples {
        measured.arg("--samples").arg(samples);
    }
    let status = measured.status()?;
    if status.success() { Ok(()) } else { Err(format!("the measured process ended with {status}").into()) }
}

fn restore_beside(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    let stores = usize::try_from(arguments.stores)?;
    let wide = topologies::stores(&arguments.topic, &format!("{}-wide", arguments.application), stores)?;
    let began = now();
    let (application, _calls, metrics) = start(arguments, state, vec![table(arguments)?, wide])?;
    let mut samples = Samples::begin();
    let (mut at_once, mut rocksdb_peak) = (0_u64, 0.0_f64);
    let mut restored_s = None;
    while SEEN.load(Ordering::Relaxed) < arguments.n || application.restore_progress().tasks > 0 {
        samples.tick();
        application.refresh_metrics()?;
        rocksdb_peak = rocksdb_peak.max(gauge(&metrics, "headwater_state_bytes", "memory"));
        if application.restore_progress().tasks > 0 {
            at_once = SEEN.load(Ordering::Relaxed);
            restored_s = Some(began.elapsed().as_secs_f64());
        }
        if let Some(why) = application.failed() {
            return Err(why.into());
        }
        pause(Duration::from_millis(20));
    }
    let largest = samples.largest().ok_or("no sample was taken")?;
    println!(
        "n={} stores={stores} wall_s={:.1} restored={:.0} restore_until_s={:.1} processed_meanwhile={at_once}",
        arguments.n,
        began.elapsed().as_secs_f64(),
        counter(&metrics, "headwater_restored_records_total"),
        restored_s.unwrap_or_default(),
    );
    let budget = MemoryBudget::default();
    let mib = |bytes: usize| bytes as f64 / f64::from(1 << 20);
    // Values are of half so many bytes to so many, keys of 8.
    let record_bytes = 8 + usize::try_from(arguments.value_bytes * 3 / 4)?;
    let fetched = (budget.fetch_bytes() + budget.restore_fetch_bytes()) / record_bytes;
    println!(
        "rss_peak_mb={:.0} budget_mb={:.0} librdkafka_at_most_mb={:.0} code_mb={:.0} heap_at_the_largest_sample_mb={:.0} rocksdb_peak_mb={:.0}",
        rss_peak_mib(),
        mib(budget.total_bytes()),
        mib(fetched * FETCHED_RECORD_BYTES),
        largest.code_mib,
        largest.heap_mib,
        rocksdb_peak / f64::from(1 << 20),
    );
    application.stop(Stop::Leave)?;
    if let Some(path) = &arguments.samples {
        samples.write(path)?;
    }
    if restored_s.is_none() {
        return Err("no restore was seen: the table's changelog is empty".into());
    }
    Ok(())
}
