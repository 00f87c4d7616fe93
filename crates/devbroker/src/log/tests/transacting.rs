//! Transactions: isolation, markers, fencing.

use super::*;
use crate::ErrorKind;

fn write(log: &mut PartitionLog, producer_id: i64, sequence: i32, record: &str) {
    append(log, &batch(&[record]).by(producer_id, 0, sequence).in_transaction());
}

/// Three producers: one commits, one aborts, one stays open.
fn mixed(storage: &Arc<dyn Storage>) -> PartitionLog {
    let mut log = open(storage, &LogConfig { segment_bytes: 200, ..LogConfig::default() });
    write(&mut log, 1, 0, "a=committed"); // 0
    write(&mut log, 2, 0, "a=aborted"); // 1
    append(&mut log, &batch(&["b=plain"])); // 2
    write(&mut log, 1, 1, "c=committed"); // 3
    write(&mut log, 2, 1, "d=aborted"); // 4
    assert_eq!(log.append_marker(2, 0, false, 5, NOW).unwrap(), 5);
    assert_eq!(log.append_marker(1, 0, true, 5, NOW).unwrap(), 6);
    write(&mut log, 2, 2, "e=after"); // 7
    assert_eq!(log.append_marker(2, 0, true, 5, NOW).unwrap(), 8);
    write(&mut log, 3, 0, "f=open"); // 9
    append(&mut log, &batch(&["g=plain"])); // 10
    log
}

#[test]
fn isolation_decides_what_is_seen() {
    let storage = memory();
    let mut log = mixed(&storage);
    for reopened in [false, true, true] {
        if reopened {
            log = open(&storage, &LogConfig::default());
        }
        assert_eq!((log.last_stable_offset(), log.high_watermark()), (9, 11));
        let committed = ["0:a=committed", "2:b=plain", "3:c=committed", "7:e=after"];
        assert_eq!(consumed(&log, Isolation::ReadCommitted), committed);
        let all = consumed(&log, Isolation::ReadUncommitted);
        assert_eq!(all.len(), 8);
        // The aborted transaction is named wherever the answer touches it, and nowhere else.
        for (offset, named) in [(0, false), (1, true), (3, true), (5, true), (6, false), (7, false)] {
            let fetched = log.read(offset, 1, Isolation::ReadCommitted).unwrap();
            let expected = AbortedTransaction { producer_id: 2, first_offset: 1 };
            assert_eq!(fetched.aborted.contains(&expected), named, "at {offset}");
        }
        assert!(log.read(9, 1000, Isolation::ReadCommitted).unwrap().records.is_empty());
        assert_eq!([1, 2, 3].map(|id| log.has_open_transaction(id)), [false, false, true]);
        log.checkpoint().unwrap();
    }
    log.append_marker(3, 0, true, 5, NOW).unwrap();
    assert_eq!((log.last_stable_offset(), log.high_watermark()), (12, 12));
    assert_eq!(consumed(&log, Isolation::ReadCommitted).last().unwrap(), "10:g=plain");
}

#[test]
fn the_last_stable_offset_is_the_oldest_open_transactions() {
    let mut log = fresh();
    append(&mut log, &batch(&["x=0"]));
    for producer in [4, 5, 6] {
        write(&mut log, producer, 0, "a=1");
    }
    let mut ends = vec![log.last_stable_offset()];
    for (producer, commit) in [(5, false), (4, true), (6, false)] {
        log.append_marker(producer, 0, commit, 0, NOW).unwrap();
        ends.push(log.last_stable_offset());
    }
    assert_eq!(ends, [1, 1, 3, 7]);
}

#[test]
fn a_newer_epochs_marker_fences_the_older_producer() {
    let mut log = fresh();
    write(&mut log, 1, 0, "a=1");
    // The coordinator bumped the epoch to abort it.
    log.append_marker(1, 1, false, 3, NOW).unwrap();
    let zombie = batch(&["a=2"]).by(1, 0, 1).in_transaction().bytes();
    assert_eq!(log.append(zombie, NOW).unwrap_err().kind(), ErrorKind::InvalidProducerEpoch);
    assert_eq!(log.append_marker(1, 0, true, 3, NOW).unwrap_err().kind(), ErrorKind::InvalidProducerEpoch);
    assert_eq!(log.append_marker(1, 1, true, 2, NOW).unwrap_err().kind(), ErrorKind::TransactionCoordinatorFenced);
    append(&mut log, &batch(&["a=3"]).by(1, 1, 0).in_transaction());
    log.append_marker(1, 1, true, 3, NOW).unwrap();
    assert_eq!(consumed(&log, Isolation::ReadCommitted), ["2:a=3"]);
}

#[test]
fn a_plain_write_within_an_open_transaction_is_refused() {
    let mut log = fresh();
    write(&mut log, 1, 0, "a=1");
    let plain = batch(&["a=2"]).by(1, 0, 1).bytes();
    assert_eq!(log.append(plain, NOW).unwrap_err().kind(), ErrorKind::InvalidTxnState);
}

#[test]
fn markers_are_what_other_decoders_take_them_for() {
    let mut log = fresh();
    log.append_marker(9, 4, true, 77, NOW).unwrap();
    log.append_marker(9, 4, false, 77, NOW).unwrap();
    let markers = decode(&log.read(0, 1000, Isolation::ReadCommitted).unwrap().records);
    for (marker, kind) in markers.iter().zip([1, 0]) {
        assert!(marker.control && marker.transactional);
        assert_eq!((marker.producer_id, marker.producer_epoch, marker.timestamp), (9, 4, NOW));
        assert_eq!(marker.key.as_deref(), Some(&[0, 0, 0, kind][..]));
        assert_eq!(marker.value.as_deref(), Some(&[0, 0, 0, 0, 0, 77][..]));
    }
    // A marker that ended nothing hides nothing.
    assert!(log.read(0, 1000, Isolation::ReadCommitted).unwrap().aborted.is_empty());
}

#[test]
fn producers_are_described_and_forgotten_when_silent() {
    let config = LogConfig { producer_id_expiration_ms: 100, ..LogConfig::default() };
    let storage = memory();
    let mut log = open(&storage, &config);
    append(&mut log, &batch(&["a=1", "b=2"]).by(1, 3, 10));
    write(&mut log, 2, 0, "c=3");
    let described = log.active_producers();
    assert_eq!(described[0].last_sequence, 11);
    assert_eq!((described[0].producer_epoch, described[0].coordinator_epoch), (3, -1));
    assert_eq!(described[1].transaction_start_offset, Some(2));
    log.maintain(NOW + 99, 1000).unwrap();
    assert_eq!(log.active_producers(), described);
    log.maintain(NOW + 100, 1000).unwrap();
    // An open transaction keeps its producer.
    assert_eq!(log.active_producers(), described[1..]);
    log.checkpoint().unwrap();
    assert_eq!(open(&storage, &config).active_producers(), described[1..]);
}
