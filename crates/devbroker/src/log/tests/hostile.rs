//! Bytes that nobody meant: they are refused or cut, and nothing panics.

use super::*;
use proptest::prelude::*;

fn some_batch() -> impl Strategy<Value = Batch> {
    let record = prop_oneof![Just("a=1".to_owned()), Just("b".to_owned()), Just(format!("k={}", "v".repeat(100)))];
    (proptest::collection::vec(record, 1..5), 0..5_usize, any::<bool>(), any::<bool>()).prop_map(
        |(records, codec, produced, transactional)| {
            let records: Vec<&str> = records.iter().map(String::as_str).collect();
            let made = batch(&records).compressed(CODECS[codec]);
            match (produced, transactional) {
                (false, _) => made,
                (true, false) => made.by(1, 0, 0),
                (true, true) => made.by(1, 0, 0).in_transaction(),
            }
        },
    )
}

/// Bytes set here and there; with `sealed` the checksum is made to match again, so that what it
/// protects is reached.
fn mangle(bytes: &Bytes, changes: &[(u16, u8)], cut: Option<u16>, sealed: bool) -> Bytes {
    let mut mangled = BytesMut::from(&bytes[..]);
    for (at, value) in changes {
        let at = usize::from(*at) % mangled.len();
        mangled[at] = *value;
    }
    if let Some(cut) = cut {
        mangled.truncate(usize::from(cut) % bytes.len());
    }
    if sealed && mangled.len() > 21 {
        let length = (mangled.len() - 12) as u32;
        mangled[8..12].copy_from_slice(&length.to_be_bytes());
        let crc = crc32c::crc32c(&mangled[21..]);
        mangled[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    mangled.freeze()
}

/// Everything that reads what is stored.
fn exercise(log: &mut PartitionLog) {
    for offset in [0, 1, log.high_watermark()] {
        for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
            let _ = log.read(offset, 10_000, isolation);
        }
    }
    let _ = log.offset_for_time(NOW);
    let _ = log.max_timestamp();
    for later_ms in [0, 1, 2] {
        while log.maintain(NOW + later_ms, 1 << 20).is_ok_and(|done| done.more) {}
    }
    let _ = log.append(batch(&["a=1"]).bytes(), NOW);
    let _ = log.checkpoint();
}

fn compacted() -> LogConfig {
    LogConfig {
        cleanup_policy: CleanupPolicy { delete: false, compact: true },
        segment_ms: 1,
        delete_retention_ms: 1,
        min_cleanable_dirty_ratio: 0.0,
        ..LogConfig::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn mangled_batches_are_refused_or_taken_whole(
        made in some_batch(),
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 0..6),
        cut in proptest::option::of(any::<u16>()),
        sealed in any::<bool>(),
        compact in any::<bool>(),
    ) {
        let config = if compact { compacted() } else { LogConfig::default() };
        let storage = memory();
        let mut log = open(&storage, &config);
        append(&mut log, &batch(&["x=0"]));
        let taken = log.append(mangle(&made.bytes(), &changes, cut, sealed), NOW);
        let end = taken.map_or(1, |appended| appended.last_offset + 1);
        prop_assert_eq!(log.high_watermark(), end);
        let mut reopened = open(&storage, &config);
        prop_assert_eq!(reopened.high_watermark(), end);
        prop_assert_eq!(&reopened.recovery().reason, "");
        exercise(&mut log);
        exercise(&mut reopened);
    }

    #[test]
    fn random_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300), magic in any::<bool>()) {
        let mut bytes = bytes;
        if magic && bytes.len() > 16 {
            bytes[16] = 2;
        }
        let mut log = fresh();
        prop_assert!(log.append(bytes.into(), NOW).is_err());
    }

    #[test]
    fn mangled_files_are_cut_or_read(
        made in proptest::collection::vec(some_batch(), 1..6),
        changes in proptest::collection::vec((any::<u16>(), any::<u8>()), 1..6),
        file in any::<prop::sample::Index>(),
        cut in proptest::option::of(any::<u16>()),
        sealed in any::<bool>(),
        checkpointed in any::<bool>(),
    ) {
        let storage = memory();
        let mut log = open(&storage, &LogConfig { segment_bytes: 200, ..LogConfig::default() });
        for batch in made {
            let _ = log.append(batch.bytes(), NOW);
        }
        log.append_marker(1, 0, false, 0, NOW).unwrap();
        if checkpointed {
            log.checkpoint().unwrap();
        }
        let names = storage.list_files(DIR).unwrap();
        let path = format!("{DIR}/{}", file.get(&names));
        let bytes = storage.read(&path).unwrap().unwrap();
        if !bytes.is_empty() {
            storage.replace(&path, &mangle(&bytes, &changes, cut, sealed), false).unwrap();
            exercise(&mut log);
            if let Ok(mut reopened) = PartitionLog::open(Arc::clone(&storage), DIR, compacted(), NOW) {
                exercise(&mut reopened);
            }
        }
    }

    #[test]
    fn decompression_of_anything_ends(bytes in proptest::collection::vec(any::<u8>(), 0..200), compression in 0..6_i16) {
        let _ = codec::decompress(compression, &bytes);
    }
}

#[test]
fn a_body_that_unfolds_without_end_is_refused() {
    let zeros = vec![0; codec::UNCOMPRESSED_BYTES_MAX + 1];
    for compression in 1..=4 {
        let folded = codec::compress(compression, &zeros).unwrap();
        assert!(folded.len() < zeros.len() / 10);
        assert!(codec::decompress(compression, &folded).is_err(), "codec {compression}");
    }
}

#[test]
fn bodies_come_out_as_they_went_in() {
    let body: Vec<u8> = (0..100_000_u32).flat_map(|i| (i / 7).to_be_bytes()).collect();
    for compression in 0..=4 {
        let folded = codec::compress(compression, &body).unwrap();
        assert_eq!(codec::decompress(compression, &folded).unwrap(), body, "codec {compression}");
    }
}
