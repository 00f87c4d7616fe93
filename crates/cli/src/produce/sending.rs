use std::time::Duration;

use headwater_kafka::{ConnectionSettings, Delivery, OutgoingRecord, Producer, ProducerSettings, TopicHandle};
use headwater_log::{Headers, Partition, TopicName};

use super::Totals;
use super::lines::Line;
use crate::Error;

/// Records in flight before deliveries are looked at.
const LOOK_EVERY: u64 = 256;

/// Sends records and accounts for every one of them; a delivery's token is the line's number.
pub struct Sending {
    producer: Producer,
    topic: TopicHandle,
    partition: Option<Partition>,
    headers: Headers,
    sent: u64,
    totals: Totals,
}

impl Sending {
    /// A producer for one topic.
    ///
    /// # Errors
    /// Usage for settings that can't work.
    pub fn new(
        connection: &ConnectionSettings,
        topic: &TopicName,
        partition: Option<Partition>,
        headers: Headers,
    ) -> Result<Self, Error> {
        let mut producer = Producer::new(connection, &ProducerSettings::default())?;
        let topic = producer.topic(topic)?;
        Ok(Self { producer, topic, partition, headers, sent: 0, totals: Totals::default() })
    }

    /// Records that the cluster has acknowledged so far.
    pub const fn delivered(&self) -> u64 {
        self.totals.delivered
    }

    /// Queues a line; failures of this one and of earlier ones are told to `failed`.
    pub fn send(&mut self, line_number: u64, line: &Line<'_>, mut failed: impl FnMut(&str)) {
        let record = OutgoingRecord {
            partition: self.partition,
            key: line.key.as_deref(),
            value: Some(line.value),
            headers: (!self.headers.is_empty()).then_some(&self.headers),
            timestamp_ms: None,
        };
        if let Err(error) = self.producer.produce(self.topic, &record, line_number) {
            self.totals.failed += 1;
            failed(&format!("line {line_number}: {error}"));
        }
        self.sent += 1;
        if self.sent.is_multiple_of(LOOK_EVERY) {
            let deliveries = self.producer.deliveries(Duration::ZERO);
            self.account(deliveries, &mut failed);
        }
    }

    /// Waits until each record is delivered or has failed; the delivery time-out bounds that.
    pub fn finish(&mut self, mut failed: impl FnMut(&str)) -> Totals {
        /// Longer than any record's delivery time-out.
        const ROUNDS_MAX: usize = 120;
        for _ in 0..ROUNDS_MAX {
            if self.producer.in_flight() == 0 {
                break;
            }
            let deliveries = self.producer.flush(Duration::from_millis(500)).unwrap_or_default();
            self.account(deliveries, &mut failed);
        }
        let deliveries = self.producer.deliveries(Duration::ZERO);
        self.account(deliveries, &mut failed);
        let unknown = self.producer.in_flight();
        if unknown > 0 {
            self.totals.failed += unknown;
            failed(&format!(
                "{unknown} records were not acknowledged in time: whether the cluster has them is not known"
            ));
        }
        self.totals
    }

    fn account(&mut self, deliveries: Vec<Delivery>, failed: &mut impl FnMut(&str)) {
        for delivery in deliveries {
            match delivery.result {
                Ok(_) => self.totals.delivered += 1,
                Err(error) => {
                    self.totals.failed += 1;
                    failed(&format!("line {}: {error}", delivery.token));
                }
            }
        }
    }
}
