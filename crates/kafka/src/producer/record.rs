use headwater_log::{Headers, Partition};

/// A record to be produced; librdkafka copies all of it.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutgoingRecord<'a> {
    /// Which partition; None leaves it to murmur2 of the key, and unkeyed records to chance.
    pub partition: Option<Partition>,
    /// The key, or null.
    pub key: Option<&'a [u8]>,
    /// The value, or null: a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers.
    pub headers: Option<&'a Headers>,
    /// Milliseconds since 1970 UTC; None, and 0 for librdkafka's sake, is now.
    pub timestamp_ms: Option<i64>,
}

impl OutgoingRecord<'_> {
    /// The most bytes that a batch of just this record takes, uncompressed: what `max.message.bytes` of the topic is
    /// compared with (record format v2).
    #[must_use]
    pub fn batch_bytes_max(&self) -> usize {
        const BATCH_HEADER_BYTES: usize = 61;
        const VARINT32_BYTES: usize = 5;
        const VARINT64_BYTES: usize = 10;
        let headers = self.headers.map_or(0, |headers| {
            headers
                .iter()
                .map(|header| 2 * VARINT32_BYTES + header.name.len() + header.value.map_or(0, <[u8]>::len))
                .sum::<usize>()
        });
        BATCH_HEADER_BYTES
            + 1
            + 5 * VARINT32_BYTES
            + VARINT64_BYTES
            + self.key.map_or(0, <[u8]>::len)
            + self.value.map_or(0, <[u8]>::len)
            + headers
    }
}
