use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};
use headwater_worker::ports::{ChangelogHandler, ChangelogReader, Next, Restores, StartAt, StartOffset, Stores as _};
use headwater_worker::{Error, RestoreJob, RestorePorts, RestoreResult, Standby, StandbyTask, TaskMeta};

use super::fetched::Fetched;
use super::{SimClock, SimObserver, micros};
use crate::baton::Baton;
use crate::disk::{SharedDisk, SimStore, SimStores};
use crate::strike::Step;
use crate::world::World;

/// What a restorer is told; in the order in which it was.
pub(crate) enum RestoreOrder {
    Restore(Box<RestoreJob<SimStore>>),
    Release(usize, TopicPartition, u64),
    ReleaseAll(usize),
    KeepWarm(Vec<StandbyTask>),
}

/// What lies between a process's workers, its restorer, and what keeps its standbys.
#[derive(Default)]
pub(crate) struct Mail {
    pub(crate) disk: SharedDisk,
    pub(crate) orders: VecDeque<RestoreOrder>,
    /// The task whose restore ended last.
    pub(crate) ended: Option<String>,
    /// What is kept warm, by task.
    pub(crate) standbys: BTreeMap<String, Standby>,
    /// Where standbys said that they were, by task: the last place, while they are warm.
    pub(crate) warm_at: BTreeMap<String, u64>,
    /// Tasks that are taken over from a warm standby, and where it said that it was.
    pub(crate) takes_over: BTreeMap<String, u64>,
    /// Whether the workers may join their group.
    pub(crate) is_open: bool,
    /// What the workers hold, as they said last.
    pub(crate) said: BTreeMap<usize, Vec<String>>,
    pub(crate) results: BTreeMap<usize, VecDeque<RestoreResult>>,
}

pub(crate) type SharedMail = Arc<Mutex<Mail>>;

pub(crate) fn post(mail: &SharedMail) -> MutexGuard<'_, Mail> {
    mail.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives the restorer an order.
pub(crate) fn send(mail: &SharedMail, baton: &Baton, order: RestoreOrder) {
    post(mail).orders.push_back(order);
    baton.with(|world| world.letters += 1);
}

/// A worker's side.
pub(crate) struct SimRestores {
    pub(crate) mail: SharedMail,
    pub(crate) worker: usize,
    pub(crate) baton: Baton,
}

impl Restores<SimStore> for SimRestores {
    fn submit(&mut self, job: RestoreJob<SimStore>) -> Result<(), Error> {
        send(&self.mail, &self.baton, RestoreOrder::Restore(Box::new(job)));
        Ok(())
    }

    fn release(&mut self, _task: &str, changelog: &TopicPartition, epoch: u64) {
        send(&self.mail, &self.baton, RestoreOrder::Release(self.worker, changelog.clone(), epoch));
    }

    fn next(&mut self) -> Option<RestoreResult> {
        post(&self.mail).results.get_mut(&self.worker)?.pop_front()
    }
}

/// The restorer's side.
pub(crate) struct SimRestorePorts {
    pub(crate) mail: SharedMail,
    pub(crate) stores: SimStores,
    pub(crate) baton: Baton,
}

impl RestorePorts for SimRestorePorts {
    type Store = SimStore;
    type Reader = SimReader;
    type Clock = SimClock;
    type Observer = SimObserver;

    fn tell(&self, worker: usize, result: RestoreResult) {
        let ended = post(&self.mail).ended.take();
        if let (Ok(restored), Some(task)) = (&result, ended) {
            let process = self.baton.process();
            let stood_at = post(&self.mail).takes_over.remove(&task);
            self.baton.with(|world| {
                world.restored(process, worker, &task);
                if let Some(stood_at) = stood_at {
                    world.taken_over(&task, stood_at, restored);
                }
            });
        }
        post(&self.mail).results.entry(worker).or_default().push_back(result);
        self.baton.with(World::changed);
    }

    fn open(&self, task: &StandbyTask) -> Result<(SimStore, TaskMeta), Error> {
        self.stores.task(&task.task, &[])
    }
}

/// Reads changelogs, read_committed; but for a bug on purpose.
pub(crate) struct SimReader {
    baton: Baton,
    is_uncommitted: bool,
    /// The place of what comes next, and whether anything was asked for since it was set.
    positions: BTreeMap<TopicPartition, (u64, bool)>,
}

impl SimReader {
    pub(crate) fn new(baton: Baton, planted: Option<crate::Bug>) -> Self {
        Self { baton, is_uncommitted: crate::reads_uncommitted(planted), positions: BTreeMap::new() }
    }

    /// Now and then the brokers can't be reached.
    fn reach(&self) -> Result<(), Error> {
        const ONCE_IN: u64 = 800;
        let process = self.baton.process();
        let fails = self.baton.with(|world| {
            let fails = world.now < world.calm_from && world.chance.once_in(ONCE_IN);
            if fails {
                world.note(format_args!("process {process}: changelogs can't be read"));
            }
            fails
        });
        if fails { Err(Error::Kafka("nobody answers".to_owned())) } else { Ok(()) }
    }
}

impl ChangelogReader for SimReader {
    fn bounds(&self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, (Offset, Offset)>, Error> {
        self.baton.pause(400);
        self.reach()?;
        Ok(self.baton.with(|world| {
            let ends = partitions.iter().map(|partition| {
                let end = World::offset(world.cluster.log(partition).end());
                (partition.clone(), (Offset::ZERO, end))
            });
            ends.collect()
        }))
    }

    fn add(&mut self, start: &StartAt) -> Result<(), Error> {
        let from = match start.offset {
            StartOffset::At(offset) => offset.get().unsigned_abs(),
            StartOffset::Beginning => 0,
        };
        self.positions.insert(start.partition.clone(), (from, false));
        Ok(())
    }

    fn remove(&mut self, partition: &TopicPartition) -> Result<(), Error> {
        self.positions.remove(partition);
        Ok(())
    }

    fn poll<H: ChangelogHandler>(&mut self, wait: Duration, records_max: usize, handler: &mut H) -> Result<(), Error> {
        self.baton.pause(200);
        self.reach()?;
        let mut records = 0;
        let (process, is_uncommitted) = (self.baton.process(), self.is_uncommitted);
        for (partition, (position, is_known)) in &mut self.positions {
            *is_known = true;
            // Some at a time, so that restores of a process overtake one another.
            let some = self.baton.with(|world| {
                let _stalled = world.strike(process, Step::Other);
                world.chance.between(1, 40) as usize
            });
            for _ in 0..some.min(records_max) {
                let next = self.baton.with(|world| {
                    let log = world.cluster.log(partition);
                    let found =
                        if is_uncommitted { log.next_written(*position) } else { log.next_committed(*position) };
                    match found {
                        Some((offset, record)) => Ok((offset, record.clone())),
                        None if is_uncommitted => Err(log.end()),
                        None => Err(log.stable_end()),
                    }
                });
                match next {
                    Ok((offset, record)) => {
                        *position = offset + 1;
                        records += 1;
                        let (offset, record) = (World::offset(offset), &record);
                        if handler.record(&Fetched { partition, offset, record }) == Next::Stop {
                            return Ok(());
                        }
                    }
                    Err(end) => {
                        *position = end.max(*position);
                        break;
                    }
                }
            }
        }
        self.baton.wait(if records > 0 { 50 } else { micros(wait) });
        Ok(())
    }

    fn position(&self, partition: &TopicPartition) -> Result<Option<Offset>, Error> {
        let known = self.positions.get(partition).filter(|(_, is_known)| *is_known);
        Ok(known.map(|(position, _)| World::offset(*position)))
    }

    fn cached_end(&self, partition: &TopicPartition) -> Option<Offset> {
        self.baton
            .with(|world| self.positions.get(partition).map(|_| World::offset(world.cluster.log(partition).end())))
    }
}
