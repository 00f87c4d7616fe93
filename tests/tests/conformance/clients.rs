//! librdkafka clients, and waiting with a deadline.

use std::time::{Duration, Instant};

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::message::{Message, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::{ClientConfig, ClientContext, Offset, TopicPartitionList};
use std::sync::Mutex;

use crate::target::Target;

/// Runs a future of librdkafka's admin client.
pub fn wait<F: Future>(future: F) -> F::Output {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

pub fn config(target: &Target) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &target.bootstrap).set("retry.backoff.ms", "20");
    config
}

pub fn admin(target: &Target) -> AdminClient<DefaultClientContext> {
    config(target).create().unwrap()
}

pub fn admin_options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(Duration::from_secs(20))).request_timeout(Some(Duration::from_secs(30)))
}

/// Makes a topic with a name of its own.
pub fn topic(target: &Target, prefix: &str, partitions: i32, settings: &[(&str, &str)]) -> String {
    let name = target.unique(prefix);
    make_topic(target, &name, partitions, settings);
    name
}

pub fn make_topic(target: &Target, name: &str, partitions: i32, settings: &[(&str, &str)]) {
    let mut new = NewTopic::new(name, partitions, TopicReplication::Fixed(1));
    for (key, value) in settings {
        new = new.set(key, value);
    }
    let results = wait(admin(target).create_topics([&new], &admin_options())).unwrap();
    assert_eq!(results, vec![Ok(name.to_owned())]);
}

/// Collects what became of each record.
#[derive(Default)]
pub struct Deliveries(pub Mutex<Vec<Result<(i32, i64), rdkafka::error::RDKafkaErrorCode>>>);

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = ();
    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        let delivered = match result {
            Ok(message) => Ok((message.partition(), message.offset())),
            Err((error, _)) => Err(error.rdkafka_error_code().unwrap()),
        };
        self.0.lock().unwrap().push(delivered);
    }
}

pub type TestProducer = BaseProducer<Deliveries>;

pub fn producer(target: &Target, settings: &[(&str, &str)]) -> TestProducer {
    let mut config = config(target);
    config.set("linger.ms", "1").set("partitioner", "murmur2_random").set("enable.idempotence", "true");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config.create_with_context(Deliveries::default()).unwrap()
}

pub fn transactional(target: &Target, id: &str) -> TestProducer {
    let producer = producer(target, &[("transactional.id", id)]);
    producer.init_transactions(target.patience).unwrap();
    producer
}

/// Sends, waiting for room in the queue.
pub fn send(producer: &TestProducer, record: BaseRecord<'_, str, str>) {
    let mut record = record;
    while let Err((error, back)) = producer.send(record) {
        assert_eq!(error.rdkafka_error_code(), Some(rdkafka::error::RDKafkaErrorCode::QueueFull), "{error}");
        producer.poll(Duration::from_millis(10));
        record = back;
    }
}

/// Sends values without keys to one partition, and waits until all are delivered.
pub fn send_values(target: &Target, producer: &TestProducer, topic: &str, partition: i32, values: &[&str]) {
    for value in values {
        send(producer, BaseRecord::to(topic).partition(partition).payload(*value));
    }
    delivered(target, producer);
}

/// Waits until all are delivered, and returns where.
pub fn delivered(target: &Target, producer: &TestProducer) -> Vec<(i32, i64)> {
    producer.flush(target.patience).unwrap();
    let results = std::mem::take(&mut *producer.context().0.lock().unwrap());
    results.into_iter().map(Result::unwrap).collect()
}

pub fn consumer_config(target: &Target, group: &str, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = config(target);
    config
        .set("group.id", group)
        .set("auto.offset.reset", "earliest")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "100")
        .set("heartbeat.interval.ms", "200")
        .set("session.timeout.ms", "6000");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

pub fn consumer(target: &Target, group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
    consumer_config(target, group, settings).create().unwrap()
}

/// A consumer without a group's help: all partitions from the beginning.
pub fn reader(target: &Target, topic: &str, partitions: i32, settings: &[(&str, &str)]) -> BaseConsumer {
    let consumer = consumer(target, &target.unique("reader"), settings);
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    }
    consumer.assign(&assignment).unwrap();
    consumer
}

/// One message if there is one soon. Errors that librdkafka gets over by itself are no messages.
pub fn poll<C: ConsumerContext>(consumer: &BaseConsumer<C>) -> Option<OwnedMessage> {
    consumer.poll(Duration::from_millis(50))?.ok().map(|message| message.detach())
}

/// Reads until so many messages are there.
pub fn read<C: ConsumerContext>(target: &Target, consumer: &BaseConsumer<C>, count: usize) -> Vec<OwnedMessage> {
    let mut messages = Vec::new();
    until(target, &format!("{count} messages"), || {
        messages.extend(poll(consumer));
        messages.len() >= count
    });
    messages
}

pub fn payload(message: &OwnedMessage) -> String {
    String::from_utf8(message.payload().unwrap_or_default().to_vec()).unwrap()
}

pub fn payloads(messages: &[OwnedMessage]) -> Vec<String> {
    messages.iter().map(payload).collect()
}

/// Checks again and again until it holds; the check itself waits a little.
pub fn until(target: &Target, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + target.patience;
    while !holds() {
        assert!(Instant::now() < deadline, "waited {:?} for {what}", target.patience);
    }
}
