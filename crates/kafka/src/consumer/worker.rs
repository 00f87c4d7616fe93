#![allow(unsafe_code, reason = "the poll loop works on librdkafka's messages in place")]

use std::ffi::CStr;
use std::ops::{Deref, Range};
use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use rdkafka_sys as sys;

use super::callbacks::{self, Callbacks};
use super::handle::ConsumerHandle;
use super::handler::{ConsumerHandler, Next, Polled};
use super::record::Record;
use crate::native::{Client, PartitionList, check, code_of, error_of_code, millis, text_at};
use crate::{ConnectionSettings, Error, ErrorKind, Isolation};

/// A member learns of a rebalance with its next heartbeat, and one that joins waits for all others to have learnt of it.
const HEARTBEAT_INTERVAL_MS_MAX: u32 = 500;

/// Who paces a group's rebalances.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupProtocol {
    /// The clients, cooperatively (KIP-429): a static member that restarts has its partitions back at once.
    #[default]
    Classic,
    /// The broker (KIP-848). A static member that was killed is refused until its session has timed out.
    Consumer,
}

/// What one worker's consumer needs to know; times in milliseconds.
#[derive(Debug, Clone)]
pub struct WorkerConsumerSettings {
    /// The group: `application.id`.
    pub group_id: String,
    /// `group.instance.id`: the worker's stable name, by which a restart moves nothing.
    pub instance_id: Option<String>,
    /// Who paces rebalances.
    pub protocol: GroupProtocol,
    /// After how long without a heartbeat the group takes the partitions away.
    pub session_timeout_ms: u32,
    /// After how long without a poll the member leaves.
    pub max_poll_interval_ms: u32,
    /// How much may be fetched ahead, in KiB, for all partitions together.
    pub prefetch_kbytes: u32,
    /// Which records are handed out. Only with read_committed are committed offsets sure to be stable.
    pub isolation: Isolation,
}

impl WorkerConsumerSettings {
    /// Settings for a member of a group, as the platform runs it.
    #[must_use]
    pub fn new(group_id: &str) -> Self {
        Self {
            group_id: group_id.to_owned(),
            instance_id: None,
            protocol: GroupProtocol::Classic,
            session_timeout_ms: 45_000,
            max_poll_interval_ms: 300_000,
            prefetch_kbytes: 16 * 1024,
            isolation: Isolation::ReadCommitted,
        }
    }
}

/// One member of a group, for one OS thread. It never commits by itself and never chooses an offset by itself.
pub struct WorkerConsumer {
    // Before the client, which must outlive it.
    batch: Batch,
    handle: ConsumerHandle,
    callbacks: Arc<Callbacks>,
}

impl WorkerConsumer {
    /// Makes the consumer; it joins its group when it has subscribed and is polled.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for settings that can't work.
    pub fn new(connection: &ConnectionSettings, settings: &WorkerConsumerSettings) -> Result<Self, Error> {
        let mut required = vec![
            ("group.id", settings.group_id.clone()),
            ("isolation.level", settings.isolation.as_str().to_owned()),
            // A task with state must never be sent elsewhere silently: an offset out of range is an error.
            ("auto.offset.reset", "error".to_owned()),
            ("max.poll.interval.ms", settings.max_poll_interval_ms.to_string()),
        ];
        if let Some(instance) = &settings.instance_id {
            required.push(("group.instance.id", instance.clone()));
        }
        match settings.protocol {
            GroupProtocol::Classic => {
                required.push(("group.protocol", "classic".to_owned()));
                required.push(("partition.assignment.strategy", "cooperative-sticky".to_owned()));
                required.push(("session.timeout.ms", settings.session_timeout_ms.to_string()));
                let heartbeat_ms = (settings.session_timeout_ms / 10).clamp(100, HEARTBEAT_INTERVAL_MS_MAX);
                required.push(("heartbeat.interval.ms", heartbeat_ms.to_string()));
            }
            GroupProtocol::Consumer => required.push(("group.protocol", "consumer".to_owned())),
        }
        Self::open(connection, settings.prefetch_kbytes, &required)
    }

    /// Opens a client.
    pub(super) fn open(
        connection: &ConnectionSettings,
        prefetch_kbytes: u32,
        required: &[(&str, String)],
    ) -> Result<Self, Error> {
        // Small records count with the 400 bytes that librdkafka takes for each.
        let messages_max = prefetch_kbytes.saturating_mul(2).clamp(1_000, 100_000);
        // One answer must not overrun what may be fetched ahead.
        let fetch_bytes = prefetch_kbytes.saturating_mul(1024).clamp(1 << 20, 50 << 20);
        let chosen = [
            ("fetch.max.bytes", fetch_bytes.to_string()),
            ("fetch.wait.max.ms", "100".to_owned()),
            ("fetch.queue.backoff.ms", "5".to_owned()),
            ("fetch.error.backoff.ms", "100".to_owned()),
            ("retry.backoff.ms", "20".to_owned()),
            ("queued.min.messages", messages_max.to_string()),
            ("queued.max.messages.kbytes", prefetch_kbytes.max(64).to_string()),
            ("topic.metadata.refresh.interval.ms", "30000".to_owned()),
        ];
        let mut all = vec![
            ("enable.auto.commit", "false".to_owned()),
            ("enable.auto.offset.store", "false".to_owned()),
            ("enable.partition.eof", "true".to_owned()),
            ("allow.auto.create.topics", "false".to_owned()),
        ];
        all.extend(required.iter().cloned());
        let mut config = connection.native(&chosen, &all)?;
        let callbacks = Arc::new(Callbacks::default());
        config.set_opaque(Arc::as_ptr(&callbacks).cast_mut().cast());
        // SAFETY: the configuration is alive; the callbacks get the `Callbacks` set above, which the client keeps.
        unsafe {
            sys::rd_kafka_conf_set_rebalance_cb(config.as_ptr(), Some(callbacks::rebalance));
            sys::rd_kafka_conf_set_error_cb(config.as_ptr(), Some(callbacks::error));
        }
        let client = Client::new(sys::rd_kafka_type_t::RD_KAFKA_CONSUMER, config, Box::new(Arc::clone(&callbacks)))?;
        let client = Arc::new(client);
        callbacks.belong_to(Arc::downgrade(&client));
        // SAFETY: the client is alive; its general events are served by the same poll as its records from here on.
        check(unsafe { sys::rd_kafka_poll_set_consumer(client.as_ptr()) }, "the consumer cannot be made")?;
        let batch = Batch::new(&client)?;
        let handle = ConsumerHandle::new(client, Arc::clone(&callbacks.standings));
        Ok(Self { batch, handle, callbacks })
    }

    /// What can be asked besides polling, to be kept elsewhere.
    #[must_use]
    pub const fn handle(&self) -> &ConsumerHandle {
        &self.handle
    }

    /// Joins the group for these topics: the anchors.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for an empty list.
    pub fn subscribe(&mut self, topics: &[TopicName]) -> Result<(), Error> {
        if topics.is_empty() {
            return Err(Error::invalid("there is no topic to subscribe to"));
        }
        let list = PartitionList::of_topics(topics)?;
        // SAFETY: the client and the list are alive; the list is copied.
        check(unsafe { sys::rd_kafka_subscribe(self.handle.client().as_ptr(), list.as_ptr()) }, "subscribe failed")
    }

    /// Serves rebalances and hands over up to `records_max` records, waiting up to `wait` for the first; or until another
    /// thread [wakes](ConsumerHandle::wake) it.
    ///
    /// # Errors
    /// [`ErrorKind::Fenced`] when another client uses the same instance id, [`ErrorKind::Fatal`] when the consumer is
    /// unusable, [`ErrorKind::Rebalanced`] when a rebalance could not be carried out, another kind when an offset lies
    /// outside of its partition; what passes by itself is in [`Polled::errors`].
    pub fn poll(
        &mut self,
        wait: Duration,
        records_max: usize,
        handler: &mut dyn ConsumerHandler,
    ) -> Result<Polled, Error> {
        let callbacks = Arc::clone(&self.callbacks);
        let mut polled = callbacks.with_handler(handler, || self.poll_inside(wait, records_max));
        polled.errors.append(&mut callbacks.take_errors());
        if let Some(error) = callbacks.take_failed() {
            return Err(error);
        }
        let is_final = |error: &&Error| matches!(error.kind(), ErrorKind::Fatal | ErrorKind::Fenced);
        if let Some(error) = polled.errors.iter().find(is_final) {
            return Err(self.handle.client().fatal_error().unwrap_or_else(|| error.clone()));
        }
        // Nobody fetches such a partition any more, so it is no warning.
        if let Some(error) = polled.errors.iter().find(|error| error.code() == Some(OUT_OF_RANGE)) {
            return Err(error.clone().context("an offset to fetch from lies outside of its partition"));
        }
        Ok(polled)
    }

    fn poll_inside(&mut self, wait: Duration, records_max: usize) -> Polled {
        let mut polled = Polled::default();
        let mut wait_ms = millis(wait);
        while polled.records < records_max && !self.callbacks.has_panicked() {
            // librdkafka waits for a whole batch as long as it may: the first message alone is waited for.
            // SAFETY: the client is alive; what is returned is ours to destroy.
            let message = unsafe { sys::rd_kafka_consumer_poll(self.handle.client().as_ptr(), wait_ms) };
            let Some(message) = std::ptr::NonNull::new(message) else {
                polled.drained = true;
                break;
            };
            let assignments = self.handle.standings().assignments();
            if self.give(vec![Message(message)], assignments, &mut polled) == Next::Stop
                || self.take_batch(records_max, &mut polled) == Next::Stop
            {
                break;
            }
            wait_ms = 0;
        }
        polled
    }

    /// Gives a batch of what is there to the handler: one lock for all of them, and half of the time for each.
    fn take_batch(&mut self, records_max: usize, polled: &mut Polled) -> Next {
        let assignments = self.handle.standings().assignments();
        let batch = &mut self.batch;
        let room = batch.messages.len().min(records_max.saturating_sub(polled.records));
        // SAFETY: the queue belongs to the client, which is alive; the array has that much room, and what is written to
        // it is ours to destroy.
        let count = unsafe { sys::rd_kafka_consume_batch_queue(batch.queue.0, 0, batch.messages.as_mut_ptr(), room) };
        let messages = batch.taken(usize::try_from(count).unwrap_or(0));
        self.give(messages, assignments, polled)
    }

    /// Gives messages to the handler that were taken since this count of assignments. All of them: what was left for later
    /// could be outdated by then.
    fn give(&self, messages: Vec<Message>, assignments: u64, polled: &mut Polled) -> Next {
        let strangers = self.count(&messages, assignments);
        let mut next = Next::Continue;
        for (at, message) in messages.into_iter().enumerate() {
            let is_strange = strangers.iter().any(|run| run.contains(&at));
            if !is_strange && self.take(&message, polled) == Next::Stop {
                next = Next::Stop;
            }
        }
        next
    }

    /// Counts messages as handed out, a run of one partition at a time. Answers with those that are of no partition that is
    /// assigned, or of one that was assigned while they were taken: such a partition is read from its start again.
    fn count(&self, messages: &[Message], assignments: u64) -> Vec<Range<usize>> {
        let mut standings = self.handle.standings();
        let (mut strangers, mut begin) = (Vec::new(), 0);
        while let Some(first) = messages.get(begin) {
            let run = messages[begin..].iter().take_while(|other| other.is_of_partition_of(first)).count();
            let run = begin..begin + run;
            let next = messages[run.clone()].iter().rev().find_map(Message::next_offset);
            let known = first
                .place()
                .zip(next)
                .is_none_or(|((topic, partition), next)| standings.passed(topic, partition, next, assignments));
            begin = run.end;
            if !known {
                strangers.push(run);
            }
        }
        if standings.assignments() != assignments {
            let starts = standings.assigned_after(assignments);
            drop(standings);
            if let Err(error) = self.handle.seek_where_it_is(&starts) {
                self.callbacks.fail(&error);
            }
        }
        strangers
    }

    /// Gives a message to the handler.
    fn take(&self, message: &Message, polled: &mut Polled) -> Next {
        match message.code() {
            0 => {
                polled.records += 1;
                // SAFETY: no error, and the message lives until the end of this turn.
                let record = unsafe { Record::new(message.0.as_ptr()) };
                return self.callbacks.ask(|handler| handler.record(&record)).unwrap_or(Next::Stop);
            }
            EOF => {
                if let Some((partition, position)) = message.end() {
                    self.callbacks.ask(|handler| handler.end(&partition, position));
                }
            }
            code => polled.errors.push(message.error(code)),
        }
        Next::Continue
    }

    /// Ends the membership: the handler is asked to give back what is left. A static member keeps its partitions
    /// reserved until its session times out; hand them over at once with [`leave_group`](super::leave_group) after it.
    ///
    /// # Errors
    /// What librdkafka answers, by kind.
    pub fn close(self, handler: &mut dyn ConsumerHandler) -> Result<(), Error> {
        let client = Arc::clone(self.handle.client());
        self.callbacks.with_handler(handler, || {
            // SAFETY: the client is alive; the call serves rebalances until the member is out.
            check(unsafe { sys::rd_kafka_consumer_close(client.as_ptr()) }, "the consumer cannot be closed")
        })
    }
}

impl Deref for WorkerConsumer {
    type Target = ConsumerHandle;
    fn deref(&self) -> &ConsumerHandle {
        &self.handle
    }
}

/// Messages that are taken out of librdkafka's queue at a time, with one lock for all of them.
const BATCH_MESSAGES_MAX: usize = 512;

const OUT_OF_RANGE: i32 = code_of(sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET);
const EOF: i32 = code_of(sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__PARTITION_EOF);

/// The consumer's queue of records and events.
struct ConsumerQueue(*mut sys::rd_kafka_queue_t);

// SAFETY: librdkafka's queues may be used from any thread; the handle is destroyed once.
unsafe impl Send for ConsumerQueue {}

impl ConsumerQueue {
    fn of(client: &Client) -> Result<Self, Error> {
        // SAFETY: the client is alive; the handle is ours to destroy.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(client.as_ptr()) };
        if queue.is_null() {
            Err(Error::invalid("the consumer has no queue: it needs a group"))
        } else {
            Ok(Self(queue))
        }
    }
}

impl Drop for ConsumerQueue {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once, before the client.
        unsafe { sys::rd_kafka_queue_destroy(self.0) }
    }
}

/// Messages that are taken together.
struct Batch {
    queue: ConsumerQueue,
    messages: Vec<*mut sys::rd_kafka_message_t>,
}

// SAFETY: the pointers are written and read within one poll; between polls they are dead.
unsafe impl Send for Batch {}

impl Batch {
    fn new(client: &Client) -> Result<Self, Error> {
        Ok(Self { queue: ConsumerQueue::of(client)?, messages: vec![std::ptr::null_mut(); BATCH_MESSAGES_MAX] })
    }

    /// The first `count` messages, owned: each is destroyed when its turn is over, all of them whatever happens.
    fn taken(&self, count: usize) -> Vec<Message> {
        self.messages.iter().take(count).filter_map(|message| std::ptr::NonNull::new(*message)).map(Message).collect()
    }
}

/// An owned message: a record, or an event about a partition.
struct Message(std::ptr::NonNull<sys::rd_kafka_message_t>);

impl Message {
    /// The code as a number, since a broker may know more than the binding's enum.
    fn code(&self) -> i32 {
        // SAFETY: the message is alive until drop.
        unsafe { std::ptr::addr_of!((*self.0.as_ptr()).err).cast::<i32>().read() }
    }

    /// The topic's name and the partition; None for what concerns no partition.
    fn place(&self) -> Option<(&str, Partition)> {
        // SAFETY: the message is alive until drop; its topic is null for what concerns no partition, and has a
        // zero-terminated name that lives as long otherwise.
        unsafe {
            let message = self.0.as_ptr();
            if (*message).rkt.is_null() {
                return None;
            }
            let topic = CStr::from_ptr(sys::rd_kafka_topic_name((*message).rkt)).to_str().ok()?;
            Some((topic, Partition::from_wire((*message).partition).ok()?))
        }
    }

    fn is_of_partition_of(&self, other: &Self) -> bool {
        // SAFETY: both messages are alive until drop; the topics are only compared by their addresses.
        unsafe {
            let (one, other) = (self.0.as_ptr(), other.0.as_ptr());
            (*one).rkt == (*other).rkt && (*one).partition == (*other).partition
        }
    }

    /// The offset of what comes behind a record, or at the end that is reported.
    fn next_offset(&self) -> Option<Offset> {
        // SAFETY: the message is alive until drop.
        let offset = Offset::new(unsafe { (*self.0.as_ptr()).offset }).ok()?;
        match self.code() {
            0 => Some(offset.next()),
            EOF => Some(offset),
            _ => None,
        }
    }

    fn partition(&self) -> Option<TopicPartition> {
        let (topic, partition) = self.place()?;
        Some(TopicPartition::new(TopicName::new(topic).ok()?, partition))
    }

    fn end(&self) -> Option<(TopicPartition, Offset)> {
        self.partition().zip(self.next_offset())
    }

    fn error(&self, code: i32) -> Error {
        // SAFETY: the message is alive until drop, and its text with it.
        let reason = unsafe { text_at(sys::rd_kafka_message_errstr(self.0.as_ptr())) };
        let error = error_of_code(code, Some(&reason));
        match self.partition() {
            Some(partition) => error.context(partition),
            None => error,
        }
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_message_destroy(self.0.as_ptr()) }
    }
}
