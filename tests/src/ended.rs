//! Follows orders to their ends, as anybody who reads `orders.events` could.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{Headers as _, Message};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::deadline::{Stopwatch, pause};
use crate::platform::Platform;

type Known = Arc<Mutex<BTreeSet<String>>>;

/// The orders that have ended so far; follows until it is dropped, through every restart of the broker.
pub struct Ended {
    known: Known,
    stopping: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Ended {
    /// Follows `orders.events` from its beginning.
    #[must_use]
    pub fn follow(platform: &Platform) -> Self {
        let topic = platform.topic("orders.events");
        let partitions = i32::try_from(platform.partitions("orders.events")).unwrap();
        assert!(partitions > 0, "topic {topic} is not there");
        let consumer: BaseConsumer = ClientConfig::new()
            .set("bootstrap.servers", &platform.bootstrap)
            .set("group.id", "ends")
            .set("enable.auto.commit", "false")
            .set("isolation.level", "read_committed")
            // What was once there must stay there.
            .set("auto.offset.reset", "error")
            .set("reconnect.backoff.max.ms", "200")
            .create()
            .unwrap();
        let mut assignment = TopicPartitionList::new();
        for partition in 0..partitions {
            assignment.add_partition_offset(&topic, partition, Offset::Beginning).unwrap();
        }
        consumer.assign(&assignment).unwrap();
        let known = Known::default();
        let stopping = Arc::new(AtomicBool::new(false));
        let thread = {
            let (known, stopping) = (Arc::clone(&known), Arc::clone(&stopping));
            std::thread::spawn(move || read(&consumer, &known, &stopping))
        };
        Self { known, stopping, thread: Some(thread) }
    }

    /// How many have ended.
    #[must_use]
    pub fn count(&self) -> usize {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// The first of some orders that has not ended.
    #[must_use]
    pub fn missing<'a>(&self, orders: impl IntoIterator<Item = &'a String>) -> Vec<&'a String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        orders.into_iter().filter(|order| !known.contains(*order)).collect()
    }

    /// Waits until all of some orders have ended; `check` looks after whatever must stay alive meanwhile.
    ///
    /// # Errors
    /// The orders that are open, when none has ended for `patience`.
    pub fn wait_for_all(
        &self,
        orders: &BTreeSet<String>,
        patience: Duration,
        mut check: impl FnMut(),
    ) -> Result<(), String> {
        let mut progress = Stopwatch::start();
        let mut count = self.count();
        loop {
            let missing = self.missing(orders);
            if missing.is_empty() {
                return Ok(());
            }
            check();
            if self.count() > count {
                (count, progress) = (self.count(), Stopwatch::start());
            } else if progress.elapsed() > patience {
                let first: Vec<_> = missing.iter().take(10).collect();
                return Err(format!(
                    "{} of {} orders are open, and none has ended for {patience:?}; some: {first:?}",
                    missing.len(),
                    orders.len()
                ));
            }
            pause(Duration::from_millis(50));
        }
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        self.stopping.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

fn read(consumer: &BaseConsumer, known: &Known, stopping: &AtomicBool) {
    while !stopping.load(Ordering::Relaxed) {
        // A broker that is away is waited for; whoever waits has a deadline.
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(200)) else { continue };
        let ends = message.headers().is_some_and(|headers| {
            headers.iter().any(|header| {
                let ends = |kind: &[u8]| kind.ends_with(b".OrderDelivered") || kind.ends_with(b".OrderCancelled");
                header.key == "ce_type" && header.value.is_some_and(ends)
            })
        });
        if ends && let Some(key) = message.key() {
            let order = String::from_utf8_lossy(key).into_owned();
            known.lock().unwrap_or_else(PoisonError::into_inner).insert(order);
        }
    }
}
