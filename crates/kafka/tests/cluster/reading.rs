use std::time::Duration;

use headwater_kafka::{
    ErrorKind, Isolation, LogReader, LogReaderSettings, Next, OutgoingRecord, Producer, ProducerSettings, StartAt,
    StartOffset,
};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};

use crate::broker::{SOON, broker, done, name, now, offset, start, tp, write};

/// A transaction has ended before its marker is written: waits until the partition ends where it does with that.
fn ends_behind_marker(reader: &LogReader, topic: &TopicName, end: i64) -> Vec<(TopicPartition, Offset)> {
    let begun = now();
    loop {
        let ends = reader.handle().ends(&[tp(topic, 0)], Isolation::ReadUncommitted, SOON).unwrap();
        if ends[0].1 == offset(end) {
            return ends;
        }
        assert!(now() - begun < SOON, "no marker in time: the end is {}", ends[0].1);
    }
}

#[test]
fn a_restore_waits_for_the_transaction_below_its_target() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1, &[]);
    let mut producer = broker.producer(&name("x"));
    done(producer.begin());
    write(&mut producer, &topic, &["a"]);
    done(producer.commit(SOON));
    done(producer.begin());
    write(&mut producer, &topic, &["b"]);
    done(producer.flush(SOON));

    let mut reader = broker.reader(&LogReaderSettings::default());
    let partition = [tp(&topic, 0)];
    let high = reader.handle().ends(&partition, Isolation::ReadUncommitted, SOON).unwrap();
    let stable = reader.handle().ends(&partition, Isolation::ReadCommitted, SOON).unwrap();
    assert_eq!((high[0].1, stable[0].1), (offset(3), offset(2)), "the open transaction holds the stable end back");
    reader.assign(&[start(tp(&topic, 0))]).unwrap();
    let mut values = Vec::new();
    let mut note = |record: &headwater_kafka::Record<'_>| values.push(record.value().unwrap_or_default().to_vec());
    let error = reader.read_until(&high, Duration::from_millis(500), &mut note).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::TimedOut);
    assert_eq!(reader.position(&tp(&topic, 0)).unwrap(), Some(offset(2)), "the marker of the first is passed");
    done(producer.commit(SOON));
    reader.read_until(&high, SOON, &mut note).unwrap();
    assert_eq!(values, [b"a".to_vec(), b"b".to_vec()]);
}

#[test]
fn a_position_passes_aborted_records_and_markers_at_the_end() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1, &[]);
    let mut producer = broker.producer(&name("x"));
    done(producer.begin());
    write(&mut producer, &topic, &["never"]);
    done(producer.flush(SOON));
    done(producer.abort(SOON));
    let mut reader = broker.reader(&LogReaderSettings::default());
    let high = ends_behind_marker(&reader, &topic, 2);
    reader.assign(&[start(tp(&topic, 0))]).unwrap();
    reader.read_until(&high, SOON, |record| panic!("an aborted record came: {:?}", record.value())).unwrap();
    assert_eq!(reader.position(&tp(&topic, 0)).unwrap(), Some(offset(2)));
}

#[test]
fn a_position_is_right_while_ends_are_reported_between_records() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1, &[]);
    let mut producer = broker.producer(&name("x"));
    let mut reader = broker.reader(&LogReaderSettings::default());
    reader.assign(&[start(tp(&topic, 0))]).unwrap();
    for number in 1..=20 {
        done(producer.begin());
        write(&mut producer, &topic, &["a"]);
        done(producer.commit(SOON));
        let high = ends_behind_marker(&reader, &topic, number * 2);
        reader.read_until(&high, SOON, |_| {}).unwrap();
        assert_eq!(reader.position(&tp(&topic, 0)).unwrap(), Some(offset(number * 2)));
    }
}

#[test]
fn a_start_at_the_end_is_there_already() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1, &[]);
    let mut producer = broker.producer(&name("x"));
    done(producer.begin());
    write(&mut producer, &topic, &["a"]);
    done(producer.commit(SOON));
    let mut reader = broker.reader(&LogReaderSettings::default());
    let high = reader.handle().ends(&[tp(&topic, 0)], Isolation::ReadUncommitted, SOON).unwrap();
    reader.assign(&[StartAt { partition: tp(&topic, 0), offset: StartOffset::At(high[0].1) }]).unwrap();
    reader.read_until(&high, SOON, |record| panic!("a record came: {:?}", record.value())).unwrap();
}

#[test]
fn an_offset_outside_of_the_log_is_an_error_that_names_the_partition() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1, &[]);
    let mut reader = broker.reader(&LogReaderSettings::default());
    reader.assign(&[StartAt { partition: tp(&topic, 0), offset: StartOffset::At(offset(77)) }]).unwrap();
    let error = reader.read_until(&[(tp(&topic, 0), offset(78))], SOON, |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Refused, "{error:?}");
    assert!(error.to_string().contains(&format!("{topic}[0]")), "{error}");
}

#[test]
fn each_record_of_a_tool_has_its_own_delivery() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1, &[("max.message.bytes", "2000")]);
    let mut producer = Producer::new(&broker.connection, &ProducerSettings::default()).unwrap();
    let handle = producer.topic(&topic).unwrap();
    let large = vec![0_u8; 5_000];
    for (token, value) in [(11, &b"small"[..]), (12, &large), (13, b"small too")] {
        let record = OutgoingRecord { key: Some(b"k"), value: Some(value), ..Default::default() };
        producer.produce(handle, &record, token).unwrap();
        // One batch each: a batch fails as a whole.
        let deliveries = producer.flush(SOON).unwrap();
        assert_eq!(deliveries.len(), 1);
        assert_eq!(deliveries[0].token, token);
        match &deliveries[0].result {
            Ok((partition, _)) => assert_eq!((*partition, token == 12), (Partition::new(0), false)),
            Err(error) => assert_eq!((error.kind(), token), (ErrorKind::TooLarge, 12)),
        }
    }
}

#[test]
fn stopping_leaves_the_rest_for_the_next_poll() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(1, &[]);
    let mut producer = broker.producer(&name("x"));
    done(producer.begin());
    write(&mut producer, &topic, &["a", "b", "c"]);
    done(producer.commit(SOON));
    let mut reader = broker.reader(&LogReaderSettings::default());
    reader.assign(&[start(tp(&topic, 0))]).unwrap();
    let (mut polls, mut offsets) = (0, Vec::new());
    let begun = now();
    while offsets.len() < 3 {
        assert!(now() - begun < SOON, "no records in time");
        let polled = reader
            .poll(Duration::from_millis(100), 100, |record| {
                offsets.push(record.offset().get());
                Next::Stop
            })
            .unwrap();
        polls += polled.records;
        assert!(polled.records <= 1);
    }
    assert_eq!((offsets, polls), (vec![0, 1, 2], 3));
}

/// Not a test of correctness: `cargo test … -- --ignored --nocapture fetching` prints what a record costs.
#[test]
#[ignore = "a measurement"]
fn what_fetching_costs() {
    let Some(broker) = broker() else { return };
    let topic = broker.topic(4, &[]);
    let mut producer = Producer::new(&broker.connection, &ProducerSettings::default()).unwrap();
    let handle = producer.topic(&topic).unwrap();
    let records = 2_000_000_u64;
    let value = [b'v'; 100];
    for number in 0..records {
        let key = number.to_be_bytes();
        let partition = Some(Partition::new((number % 4) as u32));
        let record = OutgoingRecord { partition, key: Some(&key), value: Some(&value), ..Default::default() };
        producer.produce(handle, &record, number).unwrap();
        if number % 10_000 == 0 {
            producer.deliveries(Duration::ZERO);
        }
    }
    producer.flush(SOON * 4).unwrap();
    for _ in 0..3 {
        let mut reader = broker.reader(&LogReaderSettings::default());
        let partitions: Vec<_> = (0..4).map(|number| tp(&topic, number)).collect();
        let ends = reader.handle().ends(&partitions, Isolation::ReadUncommitted, SOON).unwrap();
        let (begun, cpu_before) = (now(), cpu_ms());
        reader.assign(&partitions.into_iter().map(start).collect::<Vec<_>>()).unwrap();
        let (mut seen, mut bytes) = (0_u64, 0);
        reader
            .read_until(&ends, SOON * 4, |record| {
                seen += 1;
                bytes += record.key().map_or(0, <[u8]>::len) + record.value().map_or(0, <[u8]>::len);
            })
            .unwrap();
        let (wall, cpu) = (now() - begun, cpu_ms() - cpu_before);
        let rate = seen as f64 / wall.as_secs_f64();
        eprintln!("{seen} records ({bytes} bytes): {rate:.0} a second, {:.2} us of CPU each", cpu * 1e3 / seen as f64);
        assert_eq!(seen, records);
    }
}

/// User and system time of this process so far; Linux, 100 ticks a second.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let ticks: f64 = after_name.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok()).sum();
    ticks * 10.0
}
