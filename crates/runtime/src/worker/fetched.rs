use headwater_kafka::Record;
use headwater_log::{Headers, Offset, Partition};
use headwater_worker::ports::{FetchedRecord, StartAt, StartOffset};

/// A record of librdkafka's, read in place.
pub(crate) struct Fetched<'a>(pub(crate) &'a Record<'a>);

impl FetchedRecord for Fetched<'_> {
    fn topic(&self) -> &str {
        self.0.topic()
    }

    fn partition(&self) -> Partition {
        self.0.partition()
    }

    fn offset(&self) -> Offset {
        self.0.offset()
    }

    fn timestamp_ms(&self) -> i64 {
        self.0.timestamp_ms()
    }

    fn key(&self) -> Option<&[u8]> {
        self.0.key()
    }

    fn value(&self) -> Option<&[u8]> {
        self.0.value()
    }

    fn owned_headers(&self) -> Headers {
        self.0.owned_headers()
    }
}

/// A start in the client's words.
pub(crate) fn start_at(start: &StartAt) -> headwater_kafka::StartAt {
    let offset = match start.offset {
        StartOffset::At(offset) => headwater_kafka::StartOffset::At(offset),
        StartOffset::Beginning => headwater_kafka::StartOffset::Beginning,
    };
    headwater_kafka::StartAt { partition: start.partition.clone(), offset }
}
