//! Members come and go while records are written: nothing is skipped, whatever was held back meanwhile.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use headwater_kafka::{
    ConsumerHandle, ConsumerHandler, Next, OutgoingRecord, Record, StartAt, WorkerConsumer, WorkerConsumerSettings,
};
use headwater_log::{Offset, Partition, TopicPartition};

use crate::broker::{Broker, SOON, broker, done, name, now, start};

const PARTITIONS: u32 = 6;
const ROUNDS: usize = 6;

/// Notes what is missing: the values of each partition are numbers from 0.
#[derive(Default)]
struct Follower {
    expected: HashMap<TopicPartition, u64>,
    skipped: Vec<String>,
    ends: usize,
}

impl ConsumerHandler for Follower {
    fn record(&mut self, record: &Record<'_>) -> Next {
        let number: u64 = std::str::from_utf8(record.value().unwrap()).unwrap().parse().unwrap();
        let place =
            |known: &&TopicPartition| known.topic.as_str() == record.topic() && known.partition == record.partition();
        let Some(partition) = self.expected.keys().find(place).cloned() else {
            self.skipped.push(format!("{number} of a partition that is not assigned"));
            return Next::Continue;
        };
        let expected = self.expected.get_mut(&partition).unwrap();
        if number > *expected {
            self.skipped.push(format!("{partition}: {number} after {expected}"));
        }
        *expected = (*expected).max(number + 1);
        Next::Continue
    }

    fn end(&mut self, _: &TopicPartition, _: Offset) {
        self.ends += 1;
    }

    fn assigned(&mut self, partitions: &[TopicPartition], _: &ConsumerHandle) -> Vec<StartAt> {
        self.expected.extend(partitions.iter().map(|partition| (partition.clone(), 0)));
        partitions.iter().cloned().map(start).collect()
    }

    fn revoked(&mut self, partitions: &[TopicPartition], _: &ConsumerHandle) -> Vec<TopicPartition> {
        self.expected.retain(|partition, _| !partitions.contains(partition));
        partitions.to_vec()
    }

    fn lost(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<TopicPartition> {
        self.revoked(partitions, consumer)
    }
}

struct Member {
    consumer: WorkerConsumer,
    follower: Follower,
    paused: Option<TopicPartition>,
}

impl Member {
    fn join(broker: &Broker, group: &str, topic: &headwater_log::TopicName) -> Self {
        let settings = WorkerConsumerSettings { session_timeout_ms: 30_000, ..WorkerConsumerSettings::new(group) };
        let mut consumer = WorkerConsumer::new(&broker.connection, &settings).unwrap();
        consumer.subscribe(std::slice::from_ref(topic)).unwrap();
        Self { consumer, follower: Follower::default(), paused: None }
    }

    /// Holds back one partition from one poll to the next, each in its turn.
    fn poll(&mut self, turn: usize) {
        if let Some(paused) = self.paused.take()
            && self.follower.expected.contains_key(&paused)
        {
            self.consumer.resume(&[paused]).unwrap();
        }
        self.consumer.poll(Duration::from_millis(20), 1_000, &mut self.follower).unwrap();
        assert!(self.follower.skipped.is_empty(), "{:?}", self.follower.skipped);
        let mut assigned: Vec<&TopicPartition> = self.follower.expected.keys().collect();
        assigned.sort();
        if turn.is_multiple_of(3) && !assigned.is_empty() {
            let chosen = assigned[(turn / 3) % assigned.len()].clone();
            self.consumer.pause(std::slice::from_ref(&chosen)).unwrap();
            self.paused = Some(chosen);
        }
    }
}

#[test]
fn rebalances_under_load_skip_nothing() {
    let Some(broker) = broker() else { return };
    let (topic, group) = (broker.topic(PARTITIONS, &[]), name("g"));
    let is_over = Arc::new(AtomicBool::new(false));
    let writer = {
        let (is_over, topic, mut producer) = (Arc::clone(&is_over), topic.clone(), broker.producer(&name("x")));
        std::thread::spawn(move || {
            let handle = producer.topic(&topic).unwrap();
            let mut written = 0_u64;
            while !is_over.load(Ordering::Acquire) {
                done(producer.begin());
                // Now many, now few: batches that are full, and ends between them.
                for _ in 0..(if written.is_multiple_of(7) { 300 } else { 7 }) {
                    let value = written.to_string();
                    for partition in 0..PARTITIONS {
                        let partition = Some(Partition::new(partition));
                        let record = OutgoingRecord { partition, value: Some(value.as_bytes()), ..Default::default() };
                        producer.produce(handle, &record).unwrap();
                    }
                    written += 1;
                }
                done(producer.commit(SOON));
            }
            written
        })
    };

    let mut stays = Member::join(&broker, &group, &topic);
    let mut turn = 0;
    for round in 0..ROUNDS {
        let mut guest = Member::join(&broker, &group, &topic);
        let begun = now();
        while guest.follower.expected.len() < 3 || guest.follower.ends == 0 {
            assert!(now() - begun < SOON * 2, "round {round}: the guest has {:?}", guest.follower.expected);
            turn += 1;
            stays.poll(turn);
            guest.poll(turn + 1);
        }
        guest.consumer.close(&mut guest.follower).unwrap();
    }
    is_over.store(true, Ordering::Release);
    let written = writer.join().unwrap();
    let begun = now();
    while stays.follower.expected.len() < 6 || stays.follower.expected.values().any(|next| *next < written) {
        assert!(now() - begun < SOON * 2, "{written} were written, read were {:?}", stays.follower.expected);
        turn += 1;
        stays.poll(turn);
    }
}
