//! Reads by offset and by time.

use super::*;
use crate::ErrorKind;

/// Thirty batches of three records over several segments, one second between batches.
fn filled(storage: &Arc<dyn Storage>) -> PartitionLog {
    let mut log = open(storage, &LogConfig { segment_bytes: 600, ..LogConfig::default() });
    for i in 0..30 {
        let records = [format!("a={i}"), format!("b={i}"), format!("c={i}")];
        let records: Vec<&str> = records.iter().map(String::as_str).collect();
        append(&mut log, &batch(&records).at(NOW + i * 1000).compressed(CODECS[i as usize % 5]));
    }
    log
}

#[test]
fn every_offset_is_found_with_any_size() {
    let storage = memory();
    let log = filled(&storage);
    assert!(segment_files(&storage).len() > 5);
    // From the tail in memory, and from the files.
    for log in [log, open(&storage, &LogConfig::default())] {
        for offset in 0..90 {
            for max_bytes in [0, 1, 100, 250, 1000, 1 << 20] {
                let fetched = log.read(offset, max_bytes, Isolation::ReadUncommitted).unwrap();
                let records = decode(&fetched.records);
                assert_eq!(records[0].offset, offset / 3 * 3);
                assert!(fetched.records.len() <= max_bytes || records.len() == 3, "only one batch may be larger");
                let offsets: Vec<i64> = records.iter().map(|record| record.offset).collect();
                let from = records[0].offset;
                assert_eq!(offsets, (from..from + records.len() as i64).collect::<Vec<_>>());
            }
            let seen = consume(&log, offset, 300, Isolation::ReadCommitted);
            assert_eq!(seen.len() as i64, 90 - offset);
        }
        assert!(log.read(90, 100, Isolation::ReadUncommitted).unwrap().records.is_empty());
        for outside in [-1, 91, i64::MAX, i64::MIN] {
            let refused = log.read(outside, 100, Isolation::ReadUncommitted).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::OffsetOutOfRange);
        }
    }
}

#[test]
fn a_batch_larger_than_any_chunk_is_read_whole() {
    let storage = memory();
    let mut log = open(&storage, &LogConfig::default());
    append(&mut log, &batch(&["a=1"]));
    append(&mut log, &batch(&[&format!("b={}", "x".repeat(700_000))]));
    append(&mut log, &batch(&["c=3"]));
    for log in [log, open(&storage, &LogConfig::default())] {
        let keys: Vec<_> = consume(&log, 0, 10, Isolation::ReadUncommitted).into_iter().map(|r| r.key).collect();
        assert_eq!(keys, ["a", "b", "c"].map(|key| Some(Bytes::from(key))));
    }
}

#[test]
fn a_time_finds_its_first_record() {
    let storage = memory();
    let log = filled(&storage);
    let at = |offset: i64| NOW + offset / 3 * 1000 + offset % 3;
    for log in [log, open(&storage, &LogConfig::default())] {
        for offset in 0..90 {
            let found = TimedOffset { offset, timestamp_ms: at(offset) };
            assert_eq!(log.offset_for_time(at(offset)).unwrap(), Some(found));
            if offset % 3 == 0 {
                assert_eq!(log.offset_for_time(at(offset) - 1).unwrap(), Some(found));
            }
        }
        assert_eq!(log.offset_for_time(i64::MIN).unwrap().unwrap().offset, 0);
        assert_eq!(log.offset_for_time(at(89) + 1).unwrap(), None);
        assert_eq!(log.max_timestamp().unwrap(), Some(TimedOffset { offset: 89, timestamp_ms: at(89) }));
    }
}

#[test]
fn times_that_go_back_find_the_first_offset_that_is_late_enough() {
    let mut log = open(&memory(), &LogConfig { segment_bytes: 150, ..LogConfig::default() });
    for time in [50, 20, 90, 10, 90, 30] {
        append(&mut log, &batch(&["a=1"]).at(time));
    }
    let find = |log: &PartitionLog, time| log.offset_for_time(time).unwrap().map(|found| found.offset);
    assert_eq!([1, 51, 90, 91].map(|time| find(&log, time)), [Some(0), Some(2), Some(2), None]);
    assert_eq!(log.max_timestamp().unwrap().unwrap().offset, 2);
    log.delete_records_before(3).unwrap();
    assert_eq!([1, 51, 90, 91].map(|time| find(&log, time)), [Some(3), Some(4), Some(4), None]);
    log.delete_records_before(5).unwrap();
    assert_eq!(log.max_timestamp().unwrap(), Some(TimedOffset { offset: 5, timestamp_ms: 30 }));
    log.delete_records_before(-1).unwrap();
    assert_eq!(log.max_timestamp().unwrap(), None);
    assert_eq!(find(&log, 1), None);
}

#[test]
fn the_largest_time_counts_only_from_the_start_on() {
    let mut log = fresh();
    append(&mut log, &batch(&["a=1"]).at(500));
    append(&mut log, &batch(&["b=1", "c=2"]).at(100));
    log.delete_records_before(1).unwrap();
    assert_eq!(log.max_timestamp().unwrap(), Some(TimedOffset { offset: 2, timestamp_ms: 101 }));
}

#[test]
fn a_time_finds_its_first_record_across_index_entries() {
    let storage = memory();
    let mut log = open(&storage, &LogConfig::default());
    let large = format!("a={}", "x".repeat(5000));
    for i in 0..20 {
        append(&mut log, &batch(&[&large]).at(NOW + i / 2 * 1000));
    }
    log.checkpoint().unwrap();
    for log in [log, open(&storage, &LogConfig::default())] {
        for i in 0..10 {
            let found = TimedOffset { offset: i * 2, timestamp_ms: NOW + i * 1000 };
            assert_eq!(log.offset_for_time(NOW + i * 1000).unwrap(), Some(found));
        }
    }
}

#[test]
fn a_read_never_skips_a_batch_that_does_not_fit() {
    let mut log = fresh();
    let (small, large) = (batch(&["a=1"]).bytes(), batch(&[&format!("b={}", "x".repeat(500))]).bytes());
    log.append([small.clone(), large].concat().into(), NOW).unwrap();
    log.append(small.clone(), NOW).unwrap();
    for max_bytes in 0..1000 {
        let fetched = log.read(0, max_bytes, Isolation::ReadUncommitted).unwrap().records;
        let offsets: Vec<i64> = decode(&fetched).iter().map(|record| record.offset).collect();
        assert_eq!(offsets, (0..offsets.len() as i64).collect::<Vec<_>>(), "{max_bytes} bytes");
    }
}
