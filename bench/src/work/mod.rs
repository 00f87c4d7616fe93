//! One measured piece of work, in a process of its own; figures are printed as `name=value`, as the peer does.

mod bare;
mod budget;
mod chain;
mod drive;
mod feed;
mod long;
mod recover;
mod samples;
mod topologies;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use headwater_kafka::{ConnectionSettings, ProducerEngine};
use headwater_runtime::{Application, ApplicationSettings, Place, Setup, Snapshots, Steps, Stop};
use headwater_streams::{LocalSchemas, Topology};

use crate::figures::{cpu_seconds, rss_peak_mib};

pub use chain::create as create_chain;

pub type Failure = Box<dyn std::error::Error>;

/// What to do, as the peer's modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Counts records by key.
    Count,
    /// Keeps the last value by key.
    Table,
    /// The same, where the topic is the table's changelog.
    Sourcetable,
    /// Changes a byte of each value, with no state.
    Map,
    /// `map` by librdkafka's consumer and producer alone, at least once.
    Bare,
    /// Keeps the last value by key, the keys shared out over stores.
    Stores,
    /// Rebuilds the stores of an earlier `count` from nothing.
    Restore,
    /// Rebuilds the stores of an earlier `table` from nothing.
    Tablerestore,
    /// Rebuilds the stores of an earlier `sourcetable` from nothing: from the topic.
    Sourcetablerestore,
    /// A table that says how far it has come, until it is killed.
    Recover,
    /// Stateful services in a row, over topics that exist, until standard input ends.
    Chain,
    /// One of them.
    Hop,
    /// The load of a chain whose services are other processes: latency from when a record was due to read_committed at
    /// the end.
    Drive,
    /// A count of small records that another process makes, with memory sampled; its topics are deleted.
    Long,
    /// Sends the records of `long` and `budget`, as many as standard input allows.
    Feed,
    /// Many stores are written while another is restored, within the budget; its topics are deleted.
    Budget,
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
    /// Keys that `feed` spreads its records over.
    #[arg(long, default_value_t = 100_000)]
    keys: u64,
    /// The longest value that `feed` sends; the shortest is half of it.
    #[arg(long, default_value_t = 16)]
    value_bytes: u64,
    /// Stores of `stores` and `budget`; 16 at most.
    #[arg(long, default_value_t = 12)]
    stores: u64,
    #[arg(long, default_value_t = 4)]
    hops: u64,
    /// Which service of the chain `hop` is, from 0.
    #[arg(long, default_value_t = 0)]
    hop: usize,
    /// Records a second of a chain.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    /// Seconds of a chain that are measured.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Seconds of load before them, sent and read and not counted.
    #[arg(long, default_value_t = 5)]
    warm_up_seconds: u64,
    /// Every hop of the chain through a commit and a fetch
    #[arg(long)]
    no_fusion: bool,
    /// Who speaks to the brokers for transactions: auto, direct or librdkafka
    #[arg(long, default_value = "auto", value_parser = ProducerEngine::parse)]
    producer: ProducerEngine,
    /// The second half of `budget`, which it starts itself.
    #[arg(long, hide = true)]
    restoring: bool,
    /// Where `long` and `budget` write their memory, second by second, as CSV.
    #[arg(long)]
    samples: Option<PathBuf>,
    #[arg(long)]
    state: Option<PathBuf>,
    /// Where stores are written down, each second, and begin: a folder
    #[arg(long)]
    snapshots: Option<String>,
    #[arg(long, env = "KAFKA_BOOTSTRAP_SERVERS", default_value = "127.0.0.1:9092")]
    bootstrap: String,
}

impl Arguments {
    /// Whether a topic is of this work alone: its input, or one of its application.
    fn owns(&self, topic: &str) -> bool {
        topic == self.topic || topic.strip_prefix(&self.application).is_some_and(|rest| rest.starts_with('-'))
    }
}

/// How often is looked whether all has been done.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// How long is waited for the next record.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Records seen by all tasks.
pub static SEEN: AtomicU64 = AtomicU64::new(0);

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let scratch = tempfile::tempdir()?;
    let state = arguments.state.clone().unwrap_or_else(|| scratch.path().join("state"));
    match arguments.mode {
        Mode::Chain => chain::run(arguments, state),
        Mode::Hop => chain::run_hop(arguments, state),
        Mode::Drive => drive::run(arguments),
        Mode::Long => long::run(arguments, state),
        Mode::Feed => feed::run(arguments),
        Mode::Budget => budget::run(arguments, state),
        Mode::Bare => bare::run(arguments),
        Mode::Recover => recover::run(arguments, state),
        Mode::Restore | Mode::Tablerestore | Mode::Sourcetablerestore => restore(arguments, state),
        Mode::Count | Mode::Table | Mode::Sourcetable | Mode::Map | Mode::Stores => process(arguments, state),
    }
}

/// The topology of a mode that has one.
fn topology(arguments: &Arguments) -> Result<Topology, Failure> {
    let (topic, application) = (&arguments.topic, &arguments.application);
    Ok(match arguments.mode {
        Mode::Count | Mode::Restore => topologies::count(topic, application)?,
        Mode::Stores => topologies::stores(topic, application, usize::try_from(arguments.stores)?)?,
        Mode::Map => topologies::map(topic, application)?,
        Mode::Sourcetable | Mode::Sourcetablerestore => topologies::source_table(topic, application)?,
        _ => topologies::table(topic, application)?,
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
    settings.producer = arguments.producer;
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

/// A gauge by its label.
fn gauge(metrics: &prometheus::Registry, name: &str, label: &str) -> f64 {
    let families = metrics.gather();
    let gauges = families.iter().filter(|family| family.name() == name).flat_map(|family| family.get_metric());
    let named = gauges.filter(|metric| metric.get_label().iter().any(|pair| pair.value() == label));
    named.map(|metric| metric.get_gauge().get_value()).sum()
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
        let out = format!("{}-out", arguments.application);
        topologies::create(&arguments.bootstrap, &out, arguments.partitions, &[])?;
    }
    let (application, _calls, metrics) = start(arguments, state, vec![topology(arguments)?])?;
    // A table's own processor counts in metrics only, and to gather them costs.
    let processed = || counter(&metrics, "headwater_records_processed_total") as u64;
    let failed = || application.failed();
    if arguments.mode == Mode::Sourcetable {
        report_when_done(arguments, Duration::from_millis(20), processed, failed)?;
    } else {
        report_when_done(arguments, LOOK_EVERY, || SEEN.load(Ordering::Relaxed), failed)?;
    }
    application.stop(Stop::Leave)?;
    println!("total_cpu_s={:.2} rss_peak_mb={:.0}", cpu_seconds(), rss_peak_mib());
    Ok(())
}

/// Waits until all records have been seen, and prints at what rate and cost.
fn report_when_done(
    arguments: &Arguments,
    look_every: Duration,
    seen: impl Fn() -> u64,
    failed: impl Fn() -> Option<String>,
) -> Result<(), Failure> {
    let started = now();
    let (mut first, cpu_before) = (None, cpu_seconds());
    let (mut last_seen, mut last_at) = (0, started);
    loop {
        let seen_now = seen();
        if first.is_none() && seen_now > 0 {
            first = Some(now());
        }
        if seen_now >= arguments.n {
            break;
        }
        if seen_now != last_seen {
            (last_seen, last_at) = (seen_now, now());
        } else if last_at.elapsed() > SILENCE_MAX {
            let (n, topic, silence_s) = (arguments.n, &arguments.topic, SILENCE_MAX.as_secs());
            return Err(format!(
                "{seen_now} of {n} records were seen, and no more for {silence_s} s: see whether {topic} holds so many"
            )
            .into());
        }
        pause(look_every);
        if let Some(why) = failed() {
            return Err(why.into());
        }
    }
    let first = first.unwrap_or(started);
    let wall = first.elapsed().as_secs_f64();
    let cpu = cpu_seconds() - cpu_before;
    let n = arguments.n as f64;
    println!(
        "n={} wall_s={wall:.2} per_s={:.0} cpu_s={cpu:.2} cpu_us_per_record={:.3} startup_s={:.2} rss_peak_mb={:.0}",
        arguments.n,
        n / wall,
        cpu * 1e6 / n,
        first.duration_since(started).as_secs_f64(),
        rss_peak_mib()
    );
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
