//! What runs in a process: its workers, kept going as a supervisor does, and the restorer that they share.

use std::sync::Arc;
use std::time::Duration;

use headwater_worker::ports::{Edge, TaskStore as _};
use headwater_worker::{Blueprint, Error, RestoreJob, RestoreKind, RestoreLimits, Restorer, Worker};

use crate::baton::{Baton, Micros};
use crate::disk::{SimStore, SimStores};
use crate::ports::{
    RestoreOrder, SharedMail, SimCalls, SimClock, SimConsumer, SimObserver, SimPorts, SimProducer, SimReader,
    SimRestorePorts, SimRestores, micros, post, send,
};
use crate::story::SECOND;
use crate::work::Work;
use crate::world::{Event, World};

/// Standbys are looked at this late at most: a run has better things to do.
const PACE_MAX: Micros = SECOND / 5;
/// To the scale of a run, in which deletions are kept for eighty seconds.
const STANDBY_LOOK_INTERVAL: Duration = Duration::from_secs(5);

/// The restorer of a process.
pub(crate) fn restore(
    baton: &Baton,
    mail: &SharedMail,
    stores: &SimStores,
    limits: RestoreLimits,
    planted: Option<crate::Bug>,
) {
    let process = baton.process();
    let ports = SimRestorePorts { mail: Arc::clone(mail), stores: stores.used_by(baton), baton: baton.clone() };
    let reader = SimReader::new(baton.clone(), planted);
    let observer = SimObserver { baton: baton.clone(), worker: usize::MAX, mail: Arc::clone(mail) };
    let restorer = Restorer::new(ports, reader, SimClock(baton.clone()), observer);
    let mut restorer = restorer.with_limits(limits).with_look_interval(STANDBY_LOOK_INTERVAL);
    crate::plant_restorer(&mut restorer, planted);
    let mut letters = baton.with(|world| {
        if let Some(process) = world.processes.get_mut(process) {
            process.restorer = Some(baton.actor());
        }
        world.letters
    });
    let lives = |world: &mut World| world.processes.get(process).is_some_and(|process| process.alive);
    while baton.with(lives) {
        let pause = restorer.pause();
        if pause != Some(Duration::ZERO) {
            let least = pause.map_or(SECOND, micros);
            let length = baton.with(|world| world.chance.between(least, PACE_MAX));
            baton.wait_for_letters(letters, length);
        }
        letters = baton.with(|world| world.letters);
        follow_orders(&mut restorer, mail, baton);
        if !restorer.is_idle() {
            restorer.turn();
        }
    }
}

/// In their order; jobs in a row begin together.
fn follow_orders(restorer: &mut Restorer<SimRestorePorts>, mail: &SharedMail, baton: &Baton) {
    let mut jobs = Vec::new();
    let orders: Vec<RestoreOrder> = post(mail).orders.drain(..).collect();
    for order in orders {
        if let RestoreOrder::Restore(mut job) = order {
            job.store = job.store.used_by(baton);
            jobs.push(*job);
            continue;
        }
        begin(restorer, mail, &mut jobs);
        match order {
            RestoreOrder::Restore(_) => {}
            RestoreOrder::Release(worker, changelog, epoch) => restorer.release(worker, &changelog, epoch),
            RestoreOrder::ReleaseAll(worker) => restorer.release_all(worker),
            RestoreOrder::KeepWarm(tasks) => restorer.keep_warm(tasks),
        }
    }
    begin(restorer, mail, &mut jobs);
}

fn begin(restorer: &mut Restorer<SimRestorePorts>, mail: &SharedMail, jobs: &mut Vec<RestoreJob<SimStore>>) {
    if jobs.is_empty() {
        return;
    }
    let mut known = post(mail);
    for job in jobs.iter().filter(|job| job.kind == RestoreKind::Changelog) {
        let task = job.store.name();
        if let Some(stood_at) = known.warm_at.get(task).copied() {
            known.takes_over.entry(task.to_owned()).or_insert(stood_at);
        }
    }
    drop(known);
    restorer.begin(std::mem::take(jobs));
}

/// One worker of a process, and what it works with.
pub(crate) struct Keeper {
    pub(crate) instance: usize,
    pub(crate) worker: usize,
    pub(crate) blueprint: Arc<Blueprint>,
    pub(crate) work: Arc<dyn Work>,
    pub(crate) stores: SimStores,
    pub(crate) mail: SharedMail,
}

impl Keeper {
    /// Runs the worker again and again until it is told to stop or can't go on.
    pub(crate) fn keep(&self, baton: &Baton) {
        const TRIES_MAX: u32 = 50;
        let (process, instance) = (baton.process(), self.instance);
        while !post(&self.mail).is_open {
            let is_stopping = |world: &mut World| world.processes.get(process).and_then(|process| process.stopping);
            if let Some(leaves) = baton.with(is_stopping) {
                baton.with(|world| world.worker_stopped(process, self.worker, leaves));
                return;
            }
            baton.wait(SECOND / 20);
        }
        for tries in 1..TRIES_MAX {
            let error = match self.run_once(baton) {
                Ok(()) => break,
                Err(error) => error,
            };
            baton.with(|world| {
                world.note(format_args!("process {process}: worker {} ended: {error}", self.worker));
                world.answers.remove(&(process, self.worker));
                world.holders.remove(&(process, self.worker));
            });
            send(&self.mail, baton, RestoreOrder::ReleaseAll(self.worker));
            if !error.passes() {
                break;
            }
            baton.pause(100_000 * u64::from(tries.min(20)));
        }
        // Whoever watches processes starts it again.
        baton.with(|world| {
            let is_newest = world.processes.iter().rposition(|other| other.instance == instance) == Some(process);
            let is_stopping = world.processes.get(process).is_some_and(|process| process.stopping.is_some());
            if let Some(found) = world.processes.get_mut(process) {
                found.ends = true;
            }
            if is_newest && !is_stopping {
                world.after(SECOND, Event::Start { instance, fresh_disk: false });
            } else if !is_stopping {
                world.worker_stopped(process, self.worker, false);
            }
        });
    }

    fn run_once(&self, baton: &Baton) -> Result<(), Error> {
        let (process, worker) = (baton.process(), self.worker);
        let mut restores = SimRestores { mail: Arc::clone(&self.mail), worker, baton: baton.clone() };
        // Restores that an earlier run of this worker asked for are not for this one.
        while headwater_worker::ports::Restores::next(&mut restores).is_some() {}
        let name = format!("i{}-{worker}", self.instance);
        let edge = Edge::<SimPorts> {
            producer: SimProducer::new(baton.clone(), format!("simulated-{name}")),
            stores: self.stores.used_by(baton),
            restores,
            calls: SimCalls { baton: baton.clone(), worker, work: Arc::clone(&self.work) },
            clock: SimClock(baton.clone()),
            observer: SimObserver { baton: baton.clone(), worker, mail: Arc::clone(&self.mail) },
        };
        let consumer = SimConsumer::new(baton.clone(), name.clone());
        let mut running = Worker::start(worker, Arc::clone(&self.blueprint), consumer, edge)?;
        let mut wait = Duration::ZERO;
        loop {
            if let Some(leaves) = baton.with(|world| world.processes.get(process).and_then(|process| process.stopping))
            {
                let stopped = running.stop();
                baton.with(|world| {
                    if leaves {
                        let now = world.now;
                        world.cluster.group.leave(&name, now);
                    }
                    world.worker_stopped(process, worker, leaves);
                });
                return stopped;
            }
            wait = running.turn(wait)?;
        }
    }
}
