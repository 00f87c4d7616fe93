use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hdrhistogram::Histogram;
use headwater_runtime::Stop;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use super::{Arguments, Failure, now, pause, start, topologies};
use crate::figures::{cpu_seconds, rss_peak_mib};

/// A chain of stateful exactly-once services under a steady load, as the peer's.
pub fn run(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    for number in 0..=arguments.hops {
        topologies::create(&arguments.bootstrap, &format!("{}{number}", arguments.topic), arguments.partitions)?;
    }
    let chain = topologies::chain(&arguments.topic, &arguments.application, arguments.hops)?;
    let (application, _calls, _metrics) = start(arguments, state, chain)?;
    while !application.is_ready() {
        if let Some(why) = application.failed() {
            return Err(why.into());
        }
        pause(Duration::from_millis(10));
    }
    let origin = now();
    let latencies = Arc::new(Mutex::new(Histogram::<u64>::new_with_bounds(1, 120_000_000, 3)?));
    let (seen, stop) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let consumer = reader(arguments)?;
    let reader = {
        let (latencies, seen, stop) = (Arc::clone(&latencies), Arc::clone(&seen), Arc::clone(&stop));
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
                let Some(bytes) = message.payload().and_then(|payload| payload.get(..8)) else { continue };
                let sent_ns = u64::from_be_bytes(bytes.try_into().unwrap_or_default());
                let took = (origin.elapsed().as_nanos() as u64).saturating_sub(sent_ns);
                if let Ok(mut latencies) = latencies.lock() {
                    latencies.saturating_record(took / 1_000);
                }
                seen.fetch_add(1, Ordering::Relaxed);
            }
        })
    };
    let cpu_before = cpu_seconds();
    let began = now();
    let total = arguments.rate * arguments.seconds;
    send(arguments, total, origin)?;
    let deadline = Duration::from_secs(60);
    let sent = now();
    while seen.load(Ordering::Relaxed) < total && sent.elapsed() < deadline {
        pause(Duration::from_millis(10));
    }
    let wall = began.elapsed().as_secs_f64();
    stop.store(true, Ordering::Relaxed);
    reader.join().map_err(|_| "the reader panicked")?;
    let latencies = latencies.lock().map_err(|_| "the reader panicked")?;
    let at = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    let done = seen.load(Ordering::Relaxed);
    println!(
        "done={done} of={total} wall_s={wall:.2} per_s={:.0} p50_ms={:.1} p99_ms={:.1} max_ms={:.1} cpu_s={:.2} rss_peak_mb={:.0}",
        done as f64 / wall,
        at(0.5),
        at(0.99),
        latencies.max() as f64 / 1_000.0,
        cpu_seconds() - cpu_before,
        rss_peak_mib()
    );
    application.stop(Stop::Leave)?;
    if done == total { Ok(()) } else { Err(format!("{done} of {total} records came out").into()) }
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

/// Sends at a steady rate, each record with the time it was due: what the system makes wait is counted, too.
fn send(arguments: &Arguments, total: u64, origin: std::time::Instant) -> Result<(), Failure> {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &arguments.bootstrap)
        .set("linger.ms", "2")
        .set("partitioner", "murmur2_random")
        .set("max.in.flight.requests.per.connection", "5")
        .create()?;
    let topic = format!("{}0", arguments.topic);
    let began = origin.elapsed();
    for number in 0..total {
        let due = began + Duration::from_nanos(number * 1_000_000_000 / arguments.rate);
        loop {
            let ahead = due.saturating_sub(origin.elapsed());
            if ahead.is_zero() {
                break;
            }
            producer.poll(Duration::ZERO);
            pause(ahead.min(Duration::from_micros(200)));
        }
        let mut value = [0_u8; 200];
        value[..8].copy_from_slice(&(due.as_nanos() as u64).to_be_bytes());
        let key = number.to_be_bytes();
        let mut record = BaseRecord::to(&topic).key(&key).payload(&value);
        while let Err((_, back)) = producer.send(record) {
            record = back;
            producer.poll(Duration::from_millis(1));
        }
    }
    producer.flush(Duration::from_secs(30))?;
    Ok(())
}
