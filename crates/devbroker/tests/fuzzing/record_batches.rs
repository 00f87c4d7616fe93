//! What producers write: a byte of settings, then batches, each with its length in two bytes. What a log takes is read
//! back byte for byte but for its place, folded and unfolded to the same records, and still there when it is opened again.

use std::sync::Arc;

use bytes::Bytes;
use headwater_devbroker::fuzzing::{records_of, rewritten};
use headwater_devbroker::log::{CleanupPolicy, Isolation, LogConfig, PartitionLog, TimestampType};
use headwater_devbroker::storage::{MemoryStorage, Storage};

const NOW_MS: i64 = 1_700_000_000_000;
const DIR: &str = "topic-0";
/// Where the checksummed bytes of a batch begin.
const CHECKED_AT: usize = 21;

const SEALED: u8 = 1;
const COMPACTED: u8 = 2;
const APPEND_TIME: u8 = 4;
const SMALL_SEGMENTS: u8 = 8;

pub fn target(bytes: &[u8]) {
    taken(bytes);
}

/// How many appends the log took.
pub fn taken(bytes: &[u8]) -> usize {
    let Some((settings, mut rest)) = bytes.split_first() else { return 0 };
    let mut taken = 0;
    let has = |setting| settings & setting != 0;
    let config = LogConfig {
        cleanup_policy: CleanupPolicy { delete: !has(COMPACTED), compact: has(COMPACTED) },
        timestamp_type: if has(APPEND_TIME) { TimestampType::LogAppendTime } else { TimestampType::CreateTime },
        segment_bytes: if has(SMALL_SEGMENTS) { 100 } else { 1 << 20 },
        min_cleanable_dirty_ratio: 0.0,
        ..LogConfig::default()
    };
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    let open = || PartitionLog::open(storage.clone(), DIR, config.clone(), NOW_MS).expect("what the log wrote");
    let mut log = open();
    while let Some((length, after)) = rest.split_first_chunk::<2>() {
        let (batch, after) = after.split_at(usize::from(u16::from_be_bytes(*length)).min(after.len()));
        rest = after;
        let batch = if has(SEALED) { sealed(batch) } else { batch.to_vec() };
        taken += usize::from(append(&mut log, batch, has(APPEND_TIME)));
    }
    let (start, end) = (log.log_start_offset(), log.high_watermark());
    let stable = log.last_stable_offset();
    let stored = all(&log);
    drop(log);
    let mut log = open();
    assert_eq!((log.log_start_offset(), log.high_watermark(), log.last_stable_offset()), (start, end, stable));
    assert_eq!(all(&log), stored, "what is written is there after a crash");
    assert_eq!(log.recovery().truncated_bytes, 0);
    for later_ms in [0, 1, 8 * 24 * 3_600_000] {
        while log.maintain(NOW_MS + later_ms, 1 << 20).expect("memory").more {}
        let _ = log.offset_for_time(NOW_MS).expect("memory");
        let _ = log.max_timestamp().expect("memory");
    }
    assert_eq!(log.high_watermark(), end, "housekeeping takes nothing from the end");
    log.checkpoint().expect("memory");
    let kept = all(&log);
    drop(log);
    let log = open();
    assert_eq!(log.high_watermark(), end);
    assert_eq!(all(&log), kept);
    taken
}

/// Whether the log took it.
fn append(log: &mut PartitionLog, batch: Vec<u8>, append_time: bool) -> bool {
    let batch = Bytes::from(batch);
    let end = log.high_watermark();
    let Ok(appended) = log.append(batch.clone(), NOW_MS) else {
        assert_eq!(log.high_watermark(), end, "what is refused leaves nothing behind");
        return false;
    };
    if appended.duplicate {
        assert_eq!(log.high_watermark(), end);
        return true;
    }
    assert_eq!(appended.base_offset, end);
    assert_eq!(appended.last_offset + 1, log.high_watermark());
    let fetched = log.read(end, usize::MAX, Isolation::ReadUncommitted).expect("what was appended");
    assert_eq!(fetched.records.len(), batch.len());
    if !append_time {
        // Several batches may have come at once; the first tells enough of the others.
        let first = size_of(&batch);
        assert_eq!(fetched.records[CHECKED_AT..first], batch[CHECKED_AT..first]);
    }
    // A compressed body passes through unread: it may still be none.
    let first = batch.slice(..size_of(&batch));
    if let Ok(records) = records_of(&first) {
        let again = rewritten(&first).expect("records that were read");
        assert_eq!(records_of(&again).expect("records that were written"), records);
    }
    true
}

fn size_of(batch: &[u8]) -> usize {
    12 + u32::from_be_bytes(*batch[8..].first_chunk().expect("a header")) as usize
}

fn all(log: &PartitionLog) -> Vec<Bytes> {
    let mut found = Vec::new();
    let mut position = log.log_start_offset();
    while position < log.high_watermark() {
        let fetched = log.read(position, 1, Isolation::ReadUncommitted).expect("an offset within the log");
        let Some(base) = fetched.records.first_chunk::<8>() else { break };
        let delta = i32::from_be_bytes(*fetched.records[23..].first_chunk().expect("a header"));
        let next = i64::from_be_bytes(*base) + i64::from(delta) + 1;
        assert!(next > position, "reading goes on");
        position = next;
        found.push(fetched.records);
    }
    found
}

/// Length and checksum put right, so that what they guard is reached.
fn sealed(batch: &[u8]) -> Vec<u8> {
    let mut batch = batch.to_vec();
    if batch.len() > CHECKED_AT {
        let length = (batch.len() - 12) as u32;
        batch[8..12].copy_from_slice(&length.to_be_bytes());
        batch[16] = 2;
        let crc = crc32c::crc32c(&batch[CHECKED_AT..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    batch
}
