use std::collections::HashMap;
use std::time::Duration;

use headwater_log::{Offset, TopicPartition};

use super::handle::ConsumerHandle;
use super::handler::{ConsumerHandler, Next, Polled};
use super::record::Record;
use super::worker::WorkerConsumer;
use crate::clock::Deadline;
use crate::{ConnectionSettings, Error, ErrorKind, Isolation, StartAt};

/// What a reader needs to know.
#[derive(Debug, Clone)]
pub struct LogReaderSettings {
    /// Which records are handed out.
    pub isolation: Isolation,
    /// How much may be fetched ahead, in KiB, for all partitions together.
    pub prefetch_kbytes: u32,
    /// The group whose committed offsets it can look up; it never joins it.
    pub group_id: String,
}

impl Default for LogReaderSettings {
    fn default() -> Self {
        Self {
            isolation: Isolation::ReadCommitted,
            prefetch_kbytes: 16 * 1024,
            group_id: "headwater-reader".to_owned(),
        }
    }
}

/// Reads partitions that are named, outside of any group's rebalancing: restores, and `consume`.
pub struct LogReader {
    consumer: WorkerConsumer,
    /// How far the log is known to be passed: by records, and by ends that were reported behind markers and gaps.
    positions: HashMap<TopicPartition, Offset>,
}

impl LogReader {
    /// Makes a reader with nothing assigned.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for settings that can't work.
    pub fn new(connection: &ConnectionSettings, settings: &LogReaderSettings) -> Result<Self, Error> {
        let required = [
            ("group.id", settings.group_id.clone()),
            ("isolation.level", settings.isolation.as_str().to_owned()),
            ("auto.offset.reset", "error".to_owned()),
        ];
        let consumer = WorkerConsumer::open(connection, settings.prefetch_kbytes, &required)?;
        Ok(Self { consumer, positions: HashMap::new() })
    }

    /// Reads these partitions, and no others, from here on.
    ///
    /// # Errors
    /// What librdkafka answers, by kind.
    pub fn assign(&mut self, partitions: &[StartAt]) -> Result<(), Error> {
        self.positions.clear();
        self.consumer.assign(partitions)
    }

    /// Reads another partition besides.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is read already.
    pub fn add(&mut self, partition: &StartAt) -> Result<(), Error> {
        self.consumer.incremental_assign(std::slice::from_ref(partition))
    }

    /// Stops reading a partition.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when it is not read.
    pub fn remove(&mut self, partition: &TopicPartition) -> Result<(), Error> {
        self.positions.remove(partition);
        self.consumer.incremental_unassign(std::slice::from_ref(partition))
    }

    /// Hands over up to `records_max` records, waiting up to `wait` for the first of anything.
    ///
    /// # Errors
    /// As [`WorkerConsumer::poll`].
    pub fn poll(
        &mut self,
        wait: Duration,
        records_max: usize,
        mut each: impl FnMut(&Record<'_>) -> Next,
    ) -> Result<Polled, Error> {
        let mut reading = Reading { each: &mut each, ends: &mut self.positions };
        self.consumer.poll(wait, records_max, &mut reading)
    }

    /// The offset of what comes next in a partition, transaction markers and gaps passed over once they are known to
    /// end there; None before anything was read.
    ///
    /// # Errors
    /// What librdkafka answers, by kind.
    pub fn position(&self, partition: &TopicPartition) -> Result<Option<Offset>, Error> {
        let handed_out = self.consumer.position(partition)?;
        Ok(match self.positions.get(partition) {
            // librdkafka counts the report of an end in a batch as a record, and stands one too far then. Where that
            // can't be told from a record, the end is reported again.
            Some(end) if handed_out.is_none_or(|offset| offset <= end.next()) => Some(*end),
            _ => handed_out,
        })
    }

    /// Reads until every position has reached its target: an end that [`ConsumerHandle::ends`] has listed.
    /// Reading read_committed up to a high watermark waits for the transactions that are open below it.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] when `deadline` passes first, naming the partition that is behind; otherwise as
    /// [`WorkerConsumer::poll`], or the first error about a partition that does not pass by itself.
    pub fn read_until(
        &mut self,
        targets: &[(TopicPartition, Offset)],
        deadline: Duration,
        mut each: impl FnMut(&Record<'_>),
    ) -> Result<(), Error> {
        let deadline = Deadline::after(deadline);
        loop {
            let Some((partition, target, position)) = self.behind(targets)? else { return Ok(()) };
            if deadline.has_passed() {
                let position = position.map_or_else(|| "nowhere".to_owned(), |offset| offset.to_string());
                return Err(Error::new(
                    ErrorKind::TimedOut,
                    format!("{partition} was read up to {position} of {target} in time"),
                ));
            }
            let wait = deadline.left().min(Duration::from_millis(100));
            let polled = self.poll(wait, 10_000, |record| {
                each(record);
                Next::Continue
            })?;
            if let Some(error) = polled.errors.into_iter().find(|error| !error.is_retriable()) {
                return Err(error);
            }
        }
    }

    /// The first partition whose position lies before its target.
    fn behind(
        &self,
        targets: &[(TopicPartition, Offset)],
    ) -> Result<Option<(TopicPartition, Offset, Option<Offset>)>, Error> {
        for (partition, target) in targets {
            let position = self.position(partition)?;
            if *target > Offset::ZERO && position.is_none_or(|position| position < *target) {
                return Ok(Some((partition.clone(), *target, position)));
            }
        }
        Ok(None)
    }

    /// What can be asked besides reading.
    #[must_use]
    pub const fn handle(&self) -> &ConsumerHandle {
        self.consumer.handle()
    }
}

struct Reading<'a, F> {
    each: &'a mut F,
    ends: &'a mut HashMap<TopicPartition, Offset>,
}

impl<F: FnMut(&Record<'_>) -> Next> ConsumerHandler for Reading<'_, F> {
    fn record(&mut self, record: &Record<'_>) -> Next {
        (self.each)(record)
    }

    fn end(&mut self, partition: &TopicPartition, position: Offset) {
        self.ends.insert(partition.clone(), position);
    }

    fn assigned(&mut self, _: &[TopicPartition], _: &ConsumerHandle) -> Vec<StartAt> {
        Vec::new()
    }

    fn revoked(&mut self, partitions: &[TopicPartition], _: &ConsumerHandle) -> Vec<TopicPartition> {
        partitions.to_vec()
    }

    fn lost(&mut self, partitions: &[TopicPartition], _: &ConsumerHandle) -> Vec<TopicPartition> {
        partitions.to_vec()
    }
}
