use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::deadline::{Stopwatch, wait_for};
use crate::ended::Ended;
use crate::headwater::{Headwater, Place, Ports};
use crate::metrics::{Metrics, wait_until_quiet};
use crate::platform::Platform;

/// The process that is killed, and how to start it again as the same instance.
pub struct Victim {
    process: Option<Headwater>,
    started: Stopwatch,
    kind: Kind,
    arguments: Vec<String>,
    log: PathBuf,
}

enum Kind {
    Dev { data: PathBuf, ports: Ports },
    RunAll { place: Place, platform: Platform },
}

impl Victim {
    /// A `headwater dev` that serves, and what it brings.
    #[must_use]
    pub fn dev(folder: &Path, arguments: &[String]) -> (Self, Platform) {
        let (data, log) = (folder.join("dev"), folder.join("dev.log"));
        let started = Stopwatch::start();
        let (process, ports) = Headwater::dev(&data, None, &borrowed(arguments), &log);
        let platform = Platform::of_dev(&ports);
        let kind = Kind::Dev { data, ports };
        (Self { process: Some(process), started, kind, arguments: arguments.to_vec(), log }, platform)
    }

    /// A `headwater run --all` of a platform.
    #[must_use]
    pub fn run_all(folder: &Path, platform: &Platform, arguments: &[String]) -> Self {
        let kind = Kind::RunAll { place: Place::new("victim", folder), platform: platform.clone() };
        let (started, arguments, log) = (Stopwatch::start(), arguments.to_vec(), folder.join("run.log"));
        let mut victim = Self { process: None, started, kind, arguments, log };
        victim.start();
        victim
    }

    /// Where its HTTP API is.
    #[must_use]
    pub fn url(&self) -> String {
        match &self.kind {
            Kind::Dev { ports, .. } => ports.url(""),
            Kind::RunAll { place, .. } => place.url(),
        }
    }

    fn process(&mut self) -> &mut Headwater {
        self.process.as_mut().unwrap()
    }

    /// Waits until it serves, and says how long that took from its start.
    pub fn wait_healthy(&mut self, within: Duration) -> Duration {
        let health = format!("{}/health", self.url());
        self.process().wait_healthy(&health, within);
        self.started.elapsed()
    }

    /// Waits until one more order has ended, and says how long after the start that was.
    pub fn wait_for_progress(&mut self, ended: &Ended, within: Duration) -> Duration {
        let before = ended.count();
        wait_for("orders end again", within, || {
            self.process().check()?;
            if ended.count() > before { Ok(()) } else { Err(format!("{before} have ended")) }
        });
        self.started.elapsed()
    }

    /// Panics, with the end of its log, when it has ended by itself.
    pub fn check(&mut self) {
        let _alive = self.process().check();
    }

    /// `kill -9`, and at once the next life.
    pub fn kill_and_restart(&mut self) {
        if let Some(process) = self.process.take() {
            process.kill();
        }
        self.start();
    }

    fn start(&mut self) {
        self.started = Stopwatch::start();
        let more = borrowed(&self.arguments);
        let process = match &self.kind {
            Kind::Dev { data, ports } => Headwater::start_dev(data, Some(ports), &more, &self.log),
            Kind::RunAll { place, platform } => Headwater::run_all(platform, place, &more, &self.log),
        };
        self.process = Some(process);
    }

    /// Waits until nothing is under way any more.
    pub fn settled(&mut self, within: Duration) -> Metrics {
        let url = self.url();
        wait_until_quiet(&url, within, || self.check())
    }

    /// Ends it as a person would.
    pub fn stop(&mut self) {
        if let Some(process) = self.process.take() {
            process.signal_and_wait("INT", Duration::from_secs(30));
        }
    }
}

fn borrowed(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}
