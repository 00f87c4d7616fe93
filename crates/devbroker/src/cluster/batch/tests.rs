#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

#[test]
fn batches_come_back_as_they_went() {
    let records: Vec<KeyValue> = vec![
        (Bytes::from_static(b"k1"), Some(Bytes::from_static(b"v1"))),
        (Bytes::from_static(b"k2"), None),
        (Bytes::from("k".repeat(300)), Some(Bytes::from("v".repeat(70_000)))),
    ];
    for producer in [None, Some(BatchProducer { id: 9, epoch: 2, sequence: 4 })] {
        let mut bytes = encode_batch(&records, 1234, producer);
        let set = RecordBatchDecoder::decode(&mut bytes).unwrap();
        let back: Vec<KeyValue> = set.records.iter().map(|r| (r.key.clone().unwrap(), r.value.clone())).collect();
        assert_eq!(back, records);
        let last = &set.records[2];
        assert_eq!((last.offset, last.timestamp, last.transactional), (2, 1234, producer.is_some()));
        assert_eq!(last.producer_id, producer.map_or(-1, |p| p.id));
    }
}
