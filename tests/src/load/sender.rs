use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{DeliveryResult, Header, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer, ProducerContext};

use super::{Command, Expected, Orders};
use crate::deadline::Stopwatch;
use crate::ended::Ended;
use crate::platform::Platform;

const FLUSH_WITHIN: Duration = Duration::from_secs(60);

/// What a sender has sent, every record of it acknowledged.
#[derive(Debug, Clone, Default)]
pub struct Sent {
    pub orders: BTreeMap<String, Expected>,
    pub commands: u64,
}

impl Sent {
    /// The ids of the orders.
    #[must_use]
    pub fn ids(&self) -> BTreeSet<String> {
        self.orders.keys().cloned().collect()
    }
}

/// A thread that sends orders until it is told to stop.
pub struct Sender {
    stopping: Arc<AtomicBool>,
    sent: Arc<Mutex<Sent>>,
    thread: JoinHandle<()>,
}

impl Sender {
    /// Sends so many orders a second, but never lets more than `open_max` be open.
    #[must_use]
    pub fn start(platform: &Platform, orders: Orders, per_second: u32, open_max: usize, ended: Arc<Ended>) -> Self {
        let (stopping, sent) = (Arc::new(AtomicBool::new(false)), Arc::default());
        let thread = {
            let (platform, stopping, sent) = (platform.clone(), Arc::clone(&stopping), Arc::clone(&sent));
            std::thread::spawn(move || run(&platform, orders, per_second, open_max, &ended, &sent, &stopping))
        };
        Self { stopping, sent, thread }
    }

    /// The ids of the orders so far; the last of them may still be on their way to the broker.
    #[must_use]
    pub fn ids_so_far(&self) -> BTreeSet<String> {
        locked(&self.sent).ids()
    }

    /// Stops, once everything it has sent is acknowledged.
    #[must_use]
    pub fn stop(self) -> Sent {
        self.stopping.store(true, Ordering::Relaxed);
        self.thread.join().unwrap();
        locked(&self.sent).clone()
    }
}

/// Sends commands and waits until the broker has them all.
pub fn send_all(platform: &Platform, commands: &[Command]) {
    let producer = producer(platform);
    for command in commands {
        send(&producer, platform, command);
    }
    finish(&producer);
}

fn run(
    platform: &Platform,
    mut orders: Orders,
    per_second: u32,
    open_max: usize,
    ended: &Ended,
    sent: &Mutex<Sent>,
    stopping: &AtomicBool,
) {
    let producer = producer(platform);
    let mut clock = Stopwatch::start();
    let mut due = 0.0;
    while !stopping.load(Ordering::Relaxed) {
        producer.poll(Duration::from_millis(10));
        due = f64::min(due + clock.elapsed().as_secs_f64() * f64::from(per_second), f64::from(per_second));
        clock = Stopwatch::start();
        while due >= 1.0 && locked(sent).orders.len() < ended.count() + open_max {
            due -= 1.0;
            let (id, expected, commands) = orders.next_order();
            for command in &commands {
                send(&producer, platform, command);
            }
            let mut sent = locked(sent);
            sent.commands += commands.len() as u64;
            sent.orders.insert(id, expected);
        }
    }
    finish(&producer);
}

fn locked(sent: &Mutex<Sent>) -> MutexGuard<'_, Sent> {
    sent.lock().unwrap_or_else(PoisonError::into_inner)
}

fn send(producer: &BaseProducer<Failures>, platform: &Platform, command: &Command) {
    let topic = platform.topic(command.topic);
    let mut headers = OwnedHeaders::new();
    for header in command.headers.iter() {
        headers = headers.insert(Header { key: header.name, value: header.value });
    }
    let mut record = BaseRecord::to(&topic).key(command.key.as_str()).payload(command.value.as_str()).headers(headers);
    loop {
        match producer.send(record) {
            Ok(()) => return,
            Err((KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull), back)) => {
                producer.poll(Duration::from_millis(10));
                record = back;
            }
            Err((error, _)) => panic!("{topic}: {error}"),
        }
    }
}

fn finish(producer: &BaseProducer<Failures>) {
    producer.flush(FLUSH_WITHIN).unwrap();
    let failures = producer.context().0.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(failures.is_empty(), "commands that the broker did not take: {failures:?}");
}

/// Idempotent, and patient: a broker that is away will be back.
fn producer(platform: &Platform) -> BaseProducer<Failures> {
    ClientConfig::new()
        .set("bootstrap.servers", &platform.bootstrap)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "2")
        .set("message.timeout.ms", "120000")
        .set("reconnect.backoff.ms", "20")
        .set("reconnect.backoff.max.ms", "200")
        .create_with_context(Failures::default())
        .unwrap()
}

/// What could not be delivered.
#[derive(Default)]
struct Failures(Mutex<Vec<String>>);

impl ClientContext for Failures {
    fn error(&self, error: KafkaError, reason: &str) {
        if matches!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::Fatal)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(format!("fatal: {reason}"));
        }
    }
}

impl ProducerContext for Failures {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, (): ()) {
        if let Err((error, _)) = result {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).push(error.to_string());
        }
    }
}
