#![allow(unsafe_code, reason = "librdkafka's flush, which wakes by itself")]

use std::time::Duration;

use headwater_log::{Offset, Partition, TopicName};
use rdkafka_sys as sys;

use super::record::OutgoingRecord;
use super::sender::{Sender, TopicHandle};
use crate::clock::Deadline;
use crate::native::millis;
use crate::{ConnectionSettings, Error, ErrorKind};

/// What a tool's producer needs to know; times in milliseconds.
#[derive(Debug, Clone)]
pub struct ProducerSettings {
    /// How long records wait for company in a batch; a flush does not wait.
    pub linger_ms: u32,
    /// After how long a record that can't be written has failed.
    pub delivery_timeout_ms: u32,
    /// How much may wait to be sent, in KiB.
    pub queue_kbytes: u32,
}

impl Default for ProducerSettings {
    fn default() -> Self {
        Self { linger_ms: 5, delivery_timeout_ms: 30_000, queue_kbytes: 32 * 1024 }
    }
}

/// What became of one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The token that the record was produced with.
    pub token: u64,
    /// Where it was written, or why it was not.
    pub result: Result<(Partition, Offset), Error>,
}

/// An idempotent producer without transactions, for one OS thread. Keyed records go where Java's clients put them.
pub struct Producer {
    sender: Sender,
    produce_wait: Duration,
}

impl Producer {
    /// Makes the producer.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for settings that can't work.
    pub fn new(connection: &ConnectionSettings, settings: &ProducerSettings) -> Result<Self, Error> {
        let chosen = [
            ("linger.ms", settings.linger_ms.to_string()),
            ("retry.backoff.ms", "20".to_owned()),
            ("queue.buffering.max.kbytes", settings.queue_kbytes.max(1024).to_string()),
            ("message.timeout.ms", settings.delivery_timeout_ms.to_string()),
            ("message.max.bytes", "33554432".to_owned()),
            ("partitioner", "murmur2_random".to_owned()),
        ];
        let required = [("enable.idempotence", "true".to_owned())];
        let sender = Sender::new(connection.native(&chosen, &required)?, true)?;
        Ok(Self { sender, produce_wait: Duration::from_millis(u64::from(settings.delivery_timeout_ms)) })
    }

    /// A handle for a topic, to produce with.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when librdkafka refuses the topic.
    pub fn topic(&mut self, name: &TopicName) -> Result<TopicHandle, Error> {
        self.sender.topic(name)
    }

    /// Copies a record into the queue; its [`Delivery`] will carry the token. When the queue is full it waits for room,
    /// up to the delivery time-out.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] for a record that no topic takes; [`ErrorKind::Unavailable`] when no room was made in
    /// time; otherwise by kind.
    pub fn produce(&mut self, topic: TopicHandle, record: &OutgoingRecord<'_>, token: u64) -> Result<(), Error> {
        self.sender.produce(topic, record, token, self.produce_wait)
    }

    /// What became of records since the last call, waiting up to `wait` for the first.
    pub fn deliveries(&mut self, wait: Duration) -> Vec<Delivery> {
        self.sender.client().serve(wait);
        self.collect()
    }

    fn collect(&self) -> Vec<Delivery> {
        let reports = self.sender.deliveries().take_reports();
        reports
            .into_iter()
            .map(|report| {
                let place = || Ok((Partition::from_wire(report.partition)?, Offset::new(report.offset)?));
                Delivery { token: report.token, result: report.error.map_or_else(place, Err) }
            })
            .collect()
    }

    /// Waits until nothing is in flight, and answers with what became of the records since the last call.
    ///
    /// # Errors
    /// [`ErrorKind::TimedOut`] when records are still in flight at the deadline; their deliveries come with later calls.
    pub fn flush(&mut self, deadline: Duration) -> Result<Vec<Delivery>, Error> {
        let deadline = Deadline::after(deadline);
        while self.in_flight() > 0 {
            // SAFETY: the client is alive; reports are served inside, and it returns when the last has come.
            unsafe { sys::rd_kafka_flush(self.sender.client().as_ptr(), millis(deadline.left())) };
            if self.in_flight() > 0 && deadline.has_passed() {
                return Err(Error::new(
                    ErrorKind::TimedOut,
                    format!("{} records were not acknowledged in time", self.in_flight()),
                ));
            }
        }
        Ok(self.collect())
    }

    /// How many records are not acknowledged yet.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        self.sender.deliveries().in_flight()
    }
}
