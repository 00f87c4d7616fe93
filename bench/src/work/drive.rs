//! The load of a chain, and what comes out of it: an open loop, in which a record's time runs from when it was due.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{Arguments, Failure, now, pause};
use crate::figures::cpu_seconds;
use crate::produce::send_or_wait;

/// So long is waited for what is still under way; what has not come out by then counts as having taken so long.
const DRAIN: Duration = Duration::from_secs(20);
/// The longest latency that is told from longer ones.
const LATENCY_US_MAX: u64 = 120_000_000;
const VALUE_BYTES: usize = 200;
/// How often it looks for what is due: the generator must not take the cores from what it measures.
const PACE: Duration = Duration::from_millis(1);

/// Sends for the warm-up and the measured seconds, and prints latencies and CPU of the latter.
pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let consumer = reader(arguments)?;
    let origin = now();
    let warm_up = Duration::from_secs(arguments.warm_up_seconds);
    let total = arguments.rate * (arguments.warm_up_seconds + arguments.seconds);
    let measured = arguments.rate * arguments.seconds;
    let (seen, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let reader = {
        let (seen, stop) = (Arc::clone(&seen), Arc::clone(&stop));
        let mut latencies = Histogram::<u64>::new_with_bounds(1, LATENCY_US_MAX, 3)?;
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
                let Some((due_ns, counts)) = message.payload().and_then(stamp) else { continue };
                if counts {
                    let took = (origin.elapsed().as_nanos() as u64).saturating_sub(due_ns);
                    latencies.saturating_record(took / 1_000);
                }
                seen.fetch_add(1, Ordering::Relaxed);
            }
            latencies
        })
    };
    let cpu_before = send(arguments, total, origin, warm_up)?;
    let sent = now();
    while seen.load(Ordering::Relaxed) < total && sent.elapsed() < DRAIN {
        pause(Duration::from_millis(10));
    }
    let cpu = cpu_seconds() - cpu_before;
    stop.store(true, Ordering::Relaxed);
    let mut latencies = reader.join().map_err(|_| "the reader panicked")?;
    // Left out, they would make a chain that stands still look fast.
    let missing = measured.saturating_sub(latencies.len());
    if missing > 0 {
        latencies.record_n(DRAIN.as_micros() as u64, missing)?;
    }
    let at = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    println!(
        "done={} of={total} missing={missing} p50_ms={:.2} p90_ms={:.2} p99_ms={:.2} max_ms={:.2} driver_cpu_s={cpu:.2}",
        seen.load(Ordering::Relaxed),
        at(0.5),
        at(0.9),
        at(0.99),
        latencies.max() as f64 / 1_000.0,
    );
    Ok(())
}

/// When a record was due, and whether it counts.
fn stamp(value: &[u8]) -> Option<(u64, bool)> {
    let (due, rest) = value.split_first_chunk::<8>()?;
    Some((u64::from_be_bytes(*due), rest.first() == Some(&1)))
}

fn reader(arguments: &Arguments) -> Result<BaseConsumer, Failure> {
    let last = format!("{}{}", arguments.topic, arguments.hops);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &arguments.bootstrap)
        .set("group.id", "headwater-bench-reader")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .set("fetch.wait.max.ms", "100")
        .create()?;
    let mut list = TopicPartitionList::new();
    for partition in 0..arguments.partitions {
        list.add_partition_offset(&last, i32::try_from(partition)?, Offset::End)?;
    }
    consumer.assign(&list)?;
    let mut ends = 0;
    while ends < arguments.partitions {
        if let Some(Err(KafkaError::PartitionEOF(_))) = consumer.poll(Duration::from_secs(10)) {
            ends += 1;
        }
    }
    Ok(consumer)
}

/// Sends at a steady rate, each record with the time it was due: what the system makes wait is counted, too. Answers this
/// process's CPU at the end of the warm-up.
fn send(arguments: &Arguments, total: u64, origin: Instant, warm_up: Duration) -> Result<f64, Failure> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &arguments.bootstrap)
        .set("linger.ms", "5")
        .set("partitioner", "murmur2_random")
        .set("max.in.flight.requests.per.connection", "5")
        .create()?;
    let topic = format!("{}0", arguments.topic);
    let began = origin.elapsed();
    let mut cpu_before = None;
    for number in 0..total {
        let after = Duration::from_nanos(number * 1_000_000_000 / arguments.rate);
        let due = began + after;
        while due > origin.elapsed() {
            producer.poll(Duration::ZERO);
            pause(PACE);
        }
        let counts = after >= warm_up;
        if counts && cpu_before.is_none() {
            cpu_before = Some(cpu_seconds());
        }
        let mut value = [0_u8; VALUE_BYTES];
        value[..8].copy_from_slice(&(due.as_nanos() as u64).to_be_bytes());
        value[8] = u8::from(counts);
        let key = number.to_be_bytes();
        send_or_wait(&producer, BaseRecord::to(&topic).key(&key).payload(&value));
    }
    producer.flush(Duration::from_secs(30))?;
    Ok(cpu_before.unwrap_or_else(cpu_seconds))
}
