//! One run from a seed: processes under faults, then calm, then the checks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use headwater_log::{TopicPartition, partition_of_key};
use headwater_worker::ports::Edge;
use headwater_worker::{Blueprint, ClusterFacts, Error, Restorer, Worker, WorkerSettings};

use crate::baton::{Baton, Micros, Stage};
use crate::chance::Chance;
use crate::cluster::Cluster;
use crate::cluster::log::Written;
use crate::cluster::transactions::Phase;
use crate::disk::{Disk, Entries, SharedDisk, SimStores, open};
use crate::fault::{Fault, plan};
use crate::ports::{
    Mail, SharedMail, SimCalls, SimClock, SimConsumer, SimObserver, SimPorts, SimProducer, SimReader, SimRestorePorts,
    SimRestores, post,
};
use crate::work::{Made, Work, make};
use crate::world::{Event, Order, Process, World};

const SECOND: Micros = 1_000_000;
/// Faults and input come within this time.
const BUSY: Micros = 20 * SECOND;
/// What has not come to rest by then never will.
const END: Micros = 200 * SECOND;
const INSTANCES: usize = 2;
const BURST: Micros = 2 * SECOND / 5;
const FOREIGN_PRODUCERS: u64 = 1_000_000;

/// What came of a run.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What was wrong; empty for a good run.
    pub failures: Vec<String>,
    /// A digest of all that was done: the same for the same seed and faults.
    pub digest: u64,
    /// What was done, line by line, where that was asked for.
    pub trace: Vec<String>,
    /// Virtual seconds until everything had come to rest.
    pub seconds: u64,
}

/// A run to be made.
pub(crate) struct Story<'w> {
    pub(crate) seed: u64,
    pub(crate) work: &'w Arc<dyn Work>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) planted: Option<crate::Bug>,
    pub(crate) keeps_trace: bool,
}

/// The faults that belong to a seed.
pub(crate) fn faults_of(seed: u64) -> Vec<Fault> {
    plan(&mut Chance::new(seed ^ 0x00fa_0175), BUSY, INSTANCES)
}

/// What a process runs.
struct Application {
    blueprint: Arc<Blueprint>,
    work: Arc<dyn Work>,
}

struct Machine {
    disk: SharedDisk,
    process: usize,
}

struct Run {
    stage: Stage,
    made: Arc<Made>,
    work: Arc<dyn Work>,
    planted: Option<crate::Bug>,
    fusion: bool,
    machines: BTreeMap<usize, Machine>,
    /// Disks of machines that were given up, to be checked too.
    left: Vec<SharedDisk>,
}

impl Story<'_> {
    /// Makes the run.
    pub(crate) fn tell(&self) -> Outcome {
        let mut cluster = Cluster::default();
        let made = match make(&**self.work, &mut cluster) {
            Ok(made) => made,
            Err(error) => {
                return Outcome { failures: vec![error], digest: 0, trace: Vec::new(), seconds: 0 };
            }
        };
        for anchor in &made.anchors {
            let partitions = cluster.topic(anchor.as_str()).map(|(partition, _)| partition.clone()).collect::<Vec<_>>();
            cluster.group.anchors.extend(partitions);
        }
        let mut world = World::new(self.seed, cluster, self.keeps_trace);
        world.calm_from = BUSY + 5 * SECOND;
        world.faults.clone_from(&self.faults);
        world.at(1, Event::Tick);
        for (index, fault) in self.faults.iter().enumerate() {
            world.at(fault.at, Event::Fault(index));
        }
        feed(&mut world, &**self.work, self.seed);
        let mut run = Run {
            stage: Stage::new(world),
            made: Arc::new(made),
            work: Arc::clone(self.work),
            planted: self.planted,
            fusion: !self.seed.is_multiple_of(3),
            machines: BTreeMap::new(),
            left: Vec::new(),
        };
        for instance in 0..INSTANCES {
            run.start(instance, true);
        }
        run.go_on()
    }
}

/// Input over time, some of it in transactions of foreign producers that stay open a while, or are aborted.
fn feed(world: &mut World, work: &dyn Work, seed: u64) {
    let mut chance = Chance::new(seed ^ 0x1209);
    let start = world.wall_of(usize::MAX);
    let incoming = work.incoming(&mut chance, start);
    let count = incoming.len().max(1) as u64;
    let mut open: BTreeMap<TopicPartition, (u64, Micros)> = BTreeMap::new();
    let mut foreign = FOREIGN_PRODUCERS;
    for (number, record) in incoming.into_iter().enumerate() {
        // In bursts, so that transactions have company.
        let when = (number as u64 * BUSY / count) / BURST * BURST + chance.between(0, SECOND / 20);
        let Some((name, partitions)) = world
            .cluster
            .partitions
            .iter()
            .find(|(name, _)| name.as_str() == record.topic)
            .map(|(n, p)| (n.clone(), *p))
        else {
            continue;
        };
        let partition = TopicPartition::new(name, partition_of_key(&record.key, partitions));
        let written = Written {
            key: Some(Bytes::from(record.key)),
            value: Some(Bytes::from(record.value)),
            headers: record.headers,
            timestamp_ms: start.as_millis() + (when / 1_000) as i64,
        };
        let by = match open.get(&partition) {
            Some((producer, until)) if when < *until => Some((*producer, 0)),
            _ if chance.once_in(15) => {
                foreign += 1;
                let until = when + chance.between(SECOND / 100, 2 * SECOND);
                let commit = !(chance.once_in(3) && work.is_aborted_input_harmless());
                open.insert(partition.clone(), (foreign, until));
                let event = Event::ForeignEnd { partition: partition.clone(), producer: foreign, commit };
                world.at(until, event);
                Some((foreign, 0))
            }
            _ => None,
        };
        world.at(when, Event::Input { partition, record: written, by });
    }
    for _ in 0..chance.between(0, 4) {
        let when = chance.between(SECOND, BUSY);
        world.at(when, Event::Compact);
    }
}

impl Run {
    fn go_on(mut self) -> Outcome {
        const LOOK: Micros = SECOND / 2;
        let mut look_at = LOOK;
        let seconds = loop {
            if !self.stage.step(look_at) {
                look_at += LOOK;
                let (failed, now, is_done) = self.stage.with(|world| {
                    let last_stall = world.processes.iter().map(|process| process.stalled_until).max().unwrap_or(0);
                    let calm = world.now > world.calm_from.max(last_stall) + SECOND;
                    let is_done = calm && is_at_rest(world) && self.work.judge(&world.cluster).is_empty();
                    (!world.failures.is_empty(), world.now, is_done)
                });
                if is_done || failed || now >= END {
                    break now / SECOND;
                }
            }
            self.obey();
        };
        self.finish(seconds)
    }

    fn obey(&mut self) {
        while let Some(order) = self.stage.with(|world| world.orders.pop_front()) {
            match order {
                Order::Kill { process, disk } => {
                    self.kill(process);
                    if let Some(older) = disk
                        && let Some(machine) = self.machines.values_mut().find(|machine| machine.process == process)
                        && older
                    {
                        let mut disk = open(&machine.disk);
                        disk.tasks = disk.older.clone();
                    }
                }
                Order::Start { instance, fresh_disk } => self.start(instance, fresh_disk),
            }
        }
    }

    fn kill(&mut self, process: usize) {
        self.stage.with(|world| {
            if let Some(found) = world.processes.get_mut(process) {
                found.alive = false;
            }
            world.note(format_args!("process {process} is gone"));
        });
        self.stage.kill(process);
    }

    /// Starts an instance. What runs under its name on its disk is ended first; with a fresh disk it goes on, a zombie.
    fn start(&mut self, instance: usize, fresh_disk: bool) {
        if let Some(machine) = self.machines.get(&instance) {
            let process = machine.process;
            if !fresh_disk {
                self.kill(process);
            }
        }
        let disk = match self.machines.remove(&instance) {
            Some(machine) if !fresh_disk => machine.disk,
            known => {
                self.left.extend(known.map(|machine| machine.disk));
                Arc::new(Mutex::new(Disk::default()))
            }
        };
        let process = self.stage.with(|world| {
            let process = world.processes.len();
            let alive =
                Process { instance, alive: true, stalled_until: 0, skew_ms: 0, disk_slow_until: 0, stopping: None };
            world.processes.push(alive);
            world.note(format_args!("process {process} starts as instance {instance}, fresh disk {fresh_disk}"));
            process
        });
        self.machines.insert(instance, Machine { disk: Arc::clone(&disk), process });
        let mail: SharedMail = Arc::new(Mutex::new(Mail::default()));
        let settings = WorkerSettings {
            application: "simulated".to_owned(),
            instance: format!("i{instance}"),
            commit_interval_max: Duration::from_millis(200),
            staged_bytes_max: 1 << 20,
            input_bytes_max: 1 << 20,
            fusion: self.fusion,
        };
        let topologies = self.work.topologies().unwrap_or_default();
        let environment = Arc::clone(&self.made.environment);
        let cluster = ClusterFacts { changelogs: self.made.changelogs.clone(), ..ClusterFacts::default() };
        let mut blueprint = match Blueprint::new(settings, topologies, environment, cluster) {
            Ok(blueprint) => blueprint,
            Err(error) => {
                self.stage.with(|world| world.fail(error.to_string()));
                return;
            }
        };
        crate::plant(&mut blueprint, self.planted);
        let application = Application { blueprint: Arc::new(blueprint), work: Arc::clone(&self.work) };
        let (restores, planted) = (Arc::clone(&mail), self.planted);
        self.stage.spawn(process, move |baton| restore(baton, &restores, planted));
        self.stage.spawn(process, move |baton| {
            work(baton, instance, &application, &SimStores { disk, baton: baton.clone() }, &mail);
        });
    }

    fn finish(mut self, seconds: u64) -> Outcome {
        let judged = self.stage.with(|world| {
            let mut wrong = self.work.judge(&world.cluster);
            if !is_at_rest(world) {
                wrong.insert(0, open_ends(world));
            }
            for process in world.processes.iter().filter(|process| process.alive) {
                if process.stalled_until > world.now {
                    wrong.push("a process stands still".to_owned());
                }
            }
            wrong
        });
        let disks: Vec<SharedDisk> =
            self.machines.values().map(|machine| Arc::clone(&machine.disk)).chain(self.left.drain(..)).collect();
        let mut world = self.stage.end();
        if world.failures.is_empty() {
            for wrong in judged.into_iter().take(5) {
                world.fail(wrong);
            }
        }
        for disk in disks {
            for wrong in check_disk(&open(&disk), &world.cluster) {
                world.fail(wrong);
            }
        }
        Outcome { failures: world.failures, digest: world.trace.digest, trace: world.trace.lines, seconds }
    }
}

fn open_ends(world: &World) -> String {
    let open = world.cluster.transactions.by_id.iter().filter(|(_, found)| found.phase != Phase::Empty);
    let open: Vec<String> = open.map(|(id, found)| format!("{id} {:?}", found.phase)).collect();
    let pending: Vec<u64> = world.cluster.group.pending.keys().copied().collect();
    let logs = world.cluster.logs.iter().filter(|(_, log)| !log.open.is_empty());
    let logs: Vec<String> = logs.map(|(partition, log)| format!("{partition} {:?}", log.open)).collect();
    format!("left open: {open:?}, offsets of producers {pending:?}, {logs:?}")
}

fn is_at_rest(world: &World) -> bool {
    let transactions = world.cluster.transactions.by_id.values();
    let none_open = world.cluster.logs.values().all(|log| log.open.is_empty());
    let all_ended = transactions.into_iter().all(|transaction| transaction.phase == Phase::Empty);
    none_open && all_ended && world.cluster.group.pending.is_empty()
}

/// What a disk holds of a task must be the fold of its changelog up to where the disk says it is: never ahead, never
/// another.
fn check_disk(disk: &Disk, cluster: &Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    for (task, data) in &disk.tasks {
        let mut parts = task.split('/');
        let (Some(processor), Some(part), Some(number)) = (parts.next(), parts.next(), parts.next()) else { continue };
        let topic = format!("{processor}-{part}-changelog");
        let log = cluster.topic(&topic).find(|(partition, _)| partition.partition.to_string() == number);
        let Some((_, log)) = log else { continue };
        let mut fold = Entries::new();
        let until = data.meta.changelog_offset.unsigned_abs();
        // A reader may have missed what compaction took for the sake of a record that lies beyond the disk's place.
        let mut missed = std::collections::BTreeSet::new();
        for (offset, record) in log.committed() {
            let Some((store, key)) = record.key.as_deref().and_then(<[u8]>::split_first) else { continue };
            let at = (*store, Bytes::copy_from_slice(key));
            let is_compacted = log.entries.get(offset as usize).is_some_and(|entry| entry.compacted);
            if offset >= until {
                continue;
            }
            if is_compacted {
                missed.insert(at.clone())
            } else {
                missed.remove(&at)
            };
            match &record.value {
                Some(value) => fold.insert(at, value.clone()),
                None => fold.remove(&at),
            };
        }
        let mut entries = data.entries.clone();
        fold.retain(|at, _| !missed.contains(at));
        entries.retain(|at, _| !missed.contains(at));
        // Stores that are kept in memory only are not on the disk.
        let of_disk: std::collections::BTreeSet<u8> = entries.keys().map(|(store, _)| *store).collect();
        fold.retain(|(store, _), _| *store < 16 || of_disk.contains(store));
        if fold != entries {
            wrong.push(format!("the store of {task} is not the fold of its changelog up to {until}"));
        }
    }
    wrong
}

fn restore(baton: &Baton, mail: &SharedMail, planted: Option<crate::Bug>) {
    let ports = SimRestorePorts { mail: Arc::clone(mail), baton: baton.clone() };
    let reader = SimReader { baton: baton.clone(), positions: BTreeMap::new() };
    let mut restorer = Restorer::new(ports, reader, SimClock(baton.clone()), SimObserver(baton.clone()));
    crate::plant_restorer(&mut restorer, planted);
    loop {
        let jobs: Vec<_> = post(mail).jobs.drain(..).collect();
        if !jobs.is_empty() {
            let own = |mut job: headwater_worker::RestoreJob<crate::disk::SimStore>| {
                job.store = job.store.used_by(baton);
                job
            };
            restorer.begin(jobs.into_iter().map(own).collect());
        }
        if restorer.is_idle() {
            baton.wait(SECOND);
        } else {
            restorer.turn();
        }
    }
}

/// A process's worker, kept going as a supervisor does.
fn work(baton: &Baton, instance: usize, application: &Application, stores: &SimStores, mail: &SharedMail) {
    const TRIES_MAX: u32 = 50;
    let process = baton.process();
    for tries in 1..TRIES_MAX {
        let error = match run_once(baton, instance, application, stores, mail) {
            Ok(()) => break,
            Err(error) => error,
        };
        baton.with(|world| {
            world.note(format_args!("process {process}: worker ended: {error}"));
            world.answers.remove(&(process, 0));
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

fn run_once(
    baton: &Baton,
    instance: usize,
    application: &Application,
    stores: &SimStores,
    mail: &SharedMail,
) -> Result<(), Error> {
    let process = baton.process();
    let mut restores = SimRestores { mail: Arc::clone(mail), worker: 0, baton: baton.clone() };
    // Restores that an earlier run of this worker asked for are not for this one.
    while headwater_worker::ports::Restores::next(&mut restores).is_some() {}
    let name = format!("i{instance}-0");
    let edge = Edge::<SimPorts> {
        producer: SimProducer::new(baton.clone(), format!("simulated-{name}")),
        stores: stores.clone(),
        restores,
        calls: SimCalls { baton: baton.clone(), worker: 0, work: Arc::clone(&application.work) },
        clock: SimClock(baton.clone()),
        observer: SimObserver(baton.clone()),
    };
    let consumer = SimConsumer::new(baton.clone(), name.clone());
    let mut worker = Worker::start(0, Arc::clone(&application.blueprint), consumer, edge)?;
    let mut wait = Duration::ZERO;
    loop {
        if let Some(leaves) = baton.with(|world| world.processes.get(process).and_then(|process| process.stopping)) {
            let stopped = worker.stop();
            baton.with(|world| {
                if leaves {
                    let now = world.now;
                    world.cluster.group.leave(&name, now);
                }
                if let Some(process) = world.processes.get_mut(process) {
                    process.alive = false;
                }
                world.changed();
            });
            return stopped;
        }
        wait = worker.turn(wait)?;
    }
}
