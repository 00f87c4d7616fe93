//! Retention by time and size, and deletion on demand.

use super::*;
use crate::ErrorKind;

/// One record for each second, one segment for each record.
fn seconds(storage: &Arc<dyn Storage>, config: &LogConfig, count: i64) -> PartitionLog {
    let mut log = open(storage, &LogConfig { segment_bytes: 1, ..config.clone() });
    for i in 0..count {
        append(&mut log, &batch(&["a=1"]).at(NOW + i * 1000));
    }
    log
}

/// Housekeeping ten seconds after the first of ten records: where does the log start then?
fn check(config: LogConfig, expected_start: i64) {
    let storage = memory();
    let mut log = seconds(&storage, &config, 10);
    let done = maintain(&mut log, NOW + 10_000);
    assert_eq!((log.log_start_offset(), log.high_watermark()), (expected_start, 10), "{config:?}");
    assert_eq!(done.segments_deleted as i64, expected_start);
    let reopened = open(&storage, &config);
    assert_eq!((reopened.log_start_offset(), reopened.high_watermark()), (expected_start, 10));
    assert_eq!(consumed(&reopened, Isolation::ReadCommitted).len() as i64, 10 - expected_start);
    if expected_start > 0 {
        let refused = reopened.read(expected_start - 1, 100, Isolation::ReadCommitted).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::OffsetOutOfRange);
    }
}

#[test]
fn time_and_size_decide_what_goes() {
    let size = {
        let mut log = fresh();
        append(&mut log, &batch(&["a=1"]));
        log.size_bytes()
    };
    let keep = LogConfig { retention_ms: None, ..LogConfig::default() };
    let compact = CleanupPolicy { delete: false, compact: true };
    check(keep.clone(), 0);
    check(LogConfig { retention_ms: Some(60_000), ..keep.clone() }, 0);
    check(LogConfig { retention_ms: Some(5_000), ..keep.clone() }, 5);
    // Even the newest record may be too old: the log is then empty, and goes on at its offset.
    check(LogConfig { retention_ms: Some(500), ..keep.clone() }, 10);
    check(LogConfig { retention_bytes: Some(3 * size), ..keep.clone() }, 7);
    check(LogConfig { retention_bytes: Some(3 * size + 1), ..keep.clone() }, 6);
    check(LogConfig { retention_bytes: Some(3 * size), retention_ms: Some(1_500), ..keep.clone() }, 9);
    check(LogConfig { retention_ms: Some(500), cleanup_policy: compact, min_cleanable_dirty_ratio: 1.0, ..keep }, 0);
}

#[test]
fn an_open_transaction_holds_retention_back() {
    let mut log = open(&memory(), &LogConfig { segment_bytes: 1, retention_ms: Some(0), ..LogConfig::default() });
    append(&mut log, &batch(&["a=1"]));
    append(&mut log, &batch(&["b=1"]).by(1, 0, 0).in_transaction());
    append(&mut log, &batch(&["c=1"]));
    maintain(&mut log, NOW + 1000);
    assert_eq!(log.log_start_offset(), 1);
    log.append_marker(1, 0, true, 0, NOW).unwrap();
    maintain(&mut log, NOW + 1000);
    assert_eq!(log.log_start_offset(), 4);
}

#[test]
fn an_old_segment_is_closed_although_nothing_comes() {
    let storage = memory();
    let mut log = open(&storage, &LogConfig { segment_ms: 100, ..LogConfig::default() });
    append(&mut log, &batch(&["a=1"]));
    for (later_ms, segments) in [(99, 1), (100, 2), (500, 2)] {
        maintain(&mut log, NOW + later_ms);
        assert_eq!(segment_files(&storage).len(), segments, "after {later_ms} ms");
    }
}

#[test]
fn deleted_records_are_gone_at_once_and_for_good() {
    for offset in [1, 4, 10, -1] {
        let storage = memory();
        let mut log = seconds(&storage, &LogConfig::default(), 10);
        let start = if offset == -1 { 10 } else { offset };
        assert_eq!(log.delete_records_before(offset).unwrap(), start);
        assert_eq!(log.delete_records_before(start - 1).unwrap(), start, "a start never goes back");
        assert_eq!(segment_files(&storage).len() as i64, (10 - start).max(1));
        let mut log = open(&storage, &LogConfig::default());
        assert_eq!((log.log_start_offset(), log.high_watermark()), (start, 10));
        assert_eq!(append(&mut log, &batch(&["z=1"])).base_offset, 10);
    }
    let mut log = seconds(&memory(), &LogConfig::default(), 3);
    for outside in [4, -2, i64::MAX] {
        assert_eq!(log.delete_records_before(outside).unwrap_err().kind(), ErrorKind::OffsetOutOfRange);
    }
}

#[test]
fn a_start_within_a_batch_hides_what_is_before_it() {
    let storage = memory();
    let mut log = open(&storage, &LogConfig::default());
    append(&mut log, &batch(&["a=1", "b=2", "c=3"]));
    log.delete_records_before(2).unwrap();
    let log = open(&storage, &LogConfig::default());
    assert_eq!(consumed(&log, Isolation::ReadCommitted), ["2:c=3"]);
    assert_eq!(log.offset_for_time(0).unwrap().unwrap().offset, 2);
}

#[test]
fn a_deleted_partition_leaves_nothing() {
    let storage = memory();
    let mut log = seconds(&storage, &LogConfig::default(), 3);
    log.checkpoint().unwrap();
    log.delete().unwrap();
    assert!(storage.list_files(DIR).unwrap().is_empty());
}
