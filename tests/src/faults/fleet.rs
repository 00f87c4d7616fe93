//! The instances, and a supervisor that starts again what has ended by itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::cluster::free_ports;
use super::disk::SmallDisk;
use super::script::INSTANCES;
use crate::deadline::Stopwatch;
use crate::headwater::{Headwater, Place};
use crate::metrics::Metrics;
use crate::platform::Platform;

/// As a service manager would: not at once, or a broken instance would spin.
const RESTART_AFTER: Duration = Duration::from_secs(1);
const ANSWER_WITHIN: Duration = Duration::from_secs(2);
/// What a log line contains that a panic wrote.
const PANIC: &str = "panicked at";

/// One instance, running or not.
struct Instance {
    place: Place,
    log: PathBuf,
    process: Option<Headwater>,
    /// When it ended by itself, until it is started again.
    ended: Option<Stopwatch>,
}

/// All instances of the application.
pub struct Fleet {
    platform: Platform,
    instances: Vec<Instance>,
    http: reqwest::blocking::Client,
    arguments: Vec<String>,
    /// What ended by itself since this was last taken.
    endings: Vec<Ending>,
    /// Starts, whoever asked for them.
    pub starts: usize,
    // Dropped after the processes that use it.
    disk: Result<SmallDisk, String>,
}

/// An instance that ended by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ending {
    pub instance: usize,
    pub status: String,
    /// The last thing that it complained of.
    pub last_words: String,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "instance {} ended by itself with {}: {}", self.instance + 1, self.status, self.last_words)
    }
}

impl Fleet {
    /// Starts them all; the last one has its stores on a small disk, where that can be had.
    #[must_use]
    pub fn start(platform: &Platform, folder: &Path, arguments: &[String]) -> Self {
        let disk = SmallDisk::mount(&folder.join("small-disk"));
        let mut instances = Vec::new();
        for (at, http_port) in free_ports(INSTANCES).into_iter().enumerate() {
            let name = format!("i{}", at + 1);
            let state_dir = match &disk {
                Ok(disk) if at == INSTANCES - 1 => disk.folder().join("state"),
                _ => folder.join(format!("state-{name}")),
            };
            let log = folder.join(format!("{name}.log"));
            instances.push(Instance { place: Place { name, state_dir, http_port }, log, process: None, ended: None });
        }
        let mut fleet = Self {
            platform: platform.clone(),
            instances,
            http: reqwest::blocking::Client::new(),
            arguments: arguments.to_vec(),
            endings: Vec::new(),
            starts: 0,
            disk,
        };
        (0..INSTANCES).for_each(|instance| fleet.start_instance(instance));
        fleet
    }

    /// The small disk, or why there is none.
    pub const fn disk(&self) -> &Result<SmallDisk, String> {
        &self.disk
    }

    /// Starts an instance; it may not serve yet.
    pub fn start_instance(&mut self, which: usize) {
        let more: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let instance = &mut self.instances[which];
        instance.process = Some(Headwater::run_all(&self.platform, &instance.place, &more, &instance.log));
        instance.ended = None;
        self.starts += 1;
    }

    /// `kill -9`.
    pub fn kill(&mut self, which: usize) {
        if let Some(process) = self.instances[which].process.take() {
            process.kill();
        }
    }

    /// Sends a signal by name.
    pub fn signal(&self, which: usize, signal: &str) {
        if let Some(process) = &self.instances[which].process {
            process.signal(signal);
        }
    }

    /// Notes what has ended by itself, and starts it again when it is due.
    pub fn tend(&mut self) {
        for which in 0..self.instances.len() {
            let instance = &mut self.instances[which];
            if let Some(status) = instance.process.as_mut().and_then(Headwater::ended) {
                // The report names no folder of the machine that it was made on.
                let here = instance.log.parent().map(|folder| folder.display().to_string()).unwrap_or_default();
                let last_words = last_complaint(&instance.log).replace(&here, "SCRATCH");
                self.endings.push(Ending { instance: which, status: status.to_string(), last_words });
                instance.process = None;
                instance.ended = Some(Stopwatch::start());
            }
            if instance.ended.is_some_and(|ended| ended.elapsed() >= RESTART_AFTER) {
                self.start_instance(which);
            }
        }
    }

    /// What has ended by itself since the last time that somebody asked.
    pub fn take_endings(&mut self) -> Vec<Ending> {
        std::mem::take(&mut self.endings)
    }

    /// Ok when every instance says that it serves.
    ///
    /// # Errors
    /// Which does not, and what it says.
    pub fn all_serve(&self) -> Result<(), String> {
        (0..self.instances.len()).try_for_each(|instance| self.serves(instance))
    }

    /// Ok when an instance says that it serves.
    ///
    /// # Errors
    /// What it says.
    pub fn serves(&self, which: usize) -> Result<(), String> {
        let url = format!("{}/health", self.instances[which].place.url());
        let answer = self.http.get(&url).timeout(ANSWER_WITHIN).send().map_err(|error| error.to_string())?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        Err(format!("instance {}: {status}: {}", which + 1, answer.text().unwrap_or_default()))
    }

    /// How many partitions the group has given to an instance; None while it is no member.
    ///
    /// # Errors
    /// What Kafka said.
    pub fn share(&self, direct: &Platform, which: usize) -> Result<Option<usize>, String> {
        let group = direct.admin().describe_group(&direct.application).map_err(|error| error.to_string())?;
        let worker = format!("{}-0", self.instances[which].place.name);
        let found = group.members.iter().find(|member| member.instance.as_deref() == Some(worker.as_str()));
        Ok(found.map(|member| member.assignment.len()))
    }

    /// An answer of the first instance's HTTP API.
    ///
    /// # Errors
    /// What it said instead.
    pub fn get(&self, path: &str) -> Result<serde_json::Value, String> {
        let url = format!("{}{path}", self.instances[0].place.url());
        let answer = self.http.get(&url).timeout(ANSWER_WITHIN * 10).send().map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().map_err(|error| error.to_string())?;
        if !status.is_success() {
            return Err(format!("{url}: {status}: {text}"));
        }
        serde_json::from_str(&text).map_err(|error| format!("{url}: {error}"))
    }

    /// The sum of a counter over all instances, each since its last start.
    ///
    /// # Errors
    /// Which did not answer.
    pub fn counted(&self, name: &str) -> Result<u64, String> {
        let of = |instance: &Instance| Ok(Metrics::fetch(&instance.place.url())?.count(name));
        self.instances.iter().map(of).sum()
    }

    /// Every line of the logs in which something panicked.
    #[must_use]
    pub fn panics(&self) -> Vec<String> {
        let of = |instance: &Instance| {
            let text = std::fs::read_to_string(&instance.log).unwrap_or_default();
            let lines = text.lines().filter(|line| line.contains(PANIC));
            lines.map(|line| format!("instance {}: {line}", instance.place.name)).collect::<Vec<_>>()
        };
        self.instances.iter().flat_map(of).collect()
    }

    /// Ends them all as a person would; which did not end well.
    #[must_use]
    pub fn stop(&mut self) -> Vec<String> {
        for instance in &self.instances {
            if let Some(process) = &instance.process {
                process.signal("TERM");
            }
        }
        let mut wrong = Vec::new();
        for instance in &mut self.instances {
            let Some(mut process) = instance.process.take() else { continue };
            let clock = Stopwatch::start();
            let status = loop {
                let ended = process.ended();
                if ended.is_some() || clock.elapsed() > Duration::from_secs(30) {
                    break ended;
                }
                crate::deadline::pause(Duration::from_millis(50));
            };
            match status {
                Some(status) if status.success() => {}
                Some(status) => wrong.push(format!("instance {} was asked to end: {status}", instance.place.name)),
                None => wrong.push(format!("instance {} did not end within 30 s of SIGTERM", instance.place.name)),
            }
        }
        wrong
    }
}

fn last_complaint(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let is_complaint = |line: &&str| ["ERROR", "error:", PANIC].iter().any(|sign| line.contains(sign));
    let words = text.lines().rev().take(50).find(is_complaint).or_else(|| text.lines().last());
    words.unwrap_or_default().chars().take(400).collect()
}
