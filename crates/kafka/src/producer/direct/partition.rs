use std::collections::VecDeque;

use bytes::Bytes;
use headwater_log::{Headers, TopicPartition};

use super::batch::{Author, BatchBuilder};
use crate::producer::Written;

/// A batch is sent with no more; a record alone may be larger. A broker compares a batch with `max.message.bytes`,
/// which is 1 MiB unless a topic says otherwise.
const BATCH_BYTES_MAX: usize = 512 << 10;
/// What a record takes beside its bytes, at most: lengths, deltas and attributes.
const RECORD_OVERHEAD_BYTES: usize = 36;
const HEADER_OVERHEAD_BYTES: usize = 10;
/// Buffers that are kept for later batches, none larger: a producer may have hundreds of partitions.
const SPARE_MAX: usize = 2;
const SPARE_BYTES_MAX: usize = 256 << 10;

/// A batch with its numbers; said again, it is the same.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) bytes: Bytes,
    pub(super) records: i32,
}

/// One partition, as one producer writes it.
#[derive(Debug)]
pub(super) struct PartitionWriter {
    pub(super) place: TopicPartition,
    filling: BatchBuilder,
    full: VecDeque<BatchBuilder>,
    /// Batches that a broker did not take because it does not lead the partition: they go first.
    refused: VecDeque<Batch>,
    spare: Vec<Vec<u8>>,
    /// Of the next record that is sent.
    sequence: i32,
    /// Whether its leader has taken a batch since sequences began. Until then it would take any, the second before the
    /// first.
    is_proven: bool,
    /// Whether the batch that is to prove it is in flight.
    awaits_proof: bool,
    /// Whether the open transaction has it.
    pub(super) is_registered: bool,
    pub(super) written: Written,
    timestamp_ms: i64,
}

impl PartitionWriter {
    pub(super) fn new(place: TopicPartition) -> Self {
        Self {
            place,
            filling: BatchBuilder::default(),
            full: VecDeque::new(),
            refused: VecDeque::new(),
            spare: Vec::new(),
            sequence: 0,
            is_proven: false,
            awaits_proof: false,
            is_registered: false,
            written: Written::NOTHING,
            timestamp_ms: 0,
        }
    }

    /// Adds a record; answers with the bytes that it takes. `now_ms` is asked for where the record has no time of its
    /// own, once for each batch.
    pub(super) fn push(
        &mut self,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Option<&Headers>,
        timestamp_ms: Option<i64>,
        now_ms: impl FnOnce() -> i64,
    ) -> usize {
        let record_bytes_max = RECORD_OVERHEAD_BYTES
            + key.map_or(0, <[u8]>::len)
            + value.map_or(0, <[u8]>::len)
            + headers.map_or(0, |headers| headers.size_bytes() + headers.len() * HEADER_OVERHEAD_BYTES);
        if self.filling.size_bytes() + record_bytes_max > BATCH_BYTES_MAX && !self.filling.is_empty() {
            let next = BatchBuilder::reusing(self.spare.pop().unwrap_or_default());
            self.full.push_back(std::mem::replace(&mut self.filling, next));
        }
        if self.filling.is_empty() {
            self.timestamp_ms = timestamp_ms.unwrap_or_else(now_ms);
        }
        let before = self.filling.size_bytes();
        self.filling.push(key, value, headers, timestamp_ms.unwrap_or(self.timestamp_ms));
        self.filling.size_bytes() - before
    }

    /// Whether anything waits to be sent.
    pub(super) fn has_unsent(&self) -> bool {
        !self.refused.is_empty() || !self.full.is_empty() || !self.filling.is_empty()
    }

    /// The next batch to send.
    pub(super) fn take_batch(&mut self, producer_id: i64, epoch: i16) -> Option<Batch> {
        self.awaits_proof = !self.is_proven;
        if let Some(refused) = self.refused.pop_front() {
            return Some(refused);
        }
        let batch = match self.full.pop_front() {
            Some(batch) => batch,
            None if self.filling.is_empty() => {
                self.awaits_proof = false;
                return None;
            }
            None => {
                let next = BatchBuilder::reusing(self.spare.pop().unwrap_or_default());
                std::mem::replace(&mut self.filling, next)
            }
        };
        let records = batch.records();
        let author = Author { producer_id, epoch, sequence: self.sequence };
        self.sequence = next_sequence(self.sequence, records);
        Some(Batch { bytes: batch.finish(author).into(), records })
    }

    /// A batch was taken by the broker: its buffer is used again.
    pub(super) fn taken(&mut self, batch: Batch) {
        (self.is_proven, self.awaits_proof) = (true, false);
        if self.spare.len() < SPARE_MAX
            && let Ok(buffer) = batch.bytes.try_into_mut()
            && buffer.capacity() <= SPARE_BYTES_MAX
        {
            self.spare.push(buffer.into());
        }
    }

    /// A batch was not taken, and goes to another broker, before all that comes after it.
    pub(super) fn send_again(&mut self, batch: Batch) {
        self.awaits_proof = false;
        self.refused.push_back(batch);
    }

    /// Whether the next batch has to wait for the answer to the last.
    pub(super) const fn awaits_proof(&self) -> bool {
        self.awaits_proof
    }

    /// Whether batches wait that have their numbers already.
    pub(super) fn has_refused(&self) -> bool {
        !self.refused.is_empty()
    }

    /// Throws away what was not sent.
    pub(super) fn drop_unsent(&mut self) {
        self.refused.clear();
        self.full.clear();
        self.filling = BatchBuilder::default();
    }

    /// A transaction begins, or has ended.
    pub(super) fn clear(&mut self) {
        self.is_registered = false;
        self.written = Written::NOTHING;
    }

    /// The producer has a new epoch, under which sequences begin anew.
    pub(super) fn restart(&mut self) {
        self.drop_unsent();
        (self.is_proven, self.awaits_proof) = (false, false);
        self.sequence = 0;
        self.clear();
    }
}

/// Sequence numbers wrap from `i32::MAX` to 0.
const fn next_sequence(sequence: i32, records: i32) -> i32 {
    match sequence.checked_add(records) {
        Some(next) => next,
        None => records - (i32::MAX - sequence) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::next_sequence;

    #[test]
    fn sequences_wrap_behind_the_largest() {
        assert_eq!(next_sequence(0, 5), 5);
        assert_eq!(next_sequence(i32::MAX - 1, 1), i32::MAX);
        assert_eq!(next_sequence(i32::MAX, 1), 0);
        assert_eq!(next_sequence(i32::MAX - 1, 5), 3);
    }
}
