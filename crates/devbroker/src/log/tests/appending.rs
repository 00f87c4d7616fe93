//! What is taken, what is refused, and where it goes.

use super::*;
use crate::ErrorKind;

/// Appends each batch to a fresh log; the last must end as `expected` says.
fn check(config: &LogConfig, batches: &[Batch], expected: Result<(i64, i64, bool), ErrorKind>) {
    let mut log = open(&memory(), config);
    let (last, before) = batches.split_last().unwrap();
    for batch in before {
        append(&mut log, batch);
    }
    let end = log.high_watermark();
    let result = log.append(last.bytes(), NOW);
    let result = result.map(|a| (a.base_offset, a.last_offset, a.duplicate)).map_err(|e| e.kind());
    assert_eq!(result, expected, "{batches:#?}");
    let written = expected.is_ok_and(|(_, _, duplicate)| !duplicate);
    assert_eq!(log.high_watermark(), end + if written { last.records.len() as i64 } else { 0 });
}

fn one(epoch: i16, sequence: i32) -> Batch {
    batch(&["a=1"]).by(7, epoch, sequence)
}

#[test]
fn sequences_and_epochs_decide() {
    use ErrorKind::{InvalidProducerEpoch, OutOfOrderSequence};
    let config = LogConfig::default();
    let check = |batches: &[Batch], expected| check(&config, batches, expected);
    check(&[batch(&["a=1", "b=2"])], Ok((0, 1, false)));
    check(&[one(0, 0), one(0, 1)], Ok((1, 1, false)));
    // An unknown producer begins where it likes: its earlier records may have gone by retention.
    check(&[one(3, 41)], Ok((0, 0, false)));
    // A repeat of one of the last five, but not of the sixth.
    let six: Vec<Batch> = (0..6).map(|sequence| one(0, sequence)).collect();
    for (repeated, expected) in [(5, Ok((5, 5, true))), (1, Ok((1, 1, true))), (0, Err(OutOfOrderSequence))] {
        let batches: Vec<Batch> = six.iter().cloned().chain([one(0, repeated)]).collect();
        check(&batches, expected);
    }
    // The same first sequence with another length is no repeat.
    check(&[one(0, 0), batch(&["a=1", "b=2"]).by(7, 0, 0)], Err(OutOfOrderSequence));
    check(&[one(0, 0), one(0, 2)], Err(OutOfOrderSequence));
    check(&[one(0, 0), one(1, 1)], Err(OutOfOrderSequence));
    check(&[one(0, 0), one(1, 0)], Ok((1, 1, false)));
    check(&[one(0, 0), one(1, 0), one(0, 1)], Err(InvalidProducerEpoch));
    // A repeat under an old epoch is fenced, not acknowledged.
    check(&[one(0, 0), one(1, 0), one(0, 0)], Err(InvalidProducerEpoch));
    check(&[one(0, i32::MAX), one(0, 0)], Ok((1, 1, false)));
    check(&[batch(&["a=1", "b=2"]).by(7, 0, i32::MAX), one(0, 1)], Ok((2, 2, false)));
}

#[test]
fn a_repeat_is_known_again_after_a_restart() {
    for clean in [true, false] {
        let storage = memory();
        let mut log = open(&storage, &LogConfig::default());
        append(&mut log, &batch(&["x=0"]));
        let first = append(&mut log, &batch(&["a=1", "b=2"]).by(7, 2, 10));
        if clean {
            log.checkpoint().unwrap();
        }
        let mut log = open(&storage, &LogConfig::default());
        let again = append(&mut log, &batch(&["a=1", "b=2"]).by(7, 2, 10));
        assert_eq!(again, Appended { duplicate: true, ..first });
        assert_eq!(log.append(one(2, 13).bytes(), NOW).unwrap_err().kind(), ErrorKind::OutOfOrderSequence);
        assert_eq!(append(&mut log, &one(2, 12)).base_offset, 3);
    }
}

#[test]
fn what_is_not_allowed_is_refused_by_kind() {
    use ErrorKind::{CorruptMessage, InvalidRecord, MessageTooLarge, UnsupportedCompressionType};
    let config = LogConfig { max_message_bytes: 200, ..LogConfig::default() };
    let compacted = LogConfig { cleanup_policy: CleanupPolicy { delete: false, compact: true }, ..config.clone() };
    let patched = |at: usize, bytes: &[u8]| {
        let mut patched = BytesMut::from(&batch(&["a=1", "b=2"]).bytes()[..]);
        patched[at..at + bytes.len()].copy_from_slice(bytes);
        let crc = crc32c::crc32c(&patched[21..]);
        patched[17..21].copy_from_slice(&crc.to_be_bytes());
        patched.freeze()
    };
    let whole = batch(&["a=1"]).bytes();
    let flipped = {
        let mut flipped = BytesMut::from(&whole[..]);
        *flipped.last_mut().unwrap() ^= 1;
        flipped.freeze()
    };
    let twice = |batch: &Batch| [batch.bytes(), batch.bytes()].concat().into();
    let cases: Vec<(&str, &LogConfig, Bytes, ErrorKind)> = vec![
        ("nothing", &config, Bytes::new(), InvalidRecord),
        ("cut off", &config, whole.slice(..whole.len() - 1), CorruptMessage),
        ("cut off in its header", &config, whole.slice(..40), CorruptMessage),
        ("trailing bytes", &config, [&whole[..], &[0; 5]].concat().into(), CorruptMessage),
        ("checksum", &config, flipped, CorruptMessage),
        ("magic 1", &config, patched(16, &[1]), ErrorKind::UnsupportedForMessageFormat),
        ("magic 9", &config, patched(16, &[9]), CorruptMessage),
        ("too large", &config, batch(&[&format!("a={}", "x".repeat(200))]).bytes(), MessageTooLarge),
        ("control", &config, patched(21, &[0, 0x30]), InvalidRecord),
        ("append time", &config, patched(21, &[0, 8]), InvalidRecord),
        ("codec 5", &config, patched(21, &[0, 5]), UnsupportedCompressionType),
        ("transaction without producer", &config, patched(21, &[0, 0x10]), InvalidRecord),
        ("count above", &config, patched(57, &[0, 0, 0, 3]), InvalidRecord),
        ("count and delta above", &config, patched(57, &[0, 0, 0, 3]), InvalidRecord),
        ("negative count", &config, patched(57, &[255; 4]), InvalidRecord),
        ("delta", &config, patched(23, &[0, 0, 0, 7]), InvalidRecord),
        ("record length", &config, patched(61, &[1]), InvalidRecord),
        ("two of one producer", &config, twice(&one(0, 0)), InvalidRecord),
        ("no key", &compacted, batch(&["=1"]).bytes(), InvalidRecord),
        ("no key in gzip", &compacted, batch(&["=1"]).compressed(Compression::Gzip).bytes(), InvalidRecord),
        ("no gzip", &compacted, patched(21, &[0, 1]), InvalidRecord),
    ];
    for (name, config, bytes, expected) in cases {
        let mut log = open(&memory(), config);
        let refused = log.append(bytes, NOW).unwrap_err();
        assert_eq!(refused.kind(), expected, "{name}: {refused}");
        assert_eq!((log.high_watermark(), log.size_bytes()), (0, 0), "{name}");
    }
}

#[test]
fn times_too_far_from_the_brokers_are_refused() {
    let hour_ms = 3_600_000;
    let bounded = LogConfig { timestamp_before_max_ms: Some(hour_ms), ..LogConfig::default() };
    let free = LogConfig { timestamp_after_max_ms: None, ..LogConfig::default() };
    let stamped = LogConfig { timestamp_type: TimestampType::LogAppendTime, ..bounded.clone() };
    for (config, off_ms, allowed) in [
        (&bounded, hour_ms, true),
        (&bounded, hour_ms + 1, false),
        (&bounded, -hour_ms, true),
        (&bounded, -hour_ms - 1, false),
        (&LogConfig::default(), -NOW, true),
        (&free, i64::MAX - NOW, true),
        (&stamped, 2 * hour_ms, true),
    ] {
        let expected = if allowed { Ok((0, 0, false)) } else { Err(ErrorKind::InvalidTimestamp) };
        check(config, &[batch(&["a=1"]).at(NOW + off_ms)], expected);
    }
    // The broker's own batches carry what times they carry.
    let mut log = open(&memory(), &bounded);
    log.append_internal(batch(&["a=1"]).at(1).bytes(), NOW).unwrap();
}

#[test]
fn several_plain_batches_go_in_together() {
    let mut log = fresh();
    append(&mut log, &batch(&["x=0"]));
    let both = [batch(&["a=1", "b=2"]).bytes(), batch(&["c=3"]).bytes()].concat();
    let appended = log.append(both.into(), NOW).unwrap();
    assert_eq!((appended.base_offset, appended.last_offset), (1, 3));
    assert_eq!(consumed(&log, Isolation::ReadUncommitted), ["0:x=0", "1:a=1", "2:b=2", "3:c=3"]);
}

#[test]
fn the_brokers_own_batches_are_not_bounded() {
    let mut log = open(&memory(), &LogConfig { max_message_bytes: 10, ..LogConfig::default() });
    assert_eq!(log.append_internal(batch(&["a=1"]).bytes(), NOW).unwrap().base_offset, 0);
}

#[test]
fn bodies_pass_through_in_every_codec() {
    for compression in CODECS {
        let mut log = fresh();
        append(&mut log, &batch(&["x=0"]));
        let sent = batch(&["a=1", "b=2", "c"]).compressed(compression).by(5, 1, 0).bytes();
        log.append(sent.clone(), NOW).unwrap();
        let stored = log.read(1, 1000, Isolation::ReadUncommitted).unwrap().records;
        assert_eq!(stored[16..], sent[16..], "{compression:?}");
        assert_eq!(stored[..8], 1_i64.to_be_bytes());
        assert_eq!(stored[12..16], PartitionLog::LEADER_EPOCH.to_be_bytes());
    }
}

#[test]
fn log_append_time_is_written_over_the_producers() {
    for compression in CODECS {
        let config = LogConfig { timestamp_type: TimestampType::LogAppendTime, ..LogConfig::default() };
        let mut log = open(&memory(), &config);
        let sent = batch(&["a=1", "b=2"]).at(5).compressed(compression);
        assert_eq!(log.append(sent.bytes(), NOW).unwrap().log_append_time_ms, NOW);
        let fetched = log.read(0, 1000, Isolation::ReadUncommitted).unwrap();
        // The decoder checks the checksum.
        assert_eq!(decode(&fetched.records)[0].timestamp_type, RecordTime::LogAppend);
        assert_eq!(log.max_timestamp().unwrap(), Some(TimedOffset { offset: 0, timestamp_ms: NOW }));
        assert_eq!(log.offset_for_time(NOW + 1).unwrap(), None);
    }
}
