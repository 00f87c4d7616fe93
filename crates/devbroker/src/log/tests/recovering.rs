//! Stops at bad moments.

use super::*;

/// Batches of several kinds; returns the size of the file before the last batch, and after it.
fn written(storage: &Arc<dyn Storage>) -> (u64, u64) {
    let mut log = open(storage, &LogConfig::default());
    append(&mut log, &batch(&["a=1", "b=2"]).by(1, 0, 0).in_transaction());
    log.append_marker(1, 0, false, 0, NOW).unwrap();
    let before = log.size_bytes();
    append(&mut log, &batch(&["c=3", "d=4"]).by(1, 0, 2).in_transaction());
    (before, log.size_bytes())
}

fn active_file(storage: &Arc<dyn Storage>) -> Arc<dyn crate::storage::StorageFile> {
    storage.open(&format!("{DIR}/{}", segment_files(storage).last().unwrap())).unwrap()
}

#[test]
fn a_torn_tail_is_cut_at_every_byte() {
    let (before, after) = written(&memory());
    for size in before..after {
        let storage = memory();
        written(&storage);
        active_file(&storage).truncate(size).unwrap();
        let mut log = open(&storage, &LogConfig::default());
        assert_eq!((log.high_watermark(), log.size_bytes()), (3, before), "cut at {size}");
        assert_eq!(log.recovery().truncated_bytes, size - before);
        assert_eq!(log.recovery().reason.is_empty(), size == before);
        assert!(!log.has_open_transaction(1));
        // The producer sends it again, and all is as if nothing had happened.
        append(&mut log, &batch(&["c=3", "d=4"]).by(1, 0, 2).in_transaction());
        log.append_marker(1, 0, true, 0, NOW).unwrap();
        assert_eq!(consumed(&open(&storage, &LogConfig::default()), Isolation::ReadCommitted), ["3:c=3", "4:d=4"]);
    }
}

#[test]
fn a_flipped_bit_in_the_last_batch_cuts_it() {
    let (before, after) = written(&memory());
    for at in before..after {
        // Offsets and the leader epoch are outside the checksum.
        if (before..before + 8).contains(&at) || (before + 12..before + 16).contains(&at) {
            continue;
        }
        let storage = memory();
        written(&storage);
        let file = active_file(&storage);
        let mut bytes = file.read_at(0, 10_000).unwrap().to_vec();
        bytes[at as usize] ^= 0x10;
        file.truncate(0).unwrap();
        file.append(&bytes).unwrap();
        let log = open(&storage, &LogConfig::default());
        assert_eq!(log.high_watermark(), 3, "flipped at {at}");
        assert!(log.recovery().truncated_bytes > 0);
    }
}

#[test]
fn only_what_came_after_the_checkpoint_is_checked() {
    let storage = memory();
    let config = LogConfig { segment_bytes: 1000, ..LogConfig::default() };
    let mut log = open(&storage, &config);
    for i in 0..40 {
        append(&mut log, &batch(&["a=1"]).by(1, 0, i));
    }
    log.checkpoint().unwrap();
    assert_eq!(open(&storage, &config).recovery().checked_bytes, 0);
    let before = log.size_bytes();
    for i in 40..60 {
        append(&mut log, &batch(&["a=1"]).by(1, 0, i));
    }
    let reopened = open(&storage, &config);
    assert_eq!(reopened.recovery().checked_bytes, log.size_bytes() - before);
    assert_eq!(reopened.active_producers(), log.active_producers());
    assert_eq!(consumed(&reopened, Isolation::ReadCommitted).len(), 60);
}

#[test]
fn a_checkpoint_in_steps_covers_what_was_there_when_it_began() {
    let storage = memory();
    let mut log = open(&storage, &LogConfig::default());
    append(&mut log, &batch(&["a=1"]).by(1, 0, 0));
    let pending = log.begin_sync().unwrap().unwrap();
    let before = log.size_bytes();
    append(&mut log, &batch(&["a=2"]).by(1, 0, 1));
    pending.sync().unwrap();
    log.finish_sync(&pending).unwrap();
    let reopened = open(&storage, &LogConfig::default());
    assert_eq!(reopened.recovery().checked_bytes, log.size_bytes() - before);
    assert_eq!(reopened.active_producers(), log.active_producers());
    // What came meanwhile is still to be saved; then there is nothing left.
    assert!(log.begin_sync().unwrap().is_some());
    log.checkpoint().unwrap();
    assert!(log.begin_sync().unwrap().is_none());
}

#[test]
fn lost_side_files_are_built_again() {
    for lost in ["checkpoint", "index"] {
        for garbled in [false, true] {
            let storage = memory();
            let config = LogConfig { segment_bytes: 700, ..LogConfig::default() };
            let mut log = open(&storage, &config);
            for i in 0..30 {
                append(&mut log, &batch(&["a=1"]).by(1, 0, i).in_transaction().at(NOW + i64::from(i)));
            }
            log.append_marker(1, 0, false, 0, NOW).unwrap();
            log.checkpoint().unwrap();
            for name in storage.list_files(DIR).unwrap() {
                if name.ends_with(lost) {
                    let path = format!("{DIR}/{name}");
                    let bytes = storage.read(&path).unwrap().unwrap();
                    storage.remove(&path).unwrap();
                    if garbled {
                        storage.replace(&path, &bytes[..bytes.len() - 3], false).unwrap();
                    }
                }
            }
            let reopened = open(&storage, &config);
            assert_eq!(reopened.recovery().truncated_bytes, 0);
            assert_eq!(reopened.active_producers(), log.active_producers());
            assert_eq!(reopened.high_watermark(), 31);
            assert!(consumed(&reopened, Isolation::ReadCommitted).is_empty());
            assert_eq!(reopened.offset_for_time(NOW + 17).unwrap().unwrap().offset, 17);
        }
    }
}

#[test]
fn a_log_shorter_than_its_checkpoint_is_believed() {
    let storage = memory();
    let (before, _) = written(&storage);
    open(&storage, &LogConfig::default()).checkpoint().unwrap();
    active_file(&storage).truncate(before).unwrap();
    let mut log = open(&storage, &LogConfig::default());
    assert_eq!((log.high_watermark(), log.last_stable_offset()), (3, 3));
    append(&mut log, &batch(&["c=3", "d=4", "e=5"]).by(2, 7, 0));
    // The log has outgrown the checkpoint that was wrong: it does not count again.
    let reopened = open(&storage, &LogConfig::default());
    assert_eq!(reopened.active_producers(), log.active_producers());
    assert_eq!((reopened.high_watermark(), reopened.last_stable_offset()), (6, 6));
}

#[test]
fn segments_after_a_damaged_one_are_given_up() {
    let storage = memory();
    let config = LogConfig { segment_bytes: 200, ..LogConfig::default() };
    let mut log = open(&storage, &config);
    for _ in 0..10 {
        append(&mut log, &batch(&["a=1"]));
    }
    let files = segment_files(&storage);
    let damaged = storage.open(&format!("{DIR}/{}", files[2])).unwrap();
    damaged.truncate(damaged.size_bytes().unwrap() - 1).unwrap();
    let mut log = open(&storage, &config);
    assert!(log.recovery().reason.contains(&files[2]), "{}", log.recovery().reason);
    assert_eq!(segment_files(&storage), files[..3]);
    let end = log.high_watermark();
    assert_eq!(append(&mut log, &batch(&["b=2"])).base_offset, end);
    assert_eq!(consumed(&open(&storage, &config), Isolation::ReadCommitted).len() as i64, end + 1);
}

#[test]
fn an_untouched_partition_leaves_no_files() {
    let storage = memory();
    let mut log = open(&storage, &LogConfig::default());
    log.maintain(NOW, 1000).unwrap();
    log.checkpoint().unwrap();
    assert!(storage.list_files(DIR).unwrap().iter().all(|name| name.ends_with(".log")));
}
