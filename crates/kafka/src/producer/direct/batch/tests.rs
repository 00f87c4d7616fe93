use bytes::Bytes;
use headwater_log::Headers;
use kafka_protocol::records::{RecordBatchDecoder, TimestampType};

use super::{Author, BatchBuilder};

const AUTHOR: Author = Author { producer_id: 7_000, epoch: 3, sequence: 41 };

/// What somebody else's decoder, which checks the checksum, makes of a batch.
fn decode(batch: Vec<u8>) -> Vec<kafka_protocol::records::Record> {
    RecordBatchDecoder::decode(&mut Bytes::from(batch)).unwrap().records
}

#[test]
fn what_was_pushed_is_what_another_decoder_reads() {
    let mut headers = Headers::new();
    headers.push("ce_id", "1");
    headers.push_nullable("none", None);
    headers.push("empty", "");
    let long = vec![b'x'; 70_000];
    let mut batch = BatchBuilder::default();
    batch.push(Some(b"k"), Some(b"v"), Some(&headers), 1_000);
    batch.push(None, None, None, 900);
    batch.push(Some(b""), Some(&long), None, 5_000_000);
    assert_eq!(batch.records(), 3);
    let records = decode(batch.finish(AUTHOR));
    let seen: Vec<_> = records.iter().map(|record| (record.key.as_deref(), record.value.as_deref())).collect();
    assert_eq!(seen, [(Some(&b"k"[..]), Some(&b"v"[..])), (None, None), (Some(&b""[..]), Some(&long[..]))]);
    assert_eq!(records.iter().map(|record| record.timestamp).collect::<Vec<_>>(), [1_000, 900, 5_000_000]);
    assert_eq!(records.iter().map(|record| record.offset).collect::<Vec<_>>(), [0, 1, 2]);
    assert_eq!(records.iter().map(|record| record.sequence).collect::<Vec<_>>(), [41, 42, 43]);
    for record in &records {
        assert!(record.transactional && !record.control);
        assert_eq!((record.producer_id, record.producer_epoch), (7_000, 3));
        assert_eq!(record.timestamp_type, TimestampType::Creation);
    }
    let first: Vec<_> = records[0].headers.iter().map(|(name, value)| (name.as_str(), value.as_deref())).collect();
    assert_eq!(first, [("ce_id", Some(&b"1"[..])), ("none", None), ("empty", Some(&b""[..]))]);
}

#[test]
fn a_buffer_that_is_used_again_leaves_nothing_of_the_last_batch() {
    let mut first = BatchBuilder::default();
    first.push(Some(b"first"), Some(&[9; 300]), None, 10);
    let mut second = BatchBuilder::reusing(first.finish(AUTHOR));
    assert!(second.is_empty());
    assert_eq!(second.size_bytes(), 0);
    second.push(Some(b"second"), None, None, 20);
    let records = decode(second.finish(AUTHOR));
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].key.as_deref(), records[0].timestamp), (Some(&b"second"[..]), 20));
}

#[test]
fn every_length_is_counted_as_it_is_written() {
    for length in [0, 1, 63, 64, 127, 128, 8_191, 8_192, 1 << 20] {
        let value = vec![1_u8; length];
        let mut batch = BatchBuilder::default();
        batch.push(None, Some(&value), None, -1);
        batch.push(Some(&value), None, None, i64::from(u32::MAX));
        let records = decode(batch.finish(AUTHOR));
        assert_eq!(records[0].value.as_deref(), Some(&value[..]), "{length}");
        assert_eq!(records[1].key.as_deref(), Some(&value[..]), "{length}");
    }
}
