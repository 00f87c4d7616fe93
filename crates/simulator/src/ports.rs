//! The worker's ports on the simulated world.

pub(crate) mod calls;
mod consumer;
mod fetched;
mod producer;
mod restores;

use std::time::Duration;

use headwater_event::Timestamp;
use headwater_log::{Offset, TopicPartition};
use headwater_streams::{Counters, TaskId};
use headwater_worker::Standby;
use headwater_worker::ports::{Clock, Observer, Ports, Report, RestoreObserver, TransactionEnd};

pub(crate) use self::calls::SimCalls;
pub(crate) use self::consumer::SimConsumer;
pub(crate) use self::producer::SimProducer;
pub(crate) use self::restores::{Mail, RestoreOrder, SharedMail, SimReader, SimRestorePorts, SimRestores, post, send};
use crate::baton::{Baton, Micros};
use crate::disk::{SimStore, SimStores, place_of};

/// The ports of a simulated worker.
pub(crate) struct SimPorts;

impl Ports for SimPorts {
    type Member = consumer::SimMember;
    type Consumer = SimConsumer;
    type Producer = SimProducer;
    type Store = SimStore;
    type Stores = SimStores;
    type Restores = SimRestores;
    type Calls = SimCalls;
    type Clock = SimClock;
    type Observer = SimObserver;
}

pub(crate) fn micros(length: Duration) -> Micros {
    u64::try_from(length.as_micros()).unwrap_or(Micros::MAX / 2)
}

/// Virtual time, with the skew of its process.
#[derive(Clone)]
pub(crate) struct SimClock(pub(crate) Baton);

impl Clock for SimClock {
    fn wall(&self) -> Timestamp {
        let process = self.0.process();
        self.0.with(|world| world.wall_of(process))
    }

    fn monotonic(&self) -> Duration {
        self.0.with(|world| Duration::from_micros(world.now))
    }
}

/// Writes into the trace.
pub(crate) struct SimObserver {
    pub(crate) baton: Baton,
    pub(crate) worker: usize,
    pub(crate) mail: SharedMail,
}

impl Observer<SimStore> for SimObserver {
    fn rebalanced(&self, kind: &'static str, partitions: usize) {
        let process = self.baton.process();
        self.baton.with(|world| world.note(format_args!("process {process}: {partitions} anchors {kind}")));
    }

    fn stepped(&self, _processor: &str, _counters: &Counters, _behind: Option<Duration>) {}

    fn produced(&self, _records: u64) {}

    fn transaction_ended(&self, how: TransactionEnd) {
        let process = self.baton.process();
        self.baton.with(|world| {
            world.note(format_args!("process {process}: transaction {}", how.name()));
            if how != TransactionEnd::Committed {
                world.transaction_undone();
            }
        });
    }

    fn commit_took(&self, _cost: Duration) {}

    fn committed_at(&self, _partition: &TopicPartition, _offset: Offset) {}

    fn lags_by(&self, _partition: &TopicPartition, _records: i64) {}

    fn forget_partition(&self, _partition: &TopicPartition) {}

    fn task_ready(&self, task: &TaskId, store: &SimStore) {
        let process = self.baton.process();
        let data = store.data();
        self.baton.with(|world| {
            world.note(format_args!("process {process}: {task} works"));
            world.holders.entry((process, self.worker)).or_default().insert(task.to_string());
            world.begins_with(process, &task.to_string(), &data);
        });
    }

    fn task_left(&self, task: &TaskId) {
        let process = self.baton.process();
        self.baton.with(|world| {
            world.note(format_args!("process {process}: {task} left"));
            world.holders.entry((process, self.worker)).or_default().remove(&task.to_string());
        });
    }

    fn report(&self, report: Report) {
        let tasks: Vec<String> = report.running.into_iter().chain(report.restoring).collect();
        post(&self.mail).said.insert(report.worker, tasks.clone());
        let process = self.baton.process();
        self.baton.with(|world| world.say(process, report.worker, Some(tasks)));
    }
}

impl RestoreObserver for SimObserver {
    fn restored(&self, _records: u64) {}

    fn remaining(&self, _task: &str, _records: i64) {}

    fn ended(&self, task: &str, _at: Timestamp, rebuilt: bool) {
        post(&self.mail).ended = Some(task.to_owned());
        let process = self.baton.process();
        self.baton.with(|world| world.note(format_args!("process {process}: {task} restored, rebuilt {rebuilt}")));
    }

    fn failed(&self, task: &str) {
        post(&self.mail).takes_over.remove(task);
    }

    fn standby_lags_by(&self, task: &str, records: i64, has_caught_up: bool) {
        let standby = Standby { task: task.to_owned(), lag_records: records, is_warm: has_caught_up };
        let mut mail = post(&self.mail);
        let was = mail.standbys.insert(task.to_owned(), standby);
        if has_caught_up {
            // Before it says how it is, it has written what it has.
            let written = place_of(&mail.disk, task);
            mail.warm_at.insert(task.to_owned(), written);
        }
        drop(mail);
        if has_caught_up && was.is_none_or(|was| !was.is_warm) {
            let process = self.baton.process();
            self.baton.with(|world| world.note(format_args!("process {process}: {task} is kept warm")));
        }
    }

    fn standby_left(&self, task: &str) {
        let mut mail = post(&self.mail);
        mail.standbys.remove(task);
        mail.warm_at.remove(task);
    }
}
