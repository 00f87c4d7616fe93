//! Apicurio Registry from Maven Central: a real schema registry with a Confluent-compatible API, kept in memory.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::failure::{Context, Failure, Result};
use crate::maven::{self, Bundle};
use crate::process::{self, Group};
use crate::wait::{self, Deadline};
use crate::{http, net, workspace};

const BUNDLE: Bundle =
    Bundle { name: "apicurio-registry-3.0.9", pom: "crates/xtask/registry/pom.xml", goal: "dependency:unpack" };
const RUNNER: &str = "apicurio-registry-app-3.0.9-runner.jar";
const CONFLUENT_API: &str = "/apis/ccompat/v7";
const START_LIMIT: Duration = Duration::from_secs(90);
/// The port that users of Confluent's registry expect.
pub const DEFAULT_PORT: u16 = 8081;

/// A registry that answers.
#[derive(Debug)]
pub struct Registry {
    /// The address of its Confluent API.
    pub url: String,
    /// Its process.
    pub group: Group,
}

/// Starts the registry and returns when its Confluent API answers. Port 0 is a free one.
pub fn start(port: u16, data_dir: Option<&Path>) -> Result<Registry> {
    let folder = maven::fetch(BUNDLE)?;
    let port = match (port, net::free_ports(1)?.first()) {
        (0, Some(free)) => *free,
        (port, _) => port,
    };
    if net::is_open(port) {
        return Err(Failure::new(format!("port {port} is taken: give another one with --port, or 0 for a free one")));
    }
    let data_dir = match data_dir {
        Some(dir) => dir.to_path_buf(),
        None => default_data_dir(port)?,
    };
    std::fs::create_dir_all(&data_dir).context(|| format!("cannot make {}", data_dir.display()))?;
    let log = data_dir.join("server.log");
    let out = std::fs::File::create(&log).context(|| format!("cannot write {}", log.display()))?;
    let err = out.try_clone().context(|| "cannot share the log".into())?;
    let mut command = Command::new("java");
    command
        .args(["-Xmx384m", "-XX:TieredStopAtLevel=1"])
        .arg(format!("-Dquarkus.http.port={port}"))
        .arg("-Dquarkus.http.host=127.0.0.1")
        .arg("-jar")
        .arg(folder.join(RUNNER))
        .stdout(Stdio::from(out))
        .stderr(Stdio::from(err));
    let mut group = Group::spawn(&mut command)?;
    let pid_file = data_dir.join("pid");
    std::fs::write(&pid_file, group.id().to_string()).context(|| format!("cannot write {}", pid_file.display()))?;
    let subjects = format!("{CONFLUENT_API}/subjects");
    let answered = wait::until(Deadline::after(START_LIMIT), || {
        if group.exited().is_some() {
            return Some(false);
        }
        (http::get_status(port, &subjects) == Some(200)).then_some(true)
    });
    if answered != Some(true) {
        return Err(Failure::new(format!("Apicurio Registry did not come up; see {}", log.display())));
    }
    let url = format!("http://127.0.0.1:{port}{CONFLUENT_API}");
    Ok(Registry { url, group })
}

/// Ends the registry of a port. False when none was running.
pub fn stop(port: u16) -> Result<bool> {
    stop_in(&default_data_dir(port)?)
}

/// Ends the registry of a data folder. False when none was running.
pub fn stop_in(data_dir: &Path) -> Result<bool> {
    let stopped = running(data_dir).is_some_and(process::end_process);
    let file = data_dir.join("pid");
    if file.exists() {
        std::fs::remove_file(&file).context(|| format!("cannot remove {}", file.display()))?;
    }
    Ok(stopped)
}

/// The folders of the default place whose registry runs.
pub fn running_by_default() -> Result<Vec<PathBuf>> {
    let parent = workspace::target_dir()?.join("registry");
    let Ok(entries) = std::fs::read_dir(parent) else {
        return Ok(Vec::new());
    };
    let folders = entries.flatten().map(|entry| entry.path());
    Ok(folders.filter(|folder| running(folder).is_some()).collect())
}

/// The process id of the registry of a data folder, where it runs.
fn running(data_dir: &Path) -> Option<u32> {
    let id = std::fs::read_to_string(data_dir.join("pid")).ok()?.trim().parse().ok()?;
    // The number may belong to another program by now.
    process::command_line(id).is_some_and(|line| line.contains(RUNNER)).then_some(id)
}

fn default_data_dir(port: u16) -> Result<PathBuf> {
    Ok(workspace::target_dir()?.join(format!("registry/{port}")))
}
