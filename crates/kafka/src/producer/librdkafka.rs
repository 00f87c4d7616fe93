#![allow(unsafe_code, reason = "librdkafka's transactional calls, without the waits that rdkafka puts around them")]

use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use rdkafka_sys as sys;

use super::deliveries::{Delivered, Written};
use super::outcome::Outcome;
use super::record::OutgoingRecord;
use super::sender::{Sender, TopicHandle};
use super::transactional::TransactionalProducerSettings;
use super::watchdog::Watchdog;
use crate::admin::offsets::ends_on;
use crate::clock::Deadline;
use crate::native::{NativeError, PartitionList, millis};
use crate::{ConnectionSettings, Error, ErrorKind, GroupMetadata, Isolation, OffsetToCommit};

/// A transactional producer on librdkafka; the calls are those of [`TransactionalProducer`](crate::TransactionalProducer).
pub(in crate::producer) struct LibrdkafkaProducer {
    pub(super) sender: Sender,
    watchdog: Watchdog,
    connection: ConnectionSettings,
    settings: TransactionalProducerSettings,
}

impl LibrdkafkaProducer {
    /// Makes the producer; `initialize` comes next.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for settings that can't work.
    pub(in crate::producer) fn new(
        connection: &ConnectionSettings,
        settings: &TransactionalProducerSettings,
    ) -> Result<Self, Error> {
        let sender = Self::open(connection, settings)?;
        Ok(Self {
            watchdog: Watchdog::start(Arc::clone(sender.callbacks()))?,
            sender,
            connection: connection.clone(),
            settings: settings.clone(),
        })
    }

    fn open(connection: &ConnectionSettings, settings: &TransactionalProducerSettings) -> Result<Sender, Error> {
        let timeout_ms = settings.transaction_timeout_ms;
        let chosen = [
            ("linger.ms", settings.linger_ms.to_string()),
            ("retry.backoff.ms", settings.retry_backoff_ms.max(1).to_string()),
            ("retry.backoff.max.ms", "200".to_owned()),
            ("queue.buffering.max.kbytes", settings.queue_kbytes.max(1024).to_string()),
            ("queue.buffering.max.messages", "1000000".to_owned()),
            // The topics' own limits decide, and are checked before; librdkafka's would be one for all.
            ("message.max.bytes", "33554432".to_owned()),
        ];
        let required = [
            ("transactional.id", settings.transactional_id.clone()),
            ("transaction.timeout.ms", timeout_ms.to_string()),
            ("partitioner", "murmur2_random".to_owned()),
        ];
        Sender::new(connection.native(&chosen, &required)?, false)
    }

    /// Fences every older producer of this transactional id, and ends its open transaction. Once, before all else.
    pub(in crate::producer) fn initialize(&mut self, deadline: Duration) -> Outcome {
        self.repeat("transactions cannot be initialised", deadline, |client, wait_ms| {
            // SAFETY: the client is alive.
            unsafe { sys::rd_kafka_init_transactions(client, wait_ms) }
        })
    }

    /// Begins a transaction. It costs nothing until something is produced.
    pub(in crate::producer) fn begin(&mut self) -> Outcome {
        self.sender.deliveries().clear();
        self.sender.callbacks().registrations.clear();
        // SAFETY: the client is alive; the error that is returned is ours.
        let error = unsafe { NativeError::take(sys::rd_kafka_begin_transaction(self.sender.client().as_ptr())) };
        error.map_or(Outcome::Done, |error| Outcome::of(&error, "no transaction can be begun"))
    }

    /// A handle for a topic, to produce with.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when librdkafka refuses the topic.
    pub(in crate::producer) fn topic(&mut self, name: &TopicName) -> Result<TopicHandle, Error> {
        self.sender.topic(name)
    }

    /// Copies a record into the queue. When the queue is full it waits for room, up to the transaction's time-out.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] for a record that no topic takes; [`ErrorKind::Unavailable`] when no room was made in
    /// time; other kinds mean that the transaction has failed.
    pub(in crate::producer) fn produce(
        &mut self,
        topic: TopicHandle,
        record: &OutgoingRecord<'_>,
        wait: Duration,
    ) -> Result<(), Error> {
        self.sender.produce(topic, record, 0, wait)
    }

    /// Waits until nothing is in flight.
    pub(in crate::producer) fn flush(&mut self, deadline: Duration) -> Outcome {
        let deadline = Deadline::after(deadline);
        while self.in_flight() > 0 {
            // SAFETY: the client is alive; reports are served inside, and it returns when the last has come.
            unsafe { sys::rd_kafka_flush(self.sender.client().as_ptr(), millis(deadline.left())) };
            if self.in_flight() > 0 && deadline.has_passed() {
                return Outcome::Unknown(Error::new(
                    ErrorKind::TimedOut,
                    format!("{} records were not acknowledged in time", self.in_flight()),
                ));
            }
        }
        match self.delivered().first_error {
            None => Outcome::Done,
            Some(error) => self
                .fatal()
                .unwrap_or_else(|| Outcome::Abortable(error.context("a record of the transaction was not written"))),
        }
    }

    /// Adds consumed positions to the transaction, checked against the group's generation. An empty list and credentials
    /// of no member are refused, since the broker would check nothing, and let a zombie commit.
    pub(in crate::producer) fn send_offsets(
        &mut self,
        offsets: &[OffsetToCommit],
        group: &GroupMetadata,
        deadline: Duration,
    ) -> Outcome {
        let mut list = PartitionList::new(offsets.len());
        for commit in offsets {
            if let Err(error) = list.push(&commit.partition, commit.offset.get(), Some(&commit.metadata)) {
                return Outcome::Abortable(error);
            }
        }
        self.repeat("offsets cannot be added to the transaction", deadline, |client, wait_ms| {
            // SAFETY: the client, the list and the metadata are alive; both are copied.
            let send =
                || unsafe { sys::rd_kafka_send_offsets_to_transaction(client, list.as_ptr(), group.as_ptr(), wait_ms) };
            self.watchdog.during(send)
        })
    }

    /// Commits: waits for all records, then ends the transaction. After [`Outcome::Unknown`] it may be called again to
    /// go on waiting, as long as nothing else is called.
    pub(in crate::producer) fn commit(&mut self, deadline: Duration) -> Outcome {
        let deadline = Deadline::after(deadline);
        match self.flush(deadline.left()) {
            Outcome::Done => {}
            failed => return failed,
        }
        self.repeat("the transaction cannot be committed", deadline.left(), |client, wait_ms| {
            // SAFETY: the client is alive.
            unsafe { sys::rd_kafka_commit_transaction(client, wait_ms) }
        })
    }

    /// Aborts: throws away what was not sent, and ends the transaction. Only after [`Outcome::Done`] may anyone rewind.
    pub(in crate::producer) fn abort(&mut self, deadline: Duration) -> Outcome {
        self.repeat("the transaction cannot be aborted", deadline, |client, wait_ms| {
            // SAFETY: the client is alive.
            unsafe { sys::rd_kafka_abort_transaction(client, wait_ms) }
        })
    }

    /// Calls until it is done, the deadline has passed, or calling again can't help.
    fn repeat(
        &self,
        failed: &str,
        deadline: Duration,
        call: impl Fn(*mut sys::rd_kafka_t, i32) -> *mut sys::rd_kafka_error_t,
    ) -> Outcome {
        let deadline = Deadline::after(deadline);
        loop {
            let raw = call(self.sender.client().as_ptr(), millis(deadline.left()).max(1));
            // SAFETY: what a transactional call returns is ours.
            let Some(error) = (unsafe { NativeError::take(raw) }) else { return Outcome::Done };
            if !error.is_retriable() || error.is_fatal() || error.requires_abort() || deadline.has_passed() {
                return match Outcome::of(&error, failed) {
                    Outcome::Fatal(error) if deadline.has_passed() && error.is_retriable() => Outcome::Unknown(error),
                    outcome => outcome,
                };
            }
            self.sender.client().serve(Duration::from_millis(1));
        }
    }

    fn fatal(&self) -> Option<Outcome> {
        let error = self.sender.client().fatal_error()?;
        Some(if error.kind() == ErrorKind::Fenced { Outcome::Fenced(error) } else { Outcome::Fatal(error) })
    }

    /// How many records are not acknowledged yet.
    pub(in crate::producer) fn in_flight(&self) -> u64 {
        self.sender.deliveries().in_flight()
    }

    /// What became of the records since the transaction was begun.
    pub(in crate::producer) fn delivered(&self) -> Delivered {
        self.sender.deliveries().delivered()
    }

    /// What this transaction wrote to a partition; complete after a flush. None for nothing.
    pub(in crate::producer) fn written(&self, topic: TopicHandle, partition: Partition) -> Option<Written> {
        self.sender.deliveries().written(topic.index(), partition)
    }

    /// The last offsets that this transaction wrote, of all partitions; complete after a flush.
    pub(in crate::producer) fn last_offsets(&self) -> Vec<(TopicPartition, Offset)> {
        self.sender.topics().flat_map(|(number, name)| self.sender.deliveries().last_offsets(number, name)).collect()
    }

    /// The ends of partitions, asked of their leaders: high watermarks, or last stable offsets. A worker asks here and
    /// not its consumer, since brokers answer one connection's requests in order, and on a consumer's a fetch may be
    /// waiting for records.
    ///
    /// # Errors
    /// The first partition that has no answer, by kind.
    pub(in crate::producer) fn ends(
        &self,
        partitions: &[TopicPartition],
        isolation: Isolation,
        deadline: Duration,
    ) -> Result<Vec<(TopicPartition, Offset)>, Error> {
        ends_on(self.sender.client(), partitions, isolation, deadline)
    }

    /// Why this producer should be renewed before the next transaction, after this one has ended:
    ///
    /// - A connection broke or a request timed out in this transaction. librdkafka repeats requests by itself, and under
    ///   the old transaction protocol a late twin of EndTxn or AddPartitionsToTxn would hit the *next* transaction.
    /// - A broker has rejected a record. librdkafka does not take its sequence number back, so the next batch to that
    ///   partition would be out of order, and cost one more abort.
    pub(in crate::producer) fn renewal_reason(&self) -> Option<Error> {
        self.sender.deliveries().rejection().or_else(|| self.sender.deliveries().connection_error())
    }

    /// Whether this transaction was begun too early: the markers of the one before it were not all written, so the broker
    /// refused its partitions, and librdkafka waited for 20 ms before it asked again. Complete after a flush.
    pub(in crate::producer) fn was_early(&self) -> bool {
        self.sender.callbacks().registrations.were_refused()
    }

    /// Drops the client and everything it had in flight, makes a new one under the same transactional id, and
    /// initialises it: what was in flight is fenced, and an open transaction is aborted. Topic handles stay valid.
    pub(in crate::producer) fn renew(&mut self, deadline: Duration) -> Outcome {
        let names: Vec<_> = self.sender.topics().map(|(_, name)| name.clone()).collect();
        let renewed = Self::open(&self.connection, &self.settings).and_then(|mut sender| {
            names.iter().try_for_each(|name| sender.topic(name).map(|_| ()))?;
            Ok(sender)
        });
        match renewed {
            Ok(sender) => {
                self.sender = sender;
                self.initialize(deadline)
            }
            Err(error) => Outcome::Fatal(error),
        }
    }

    /// The name of a topic by its handle.
    pub(in crate::producer) fn topic_name(&self, topic: TopicHandle) -> Option<&TopicName> {
        self.sender.topic_name(topic)
    }
}
