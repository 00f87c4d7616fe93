use std::collections::BTreeMap;
use std::time::Duration;

use headwater_kafka::{Isolation, LogReader, Record};
use headwater_log::{Offset, TopicPartition};
use headwater_worker::ports::{ChangelogHandler, ChangelogReader, Next, StartAt};

use crate::Error;
use crate::error::from_kafka;
use crate::worker::{Fetched, start_at};

const RPC_DEADLINE: Duration = Duration::from_secs(15);

/// Reads changelogs on Kafka.
pub(super) struct KafkaReader(pub(super) LogReader);

impl ChangelogReader for KafkaReader {
    fn bounds(&self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, (Offset, Offset)>, Error> {
        let handle = self.0.handle();
        let starts = handle.beginnings(partitions, RPC_DEADLINE).map_err(from_kafka)?;
        let ends = handle.ends(partitions, Isolation::ReadUncommitted, RPC_DEADLINE).map_err(from_kafka)?;
        let ends: BTreeMap<TopicPartition, Offset> = ends.into_iter().collect();
        let both = |(partition, start): (TopicPartition, Offset)| {
            let end = *ends.get(&partition)?;
            Some((partition, (start, end)))
        };
        Ok(starts.into_iter().filter_map(both).collect())
    }

    fn add(&mut self, start: &StartAt) -> Result<(), Error> {
        self.0.add(&start_at(start)).map_err(from_kafka)
    }

    fn remove(&mut self, partition: &TopicPartition) -> Result<(), Error> {
        self.0.remove(partition).map_err(from_kafka)
    }

    fn poll<H: ChangelogHandler>(&mut self, wait: Duration, records_max: usize, handler: &mut H) -> Result<(), Error> {
        let each = |record: &Record<'_>| match handler.record(&Fetched(record)) {
            Next::Continue => headwater_kafka::Next::Continue,
            Next::Stop => headwater_kafka::Next::Stop,
        };
        let polled = self.0.poll(wait, records_max, each).map_err(from_kafka)?;
        for error in polled.errors {
            tracing::warn!(%error, "restore");
        }
        Ok(())
    }

    fn position(&self, partition: &TopicPartition) -> Result<Option<Offset>, Error> {
        self.0.position(partition).map_err(from_kafka)
    }

    fn cached_end(&self, partition: &TopicPartition) -> Option<Offset> {
        self.0.handle().cached_watermarks(partition).map(|(_, high)| high)
    }
}
