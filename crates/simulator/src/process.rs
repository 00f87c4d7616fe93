//! What runs in a process: its workers, kept going as a supervisor does, and the restorer that they share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use headwater_worker::ports::Edge;
use headwater_worker::{Blueprint, Error, RestoreJob, RestoreLimits, Restorer, Worker};

use crate::baton::Baton;
use crate::disk::{SimStore, SimStores};
use crate::ports::{
    SharedMail, SimCalls, SimClock, SimConsumer, SimObserver, SimPorts, SimProducer, SimReader, SimRestorePorts,
    SimRestores, post,
};
use crate::story::SECOND;
use crate::work::Work;
use crate::world::Event;

/// The restorer of a process.
pub(crate) fn restore(baton: &Baton, mail: &SharedMail, limits: RestoreLimits, planted: Option<crate::Bug>) {
    let ports = SimRestorePorts { mail: Arc::clone(mail), baton: baton.clone() };
    let reader = SimReader { baton: baton.clone(), positions: BTreeMap::new() };
    let observer = SimObserver { baton: baton.clone(), worker: usize::MAX, mail: Arc::clone(mail) };
    let mut restorer = Restorer::new(ports, reader, SimClock(baton.clone()), observer).with_limits(limits);
    crate::plant_restorer(&mut restorer, planted);
    loop {
        let letters = baton.with(|world| world.letters);
        let jobs: Vec<_> = post(mail).jobs.drain(..).collect();
        if !jobs.is_empty() {
            let own = |mut job: RestoreJob<SimStore>| {
                job.store = job.store.used_by(baton);
                job
            };
            restorer.begin(jobs.into_iter().map(own).collect());
        }
        if restorer.is_idle() {
            baton.wait_for_letters(letters, SECOND);
        } else {
            restorer.turn();
        }
    }
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
            if !error.passes() {
                break;
            }
            baton.pause(100_000 * u64::from(tries.min(20)));
        }
        // Whoever watches processes starts it again.
        baton.with(|world| {
            let is_newest = world.processes.iter().rposition(|other| other.instance == instance) == Some(process);
            let is_stopping = world.processes.get(process).is_some_and(|process| process.stopping.is_some());
            if is_newest && !is_stopping {
                world.after(SECOND, Event::Start { instance, fresh_disk: false });
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
                    world.worker_stopped(process, worker);
                });
                return stopped;
            }
            wait = running.turn(wait)?;
        }
    }
}
