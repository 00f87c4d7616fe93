//! One measured piece of work, in a process of its own; figures are printed as `name=value`, as the peer does.

mod chain;
mod recover;
mod topologies;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use headwater_kafka::ConnectionSettings;
use headwater_runtime::{Application, ApplicationSettings, Place, Setup, Snapshots, Steps, Stop};
use headwater_streams::{LocalSchemas, Topology};

use crate::figures::{cpu_seconds, rss_peak_mib};

pub type Failure = Box<dyn std::error::Error>;

/// What to do, as the peer's modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Counts records by key.
    Count,
    /// Keeps the last value by key.
    Table,
    /// Changes a byte of each value, with no state.
    Map,
    /// Rebuilds the stores of an earlier `count` from nothing.
    Restore,
    /// Rebuilds the stores of an earlier `table` from nothing.
    Tablerestore,
    /// A table that says how far it has come, until it is killed.
    Recover,
    /// Four stateful services in a row; latency from send to read_committed at the end.
    Chain,
}

#[derive(Debug, Args)]
pub struct Arguments {
    #[arg(value_enum)]
    mode: Mode,
    /// The topic to read; for `chain` a prefix.
    topic: String,
    /// The application.
    application: String,
    /// Records to wait for.
    #[arg(long, default_value_t = 5_000_000)]
    n: u64,
    #[arg(long, default_value_t = 2)]
    workers: usize,
    #[arg(long, default_value_t = 4)]
    partitions: u32,
    #[arg(long, default_value_t = 4)]
    hops: usize,
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Every hop of the chain through a commit and a fetch
    #[arg(long)]
    no_fusion: bool,
    #[arg(long)]
    state: Option<PathBuf>,
    /// Where stores are written down, each second, and begin: a folder
    #[arg(long)]
    snapshots: Option<String>,
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", default_value = "127.0.0.1:9092")]
    bootstrap: String,
}

/// Records seen by all tasks.
pub static SEEN: AtomicU64 = AtomicU64::new(0);

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let state = arguments.state.clone().unwrap_or_else(|| scratch.path().join("state"));
    match arguments.mode {
        Mode::Chain => chain::run(arguments, state),
        Mode::Recover => recover::run(arguments, state),
        Mode::Restore | Mode::Tablerestore => restore(arguments, state),
        Mode::Count | Mode::Table | Mode::Map => process(arguments, state),
    }
}

fn topology(arguments: &Arguments) -> Result<Topology, Failure> {
    Ok(match arguments.mode {
        Mode::Count | Mode::Restore => topologies::count(&arguments.topic, &arguments.application)?,
        Mode::Table | Mode::Tablerestore | Mode::Recover => {
            topologies::table(&arguments.topic, &arguments.application)?
        }
        Mode::Map | Mode::Chain => topologies::map(&arguments.topic, &arguments.application)?,
    })
}

fn start(
    arguments: &Arguments,
    state: PathBuf,
    topologies: Vec<Topology>,
) -> Result<(Application, tokio::runtime::Runtime, prometheus::Registry), Failure> {
    let calls = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let mut settings = ApplicationSettings::new(&arguments.application, "bench", state);
    settings.workers = arguments.workers;
    settings.fusion = !arguments.no_fusion;
    if let Some(folder) = &arguments.snapshots {
        let place = Place::open(folder, &BTreeMap::new())?;
        settings.snapshots = Some(Snapshots { place, interval: Duration::from_secs(1) });
    }
    let metrics = prometheus::Registry::new();
    let application = Application::start(Setup {
        settings,
        connection: ConnectionSettings::new(&arguments.bootstrap),
        topologies,
        schemas: Arc::new(LocalSchemas::new()),
        steps: Steps::default(),
        metrics: metrics.clone(),
        calls: calls.handle().clone(),
        tracer: None,
    })?;
    Ok((application, calls, metrics))
}

/// A counter's sum over its labels.
fn counter(metrics: &prometheus::Registry, name: &str) -> f64 {
    let families = metrics.gather();
    let family = families.iter().find(|family| family.name() == name);
    family.map_or(0.0, |family| family.get_metric().iter().map(|m| m.get_counter().get_value()).sum())
}

#[allow(clippy::disallowed_methods, reason = "a measurement reads the clock and waits")]
fn now() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods, reason = "a measurement reads the clock and waits")]
fn pause(wait: Duration) {
    std::thread::sleep(wait);
}

fn process(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    if arguments.mode == Mode::Map {
        topologies::create(&arguments.bootstrap, &format!("{}-out", arguments.topic), arguments.partitions)?;
    }
    let started = now();
    let (application, _calls, _metrics) = start(arguments, state, vec![topology(arguments)?])?;
    let (mut first, cpu_before) = (None, cpu_seconds());
    while SEEN.load(Ordering::Relaxed) < arguments.n {
        pause(Duration::from_millis(20));
        if let Some(why) = application.failed() {
            return Err(why.into());
        }
        if first.is_none() && SEEN.load(Ordering::Relaxed) > 0 {
            first = Some(now());
        }
    }
    let first = first.unwrap_or(started);
    let wall = first.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - cpu_before;
    let n = arguments.n as f64;
    println!(
        "n={} wall_s={wall:.2} per_s={:.0} cpu_s={cpu:.2} cpu_us_per_record={:.3} startup_s={:.2}",
        arguments.n,
        n / wall,
        cpu * 1e6 / n,
        first.duration_since(started).as_secs_f64()
    );
    application.stop(Stop::Leave)?;
    println!("total_cpu_s={:.2} rss_peak_mb={:.0}", cpu_seconds(), rss_peak_mib());
    Ok(())
}

fn restore(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    let started = now();
    let (application, _calls, metrics) = start(arguments, state, vec![topology(arguments)?])?;
    let restored = || counter(&metrics, "headwater_restored_records_total");
    // The peer's listener is told when a restore ends; rebalances that follow are no part of it.
    let (mut began, mut is_restoring, mut ended) = (None, false, None);
    while !application.is_ready() || is_restoring {
        if let Some(why) = application.failed() {
            return Err(why.into());
        }
        if began.is_none() && restored() > 0.0 {
            began = Some(now());
        }
        let was_restoring = std::mem::replace(&mut is_restoring, application.restore_progress().tasks > 0);
        if was_restoring && !is_restoring {
            ended = Some((now(), cpu_seconds()));
        }
        pause(Duration::from_millis(5));
    }
    let (ended, cpu_at_end) = ended.unwrap_or((now(), cpu_seconds()));
    let seconds = ended.duration_since(began.unwrap_or(started)).as_secs_f64();
    let records = restored();
    println!(
        "restored={records:.0} restore_s={seconds:.2} restore_per_s={:.0} cpu={:.2} restore_cpu_us={:.3} restore_end_cpu_us={:.3} ready_s={:.2}",
        records / seconds,
        cpu_seconds(),
        cpu_seconds() * 1e6 / records.max(1.0),
        cpu_at_end * 1e6 / records.max(1.0),
        now().duration_since(started).as_secs_f64()
    );
    application.stop(Stop::Leave)?;
    println!("total_cpu_s={:.2} rss_peak_mb={:.0}", cpu_seconds(), rss_peak_mib());
    Ok(())
}
