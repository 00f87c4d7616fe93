//! Compaction.

use super::*;

fn compacting() -> LogConfig {
    LogConfig {
        cleanup_policy: CleanupPolicy { delete: false, compact: true },
        min_cleanable_dirty_ratio: 0.0,
        segment_bytes: 1,
        delete_retention_ms: 1000,
        ..LogConfig::default()
    }
}

/// Appends each batch as a segment of its own and a last one, compacts, and compares what is left.
fn check(batches: &[Batch], expected: &[&str]) {
    for reopen in [false, true] {
        let storage = memory();
        let mut log = open(&storage, &compacting());
        for batch in batches {
            append(&mut log, batch);
        }
        append(&mut log, &batch(&["last=1"]));
        let end = log.high_watermark();
        assert!(maintain(&mut log, NOW).compacted);
        if reopen {
            log = open(&storage, &compacting());
        }
        let left = consumed(&log, Isolation::ReadCommitted);
        let (last, left) = left.split_last().unwrap();
        assert_eq!(left, expected);
        assert_eq!(*last, format!("{}:last=1", end - 1));
        // Every position can be read from, and goes on with what is left.
        for offset in 0..=end {
            let rest = consume(&log, offset, 1, Isolation::ReadCommitted);
            assert!(rest.iter().all(|record| record.offset >= offset));
            assert_eq!(rest.is_empty(), offset == end);
        }
        assert!(!maintain(&mut log, NOW).compacted, "nothing is left to do");
    }
}

#[test]
fn the_last_value_of_each_key_stays() {
    let batches = [batch(&["a=1", "b=1", "a=2"]), batch(&["b=2", "c=1"]), batch(&["b=3"])];
    check(&batches, &["2:a=2", "4:c=1", "5:b=3"]);
    for compression in CODECS {
        let batches = batches.clone().map(|batch| batch.compressed(compression));
        check(&batches, &["2:a=2", "4:c=1", "5:b=3"]);
    }
}

#[test]
fn the_active_segment_is_left_alone() {
    let mut log = open(&memory(), &LogConfig { segment_bytes: 1 << 20, ..compacting() });
    append(&mut log, &batch(&["a=1"]));
    append(&mut log, &batch(&["a=2"]));
    assert!(!maintain(&mut log, NOW).compacted);
    // Once it is old enough it is closed, and its turn comes.
    let aged = LogConfig { segment_ms: 10, ..compacting() };
    log.set_config(aged);
    assert!(maintain(&mut log, NOW + 10).compacted);
    assert_eq!(consumed(&log, Isolation::ReadCommitted), ["1:a=2"]);
}

#[test]
fn a_batch_keeps_its_times_and_its_place() {
    let mut log = open(&memory(), &compacting());
    append(&mut log, &batch(&["a=1", "b=1", "c=1"]).at(100).by(1, 0, 5).compressed(Compression::Lz4));
    append(&mut log, &batch(&["a=2", "c=2"]).at(200));
    append(&mut log, &batch(&["last=1"]).at(300));
    maintain(&mut log, NOW);
    let left = decode(&log.read(0, 1, Isolation::ReadUncommitted).unwrap().records);
    assert_eq!(left.iter().map(show).collect::<Vec<_>>(), ["1:b=1"]);
    assert_eq!((left[0].timestamp, left[0].producer_id, left[0].sequence), (101, 1, 6));
    assert_eq!(log.offset_for_time(102).unwrap(), Some(TimedOffset { offset: 3, timestamp_ms: 200 }));
}

#[test]
fn a_tombstone_stays_for_its_time_and_then_goes() {
    let storage = memory();
    let mut log = open(&storage, &compacting());
    for record in ["a=1", "b=1", "a", "x=1"] {
        append(&mut log, &batch(&[record]));
    }
    let left = |log: &PartitionLog| consumed(log, Isolation::ReadCommitted);
    assert!(maintain(&mut log, NOW).compacted);
    assert_eq!(left(&log), ["1:b=1", "2:a", "3:x=1"]);
    assert!(!maintain(&mut log, NOW + 999).compacted);
    // A later tombstone has its own time, although the log is compacted in between.
    append(&mut log, &batch(&["b"]));
    append(&mut log, &batch(&["x=2"]));
    assert!(maintain(&mut log, NOW + 999).compacted);
    assert_eq!(left(&log), ["2:a", "3:x=1", "4:b", "5:x=2"]);
    let mut log = open(&storage, &compacting());
    assert!(maintain(&mut log, NOW + 1000).compacted);
    assert_eq!(left(&log), ["3:x=1", "4:b", "5:x=2"]);
    assert!(!maintain(&mut log, NOW + 1998).compacted);
    assert!(maintain(&mut log, NOW + 1999).compacted);
    assert_eq!(left(&log), ["3:x=1", "5:x=2"]);
    assert!(!maintain(&mut log, NOW + 100_000).compacted);
}

#[test]
fn transactions_are_compacted_once_they_are_decided() {
    let storage = memory();
    let mut log = open(&storage, &compacting());
    let write = |log: &mut PartitionLog, id, sequence, record: &str| {
        append(log, &batch(&[record]).by(id, 0, sequence).in_transaction());
    };
    write(&mut log, 1, 0, "a=committed"); // 0
    write(&mut log, 2, 0, "a=aborted"); // 1
    write(&mut log, 2, 1, "b=aborted"); // 2
    log.append_marker(1, 0, true, 0, NOW).unwrap(); // 3
    log.append_marker(2, 0, false, 0, NOW).unwrap(); // 4
    write(&mut log, 3, 0, "c=open"); // 5
    append(&mut log, &batch(&["a=beyond"])); // 6
    append(&mut log, &batch(&["last=1"])); // 7
    assert!(maintain(&mut log, NOW).compacted);
    // An aborted value replaces nothing, and nothing from the open transaction on is touched.
    assert_eq!(consumed(&log, Isolation::ReadUncommitted), ["0:a=committed", "5:c=open", "6:a=beyond", "7:last=1"]);
    assert_eq!(log.last_stable_offset(), 5);
    log.append_marker(3, 0, true, 0, NOW).unwrap(); // 8
    write(&mut log, 2, 2, "b=later"); // 9
    log.append_marker(2, 0, true, 0, NOW).unwrap(); // 10
    append(&mut log, &batch(&["z=1"])); // 11
    let expected = ["5:c=open", "6:a=beyond", "7:last=1", "9:b=later", "11:z=1"];
    assert!(maintain(&mut log, NOW).compacted);
    assert_eq!(consumed(&log, Isolation::ReadCommitted), expected);
    let reopened = open(&storage, &compacting());
    assert_eq!(consumed(&reopened, Isolation::ReadCommitted), expected);
    assert_eq!(reopened.active_producers(), log.active_producers());
    // The abort marker outlived its records by a pass; no marker is left now.
    let kept = decode(&log.read(0, 10_000, Isolation::ReadUncommitted).unwrap().records);
    assert!(kept.iter().all(|record| !record.control), "{kept:#?}");
}

#[test]
fn without_its_checkpoint_a_compacted_log_has_no_transaction_open() {
    let storage = memory();
    let mut log = open(&storage, &compacting());
    append(&mut log, &batch(&["a=1"]).by(1, 0, 0).in_transaction());
    log.append_marker(1, 0, true, 0, NOW).unwrap();
    append(&mut log, &batch(&["last=1"]));
    assert!(maintain(&mut log, NOW).compacted);
    storage.remove(&format!("{DIR}/checkpoint")).unwrap();
    let log = open(&storage, &compacting());
    assert_eq!(log.last_stable_offset(), 3);
    assert_eq!(consumed(&log, Isolation::ReadCommitted), ["0:a=1", "2:last=1"]);
}

#[test]
fn a_producer_goes_on_after_its_batches_were_compacted() {
    let storage = memory();
    let mut log = open(&storage, &compacting());
    append(&mut log, &batch(&["a=1"]).by(1, 0, 0));
    append(&mut log, &batch(&["a=2"]));
    append(&mut log, &batch(&["last=1"]));
    assert!(maintain(&mut log, NOW).compacted);
    let mut log = open(&storage, &compacting());
    assert!(append(&mut log, &batch(&["a=1"]).by(1, 0, 0)).duplicate);
    assert_eq!(append(&mut log, &batch(&["a=3"]).by(1, 0, 1)).base_offset, 3);
}

#[test]
fn a_stop_within_a_pass_loses_no_producer() {
    let storage = memory();
    let mut log = open(&storage, &compacting());
    for i in 0..10 {
        append(&mut log, &batch(&["a=1"]).by(1, 0, i));
    }
    let before = log.size_bytes();
    while log.size_bytes() > before / 4 {
        assert!(log.maintain(NOW, 1).unwrap().more);
    }
    append(&mut log, &batch(&["b=1"]).by(2, 0, 0));
    let mut reopened = open(&storage, &compacting());
    assert_eq!(reopened.active_producers(), log.active_producers());
    assert!(append(&mut reopened, &batch(&["a=1"]).by(1, 0, 5)).duplicate);
    assert!(maintain(&mut reopened, NOW).compacted);
    assert_eq!(consumed(&reopened, Isolation::ReadCommitted), ["9:a=1", "10:b=1"]);
}

#[test]
fn the_settings_say_when() {
    let append_all = |config: &LogConfig| {
        let mut log = open(&memory(), config);
        for i in 0..10 {
            append(&mut log, &batch(&["a=1"]).at(NOW + i * 1000));
        }
        log
    };
    // Nine segments are dirty, none is clean.
    let mut log = append_all(&LogConfig { min_cleanable_dirty_ratio: 0.99, ..compacting() });
    assert!(maintain(&mut log, NOW).compacted);
    append(&mut log, &batch(&["a=1"]));
    // One is clean, one is dirty: 0.5.
    assert!(!maintain(&mut log, NOW).compacted);
    log.set_config(LogConfig { min_cleanable_dirty_ratio: 0.4, ..compacting() });
    assert!(maintain(&mut log, NOW).compacted);
    // However little is dirty, it is compacted once it is old enough.
    log.set_config(LogConfig { min_cleanable_dirty_ratio: 1.0, max_compaction_lag_ms: Some(500), ..compacting() });
    append(&mut log, &batch(&["a=1"]));
    assert!(!maintain(&mut log, NOW + 499).compacted);
    assert!(maintain(&mut log, NOW + 500).compacted);
    // What is younger than the lag stays.
    let mut log = append_all(&LogConfig { min_compaction_lag_ms: 5_000, ..compacting() });
    assert!(maintain(&mut log, NOW + 8_000).compacted);
    let offsets: Vec<i64> = consume(&log, 0, 1000, Isolation::ReadCommitted).iter().map(|r| r.offset).collect();
    assert_eq!(offsets, [3, 4, 5, 6, 7, 8, 9]);
}

#[test]
fn the_logs_end_can_be_reached_when_nothing_comes_after_it() {
    // The active segment is empty, and what lies before it has served.
    for last in ["marker", "tombstone"] {
        let mut log = open(&memory(), &LogConfig { segment_ms: 10, ..compacting() });
        append(&mut log, &batch(&["a=1"]).by(1, 0, 0).in_transaction());
        log.append_marker(1, 0, true, 0, NOW).unwrap();
        if last == "tombstone" {
            append(&mut log, &batch(&["a"]));
        }
        for later_ms in [10, 2000, 4000, 6000] {
            maintain(&mut log, NOW + later_ms);
            // `consume` looks at where it ends.
            consumed(&log, Isolation::ReadUncommitted);
        }
        append(&mut log, &batch(&["b=1"]));
        append(&mut log, &batch(&["b=2"]));
        maintain(&mut log, NOW + 8000);
        maintain(&mut log, NOW + 10_000);
        let left = decode(&log.read(0, 10_000, Isolation::ReadUncommitted).unwrap().records);
        assert_eq!(left.iter().filter(|record| record.control || record.value.is_none()).count(), 0, "{last}");
    }
}

#[test]
fn small_segments_are_joined() {
    let storage = memory();
    let mut log = open(&storage, &compacting());
    for i in 0..20 {
        append(&mut log, &batch(&[&format!("k{i}=1")]));
    }
    log.set_config(LogConfig { segment_bytes: 10_000, ..compacting() });
    assert!(maintain(&mut log, NOW).compacted);
    assert_eq!(segment_files(&storage).len(), 2);
    let reopened = open(&storage, &compacting());
    assert_eq!(consumed(&reopened, Isolation::ReadCommitted).len(), 20);
    assert_eq!(reopened.size_bytes(), log.size_bytes());
}

#[test]
fn a_replacement_that_was_cut_short_is_completed() {
    let storage = memory();
    let mut log = open(&storage, &LogConfig { segment_bytes: 100, ..compacting() });
    for _ in 0..6 {
        append(&mut log, &batch(&["a=1"]));
    }
    log.checkpoint().unwrap();
    let before = segment_files(&storage);
    assert_eq!(before.len(), 6);
    // The compacted copy of the first three segments bears its name; they are still there.
    let third = storage.read(&format!("{DIR}/{}", before[2])).unwrap().unwrap();
    storage.replace(&format!("{DIR}/{:020}-{:020}.swap", 0, 3), &third, false).unwrap();
    storage.replace(&format!("{DIR}/{:020}.compacting", 3), b"unfinished", false).unwrap();
    let log = open(&storage, &compacting());
    assert_eq!(consumed(&log, Isolation::ReadCommitted), ["2:a=1", "3:a=1", "4:a=1", "5:a=1"]);
    assert_eq!(log.recovery().truncated_bytes, 0);
    assert_eq!(segment_files(&storage).len(), 4);
    assert!(storage.list_files(DIR).unwrap().iter().all(|name| !name.contains("swap") && !name.contains("compacting")));
}

#[test]
fn work_goes_on_between_the_steps_of_a_pass() {
    let storage = memory();
    let mut log = open(&storage, &compacting());
    for i in 0..50 {
        append(&mut log, &batch(&[&format!("k{}={i}", i % 5)]));
    }
    let mut steps = 0;
    while log.maintain(NOW, 1).unwrap().more {
        append(&mut log, &batch(&[&format!("k{}=new{steps}", steps % 5)]));
        assert_eq!(consume(&log, 0, 1 << 20, Isolation::ReadCommitted).last().unwrap().offset, 50 + steps);
        steps += 1;
    }
    assert!(steps > 50);
    assert_eq!(consumed(&open(&storage, &compacting()), Isolation::ReadCommitted).len() as i64, 6 + steps);
}

#[test]
fn both_policies_together_delete_what_is_old_and_compact_the_rest() {
    let config = LogConfig {
        cleanup_policy: CleanupPolicy { delete: true, compact: true },
        retention_ms: Some(5_500),
        ..compacting()
    };
    let mut log = open(&memory(), &config);
    for (i, record) in ["a=0", "b=1", "c=2", "a=3", "b=4", "b=5", "a=6"].iter().enumerate() {
        append(&mut log, &batch(&[record]).at(NOW + i as i64 * 1000));
    }
    maintain(&mut log, NOW + 7_000);
    assert_eq!(log.log_start_offset(), 2);
    assert_eq!(consumed(&log, Isolation::ReadCommitted), ["2:c=2", "3:a=3", "5:b=5", "6:a=6"]);
}
