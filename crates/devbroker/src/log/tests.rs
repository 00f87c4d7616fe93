#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]
//! What the tests of the log share: batches from another encoder, and a consumer.

mod appending;
mod compacting;
mod cost;
mod hostile;
mod model;
mod reading;
mod recovering;
mod retaining;
mod transacting;

use super::*;
use crate::storage::{DiskStorage, MemoryStorage, Storage};
use bytes::{Bytes, BytesMut};
use kafka_protocol::records::{
    Compression, Record, RecordBatchDecoder, RecordBatchEncoder, RecordEncodeOptions, TimestampType as RecordTime,
};
use std::collections::HashSet;
use std::sync::Arc;

pub(super) const NOW: i64 = 1_700_000_000_000;
pub(super) const DIR: &str = "topic-0";
pub(super) const CODECS: [Compression; 5] =
    [Compression::None, Compression::Gzip, Compression::Snappy, Compression::Lz4, Compression::Zstd];

/// A batch in the making.
#[derive(Debug, Clone)]
pub(super) struct Batch {
    pub(super) records: Vec<(Option<String>, Option<String>)>,
    pub(super) timestamp_ms: i64,
    pub(super) producer: Option<(i64, i16, i32)>,
    pub(super) transactional: bool,
    pub(super) compression: Compression,
}

/// Records `key=value`; `key` alone is a tombstone, `=value` has no key.
pub(super) fn batch(records: &[&str]) -> Batch {
    let records = records.iter().map(|record| match record.split_once('=') {
        Some((key, value)) => (Some(key.to_owned()).filter(|k| !k.is_empty()), Some(value.to_owned())),
        None => (Some((*record).to_owned()), None),
    });
    Batch {
        records: records.collect(),
        timestamp_ms: NOW,
        producer: None,
        transactional: false,
        compression: Compression::None,
    }
}

impl Batch {
    pub(super) fn at(self, timestamp_ms: i64) -> Self {
        Self { timestamp_ms, ..self }
    }

    pub(super) fn by(self, producer_id: i64, epoch: i16, sequence: i32) -> Self {
        Self { producer: Some((producer_id, epoch, sequence)), ..self }
    }

    pub(super) fn in_transaction(self) -> Self {
        Self { transactional: true, ..self }
    }

    pub(super) fn compressed(self, compression: Compression) -> Self {
        Self { compression, ..self }
    }

    /// Each record is one millisecond later than the one before.
    pub(super) fn bytes(&self) -> Bytes {
        let (producer_id, producer_epoch, sequence) = self.producer.unwrap_or((-1, -1, 0));
        let records: Vec<Record> = self
            .records
            .iter()
            .zip(0..)
            .map(|((key, value), i)| Record {
                transactional: self.transactional,
                control: false,
                delete_horizon: false,
                partition_leader_epoch: -1,
                producer_id,
                producer_epoch,
                timestamp_type: RecordTime::Creation,
                offset: i,
                sequence: sequence.wrapping_add(i as i32),
                timestamp: self.timestamp_ms + i,
                key: key.clone().map(Bytes::from),
                value: value.clone().map(Bytes::from),
                headers: Default::default(),
            })
            .collect();
        let mut out = BytesMut::new();
        let options = RecordEncodeOptions { version: 2, compression: self.compression };
        RecordBatchEncoder::encode(&mut out, &records, &options).unwrap();
        out.freeze()
    }
}

/// The records of fetched batches, by another decoder.
pub(super) fn decode(records: &Bytes) -> Vec<Record> {
    let sets = RecordBatchDecoder::decode_all(&mut records.clone()).unwrap();
    sets.into_iter().flat_map(|set| set.records).collect()
}

/// `offset:key=value`, as `batch` reads it.
pub(super) fn show(record: &Record) -> String {
    let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
    let key = record.key.as_ref().map(text).unwrap_or_default();
    match &record.value {
        Some(value) => format!("{}:{key}={}", record.offset, text(value)),
        None => format!("{}:{key}", record.offset),
    }
}

/// Reads from `offset` to the end as a consumer does: from batch to batch, dropping what was
/// aborted, markers, and records before its position.
pub(super) fn consume(log: &PartitionLog, offset: i64, max_bytes: usize, isolation: Isolation) -> Vec<Record> {
    let mut consumed = Vec::new();
    let mut position = offset;
    loop {
        let fetched = log.read(position, max_bytes, isolation).unwrap();
        if fetched.records.is_empty() {
            // Who reads up to the end gets there, whatever compaction took away.
            if isolation == Isolation::ReadUncommitted {
                assert_eq!(position, log.high_watermark());
            }
            return consumed;
        }
        let mut starts = fetched.aborted.clone();
        let mut skipping = HashSet::new();
        let mut next = position;
        let mut rest = fetched.records.clone();
        while !rest.is_empty() {
            let size = 12 + u32::from_be_bytes(rest[8..12].try_into().unwrap()) as usize;
            let last_delta = i32::from_be_bytes(rest[23..27].try_into().unwrap());
            let batch = rest.split_to(size);
            let base_offset = i64::from_be_bytes(batch[0..8].try_into().unwrap());
            next = base_offset + i64::from(last_delta) + 1;
            starts.retain(|aborted| {
                let begins = aborted.first_offset < next;
                if begins {
                    skipping.insert(aborted.producer_id);
                }
                !begins
            });
            let records = decode(&batch);
            assert!(!records.is_empty(), "an empty batch");
            if records[0].control {
                if records[0].key.as_ref().unwrap()[3] == 0 {
                    skipping.remove(&records[0].producer_id);
                }
                continue;
            }
            let hidden = records[0].transactional && skipping.contains(&records[0].producer_id);
            consumed.extend(records.into_iter().filter(|record| !hidden && record.offset >= position));
        }
        assert!(next > position, "a read must get on");
        position = next;
    }
}

pub(super) fn consumed(log: &PartitionLog, isolation: Isolation) -> Vec<String> {
    consume(log, log.log_start_offset(), 1 << 20, isolation).iter().map(show).collect()
}

pub(super) fn memory() -> Arc<dyn Storage> {
    Arc::new(MemoryStorage::new())
}

pub(super) fn open(storage: &Arc<dyn Storage>, config: &LogConfig) -> PartitionLog {
    PartitionLog::open(Arc::clone(storage), DIR, config.clone(), NOW).unwrap()
}

pub(super) fn fresh() -> PartitionLog {
    open(&memory(), &LogConfig::default())
}

pub(super) fn append(log: &mut PartitionLog, batch: &Batch) -> Appended {
    log.append(batch.bytes(), NOW).unwrap()
}

/// Runs housekeeping until there is nothing more to do, in small steps.
pub(super) fn maintain(log: &mut PartitionLog, now_ms: i64) -> Maintained {
    let mut all = Maintained::default();
    for _ in 0..100_000 {
        let done = log.maintain(now_ms, 100).unwrap();
        all.segments_deleted += done.segments_deleted;
        all.compacted |= done.compacted;
        if !done.more {
            return all;
        }
    }
    panic!("maintenance has no end");
}

pub(super) fn segment_files(storage: &Arc<dyn Storage>) -> Vec<String> {
    storage.list_files(DIR).unwrap().into_iter().filter(|name| name.ends_with(".log")).collect()
}
