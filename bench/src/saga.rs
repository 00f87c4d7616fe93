//! Order sagas of one line on the embedded broker: an open loop of orders, and the time until each is delivered.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clap::Args;
use hdrhistogram::Histogram;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers as _, Message};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::produce::send_or_wait;
use crate::work::Failure;

#[derive(Debug, Args)]
#[command(after_help = "Example:\n  cargo xtask bench saga --rate 1000 --seconds 20")]
pub struct Arguments {
    /// Orders a second.
    #[arg(long, default_value_t = 1_000)]
    rate: u64,
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// SKUs that the orders are spread over.
    #[arg(long, default_value_t = 1_000)]
    skus: u64,
    /// Workers of `headwater dev`.
    #[arg(long, default_value_t = 1)]
    workers: usize,
    /// The `headwater` binary; beside this program unless given.
    #[arg(long, env = "HEADWATER_TEST_BIN")]
    binary: Option<PathBuf>,
}

struct Dev(Child);

impl Drop for Dev {
    fn drop(&mut self) {
        let _ended = self.0.kill();
        let _reaped = self.0.wait();
    }
}

#[allow(clippy::disallowed_methods, reason = "a measurement reads the clock and waits")]
fn now() -> Instant {
    Instant::now()
}

#[allow(clippy::disallowed_methods, reason = "a measurement reads the clock and waits")]
fn pause(wait: Duration) {
    std::thread::sleep(wait);
}

pub fn run(arguments: &Arguments) -> Result<(), Failure> {
    let folder = tempfile::tempdir()?;
    let own = std::env::current_exe()?;
    let beside = own.parent().ok_or("this program lies nowhere")?.join("headwater");
    let binary = arguments.binary.clone().unwrap_or(beside);
    let child = Command::new(&binary)
        .args(["dev", "--kafka-port", "0", "--registry-port", "0", "--http-port", "0"])
        .args(["--payment-profile", "none", "--workers", &arguments.workers.to_string(), "--data-dir"])
        .arg(folder.path())
        // The brokers are its own, whatever Kafka the other comparisons have.
        .env_remove("KAFKA_BOOTSTRAP_SERVERS")
        .env_remove("MESSAGE_BROKER")
        .env_remove("SCHEMA_REGISTRY_URL")
        .env("RUST_LOG", std::env::var("RUST_LOG").unwrap_or_else(|_| "warn".to_owned()))
        .stdout(Stdio::null())
        .spawn()
        .map_err(|error| format!("{} can't be run: {error}", binary.display()))?;
    let dev = Dev(child);
    let ports = ports(&folder.path().join("ports.json"))?;
    let port = |name: &str| ports.get(name).copied().ok_or_else(|| format!("ports.json has no port of {name}"));
    let bootstrap = format!("127.0.0.1:{}", port("kafka")?);
    wait_healthy(port("http")?)?;
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", &bootstrap)
        .set("linger.ms", "2")
        .set("partitioner", "murmur2_random")
        .create()?;
    for sku in 0..arguments.skus {
        let command = format!(r#"{{"type":"ReceiveStock","sku":"sku-{sku}","quantity":1000000}}"#);
        send_or_wait(
            &producer,
            BaseRecord::to("inventory.commands").key(format!("sku-{sku}").as_str()).payload(command.as_str()),
        );
    }
    producer.flush(Duration::from_secs(30))?;
    let total = arguments.rate * arguments.seconds;
    let sent: Arc<Mutex<HashMap<String, Instant>>> = Arc::default();
    let latencies = Arc::new(Mutex::new(Histogram::<u64>::new_with_bounds(1, 120_000_000, 3)?));
    let (delivered, cancelled) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let reader = {
        let consumer = reader(&bootstrap)?;
        let (sent, latencies) = (Arc::clone(&sent), Arc::clone(&latencies));
        let (delivered, cancelled) = (Arc::clone(&delivered), Arc::clone(&cancelled));
        std::thread::spawn(move || follow(&consumer, total, &sent, &latencies, &delivered, &cancelled))
    };
    let cpu_before = cpu_of(dev.0.id());
    let began = now();
    for number in 0..total {
        let due = began + Duration::from_nanos(number * 1_000_000_000 / arguments.rate);
        loop {
            let ahead = due.saturating_duration_since(now());
            if ahead.is_zero() {
                break;
            }
            producer.poll(Duration::ZERO);
            pause(ahead.min(Duration::from_micros(500)));
        }
        let order = format!("o-{number}");
        if let Ok(mut sent) = sent.lock() {
            sent.insert(order.clone(), due);
        }
        let sku = number % arguments.skus;
        let command = format!(
            r#"{{"type":"PlaceOrder","order_id":"{order}","customer_id":"c-1","currency":"GBP","items":[{{"sku":"sku-{sku}","quantity":1,"unit_price_minor":339}}]}}"#
        );
        send_or_wait(&producer, BaseRecord::to("orders.commands").key(order.as_str()).payload(command.as_str()));
    }
    producer.flush(Duration::from_secs(30))?;
    reader.join().map_err(|_| "the reader panicked")?;
    let wall = began.elapsed().as_secs_f64();
    let latencies = latencies.lock().map_err(|_| "the reader panicked")?;
    let at = |quantile: f64| latencies.value_at_quantile(quantile) as f64 / 1_000.0;
    let done = delivered.load(Ordering::Relaxed);
    println!(
        "sagas={done} of={total} cancelled={} wall_s={wall:.2} per_s={:.0} p50_ms={:.1} p99_ms={:.1} max_ms={:.1} dev_cpu_s={:.2}",
        cancelled.load(Ordering::Relaxed),
        done as f64 / wall,
        at(0.5),
        at(0.99),
        latencies.max() as f64 / 1_000.0,
        cpu_of(dev.0.id()) - cpu_before,
    );
    if done == total { Ok(()) } else { Err(format!("{done} of {total} orders were delivered").into()) }
}

fn ports(path: &std::path::Path) -> Result<HashMap<String, u16>, Failure> {
    let began = now();
    loop {
        if let Ok(text) = std::fs::read_to_string(path)
            && let Ok(serde_json::Value::Object(ports)) = serde_json::from_str(&text)
        {
            let port = |value: &serde_json::Value| u16::try_from(value.as_u64()?).ok();
            return Ok(ports.iter().filter_map(|(name, value)| Some((name.clone(), port(value)?))).collect());
        }
        if began.elapsed() > Duration::from_secs(60) {
            return Err(format!("{} did not appear within 60 s", path.display()).into());
        }
        pause(Duration::from_millis(50));
    }
}

/// Asks the health address by hand: one line of HTTP is not worth a client.
fn wait_healthy(port: u16) -> Result<(), Failure> {
    use std::io::{Read, Write};
    let began = now();
    while began.elapsed() < Duration::from_secs(120) {
        if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", port)) {
            stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            if answer.starts_with("HTTP/1.1 200") {
                return Ok(());
            }
        }
        pause(Duration::from_millis(50));
    }
    Err("headwater dev was not healthy within 120 s".into())
}

fn reader(bootstrap: &str) -> Result<BaseConsumer, Failure> {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "headwater-bench-reader")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "50")
        .create()?;
    let metadata = consumer.fetch_metadata(Some("orders.events"), Duration::from_secs(10))?;
    let partitions = metadata.topics().first().map_or(0, |topic| topic.partitions().len());
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset("orders.events", i32::try_from(partition)?, Offset::Beginning)?;
    }
    consumer.assign(&list)?;
    Ok(consumer)
}

fn follow(
    consumer: &BaseConsumer,
    total: u64,
    sent: &Mutex<HashMap<String, Instant>>,
    latencies: &Mutex<Histogram<u64>>,
    delivered: &AtomicU64,
    cancelled: &AtomicU64,
) {
    let mut last = now();
    let patience = Duration::from_secs(60);
    while delivered.load(Ordering::Relaxed) + cancelled.load(Ordering::Relaxed) < total && last.elapsed() < patience {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        last = now();
        let header = |name: &str| {
            let headers = message.headers()?;
            let found = headers.iter().find(|header| header.key == name)?;
            std::str::from_utf8(found.value?).ok().map(str::to_owned)
        };
        match header("ce_type").as_deref().and_then(|name| name.rsplit('.').next()) {
            Some("OrderDelivered") => {
                delivered.fetch_add(1, Ordering::Relaxed);
            }
            Some("OrderCancelled") => {
                cancelled.fetch_add(1, Ordering::Relaxed);
                continue;
            }
            _ => continue,
        }
        let order = message.key().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default();
        let due = sent.lock().ok().and_then(|mut sent| sent.remove(&order));
        if let (Some(due), Ok(mut latencies)) = (due, latencies.lock()) {
            latencies.saturating_record(last.saturating_duration_since(due).as_micros() as u64);
        }
    }
}

fn cpu_of(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = stat.rsplit(')').next().unwrap_or_default().to_owned();
    let ticks: f64 = after.split_whitespace().skip(11).take(2).filter_map(|f| f.parse::<f64>().ok()).sum();
    ticks / 100.0
}
