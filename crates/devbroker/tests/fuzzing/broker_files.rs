//! A partition's folder as a broken disk might leave it: a byte of settings, then log, index and checkpoint, each with its
//! length in two bytes. It is opened, cut or refused; what is open can be read, kept in order, written and opened again.

use std::sync::Arc;

use headwater_devbroker::log::{CleanupPolicy, Isolation, LogConfig, PartitionLog};
use headwater_devbroker::storage::{MemoryStorage, Storage};

const NOW_MS: i64 = 1_700_000_000_000;
const DIR: &str = "topic-0";
/// A batch of one record, `k=v`, of the same time.
const GOOD: &[u8] = include_bytes!("good_batch");

const COMPACTED: u8 = 1;
const SEALED: u8 = 2;

pub fn target(bytes: &[u8]) {
    let Some((settings, mut rest)) = bytes.split_first() else { return };
    let storage: Arc<dyn Storage> = Arc::new(MemoryStorage::new());
    for name in ["00000000000000000000.log", "00000000000000000000.index", "checkpoint", "00000000000000000007.log"] {
        let Some((length, after)) = rest.split_first_chunk::<2>() else { break };
        let (file, after) = after.split_at(usize::from(u16::from_be_bytes(*length)).min(after.len()));
        rest = after;
        let file = if settings & SEALED == 0 { file.to_vec() } else { sealed(name, file) };
        storage.replace(&format!("{DIR}/{name}"), &file, false).expect("memory");
    }
    let compact = settings & COMPACTED != 0;
    let config = LogConfig {
        cleanup_policy: CleanupPolicy { delete: !compact, compact },
        min_cleanable_dirty_ratio: 0.0,
        segment_ms: 1,
        ..LogConfig::default()
    };
    let open = || PartitionLog::open(storage.clone(), DIR, config.clone(), NOW_MS);
    let Ok(mut log) = open() else { return };
    let mut position = log.log_start_offset();
    assert!(position <= log.high_watermark());
    for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
        position = position.max(log.log_start_offset());
        let _ = log.read(position, 10_000, isolation);
    }
    let _ = log.offset_for_time(NOW_MS);
    let _ = log.max_timestamp();
    let _ = log.append_marker(1, 0, false, 0, NOW_MS);
    for later_ms in [0, 1, 2] {
        while log.maintain(NOW_MS + later_ms, 1 << 20).is_ok_and(|done| done.more) {}
    }
    let end = log.high_watermark();
    if let Ok(appended) = log.append(GOOD.into(), NOW_MS) {
        assert_eq!(appended.base_offset, end);
        let fetched = log.read(end, 10_000, Isolation::ReadUncommitted).expect("what was appended");
        assert_eq!(fetched.records.len(), GOOD.len());
    }
    let end = log.high_watermark();
    let _ = log.checkpoint();
    drop(log);
    if let Ok(log) = open() {
        assert_eq!(log.high_watermark(), end, "what was written is there");
    }
}

/// Checksums put right, so that what they guard is reached.
fn sealed(name: &str, file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    if name == "checkpoint" {
        let json = file.get(9..).unwrap_or_default().to_vec();
        return [format!("{:08x}\n", crc32c::crc32c(&json)).as_bytes(), &json].concat();
    }
    let mut at = 0;
    while let Some(length) = file.get(at + 8..).and_then(|rest| rest.first_chunk::<4>()) {
        let size = 12 + u32::from_be_bytes(*length) as usize;
        let Some(batch) = file.get_mut(at..at.saturating_add(size)).filter(|batch| batch.len() > 21) else { break };
        let crc = crc32c::crc32c(&batch[21..]);
        batch[17..21].copy_from_slice(&crc.to_be_bytes());
        at += size;
    }
    file
}
