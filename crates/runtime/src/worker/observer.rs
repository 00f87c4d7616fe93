use std::sync::Arc;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};
use headwater_streams::{Counters, TaskId};
use headwater_worker::ports::{Observer, Report, TransactionEnd};

use crate::application::Shared;
use crate::state::TaskState;

/// Metrics, the directory that queries read, and reports to the supervisor.
pub(super) struct RuntimeObserver<'l> {
    shared: Arc<Shared>,
    reports: &'l SyncSender<Report>,
}

impl<'l> RuntimeObserver<'l> {
    pub(super) const fn new(shared: Arc<Shared>, reports: &'l SyncSender<Report>) -> Self {
        Self { shared, reports }
    }
}

impl Observer<TaskState> for RuntimeObserver<'_> {
    fn rebalanced(&self, kind: &'static str, partitions: usize) {
        self.shared.metrics.rebalances.with_label_values(&[kind]).inc_by(partitions as u64);
    }

    fn stepped(&self, processor: &str, counters: &Counters, behind: Option<Duration>) {
        let metrics = &self.shared.metrics;
        metrics.count(processor, counters);
        if let Some(behind) = behind {
            metrics.latency.with_label_values(&[processor]).observe(behind.as_secs_f64());
        }
    }

    fn produced(&self, records: u64) {
        self.shared.metrics.produced.inc_by(records);
    }

    fn transaction_ended(&self, how: TransactionEnd) {
        self.shared.metrics.transactions.with_label_values(&[how.name()]).inc();
    }

    fn commit_took(&self, cost: Duration) {
        self.shared.metrics.commit_time.observe(cost.as_secs_f64());
    }

    fn committed_at(&self, partition: &TopicPartition, offset: Offset) {
        self.shared.metrics.committed_at(partition, offset);
    }

    fn lags_by(&self, partition: &TopicPartition, records: i64) {
        self.shared.metrics.lags_by(partition, records);
    }

    fn forget_partition(&self, partition: &TopicPartition) {
        self.shared.metrics.forget_partition(partition);
    }

    fn task_ready(&self, task: &TaskId, store: &TaskState) {
        self.shared.directory.insert(task.clone(), store.clone());
    }

    fn task_left(&self, task: &TaskId) {
        self.shared.directory.remove(task);
    }

    fn report(&self, report: Report) {
        // The supervisor takes every report; when it is gone the worker is about to be told to stop.
        let _gone = self.reports.send(report);
    }
}
