use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};
use headwater_worker::ports::{ChangelogHandler, ChangelogReader, Next, Restores, StartAt, StartOffset};
use headwater_worker::{Error, RestoreJob, RestorePorts, RestoreResult};

use super::fetched::Fetched;
use super::{SimClock, SimObserver, micros};
use crate::baton::Baton;
use crate::disk::SimStore;
use crate::strike::Step;
use crate::world::World;

/// What lies between a process's workers and its restorer.
#[derive(Default)]
pub(crate) struct Mail {
    pub(crate) jobs: VecDeque<RestoreJob<SimStore>>,
    /// The task whose restore ended last.
    pub(crate) ended: Option<String>,
    results: BTreeMap<usize, VecDeque<RestoreResult>>,
}

pub(crate) type SharedMail = Arc<Mutex<Mail>>;

pub(crate) fn post(mail: &SharedMail) -> MutexGuard<'_, Mail> {
    mail.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A worker's side.
pub(crate) struct SimRestores {
    pub(crate) mail: SharedMail,
    pub(crate) worker: usize,
    pub(crate) baton: Baton,
}

impl Restores<SimStore> for SimRestores {
    fn submit(&mut self, job: RestoreJob<SimStore>) -> Result<(), Error> {
        post(&self.mail).jobs.push_back(job);
        self.baton.with(|world| world.letters += 1);
        Ok(())
    }

    fn next(&mut self) -> Option<RestoreResult> {
        post(&self.mail).results.get_mut(&self.worker)?.pop_front()
    }
}

/// The restorer's side.
pub(crate) struct SimRestorePorts {
    pub(crate) mail: SharedMail,
    pub(crate) baton: Baton,
}

impl RestorePorts for SimRestorePorts {
    type Store = SimStore;
    type Reader = SimReader;
    type Clock = SimClock;
    type Observer = SimObserver;

    fn tell(&self, worker: usize, result: RestoreResult) {
        if let (Ok(_), Some(task)) = (&result, post(&self.mail).ended.take()) {
            let process = self.baton.process();
            self.baton.with(|world| world.restored(process, worker, &task));
        }
        post(&self.mail).results.entry(worker).or_default().push_back(result);
        self.baton.with(World::changed);
    }
}

/// Reads changelogs, read_committed.
pub(crate) struct SimReader {
    pub(crate) baton: Baton,
    pub(crate) positions: BTreeMap<TopicPartition, u64>,
}

impl ChangelogReader for SimReader {
    fn bounds(&self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, (Offset, Offset)>, Error> {
        self.baton.pause(400);
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
        self.positions.insert(start.partition.clone(), from);
        Ok(())
    }

    fn remove(&mut self, partition: &TopicPartition) -> Result<(), Error> {
        self.positions.remove(partition);
        Ok(())
    }

    fn poll<H: ChangelogHandler>(&mut self, wait: Duration, records_max: usize, handler: &mut H) -> Result<(), Error> {
        self.baton.pause(200);
        let mut records = 0;
        let process = self.baton.process();
        for (partition, position) in &mut self.positions {
            // Some at a time, so that restores of a process overtake one another.
            let some = self.baton.with(|world| {
                let _stalled = world.strike(process, Step::Other);
                world.chance.between(1, 40) as usize
            });
            for _ in 0..some.min(records_max) {
                let next = self.baton.with(|world| {
                    let log = world.cluster.log(partition);
                    match log.next_committed(*position) {
                        Some((offset, record)) => Ok((offset, record.clone())),
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
        Ok(self.positions.get(partition).map(|position| World::offset(*position)))
    }
}
