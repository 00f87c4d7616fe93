//! One run from a seed: processes under faults, then calm, then the checks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use headwater_worker::{Blueprint, ClusterFacts, RestoreLimits, StandbyKeeping, WorkerSettings};

use crate::baton::{Micros, Stage};
use crate::chance::Chance;
use crate::check::{DiskOf, check_disk, not_warm, open_ends, unsettled};
use crate::cluster::Cluster;
use crate::disk::{Disk, SharedDisk, SimStores, open};
use crate::fault::{Fault, plan};
use crate::feed::feed;
use crate::members::keep_standbys;
use crate::ports::{Mail, SharedMail};
use crate::process::{Keeper, restore};
use crate::work::{Made, Work, make};
use crate::world::{Event, Order, Process, World};

pub(crate) const SECOND: Micros = 1_000_000;
/// Faults and input come within this time.
pub(crate) const BUSY: Micros = 20 * SECOND;
/// What has not come to rest so long after the last fault, and the last start of a process, never will.
const PATIENCE: Micros = 60 * SECOND;
const END: Micros = 240 * SECOND;

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
    /// How many times a task was taken over from a warm standby.
    pub take_overs: u64,
}

/// A run to be made.
pub(crate) struct Story<'w> {
    pub(crate) seed: u64,
    pub(crate) work: &'w Arc<dyn Work>,
    pub(crate) faults: Vec<Fault>,
    /// How many records of its input there are at most.
    pub(crate) records: usize,
    pub(crate) planted: Option<crate::Bug>,
    pub(crate) keeps_trace: bool,
}

/// The faults that belong to a seed.
pub(crate) fn faults_of(seed: u64) -> Vec<Fault> {
    plan(&mut Chance::new(seed ^ 0x00fa_0175), BUSY, Shape::of(seed).instances)
}

/// How the processes of a run are made.
#[derive(Debug, Clone, Copy)]
struct Shape {
    /// Workers of each process, which share its stores and its restorer.
    workers: usize,
    /// Processes from the start on.
    instances: usize,
    /// Standbys of each task.
    copies: usize,
    fusion: bool,
    /// Small, so that stores of a few records have far to go.
    limits: RestoreLimits,
}

impl Shape {
    fn of(seed: u64) -> Self {
        let mut chance = Chance::new(seed ^ 0x5a4e);
        let workers = if chance.once_in(2) { 2 } else { 1 };
        let far_records = if chance.once_in(3) { i64::MAX } else { chance.between(1, 60) as i64 };
        let limits = RestoreLimits {
            gather_bytes: chance.between(100, 4_000) as usize,
            far_records,
            ..RestoreLimits::default()
        };
        let instances = [2, 2, 2, 2, 3, 4][chance.between(0, 6) as usize];
        let copies = [0, 0, 1, 1, 1, 2][chance.between(0, 6) as usize];
        Self { workers, instances, copies, fusion: !seed.is_multiple_of(3), limits }
    }
}

struct Machine {
    disk: SharedDisk,
    mail: SharedMail,
    process: usize,
}

struct Run {
    stage: Stage,
    made: Arc<Made>,
    work: Arc<dyn Work>,
    planted: Option<crate::Bug>,
    shape: Shape,
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
                return Outcome { failures: vec![error], digest: 0, trace: Vec::new(), seconds: 0, take_overs: 0 };
            }
        };
        for anchor in &made.anchors {
            let partitions = cluster.topic(anchor.as_str()).map(|(partition, _)| partition.clone()).collect::<Vec<_>>();
            cluster.group.anchors.extend(partitions);
        }
        cluster.compacts_unread = self.seed.is_multiple_of(2);
        let mut world = World::new(self.seed, cluster, self.keeps_trace);
        world.calm_from = BUSY + 5 * SECOND;
        let keeps_tables = made.tasks.iter().filter(|task| !task.tables.is_empty());
        world.tables = keeps_tables.map(|task| (task.name.clone(), task.clone())).collect();
        world.faults.clone_from(&self.faults);
        world.at(1, Event::Tick);
        for (index, fault) in self.faults.iter().enumerate() {
            world.at(fault.at, Event::Fault(index));
        }
        feed(&mut world, &**self.work, self.seed, self.records);
        let mut run = Run {
            stage: Stage::new(world),
            made: Arc::new(made),
            work: Arc::clone(self.work),
            planted: self.planted,
            shape: Shape::of(self.seed),
            machines: BTreeMap::new(),
            left: Vec::new(),
        };
        for instance in 0..run.shape.instances {
            run.start(instance, true);
        }
        run.go_on()
    }
}

impl Run {
    fn go_on(mut self) -> Outcome {
        const LOOK: Micros = SECOND / 2;
        const REST: Micros = 3 * SECOND;
        let mut look_at = LOOK;
        let mut rests_since = None;
        let seconds = loop {
            if !self.stage.step(look_at) {
                look_at += LOOK;
                let disks = self.disks();
                let (failed, now, until, is_done) = self.stage.with(|world| {
                    let last_stall = world.processes.iter().map(|process| process.stalled_until).max().unwrap_or(0);
                    let calm = world.now > world.calm_from.max(last_stall) + SECOND && world.is_quiet();
                    let is_done = calm && self.wrong_at_rest(world, &disks).is_empty();
                    let begins = if world.awaits_start() { world.now } else { world.last_start };
                    let until = world.calm_from.max(last_stall).max(begins) + PATIENCE;
                    (!world.failures.is_empty(), world.now, until, is_done)
                });
                // At rest, and a while later still.
                rests_since = if is_done { rests_since.or(Some(now)) } else { None };
                let is_over = rests_since.is_some_and(|since| now >= since + REST);
                if is_over || failed || now >= until.min(END) {
                    break now / SECOND;
                }
            }
            self.obey();
        };
        self.finish(seconds)
    }

    fn disks(&self) -> DiskOf {
        self.machines.values().map(|machine| (machine.process, Arc::clone(&machine.disk))).collect()
    }

    /// What must not be so at the end.
    fn wrong_at_rest(&self, world: &World, disks: &DiskOf) -> Vec<String> {
        if let Some(open) = open_ends(world) {
            return vec![open];
        }
        let mut wrong = self.work.judge(&world.cluster);
        if wrong.is_empty() {
            wrong = unsettled(world, &self.made, disks);
        }
        if wrong.is_empty() && self.shape.copies > 0 {
            let kept = self.machines.values().map(|machine| (Arc::clone(&machine.disk), Arc::clone(&machine.mail)));
            wrong = not_warm(world, &self.made, &kept.collect::<Vec<_>>(), self.shape.copies);
        }
        wrong
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
            world.holders.retain(|(holder, _), _| *holder != process);
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
        let Shape { workers, copies, .. } = self.shape;
        let process = self.stage.with(|world| {
            let process = world.processes.len();
            world.last_start = world.now;
            world.processes.push(Process {
                instance,
                alive: true,
                stalled_until: 0,
                skew_ms: 0,
                disk_slow_until: 0,
                stopping: None,
                copies,
                restorer: None,
                said_by: 0,
                ends: false,
                workers,
            });
            world.note(format_args!("process {process} starts as instance {instance}, fresh disk {fresh_disk}"));
            process
        });
        let mail = Mail { disk: Arc::clone(&disk), is_open: copies == 0, ..Mail::default() };
        let mail: SharedMail = Arc::new(Mutex::new(mail));
        self.machines.insert(instance, Machine { disk: Arc::clone(&disk), mail: Arc::clone(&mail), process });
        let settings = WorkerSettings {
            application: "simulated".to_owned(),
            instance: format!("i{instance}"),
            commit_interval_max: Duration::from_millis(200),
            staged_bytes_max: 1 << 20,
            input_bytes_max: 1 << 20,
            fusion: self.shape.fusion,
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
        let (blueprint, planted, limits) = (Arc::new(blueprint), self.planted, self.shape.limits);
        if copies > 0 {
            let units = match blueprint.standby_units() {
                Ok(units) => units,
                Err(error) => {
                    self.stage.with(|world| world.fail(error.to_string()));
                    return;
                }
            };
            let (mail, name) = (Arc::clone(&mail), format!("i{instance}"));
            self.stage.spawn(process, move |baton| {
                keep_standbys(baton, &mail, workers, |times, now| StandbyKeeping::new(name, copies, units, times, now));
            });
        }
        let (restores, of_restores) = (Arc::clone(&mail), Arc::clone(&disk));
        self.stage.spawn(process, move |baton| {
            let stores = SimStores { disk: of_restores, baton: baton.clone() };
            restore(baton, &restores, &stores, limits, planted);
        });
        for worker in 0..workers {
            let (blueprint, work) = (Arc::clone(&blueprint), Arc::clone(&self.work));
            let (disk, mail) = (Arc::clone(&disk), Arc::clone(&mail));
            self.stage.spawn(process, move |baton| {
                let stores = SimStores { disk, baton: baton.clone() };
                Keeper { instance, worker, blueprint, work, stores, mail }.keep(baton);
            });
        }
    }

    fn finish(mut self, seconds: u64) -> Outcome {
        let disks_at_work = self.disks();
        let judged = self.stage.with(|world| {
            let mut wrong = self.wrong_at_rest(world, &disks_at_work);
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
            for wrong in check_disk(&open(&disk), &self.made, &world.cluster) {
                world.fail(wrong);
            }
        }
        Outcome {
            failures: world.failures,
            digest: world.trace.digest,
            trace: world.trace.lines,
            seconds,
            take_overs: world.take_overs,
        }
    }
}
