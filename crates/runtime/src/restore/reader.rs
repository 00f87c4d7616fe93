use std::collections::BTreeMap;
use std::time::Duration;

use headwater_kafka::{ConnectionSettings, Isolation, LogReader, LogReaderSettings, Record};
use headwater_log::{Offset, TopicPartition};
use headwater_worker::ports::{ChangelogHandler, ChangelogReader, Next, StartAt};

use crate::Error;
use crate::error::from_kafka;
use crate::worker::{Fetched, start_at};

const RPC_DEADLINE: Duration = Duration::from_secs(15);

/// Reads changelogs on Kafka.
pub(super) struct KafkaReader {
    reader: LogReader,
    /// Asks where changelogs begin and end. Brokers answer one connection in order, and on the reader's own a fetch for a
    /// standby may be waiting for records.
    asks: LogReader,
}

impl KafkaReader {
    pub(super) fn new(connection: &ConnectionSettings, settings: &LogReaderSettings) -> Result<Self, Error> {
        let reader = LogReader::new(connection, settings).map_err(from_kafka)?;
        let small = LogReaderSettings { prefetch_kbytes: 1_024, ..settings.clone() };
        let asks = LogReader::new(connection, &small).map_err(from_kafka)?;
        Ok(Self { reader, asks })
    }
}

impl ChangelogReader for KafkaReader {
    fn bounds(&self, partitions: &[TopicPartition]) -> Result<BTreeMap<TopicPartition, (Offset, Offset)>, Error> {
        let starts = self.asks.handle().beginnings(partitions, RPC_DEADLINE).map_err(from_kafka)?;
        let ends = self.asks.handle().ends(partitions, Isolation::ReadUncommitted, RPC_DEADLINE).map_err(from_kafka)?;
        let ends: BTreeMap<TopicPartition, Offset> = ends.into_iter().collect();
        let both = |(partition, start): (TopicPartition, Offset)| {
            let end = *ends.get(&partition)?;
            Some((partition, (start, end)))
        };
        Ok(starts.into_iter().filter_map(both).collect())
    }

    fn add(&mut self, start: &StartAt) -> Result<(), Error> {
        self.reader.add(&start_at(start)).map_err(from_kafka)
    }

    fn remove(&mut self, partition: &TopicPartition) -> Result<(), Error> {
        self.reader.remove(partition).map_err(from_kafka)
    }

    fn poll<H: ChangelogHandler>(&mut self, wait: Duration, records_max: usize, handler: &mut H) -> Result<(), Error> {
        let each = |record: &Record<'_>| match handler.record(&Fetched(record)) {
            Next::Continue => headwater_kafka::Next::Continue,
            Next::Stop => headwater_kafka::Next::Stop,
        };
        let polled = self.reader.poll(wait, records_max, each).map_err(from_kafka)?;
        for error in polled.errors {
            tracing::warn!(%error, "restore");
        }
        Ok(())
    }

    fn position(&self, partition: &TopicPartition) -> Result<Option<Offset>, Error> {
        self.reader.position(partition).map_err(from_kafka)
    }

    fn cached_end(&self, partition: &TopicPartition) -> Option<Offset> {
        self.reader.handle().cached_watermarks(partition).map(|(_, high)| high)
    }
}
