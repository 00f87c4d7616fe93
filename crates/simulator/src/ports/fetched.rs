use headwater_log::{Headers, Offset, Partition, TopicPartition};
use headwater_worker::ports::FetchedRecord;

use crate::cluster::log::Written;

/// A record on its way to a handler.
pub(crate) struct Fetched<'a> {
    pub(crate) partition: &'a TopicPartition,
    pub(crate) offset: Offset,
    pub(crate) record: &'a Written,
}

impl FetchedRecord for Fetched<'_> {
    fn topic(&self) -> &str {
        self.partition.topic.as_str()
    }

    fn partition(&self) -> Partition {
        self.partition.partition
    }

    fn offset(&self) -> Offset {
        self.offset
    }

    fn timestamp_ms(&self) -> i64 {
        self.record.timestamp_ms
    }

    fn key(&self) -> Option<&[u8]> {
        self.record.key.as_deref()
    }

    fn value(&self) -> Option<&[u8]> {
        self.record.value.as_deref()
    }

    fn owned_headers(&self) -> Headers {
        self.record.headers.clone()
    }
}
