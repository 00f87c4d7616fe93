//! A real single-node Apache Kafka (KRaft) from Maven Central, for tests, benchmarks and a try-out.

mod config;
mod metadata;
pub mod secured;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::failure::{Context, Failure, Result};
use crate::maven::{self, Bundle};
use crate::process::{self, Group};
use crate::wait::{self, Deadline};
use crate::{net, workspace};

const BUNDLE: Bundle =
    Bundle { name: "kafka-4.3.1", pom: "crates/xtask/kafka/pom.xml", goal: "dependency:copy-dependencies" };
const START_LIMIT: Duration = Duration::from_secs(90);
/// The port that Kafka's users expect.
pub const DEFAULT_PORT: u16 = 9092;
/// Enough for the tests and the benchmarks; the JVM would take a quarter of the machine.
const HEAP_MIB: u32 = 1024;

/// How to start a broker.
#[derive(Debug)]
pub struct Options {
    /// The client port; 0 for a free one.
    pub port: u16,
    /// Where the log lies; by default a folder of the target folder, by port.
    pub data_dir: Option<PathBuf>,
    /// Whether what the data folder holds is removed first.
    pub fresh: bool,
    /// The heap limit of the JVM.
    pub heap_mib: u32,
    /// Whether there is a listener with TLS and a password, too; only in a fresh folder.
    pub secured: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { port: DEFAULT_PORT, data_dir: None, fresh: false, heap_mib: HEAP_MIB, secured: false }
    }
}

/// A broker that answers.
#[derive(Debug)]
pub struct Broker {
    /// `127.0.0.1:PORT`.
    pub bootstrap: String,
    /// The listener with TLS and a password.
    pub secured_bootstrap: Option<String>,
    /// Where its log and its server.log lie.
    pub data_dir: PathBuf,
    /// Its process.
    pub group: Group,
}

/// Starts a broker and returns when it answers a metadata request.
pub fn start(options: &Options) -> Result<Broker> {
    let libs = maven::fetch(BUNDLE)?;
    let ports = net::free_ports(3)?;
    let [free, controller, secured] = ports[..] else {
        return Err(Failure::new("no free ports"));
    };
    let port = if options.port == 0 { free } else { options.port };
    if net::is_open(port) {
        return Err(Failure::new(format!("port {port} is taken: give another one with --port, or 0 for a free one")));
    }
    let data_dir = match &options.data_dir {
        Some(dir) => std::path::absolute(dir).context(|| format!("`{}` is no path", dir.display()))?,
        None => default_data_dir(port)?,
    };
    if options.fresh && data_dir.exists() {
        remove_data(&data_dir)?;
    }
    std::fs::create_dir_all(&data_dir).context(|| format!("cannot make {}", data_dir.display()))?;
    let ports = config::Ports { client: port, controller, secured: options.secured.then_some(secured) };
    let properties = config::write(&data_dir, ports)?;
    let is_formatted = data_dir.join("log/meta.properties").is_file();
    if options.secured && is_formatted && !secured::certificate(&data_dir).is_file() {
        return Err(Failure::new(format!("{} is of a broker without --secured: add --fresh", data_dir.display())));
    }
    if !is_formatted {
        let mut format = java(&libs);
        format.args(["kafka.tools.StorageTool", "format", "-t", &config::random_uuid(), "-c"]);
        format.arg(&properties);
        if options.secured {
            secured::make_certificate(&data_dir)?;
            format.args(secured::format_arguments());
        }
        process::output(&mut format)?;
    }
    let group = spawn(&libs, &data_dir, &properties, options.heap_mib)?;
    wait_until_it_answers(group, ports, data_dir)
}

fn spawn(libs: &Path, data_dir: &Path, properties: &Path, heap_mib: u32) -> Result<Group> {
    let log = log_file(data_dir);
    let out = std::fs::File::create(&log).context(|| format!("cannot write {}", log.display()))?;
    let err = out.try_clone().context(|| "cannot share the log".into())?;
    let mut command = java(libs);
    command
        .arg(format!("-Xmx{heap_mib}m"))
        .args(["-XX:+UseG1GC", "-Dheadwater.log.level=INFO", "kafka.Kafka"])
        .arg(properties)
        .stdout(Stdio::from(out))
        .stderr(Stdio::from(err));
    let group = Group::spawn(&mut command)?;
    let pid_file = pid_file(data_dir);
    std::fs::write(&pid_file, group.id().to_string()).context(|| format!("cannot write {}", pid_file.display()))?;
    Ok(group)
}

fn wait_until_it_answers(mut group: Group, ports: config::Ports, data_dir: PathBuf) -> Result<Broker> {
    let answered = wait::until(Deadline::after(START_LIMIT), || {
        if let Some(status) = group.exited() {
            return Some(Err(process::ending(status)));
        }
        metadata::serves(ports.client).then_some(Ok(()))
    });
    let log = log_file(&data_dir);
    let why = match answered {
        Some(Ok(())) => {
            let at = |port: u16| format!("127.0.0.1:{port}");
            return Ok(Broker {
                bootstrap: at(ports.client),
                secured_bootstrap: ports.secured.map(at),
                data_dir,
                group,
            });
        }
        Some(Err(ending)) => format!("ended with {ending}"),
        None => format!("did not answer within {} s", START_LIMIT.as_secs()),
    };
    Err(Failure::new(format!("Apache Kafka {why}; the end of {}:\n{}", log.display(), tail(&log))))
}

/// Ends the broker of a data folder. False when none was running.
pub fn stop(data_dir: &Path) -> Result<bool> {
    let file = pid_file(data_dir);
    let stopped = match running(data_dir) {
        Some(id) => process::end_process(id),
        None => false,
    };
    if file.exists() {
        std::fs::remove_file(&file).context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(stopped)
}

/// The process of the broker that was started for a data folder, where it still runs.
pub fn running(data_dir: &Path) -> Option<u32> {
    let id = std::fs::read_to_string(pid_file(data_dir)).ok()?;
    let id = id.trim().parse().ok()?;
    // The number may belong to another program by now.
    let folder = data_dir.display().to_string();
    process::command_line(id).is_some_and(|line| line.contains("kafka.Kafka") && line.contains(&folder)).then_some(id)
}

/// The default data folders whose brokers run now.
pub fn running_by_default() -> Result<Vec<PathBuf>> {
    let parent = workspace::target_dir()?.join("kafka");
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Ok(Vec::new());
    };
    let folders = entries.flatten().map(|entry| entry.path());
    Ok(folders.filter(|folder| running(folder).is_some()).collect())
}

/// Whether a broker on this machine answers on the port.
pub fn serves(port: u16) -> bool {
    metadata::serves(port)
}

/// The data folder that belongs to a port.
pub fn default_data_dir(port: u16) -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join(format!("kafka/{port}")))
}

/// A command that runs a class of Kafka's jars, e.g. `org.apache.kafka.tools.TopicCommand`.
pub fn tool(class: &str) -> Result<Command> {
    let libs = maven::fetch(BUNDLE)?;
    let mut command = java(&libs);
    command.arg("-Xmx512m").arg(class);
    Ok(command)
}

/// The folder of Kafka's jars.
pub fn libs() -> Result<PathBuf> {
    maven::fetch(BUNDLE)
}

/// The logging configuration that the jars are run with.
pub fn logging() -> Result<PathBuf> {
    Ok(workspace::root()?.join("crates/xtask/kafka/log4j2.properties"))
}

fn java(libs: &Path) -> Command {
    let mut command = Command::new("java");
    command.arg("-cp").arg(libs.join("*"));
    if let Ok(logging) = logging() {
        command.arg(format!("-Dlog4j2.configurationFile={}", logging.display()));
    }
    command
}

fn pid_file(data_dir: &Path) -> PathBuf {
    data_dir.join("pid")
}

fn log_file(data_dir: &Path) -> PathBuf {
    data_dir.join("server.log")
}

/// Removes only what a broker of ours wrote: a wrong `--data-dir` must not cost somebody's files.
fn remove_data(data_dir: &Path) -> Result<()> {
    if running(data_dir).is_some() {
        return Err(Failure::new(format!("a broker runs on {}: `cargo xtask kafka down` first", data_dir.display())));
    }
    let is_ours = data_dir.join(config::FILE_NAME).is_file();
    let is_empty = std::fs::read_dir(data_dir).is_ok_and(|mut entries| entries.next().is_none());
    if !is_ours && !is_empty {
        return Err(Failure::new(format!(
            "{} holds other things than a broker's data: not removed",
            data_dir.display()
        )));
    }
    std::fs::remove_dir_all(data_dir).context(|| format!("cannot clear {}", data_dir.display()))
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(15);
    lines[from..].join("\n")
}

#[cfg(test)]
mod tests;
