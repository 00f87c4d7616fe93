use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use headwater_event::Timestamp;
use headwater_streams::{KnownEnvelope, Record};

use crate::ports::FetchedRecord;

/// Room that records share: one allocation for many keys and values.
const CHUNK_BYTES: usize = 64 << 10;

/// Makes owned records of fetched ones.
#[derive(Default)]
pub struct Intake {
    chunk: BytesMut,
}

impl Intake {
    /// Copies a fetched record.
    pub fn own<R: FetchedRecord>(&mut self, fetched: &R) -> Arc<Record> {
        let key = fetched.key().map(|key| self.copy(key));
        let value = fetched.value().map(|value| self.copy(value));
        Arc::new(Record {
            offset: fetched.offset(),
            timestamp: Timestamp::from_millis(fetched.timestamp_ms()),
            key,
            value,
            headers: fetched.owned_headers(),
            envelope: KnownEnvelope::default(),
        })
    }

    fn copy(&mut self, bytes: &[u8]) -> Bytes {
        if self.chunk.capacity() < bytes.len() {
            self.chunk = BytesMut::with_capacity(CHUNK_BYTES.max(bytes.len()));
        }
        self.chunk.extend_from_slice(bytes);
        self.chunk.split().freeze()
    }
}
