//! All there is in a run but the threads: virtual time, the cluster, processes, what is under way, and what went wrong.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Write as _;

use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Offset, TopicPartition};
use headwater_worker::Positions;

use crate::baton::Micros;
use crate::chance::Chance;
use crate::cluster::Cluster;
use crate::cluster::log::{ProducerId, Written};
use crate::cluster::transactions::{Markers, Refusal};
use crate::fault::Fault;
use crate::members::{Said, Spoken};
use crate::strike::Armed;
use crate::work::{DELETE_RETENTION_MS, TaskFacts};

/// 2025-01-01T00:00:00Z.
const START_MS: i64 = 1_735_689_600_000;
pub(crate) const TRANSACTION_TIMEOUT: Micros = 10_000_000;
const SESSION_TIMEOUT: Micros = 6_000_000;
const TICK: Micros = 200_000;
const FAILURES_MAX: usize = 20;

/// One run of one process.
#[derive(Debug, Clone)]
pub(crate) struct Process {
    pub(crate) instance: usize,
    pub(crate) alive: bool,
    pub(crate) stalled_until: Micros,
    pub(crate) skew_ms: i64,
    pub(crate) disk_slow_until: Micros,
    pub(crate) stopping: Option<bool>,
    /// How many standbys of each task it wants there to be.
    pub(crate) copies: usize,
    /// The actor that restores its stores, and keeps standbys.
    pub(crate) restorer: Option<usize>,
    /// What it has said of itself is in the members topic by then.
    pub(crate) said_by: Micros,
    /// A worker of it has ended for good: the process is about to end.
    pub(crate) ends: bool,
    /// Workers that have not been stopped.
    pub(crate) workers: usize,
}

/// What happens by itself.
#[derive(Debug)]
pub(crate) enum Event {
    Tick,
    Marker {
        id: String,
        producer: ProducerId,
        epoch: u32,
        commit: bool,
        partition: Option<TopicPartition>,
        left: bool,
    },
    EndTransaction {
        id: String,
        producer: ProducerId,
        epoch: u32,
        commit: bool,
    },
    Input {
        partition: TopicPartition,
        record: Written,
        by: Option<(ProducerId, u32)>,
    },
    /// Records that somebody has given up arrive after all.
    Records {
        partition: TopicPartition,
        records: Vec<Written>,
        producer: ProducerId,
        epoch: u32,
    },
    ForeignEnd {
        partition: TopicPartition,
        producer: ProducerId,
        commit: bool,
    },
    Fault(usize),
    Start {
        instance: usize,
        fresh_disk: bool,
    },
    Call {
        process: usize,
        task: usize,
        epoch: u64,
        worker: usize,
        call: crate::ports::calls::Answer,
    },
    Compact,
    /// What a worker says of itself comes to the members topic.
    Member {
        instance: usize,
        worker: usize,
        said: Option<Said>,
    },
}

/// What the stage must do for the world.
#[derive(Debug)]
pub(crate) enum Order {
    Kill { process: usize, disk: Option<bool> },
    Start { instance: usize, fresh_disk: bool },
}

pub(crate) struct World {
    pub(crate) now: Micros,
    /// Grows with every change that somebody may wait for.
    pub(crate) version: u64,
    /// Jobs that were given to restorers.
    pub(crate) letters: u64,
    pub(crate) members: Vec<Spoken>,
    /// How many times a task was taken over from a warm standby.
    pub(crate) take_overs: u64,
    pub(crate) chance: Chance,
    pub(crate) cluster: Cluster,
    pub(crate) processes: Vec<Process>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) orders: VecDeque<Order>,
    pub(crate) failures: Vec<String>,
    pub(crate) trace: Trace,
    /// Answers of calls that have come back, by process and worker.
    pub(crate) answers: BTreeMap<(usize, usize), VecDeque<headwater_worker::ports::Returned>>,
    /// Records of strangers who write in the midst of somebody else's batches, from a time on.
    pub(crate) lurking: Vec<(Micros, TopicPartition, Written)>,
    /// Tasks that keep tables, by name.
    pub(crate) tables: BTreeMap<String, TaskFacts>,
    /// Tasks that work, by process and worker.
    pub(crate) holders: BTreeMap<(usize, usize), BTreeSet<String>>,
    /// Calls that are under way, by whom they were made for, and their ordering key.
    pub(crate) in_flight: BTreeSet<(usize, usize, usize, u64, Bytes)>,
    /// Faults stop here.
    pub(crate) calm_from: Micros,
    /// Transactions that were not committed since then.
    undone: u32,
    /// When a process was last started.
    pub(crate) last_start: Micros,
    pub(crate) slow_markers_until: Micros,
    pub(crate) armed: Vec<Armed>,
    events: BTreeMap<(Micros, u64), Event>,
    next_event: u64,
}

/// What was done, as lines, and their digest.
#[derive(Debug, Clone, Default)]
pub(crate) struct Trace {
    pub(crate) keeps: bool,
    pub(crate) lines: Vec<String>,
    pub(crate) digest: u64,
    line: String,
}

impl World {
    pub(crate) fn new(seed: u64, cluster: Cluster, keeps_trace: bool) -> Self {
        Self {
            now: 0,
            version: 0,
            letters: 0,
            members: Vec::new(),
            take_overs: 0,
            tables: BTreeMap::new(),
            chance: Chance::new(seed),
            cluster,
            processes: Vec::new(),
            faults: Vec::new(),
            orders: VecDeque::new(),
            failures: Vec::new(),
            trace: Trace { keeps: keeps_trace, ..Trace::default() },
            answers: BTreeMap::new(),
            lurking: Vec::new(),
            holders: BTreeMap::new(),
            in_flight: BTreeSet::new(),
            calm_from: 0,
            undone: 0,
            last_start: 0,
            slow_markers_until: 0,
            armed: Vec::new(),
            events: BTreeMap::new(),
            next_event: 0,
        }
    }

    pub(crate) fn empty() -> Self {
        Self::new(0, Cluster::default(), false)
    }

    pub(crate) fn fail(&mut self, what: String) {
        self.note(format_args!("FAILED: {what}"));
        if self.failures.len() < FAILURES_MAX && !self.failures.contains(&what) {
            self.failures.push(what);
        }
    }

    pub(crate) fn note(&mut self, what: std::fmt::Arguments<'_>) {
        let trace = &mut self.trace;
        trace.line.clear();
        let _infallible = write!(trace.line, "{:>10.6} {what}", self.now as f64 / 1e6);
        for byte in trace.line.bytes() {
            trace.digest = (trace.digest ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        if trace.keeps {
            trace.lines.push(trace.line.clone());
        }
    }

    pub(crate) fn changed(&mut self) {
        self.version += 1;
    }

    pub(crate) fn wall_of(&self, process: usize) -> Timestamp {
        let skew = self.processes.get(process).map_or(0, |process| process.skew_ms);
        Timestamp::from_millis(START_MS + (self.now / 1_000) as i64 + skew)
    }

    pub(crate) fn stalled_until(&self, process: usize) -> Micros {
        self.processes.get(process).map_or(0, |process| process.stalled_until)
    }

    pub(crate) fn at(&mut self, when: Micros, event: Event) {
        self.next_event += 1;
        self.events.insert((when.max(self.now), self.next_event), event);
    }

    pub(crate) fn after(&mut self, length: Micros, event: Event) {
        self.at(self.now + length, event);
    }

    pub(crate) fn first_event(&self) -> Option<Micros> {
        self.events.first_key_value().map(|((when, _), _)| *when)
    }

    pub(crate) fn run_event(&mut self) {
        let Some((_, event)) = self.events.pop_first() else { return };
        match event {
            Event::Tick => self.tick(),
            Event::Marker { id, producer, epoch, commit, partition, left } => {
                match partition {
                    Some(partition) => {
                        self.note(format_args!("marker {partition} producer {producer} commit {commit}"));
                        self.cluster.log(&partition).mark(producer, epoch, commit);
                    }
                    None => {
                        self.note(format_args!("marker of offsets, producer {producer} commit {commit}"));
                        self.cluster.group.mark(producer, commit);
                    }
                }
                if !left {
                    self.cluster.transactions.ended(&id);
                }
                self.changed();
            }
            Event::EndTransaction { id, producer, epoch, commit } => {
                let ended = self.end_transaction(&id, producer, epoch, commit);
                self.note(format_args!("a late request of {id} ({epoch}) to end its transaction: {ended:?}"));
            }
            Event::Input { partition, record, by } => {
                let _refused = self.cluster.log(&partition).append(record, by);
                self.changed();
            }
            Event::Records { partition, records, producer, epoch } => {
                let log = self.cluster.log(&partition);
                let refused =
                    records.into_iter().filter_map(|record| log.append(record, Some((producer, epoch))).err());
                let refused = refused.count();
                self.note(format_args!(
                    "late records of producer {producer} ({epoch}) to {partition}: {refused} refused"
                ));
                self.changed();
            }
            Event::ForeignEnd { partition, producer, commit } => {
                self.cluster.log(&partition).mark(producer, 0, commit);
                self.changed();
            }
            Event::Fault(index) => self.begin_fault(index),
            Event::Start { instance, fresh_disk } => self.orders.push_back(Order::Start { instance, fresh_disk }),
            Event::Call { process, task, epoch, worker, call } => {
                self.in_flight.remove(&(process, worker, task, epoch, call.ordering_key()));
                let returned = call.returned(task, epoch);
                self.answers.entry((process, worker)).or_default().push_back(returned);
                self.changed();
            }
            Event::Member { instance, worker, said } => {
                let at = self.now;
                self.members.push(Spoken { at, instance, worker, said });
            }
            Event::Compact => self.compact(),
        }
    }

    /// Compacts changelogs, and what tables are kept of: as if at once, or as brokers do that leave alone what is younger
    /// than any reader is late (`min.compaction.lag.ms`).
    fn compact(&mut self) {
        let mut unread: BTreeMap<TopicPartition, u64> = BTreeMap::new();
        let tables =
            self.tables.values().flat_map(|task| task.tables.iter().map(|table| (&task.reader, &table.source)));
        for (reader, source) in tables.filter(|_| !self.cluster.compacts_unread) {
            let committed = self.cluster.group.committed.get(source);
            let positions = Positions::parse(committed.map(|(offset, text)| (*offset, text.as_str())), &[]);
            let position = positions.of(reader).map_or(0, |position| position.get().unsigned_abs());
            let least = unread.entry(source.clone()).or_insert(position);
            *least = position.min(*least);
        }
        let (now, retention) = (self.now, 1_000 * DELETE_RETENTION_MS.unsigned_abs());
        let Cluster { logs, compacted, .. } = &mut self.cluster;
        for (partition, log) in logs {
            if partition.topic.as_str().ends_with("-changelog") || compacted.contains(&partition.topic) {
                log.compact(now, retention, unread.get(partition).copied().unwrap_or(u64::MAX));
            }
        }
    }

    fn tick(&mut self) {
        self.after(TICK, Event::Tick);
        let (now, processes) = (self.now, &self.processes);
        let lives = |process: usize| {
            processes.get(process).is_some_and(|process| process.alive && process.stalled_until <= now)
        };
        let before = self.cluster.group.generation;
        self.cluster.group.tick(now, SESSION_TIMEOUT, &lives);
        if before != self.cluster.group.generation {
            let generation = self.cluster.group.generation;
            self.note(format_args!("group: generation {generation}"));
        }
        for (id, markers) in self.cluster.transactions.expire(now, TRANSACTION_TIMEOUT) {
            self.note(format_args!("transaction of {id} has timed out"));
            self.write_markers(&id, markers);
        }
        self.changed();
    }

    /// InitProducerId.
    pub(crate) fn initialize(&mut self, id: &str) -> Result<(ProducerId, u32), Refusal> {
        let initialized = self.cluster.transactions.initialize(id);
        match initialized {
            Ok(given) => {
                self.note(format_args!("{id} initialised: producer {} epoch {}", given.0, given.1));
                Ok(given)
            }
            Err((refusal, markers)) => {
                if let Some(markers) = markers {
                    self.write_markers(id, markers);
                }
                Err(refusal)
            }
        }
    }

    /// EndTxn: decided at once, its markers come later.
    pub(crate) fn end_transaction(
        &mut self,
        id: &str,
        producer: ProducerId,
        epoch: u32,
        commit: bool,
    ) -> Result<(), Refusal> {
        if let Some(markers) = self.cluster.transactions.end(id, producer, epoch, commit)? {
            self.note(format_args!("{id} ends its transaction: commit {commit}"));
            self.write_markers(id, markers);
        }
        Ok(())
    }

    fn write_markers(&mut self, id: &str, markers: Markers) {
        let Markers { producer, epoch, commit, partitions } = markers;
        let mut all: Vec<Option<TopicPartition>> = partitions.into_iter().map(Some).collect();
        self.chance.shuffle(&mut all);
        // Offsets are stable only once the coordinator's own partition has its marker.
        let at = self.chance.between(0, all.len() as u64 + 1) as usize;
        all.insert(at, None);
        let slow = self.now < self.slow_markers_until;
        let mut when = self.now;
        for (index, partition) in all.iter().enumerate() {
            when += if slow { self.chance.between(1_000, 900_000) } else { self.chance.between(20, 3_000) };
            let left = index + 1 < all.len();
            let (id, partition) = (id.to_owned(), partition.clone());
            self.at(when, Event::Marker { id, producer, epoch, commit, partition, left });
        }
        self.changed();
    }

    /// A worker of a process has done what it does when it is told to stop.
    pub(crate) fn worker_stopped(&mut self, process: usize, worker: usize, leaves: bool) {
        self.holders.remove(&(process, worker));
        let Some(found) = self.processes.get_mut(process) else { return };
        found.workers = found.workers.saturating_sub(1);
        found.alive = found.workers > 0;
        if !found.alive && found.stopping.is_some() {
            self.withdraw(process, leaves);
        }
        self.changed();
    }

    /// Somebody has written to a partition, and has not done yet: a stranger who waits for that comes in between.
    pub(crate) fn slip_in(&mut self, partition: &TopicPartition) {
        let now = self.now;
        let comes = |(from, of, _): &(Micros, TopicPartition, Written)| *from <= now && of == partition;
        if let Some(at) = self.lurking.iter().position(comes) {
            let (_, partition, record) = self.lurking.remove(at);
            self.note(format_args!("a stranger slips in at {partition}"));
            let _written = self.cluster.log(&partition).append(record, None);
            self.changed();
        }
    }

    /// A transaction was not committed. When all is calm, that does not go on for ever.
    pub(crate) fn transaction_undone(&mut self) {
        const UNDONE_MAX: u32 = 5_000;
        self.undone += u32::from(self.now > self.calm_from);
        if self.undone == UNDONE_MAX {
            self.fail("transactions are aborted again and again, though nothing goes wrong any more".to_owned());
        }
    }

    /// Whether an instance is still to come (back).
    pub(crate) fn awaits_start(&self) -> bool {
        self.events.values().any(|event| matches!(event, Event::Start { .. }))
    }

    /// Whether nothing is under way any more: no request, no answer, no instance that is to come back.
    pub(crate) fn is_quiet(&self) -> bool {
        self.events.values().all(|event| matches!(event, Event::Tick | Event::Compact | Event::Member { .. }))
    }

    /// A partition's place in bytes: what an offset is made of.
    pub(crate) fn offset(offset: u64) -> Offset {
        i64::try_from(offset).ok().and_then(|offset| Offset::new(offset).ok()).unwrap_or(Offset::ZERO)
    }
}
