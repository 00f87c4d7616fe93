//! `cargo xtask test`: everything that must hold, on real Apache Kafka, from a bare machine.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Context, Failure, Result};
use crate::process::{self, Group};
use crate::setup::{self, Purpose};
use crate::tally::Tally;
use crate::wait::Deadline;
use crate::{kafka, readme, registry, tidy, workspace};

/// Set for the README's commands, so that a README that runs the tests does not run them for ever.
pub const INSIDE_README: &str = "HEADWATER_README_CHECK";
const FAR_AWAY: std::time::Duration = std::time::Duration::from_secs(1 << 20);

/// Which parts to run; all by default.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// `cargo test --workspace` with Kafka and the registry up.
    pub tests: bool,
    /// The invariants.
    pub tidy: bool,
    /// The README's commands.
    pub readme: bool,
}

/// Runs the parts and prints `N passed, M failed` as the last line; the exit code is 0 or 1.
pub fn run(parts: Parts) -> Result<u8> {
    if std::env::var_os(INSIDE_README).is_some() {
        return Err(Failure::new("the README runs the tests that run the README: mark that block `<!-- not run -->`"));
    }
    let clock = Deadline::after(FAR_AWAY);
    let root = workspace::root()?;
    heading("what the machine needs");
    setup::ensure(Purpose::Test)?;
    let mut total = Tally::default();
    if parts.tests || parts.readme {
        heading("building");
        build(&root, parts)?;
    }
    if parts.tests {
        total += counted("tests", || tests(&root));
        total += counted("planted bugs", || planted_bugs(&root));
    }
    if parts.tidy {
        total += counted("tidy", || tidy::run(&root));
    }
    if parts.readme {
        total += counted("README commands", || readme::run(&root));
    }
    let minutes = clock.elapsed().as_secs_f64() / 60.0;
    println!("\nfinished in {minutes:.1} minutes");
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(u8::from(total.failed > 0 || total.passed == 0))
}

/// Runs one part; a part that cannot run at all counts as one failure.
fn counted(name: &str, part: impl FnOnce() -> Result<Tally>) -> Tally {
    heading(name);
    let tally = part().unwrap_or_else(|failure| {
        eprintln!("error: {failure}");
        Tally::one(false)
    });
    println!("{name}: {} passed, {} failed", tally.passed, tally.failed);
    tally
}

fn heading(name: &str) {
    println!("\n=== {name}");
    // Cargo writes to standard error: the heading must not come after it.
    let _ = std::io::stdout().flush();
}

/// Compiles before anything else is started, so that Kafka does not take the compiler's memory.
fn build(root: &Path, parts: Parts) -> Result<()> {
    process::run(process::cargo(root).args(["build", "--workspace", "--bins"]))?;
    if parts.tests {
        process::run(process::cargo(root).args(["test", "--workspace", "--no-run"]))?;
    }
    Ok(())
}

/// An Apache Kafka for one run, with the folder that it writes to.
pub struct RunKafka {
    // Dropped in this order: the broker ends before its folder goes.
    broker: kafka::Broker,
    run_dir: RunDir,
}

impl RunKafka {
    /// `127.0.0.1:PORT`.
    pub fn bootstrap(&self) -> &str {
        &self.broker.bootstrap
    }
}

/// Starts an Apache Kafka on a free port that ends with the returned value.
pub fn start_kafka() -> Result<RunKafka> {
    let run_dir = RunDir::new()?;
    let broker = kafka::start(&kafka::Options {
        port: 0,
        data_dir: Some(run_dir.path.join("kafka")),
        secured: true,
        ..kafka::Options::default()
    })?;
    println!("Apache Kafka at {}", broker.bootstrap);
    Ok(RunKafka { broker, run_dir })
}

fn tests(root: &Path) -> Result<Tally> {
    let kafka = start_kafka()?;
    let registry = registry::start(0, Some(&kafka.run_dir.path.join("registry")))?;
    println!("Apicurio Registry at {}", registry.url);
    let mut command = process::cargo(root);
    command
        .args(["test", "--workspace", "--no-fail-fast"])
        .env("KAFKA_BOOTSTRAP_SERVERS_TEST", kafka.bootstrap())
        .env("HEADWATER_TEST_REGISTRY_URL", &registry.url);
    if let Some(secured) = &kafka.broker.secured_bootstrap {
        command
            .env("HEADWATER_TEST_SECURED_BOOTSTRAP", secured)
            .env("HEADWATER_TEST_SECURED_USER", kafka::secured::USER)
            .env("HEADWATER_TEST_SECURED_PASSWORD", kafka::secured::PASSWORD)
            .env("HEADWATER_TEST_SECURED_CA", kafka::secured::certificate(&kafka.broker.data_dir));
    }
    for (name, value) in tool_environment()? {
        command.env(name, value);
    }
    let tally = run_tests(&mut command)?;
    if tally.failed > 0 {
        let kept = kafka.run_dir.keep().join("kafka/server.log");
        eprintln!("Kafka's log: {} (until the next run)", kept.display());
    }
    Ok(tally)
}

/// The simulator finds what is wrong on purpose. A build of its own: nothing that runs for real compiles with it.
fn planted_bugs(root: &Path) -> Result<Tally> {
    let simulator = ["test", "-p", "headwater-simulator", "--features", "planted-bugs", "--test", "planted"];
    run_tests(process::cargo(root).args(simulator))
}

/// What tests need to run the binary, Kafka's own tools, and nothing of the person's settings.
pub fn tool_environment() -> Result<Vec<(&'static str, PathBuf)>> {
    Ok(vec![
        ("HEADWATER_TEST_BIN", workspace::bin_dir()?.join("headwater")),
        ("HEADWATER_TEST_KAFKA_LIBS", kafka::libs()?),
        ("HEADWATER_TEST_KAFKA_LOGGING", kafka::logging()?),
    ])
}

/// Runs `cargo test`, shows what it prints, and adds up its result lines.
fn run_tests(command: &mut Command) -> Result<Tally> {
    command.stdout(Stdio::piped());
    let mut group = Group::spawn(command)?;
    let mut tally = Tally::default();
    if let Some(stdout) = group.stdout() {
        let mut reader = BufReader::new(stdout);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line).context(|| "cannot read from cargo test".into())? > 0 {
            let text = String::from_utf8_lossy(&line).into_owned();
            print!("{text}");
            if let Some(counts) = Tally::of_result_line(&text) {
                tally += counts;
            }
            line.clear();
        }
    }
    let status = group.wait()?;
    if !status.success() && tally.failed == 0 {
        eprintln!("cargo test ended with {}", process::ending(status));
        tally.failed += 1;
    }
    Ok(tally)
}

/// A folder for one run's brokers, removed at its end; left-overs of runs that were killed go too.
struct RunDir {
    path: PathBuf,
    kept: std::cell::Cell<bool>,
}

impl RunDir {
    fn new() -> Result<Self> {
        let runs = workspace::target_dir()?.join("xtask-runs");
        sweep(&runs)?;
        let path = runs.join(std::process::id().to_string());
        std::fs::create_dir_all(&path).context(|| format!("cannot make {}", path.display()))?;
        Ok(Self { path, kept: std::cell::Cell::new(false) })
    }

    fn keep(&self) -> &Path {
        self.kept.set(true);
        &self.path
    }
}

impl Drop for RunDir {
    fn drop(&mut self) {
        if !self.kept.get() {
            // A folder that stays is swept by the next run.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// Ends what a killed run left behind and removes its folder.
fn sweep(runs: &Path) -> Result<()> {
    let Ok(entries) = std::fs::read_dir(runs) else {
        return Ok(());
    };
    for entry in entries.flatten() {
        let alive = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok())
            .and_then(process::command_line)
            .is_some_and(|line| line.contains("xtask"));
        if !alive {
            kafka::stop(&entry.path().join("kafka"))?;
            registry::stop_in(&entry.path().join("registry"))?;
            std::fs::remove_dir_all(entry.path()).context(|| format!("cannot clear {}", entry.path().display()))?;
        }
    }
    Ok(())
}
