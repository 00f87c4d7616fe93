//! What the parts cost without a runtime: librdkafka's consumer and producer in a loop, at least once, no transactions.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};

use super::{Arguments, Failure, LOOK_EVERY, SEEN, now, pause, report_when_done, topologies};
use crate::produce::send_or_wait;

/// As Kafka Streams' at_least_once does by default every 30 s, and exactly-once every 100 ms: the smaller of them.
const COMMIT_EVERY: Duration = Duration::from_millis(100);

/// The work of `map`, each worker a thread with a consumer and a producer of its own.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let out = format!("{}-out", arguments.application);
    topologies::create(&arguments.bootstrap, &out, arguments.partitions, &[])?;
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..arguments.workers)
            .map(|_| scope.spawn(|| worker(arguments, &out, &stop).map_err(|error| error.to_string())))
            .collect();
        let failed = || workers.iter().any(|worker| worker.is_finished()).then(|| "a worker ended early".to_owned());
        let ended = report_when_done(arguments, LOOK_EVERY, || SEEN.load(Ordering::Relaxed), failed);
        stop.store(true, Ordering::Relaxed);
        for worker in workers {
            worker.join().map_err(|_| "a worker panicked")??;
        }
        ended
    })
}

/// Reads, changes a byte, writes; commits what it has read once all that was written is acknowledged.
fn worker(arguments: &Arguments, out: &str, stop: &AtomicBool) -> Result<(), Failure> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &arguments.bootstrap)
        .set("group.id", &arguments.application)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .create()?;
    consumer.subscribe(&[&arguments.topic])?;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &arguments.bootstrap)
        .set("enable.idempotence", "true")
        .set("partitioner", "murmur2_random")
        .set("linger.ms", "5")
        .create()?;
    let (mut committed, mut has_read) = (now(), false);
    let mut value = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        if let Some(message) = consumer.poll(Duration::from_millis(50)) {
            let message = message?;
            value.clear();
            value.extend_from_slice(message.payload().unwrap_or_default());
            if let Some(first) = value.first_mut() {
                *first ^= 1;
            }
            send_or_wait(&producer, BaseRecord::to(out).key(message.key().unwrap_or_default()).payload(&value));
            consumer.store_offset_from_message(&message)?;
            has_read = true;
            SEEN.fetch_add(1, Ordering::Relaxed);
        }
        if has_read && committed.elapsed() >= COMMIT_EVERY {
            flush(&producer)?;
            consumer.commit_consumer_state(CommitMode::Async)?;
            (committed, has_read) = (now(), false);
        }
    }
    Ok(())
}

/// rdkafka's own flush waits in steps of 100 ms.
fn flush(producer: &BaseProducer) -> Result<(), Failure> {
    let began = now();
    while producer.in_flight_count() > 0 {
        if began.elapsed() > Duration::from_secs(30) {
            return Err("the broker did not acknowledge within 30 s".into());
        }
        producer.poll(Duration::ZERO);
        pause(Duration::from_micros(200));
    }
    Ok(())
}
