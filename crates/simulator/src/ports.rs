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
use headwater_worker::ports::{Clock, Observer, Ports, Report, RestoreObserver, TransactionEnd};

pub(crate) use self::calls::SimCalls;
pub(crate) use self::consumer::SimConsumer;
pub(crate) use self::producer::SimProducer;
pub(crate) use self::restores::{Mail, SharedMail, SimReader, SimRestorePorts, SimRestores, post};
use crate::baton::{Baton, Micros};
use crate::disk::{SimStore, SimStores};

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

    fn task_ready(&self, task: &TaskId, _store: &SimStore) {
        let process = self.baton.process();
        self.baton.with(|world| {
            world.note(format_args!("process {process}: {task} works"));
            world.holders.entry((process, self.worker)).or_default().insert(task.to_string());
        });
    }

    fn task_left(&self, task: &TaskId) {
        let process = self.baton.process();
        self.baton.with(|world| {
            world.note(format_args!("process {process}: {task} left"));
            world.holders.entry((process, self.worker)).or_default().remove(&task.to_string());
        });
    }

    fn report(&self, _report: Report) {}
}

impl RestoreObserver for SimObserver {
    fn restored(&self, _records: u64) {}

    fn remaining(&self, _task: &str, _records: i64) {}

    fn ended(&self, task: &str, _at: Timestamp, rebuilt: bool) {
        post(&self.mail).ended = Some(task.to_owned());
        let process = self.baton.process();
        self.baton.with(|world| world.note(format_args!("process {process}: {task} restored, rebuilt {rebuilt}")));
    }
}
