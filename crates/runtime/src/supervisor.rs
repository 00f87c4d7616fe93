//! Keeps an application's workers going: starts their threads, starts them again after trouble that passes, gathers
//! what they report, and stops them.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_worker::RestoreResult;
use headwater_worker::ports::Report;
use tokio::runtime::Handle;

use crate::Error;
use crate::application::{Shared, Status};
use crate::calls::{CallExecutor, Steps};
use crate::members::Publisher;
use crate::settings::Stop;
use crate::worker::{self, Command, WorkerLinks};

const REPORTS_MAX: usize = 1_024;
/// A worker that fails so often without having worked for [`HEALTHY_AFTER`] in between has failed for good.
const TRIES_MAX: u32 = 20;
const HEALTHY_AFTER: Duration = Duration::from_secs(60);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// What a supervisor needs.
pub(crate) struct Supervised {
    pub(crate) shared: Arc<Shared>,
    pub(crate) steps: Steps,
    pub(crate) calls: Handle,
    pub(crate) restored: Vec<Receiver<RestoreResult>>,
    pub(crate) publisher: Option<Publisher>,
}

#[derive(Default)]
struct Board {
    reports: BTreeMap<usize, Report>,
    failed: Option<String>,
}

/// The workers' threads, and what is known of them.
pub(crate) struct Supervisor {
    workers: usize,
    commands: Vec<SyncSender<Command>>,
    threads: Vec<JoinHandle<Result<(), Error>>>,
    gatherer: Option<JoinHandle<()>>,
    board: Arc<Mutex<Board>>,
}

impl Supervisor {
    pub(crate) fn start(supervised: Supervised) -> Result<Self, Error> {
        let Supervised { shared, steps, calls, restored, publisher } = supervised;
        let (reports, gathered) = sync_channel(REPORTS_MAX);
        let board = Arc::new(Mutex::new(Board::default()));
        let mut supervisor = Self {
            workers: restored.len(),
            commands: Vec::new(),
            threads: Vec::new(),
            gatherer: None,
            board: Arc::clone(&board),
        };
        for (number, restored) in restored.into_iter().enumerate() {
            let (sender, commands) = sync_channel(4);
            let keeper = Keeper {
                number,
                shared: Arc::clone(&shared),
                steps: steps.clone(),
                calls: calls.clone(),
                links: WorkerLinks { commands, restored, reports: reports.clone() },
                board: Arc::clone(&board),
            };
            let thread = std::thread::Builder::new()
                .name(format!("headwater-worker-{number}"))
                .spawn(move || keeper.keep())
                .map_err(|error| Error::Configuration(format!("a worker's thread can't be started: {error}")))?;
            supervisor.commands.push(sender);
            supervisor.threads.push(thread);
        }
        drop(reports);
        let gatherer = std::thread::Builder::new()
            .name("headwater-reports".to_owned())
            .spawn(move || gather(&gathered, &board, publisher.as_ref()))
            .map_err(|error| Error::Configuration(format!("the reports' thread can't be started: {error}")))?;
        supervisor.gatherer = Some(gatherer);
        Ok(supervisor)
    }

    pub(crate) fn status(&self) -> Status {
        let board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        let mut status = Status { workers: self.workers, failed: board.failed.clone(), ..Status::default() };
        for report in board.reports.values() {
            status.running.extend(report.running.iter().cloned());
            status.restoring.extend(report.restoring.iter().cloned());
            status.workers_joined += usize::from(report.joined);
        }
        status
    }

    pub(crate) fn stop(&mut self, how: Stop) -> Result<(), Error> {
        for commands in &self.commands {
            // A worker that has ended needs no command.
            let _ended = commands.try_send(Command::Stop(how));
        }
        let mut result = Ok(());
        for thread in self.threads.drain(..) {
            let ended = thread.join().unwrap_or_else(|_| Err(Error::Processing("a worker panicked".to_owned())));
            result = result.and(ended);
        }
        if let Some(gatherer) = self.gatherer.take() {
            let _panicked = gatherer.join();
        }
        result
    }
}

fn gather(reports: &Receiver<Report>, board: &Mutex<Board>, publisher: Option<&Publisher>) {
    while let Ok(report) = reports.recv() {
        if let Some(publisher) = publisher {
            publisher.publish(&report);
        }
        board.lock().unwrap_or_else(PoisonError::into_inner).reports.insert(report.worker, report);
    }
}

/// One worker's thread: runs the worker again and again until it is told to stop or can't go on.
struct Keeper {
    number: usize,
    shared: Arc<Shared>,
    steps: Steps,
    calls: Handle,
    links: WorkerLinks,
    board: Arc<Mutex<Board>>,
}

impl Keeper {
    fn keep(self) -> Result<(), Error> {
        const LOOK: Duration = Duration::from_millis(50);
        while !self.shared.gate.wait(LOOK) {
            if let Ok(Command::Stop(_)) = self.links.commands.try_recv() {
                return Ok(());
            }
        }
        let mut tries = 0;
        loop {
            let begun = self.shared.clock.monotonic();
            let error = match self.run_once() {
                Ok(()) => return Ok(()),
                Err(error) => error,
            };
            self.leave_directory();
            self.shared.restorer.release_all(self.number);
            let worked = self.shared.clock.monotonic().saturating_sub(begun);
            tries = if worked >= HEALTHY_AFTER { 1 } else { tries + 1 };
            if !error.passes() || tries >= TRIES_MAX {
                tracing::error!(worker = self.number, %error, "the worker has ended");
                self.board.lock().unwrap_or_else(PoisonError::into_inner).failed.get_or_insert(error.to_string());
                return Err(error);
            }
            tracing::warn!(worker = self.number, %error, tries, "the worker starts again");
            if let Some(Command::Stop(_)) = self.wait(Duration::from_millis(100) * tries.min(50)) {
                return Ok(());
            }
        }
    }

    fn run_once(&self) -> Result<(), Error> {
        // Restores that an earlier run of this worker asked for are not for this one.
        while self.links.restored.try_recv().is_ok() {}
        let calls = CallExecutor::new(self.steps.clone(), self.calls.clone(), self.shared.settings.calls_in_flight_max);
        worker::run(self.number, &self.shared, calls, &self.links)
    }

    /// The tasks of a worker that ended badly answer no queries.
    fn leave_directory(&self) {
        let mut board = self.board.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(report) = board.reports.remove(&self.number) {
            for id in self.shared.directory.ids() {
                if report.running.contains(&id.to_string()) {
                    self.shared.directory.remove(&id);
                }
            }
        }
    }

    fn wait(&self, wait: Duration) -> Option<Command> {
        self.links.commands.recv_timeout(wait.min(BACKOFF_MAX)).ok()
    }
}
