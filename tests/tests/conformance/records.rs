//! Producing and consuming.

use std::collections::HashMap;
use std::num::NonZeroU32;

use headwater_log::partition_of_key;
use rdkafka::Message;
use rdkafka::producer::BaseRecord;

use crate::clients::{delivered, payload, payloads, producer, read, reader, send, topic};
use crate::target::Target;

pub fn records_keep_the_order_of_their_key(target: &Target) {
    let topic = topic(target, "order", 3, &[]);
    let producer = producer(target, &[]);
    for number in 0..3000 {
        let (key, value) = (format!("key-{}", number % 50), number.to_string());
        send(&producer, BaseRecord::to(&topic).key(key.as_str()).payload(value.as_str()));
    }
    assert_eq!(delivered(target, &producer).len(), 3000);
    let messages = read(target, &reader(target, &topic, 3, &[]), 3000);
    let mut last: HashMap<Vec<u8>, i64> = HashMap::new();
    for message in &messages {
        let number: i64 = payload(message).parse().unwrap();
        let earlier = last.insert(message.key().unwrap().to_vec(), number);
        assert!(earlier.is_none_or(|earlier| earlier + 50 == number), "{earlier:?} before {number}");
    }
    assert_eq!(last.len(), 50);
}

pub fn keys_go_where_murmur2_sends_them(target: &Target) {
    let topic = topic(target, "murmur2", 6, &[]);
    let producer = producer(target, &[]);
    for number in 0..100 {
        let key = format!("o-{number}");
        send(&producer, BaseRecord::to(&topic).key(key.as_str()).payload("x"));
    }
    delivered(target, &producer);
    let partitions = NonZeroU32::new(6).unwrap();
    for message in read(target, &reader(target, &topic, 6, &[]), 100) {
        let key = message.key().unwrap();
        assert_eq!(message.partition() as u32, partition_of_key(key, partitions).get(), "{key:?}");
    }
}

pub fn every_codec_comes_back_as_it_went(target: &Target) {
    let topic = topic(target, "codecs", 1, &[]);
    let body = "abcdefgh".repeat(1000);
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    for codec in codecs {
        let producer = producer(target, &[("compression.codec", codec)]);
        send(&producer, BaseRecord::to(&topic).key(codec).payload(body.as_str()));
        delivered(target, &producer);
    }
    let messages = read(target, &reader(target, &topic, 1, &[]), codecs.len());
    assert!(payloads(&messages).iter().all(|value| *value == body));
    let keys: Vec<_> = messages.iter().map(|m| m.key().unwrap().to_vec()).collect();
    assert_eq!(keys, codecs.map(|codec| codec.as_bytes().to_vec()));
}
