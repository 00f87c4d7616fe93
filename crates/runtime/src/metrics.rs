//! What a worker measures, as Prometheus metrics; lag and offsets under kafka_exporter's names.

use headwater_log::{Offset, TopicPartition};
use headwater_streams::Counters;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry,
};

use crate::Error;

/// The metrics of one application in one process; cheap to clone, shared by its workers.
#[derive(Clone)]
pub struct Metrics {
    /// Records processed, by processor.
    pub records: IntCounterVec,
    /// Records read and not wanted (`.only`), by processor.
    pub skipped: IntCounterVec,
    /// Records sent to a dead-letter topic, by processor.
    pub dead_letters: IntCounterVec,
    /// Commands rejected with a reply, by processor.
    pub rejected: IntCounterVec,
    /// Records left out because their id had been seen, by processor.
    pub duplicates: IntCounterVec,
    /// Records past grace, by processor.
    pub late: IntCounterVec,
    /// From a record's timestamp to its processing, in seconds, by processor.
    pub latency: HistogramVec,
    /// One commit, from flush to end, in seconds.
    pub commit_time: Histogram,
    /// Transactions by outcome: committed, aborted, unknown.
    pub transactions: IntCounterVec,
    /// Records produced.
    pub produced: IntCounter,
    /// Records of changelogs and tables replayed.
    pub restored: IntCounter,
    /// Changelog records still to replay, by task.
    pub restore_remaining: IntGaugeVec,
    /// Changelog records that a standby's store is behind, by task.
    pub standby_lag: IntGaugeVec,
    /// Changelog records brought into standbys' stores.
    pub standby_records: IntCounter,
    /// Tasks by state: restoring, running, standby.
    pub tasks: IntGaugeVec,
    /// Records between the committed position and the end, by topic and partition.
    pub lag: IntGaugeVec,
    /// The committed offset, by topic and partition.
    pub offset: IntGaugeVec,
    /// Stores: bytes by kind: disk, memory.
    pub state_bytes: IntGaugeVec,
    /// Outside calls under way, by processor.
    pub calls: IntGaugeVec,
    /// Times the group moved partitions to or from this process.
    pub rebalances: IntCounterVec,
    /// Stores rebuilt from the start of their changelog.
    pub rebuilt: IntCounter,
    /// Snapshots of stores.
    pub snapshots: SnapshotMetrics,
}

/// What is measured of snapshots.
#[derive(Clone)]
pub struct SnapshotMetrics {
    /// Snapshots taken.
    pub taken: IntCounter,
    /// Bytes written for them.
    pub bytes: IntCounter,
    /// Snapshots that could not be taken, or older ones that could not be removed.
    pub failures: IntCounter,
    /// Seconds since a task's last snapshot was taken, by task.
    pub age: IntGaugeVec,
    /// Stores that began at a snapshot.
    pub loaded: IntCounter,
    /// Entries brought into stores from snapshots.
    pub loaded_records: IntCounter,
    /// Snapshots that a store could not begin at, or could not be looked for.
    pub refused: IntCounter,
}

struct Maker<'a> {
    registry: &'a Registry,
    group: &'a str,
}

impl Maker<'_> {
    fn options(&self, name: &str, help: &str) -> Opts {
        Opts::new(name, help).const_label("consumergroup", self.group)
    }

    fn keep<C: prometheus::core::Collector + Clone + 'static>(
        &self,
        made: Result<C, prometheus::Error>,
    ) -> Result<C, Error> {
        let metric = made.map_err(|error| Error::Configuration(format!("metric can't be made: {error}")))?;
        self.registry
            .register(Box::new(metric.clone()))
            .map_err(|error| Error::Configuration(format!("metric can't be registered: {error}")))?;
        Ok(metric)
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntCounterVec, Error> {
        self.keep(IntCounterVec::new(self.options(name, help), labels))
    }

    fn counter(&self, name: &str, help: &str) -> Result<IntCounter, Error> {
        self.keep(IntCounter::with_opts(self.options(name, help)))
    }

    fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Result<IntGaugeVec, Error> {
        self.keep(IntGaugeVec::new(self.options(name, help), labels))
    }

    fn histogram_options(&self, name: &str, help: &str) -> Result<HistogramOpts, Error> {
        let buckets = prometheus::exponential_buckets(0.000_5, 2.0, 16)
            .map_err(|error| Error::Configuration(format!("metric {name} can't be made: {error}")))?;
        Ok(HistogramOpts::new(name, help).const_label("consumergroup", self.group).buckets(buckets))
    }
}

impl SnapshotMetrics {
    fn new(maker: &Maker<'_>) -> Result<Self, Error> {
        Ok(Self {
            taken: maker.counter("headwater_snapshot_taken_total", "Snapshots of stores taken.")?,
            bytes: maker.counter("headwater_snapshot_bytes_total", "Bytes written for snapshots.")?,
            failures: maker.counter("headwater_snapshot_failures_total", "Snapshots that could not be taken.")?,
            age: maker.gauges("headwater_snapshot_age_seconds", "Age of a task's last snapshot.", &["task"])?,
            loaded: maker.counter("headwater_snapshot_loaded_total", "Stores that began at a snapshot.")?,
            loaded_records: maker
                .counter("headwater_snapshot_loaded_records_total", "Entries brought into stores from snapshots.")?,
            refused: maker.counter("headwater_snapshot_refused_total", "Snapshots that could not be used.")?,
        })
    }
}

impl Metrics {
    /// Makes and registers all metrics of an application.
    ///
    /// # Errors
    /// [`Error::Configuration`] when the registry has metrics of this application already.
    pub fn new(registry: &Registry, application: &str) -> Result<Self, Error> {
        let maker = Maker { registry, group: application };
        let by_processor = ["processor"];
        let by_partition = ["topic", "partition"];
        Ok(Self {
            records: maker.counters("headwater_records_processed_total", "Records processed.", &by_processor)?,
            skipped: maker.counters("headwater_records_skipped_total", "Records not wanted.", &by_processor)?,
            dead_letters: maker.counters("headwater_dead_letters_total", "Records dead-lettered.", &by_processor)?,
            rejected: maker.counters("headwater_commands_rejected_total", "Commands rejected.", &by_processor)?,
            duplicates: maker.counters("headwater_duplicates_total", "Records seen before.", &by_processor)?,
            late: maker.counters("headwater_late_records_total", "Records past grace.", &by_processor)?,
            latency: maker.keep(HistogramVec::new(
                maker.histogram_options(
                    "headwater_record_latency_seconds",
                    "From a record's timestamp to its processing.",
                )?,
                &by_processor,
            ))?,
            commit_time: maker.keep(Histogram::with_opts(
                maker.histogram_options("headwater_commit_duration_seconds", "One commit, flush included.")?,
            ))?,
            transactions: maker.counters("headwater_transactions_total", "Transactions by outcome.", &["outcome"])?,
            produced: maker.counter("headwater_records_produced_total", "Records produced, changelogs included.")?,
            restored: maker
                .counter("headwater_restored_records_total", "Records of changelogs and tables replayed.")?,
            restore_remaining: maker.gauges(
                "headwater_restore_remaining_records",
                "Changelog records still to replay.",
                &["task"],
            )?,
            standby_lag: maker.gauges("headwater_standby_lag", "Changelog records a standby is behind.", &["task"])?,
            standby_records: maker
                .counter("headwater_standby_records_total", "Changelog records brought into standbys.")?,
            tasks: maker.gauges("headwater_tasks", "Tasks by state.", &["state"])?,
            lag: maker.gauges("kafka_consumergroup_lag", "Records behind the partition's end.", &by_partition)?,
            offset: maker.gauges("kafka_consumergroup_current_offset", "Committed offset.", &by_partition)?,
            state_bytes: maker.gauges("headwater_state_bytes", "Bytes that the stores take.", &["kind"])?,
            calls: maker.gauges("headwater_calls_in_flight", "Outside calls under way.", &by_processor)?,
            rebalances: maker.counters("headwater_rebalances_total", "Partitions moved.", &["kind"])?,
            rebuilt: maker.counter("headwater_stores_rebuilt_total", "Stores rebuilt from the start.")?,
            snapshots: SnapshotMetrics::new(&maker)?,
        })
    }

    /// Adds what a task's steps counted.
    pub fn count(&self, processor: &str, counters: &Counters) {
        let add = |metric: &IntCounterVec, count: u64| {
            if count > 0 {
                metric.with_label_values(&[processor]).inc_by(count);
            }
        };
        add(&self.records, counters.processed);
        add(&self.skipped, counters.skipped);
        add(&self.dead_letters, counters.dead_letters);
        add(&self.rejected, counters.rejected);
        add(&self.duplicates, counters.deduplicated);
        add(&self.late, counters.late);
    }

    /// Notes a committed offset.
    pub fn committed_at(&self, partition: &TopicPartition, offset: Offset) {
        let number = partition.partition.to_string();
        self.offset.with_label_values(&[partition.topic.as_str(), &number]).set(offset.get());
    }

    /// Notes how far a partition's committed position lies behind its end.
    pub fn lags_by(&self, partition: &TopicPartition, records: i64) {
        let number = partition.partition.to_string();
        self.lag.with_label_values(&[partition.topic.as_str(), &number]).set(records.max(0));
    }

    /// Forgets a partition that this process no longer reads.
    pub fn forget_partition(&self, partition: &TopicPartition) {
        let number = partition.partition.to_string();
        let labels = [partition.topic.as_str(), &number];
        let _absent = self.offset.remove_label_values(&labels);
        let _absent = self.lag.remove_label_values(&labels);
    }

    /// The gauge of tasks in a state.
    #[must_use]
    pub fn tasks_in(&self, state: &str) -> IntGauge {
        self.tasks.with_label_values(&[state])
    }
}
