use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::{Duration, Instant};

use headwater_kafka::admin::NewTopic;
use headwater_kafka::{
    Admin, ConnectionSettings, ConsumerHandle, ConsumerHandler, LogReader, LogReaderSettings, Next, Outcome,
    OutgoingRecord, ProducerEngine, Record, StartAt, StartOffset, TransactionalProducer, TransactionalProducerSettings,
    WorkerConsumer, WorkerConsumerSettings,
};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};

pub const SOON: Duration = Duration::from_secs(15);

pub struct Broker {
    pub connection: ConnectionSettings,
    pub admin: Admin,
    engine: ProducerEngine,
}

/// The broker to test against, or None with a line that says so.
pub fn broker() -> Option<Broker> {
    let Ok(servers) = std::env::var("KAFKA_BOOTSTRAP_SERVERS_TEST") else {
        eprintln!("skipped: KAFKA_BOOTSTRAP_SERVERS_TEST is not set");
        return None;
    };
    let connection = ConnectionSettings::new(&servers);
    let admin = Admin::new(&connection, SOON).unwrap();
    Some(Broker { connection, admin, engine: ProducerEngine::default() })
}

pub fn name(prefix: &str) -> String {
    format!("{prefix}-{:016x}", RandomState::new().build_hasher().finish())
}

pub fn tp(topic: &TopicName, partition: u32) -> TopicPartition {
    TopicPartition::new(topic.clone(), Partition::new(partition))
}

pub fn offset(number: i64) -> Offset {
    Offset::new(number).unwrap()
}

pub fn start(partition: TopicPartition) -> StartAt {
    StartAt { partition, offset: StartOffset::Beginning }
}

/// Deadlines of tests are measured here only.
#[allow(clippy::disallowed_methods)]
pub fn now() -> Instant {
    Instant::now()
}

#[track_caller]
pub fn done(outcome: Outcome) {
    assert_eq!(outcome, Outcome::Done);
}

impl Broker {
    /// The same broker, spoken to by one of the producers.
    pub fn with(self, engine: ProducerEngine) -> Self {
        Self { engine, ..self }
    }

    pub fn topic(&self, partitions: u32, configs: &[(&str, &str)]) -> TopicName {
        let topic = NewTopic {
            name: TopicName::new(&name("t")).unwrap(),
            partitions,
            replication_factor: -1,
            configs: configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        let outcomes = self.admin.create_topics(std::slice::from_ref(&topic)).unwrap();
        assert!(outcomes.iter().all(|(_, outcome)| outcome.is_ok()), "{outcomes:?}");
        topic.name
    }

    pub fn producer(&self, transactional_id: &str) -> TransactionalProducer {
        let settings = TransactionalProducerSettings {
            engine: self.engine,
            ..TransactionalProducerSettings::new(transactional_id)
        };
        let mut producer = TransactionalProducer::new(&self.connection, &settings).unwrap();
        done(producer.initialize(SOON));
        producer
    }

    pub fn reader(&self, settings: &LogReaderSettings) -> LogReader {
        LogReader::new(&self.connection, settings).unwrap()
    }

    pub fn member(&self, group: &str, instance: Option<&str>) -> Member {
        let settings = WorkerConsumerSettings {
            instance_id: instance.map(str::to_owned),
            session_timeout_ms: 30_000,
            ..WorkerConsumerSettings::new(group)
        };
        Member { consumer: WorkerConsumer::new(&self.connection, &settings).unwrap(), seen: Seen::default() }
    }
}

/// Writes values to partition 0 in one transaction, without ending it.
pub fn write(producer: &mut TransactionalProducer, topic: &TopicName, values: &[&str]) {
    let handle = producer.topic(topic).unwrap();
    for value in values {
        let record =
            OutgoingRecord { partition: Some(Partition::new(0)), value: Some(value.as_bytes()), ..Default::default() };
        producer.produce(handle, &record).unwrap();
    }
}

/// A consumer with a handler that notes what happens.
pub struct Member {
    pub consumer: WorkerConsumer,
    pub seen: Seen,
}

#[derive(Default)]
pub struct Seen {
    pub values: Vec<String>,
    pub ends: Vec<(TopicPartition, Offset)>,
    pub assigned: Vec<TopicPartition>,
    pub revoked: Vec<TopicPartition>,
    pub lost: Vec<TopicPartition>,
    /// Topics whose partition is placed with the anchor's.
    pub companions: Vec<TopicName>,
    pub panics: bool,
}

impl Seen {
    fn tasks(&self, partitions: &[TopicPartition]) -> Vec<TopicPartition> {
        let mut all = partitions.to_vec();
        for topic in &self.companions {
            all.extend(partitions.iter().map(|partition| TopicPartition::new(topic.clone(), partition.partition)));
        }
        all
    }
}

impl ConsumerHandler for Seen {
    fn record(&mut self, record: &Record<'_>) -> Next {
        self.values.push(String::from_utf8_lossy(record.value().unwrap_or_default()).into_owned());
        Next::Continue
    }

    fn end(&mut self, partition: &TopicPartition, position: Offset) {
        self.ends.push((partition.clone(), position));
    }

    fn assigned(&mut self, partitions: &[TopicPartition], _: &ConsumerHandle) -> Vec<StartAt> {
        assert!(!self.panics, "the handler fails");
        self.assigned.extend_from_slice(partitions);
        self.tasks(partitions).into_iter().map(start).collect()
    }

    fn revoked(&mut self, partitions: &[TopicPartition], _: &ConsumerHandle) -> Vec<TopicPartition> {
        self.revoked.extend_from_slice(partitions);
        self.assigned.retain(|partition| !partitions.contains(partition));
        self.tasks(partitions)
    }

    fn lost(&mut self, partitions: &[TopicPartition], _: &ConsumerHandle) -> Vec<TopicPartition> {
        self.lost.extend_from_slice(partitions);
        self.assigned.retain(|partition| !partitions.contains(partition));
        self.tasks(partitions)
    }
}

impl Member {
    pub fn poll(&mut self) {
        self.consumer.poll(Duration::from_millis(50), 1_000, &mut self.seen).unwrap();
    }
}

/// Polls all members in turn until the condition holds.
#[track_caller]
pub fn until(members: &mut [&mut Member], what: &str, holds: impl Fn(&[&mut Member]) -> bool) {
    let begun = now();
    while !holds(members) {
        assert!(now() - begun < SOON * 2, "{what} did not come true in time");
        for member in members.iter_mut() {
            member.poll();
        }
    }
}
