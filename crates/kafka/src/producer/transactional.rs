use std::time::Duration;

use headwater_log::{Offset, Partition, TopicName, TopicPartition};

use super::deliveries::{Delivered, Written};
use super::direct::DirectProducer;
use super::librdkafka::LibrdkafkaProducer;
use super::outcome::Outcome;
use super::record::OutgoingRecord;
use super::sender::TopicHandle;
use crate::{ConnectionSettings, Error, ErrorKind, GroupMetadata, Isolation, OffsetToCommit};

/// Who speaks to the brokers on behalf of a transactional producer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProducerEngine {
    /// This crate itself where it can, which is a fraction of the requests; librdkafka on connections with TLS or SASL,
    /// and where a property was given that only librdkafka knows.
    #[default]
    Auto,
    /// This crate itself, or an error.
    Direct,
    /// librdkafka.
    Librdkafka,
}

impl ProducerEngine {
    /// By its name: `auto`, `direct` or `librdkafka`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for another name.
    pub fn parse(name: &str) -> Result<Self, Error> {
        match name {
            "auto" => Ok(Self::Auto),
            "direct" => Ok(Self::Direct),
            "librdkafka" => Ok(Self::Librdkafka),
            other => Err(Error::invalid(format!("producer engine {other:?}: use auto, direct or librdkafka"))),
        }
    }
}

/// The longest that a transaction may stay open: what is read as committed waits for it.
const TRANSACTION_TIMEOUT_MS_MAX: u32 = 10_000;

/// What one worker's producer needs to know; times in milliseconds.
#[derive(Debug, Clone)]
pub struct TransactionalProducerSettings {
    /// The worker's stable name, by which a new producer fences the old one.
    pub transactional_id: String,
    /// After how long the broker aborts an open transaction; at most 10 s.
    pub transaction_timeout_ms: u32,
    /// librdkafka: how long records wait for company in a batch; a flush does not wait.
    pub linger_ms: u32,
    /// librdkafka: how long before a request that must be repeated is, at first.
    pub retry_backoff_ms: u32,
    /// librdkafka: how much may wait to be sent, in KiB.
    pub queue_kbytes: u32,
    /// Who speaks to the brokers.
    pub engine: ProducerEngine,
}

impl TransactionalProducerSettings {
    /// Settings for a worker, as the platform runs it.
    #[must_use]
    pub fn new(transactional_id: &str) -> Self {
        Self {
            transactional_id: transactional_id.to_owned(),
            transaction_timeout_ms: TRANSACTION_TIMEOUT_MS_MAX,
            linger_ms: 5,
            retry_backoff_ms: 5,
            queue_kbytes: 64 * 1024,
            engine: ProducerEngine::default(),
        }
    }
}

/// A transactional producer for one OS thread (KIP-98, KIP-447). All calls block, each up to its deadline.
pub struct TransactionalProducer {
    engine: Engine,
    produce_wait: Duration,
}

enum Engine {
    Direct(Box<DirectProducer>),
    Librdkafka(Box<LibrdkafkaProducer>),
}

/// Passes a call on to whichever engine there is.
macro_rules! engine {
    ($self:ident, $engine:ident => $call:expr) => {
        match &mut $self.engine {
            Engine::Direct($engine) => $call,
            Engine::Librdkafka($engine) => $call,
        }
    };
    (ref $self:ident, $engine:ident => $call:expr) => {
        match &$self.engine {
            Engine::Direct($engine) => $call,
            Engine::Librdkafka($engine) => $call,
        }
    };
}

impl TransactionalProducer {
    /// Makes the producer; [`initialize`](Self::initialize) comes next.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for settings that can't work.
    pub fn new(connection: &ConnectionSettings, settings: &TransactionalProducerSettings) -> Result<Self, Error> {
        let timeout_ms = settings.transaction_timeout_ms;
        if !(1_000..=TRANSACTION_TIMEOUT_MS_MAX).contains(&timeout_ms) {
            return Err(Error::invalid(format!(
                "transaction time-out {timeout_ms} ms: use 1000 to {TRANSACTION_TIMEOUT_MS_MAX}, since readers wait \
                 for open transactions"
            )));
        }
        let is_direct = match (settings.engine, only_librdkafka_knows(connection)) {
            (ProducerEngine::Librdkafka, _) | (ProducerEngine::Auto, Some(_)) => false,
            (ProducerEngine::Direct | ProducerEngine::Auto, None) => true,
            (ProducerEngine::Direct, Some(property)) => {
                return Err(Error::invalid(format!(
                    "the direct producer does not know property {property}: use the engine auto or librdkafka"
                )));
            }
        };
        let engine = if is_direct {
            let client_id = connection.property("client.id").unwrap_or("headwater");
            Engine::Direct(Box::new(DirectProducer::new(connection.bootstrap_servers(), client_id, settings)?))
        } else {
            Engine::Librdkafka(Box::new(LibrdkafkaProducer::new(connection, settings)?))
        };
        Ok(Self { engine, produce_wait: Duration::from_millis(u64::from(timeout_ms)) })
    }

    /// Fences every older producer of this transactional id, and ends its open transaction. Once, before all else.
    pub fn initialize(&mut self, deadline: Duration) -> Outcome {
        engine!(self, engine => engine.initialize(deadline))
    }

    /// Begins a transaction. It costs nothing until something is produced.
    pub fn begin(&mut self) -> Outcome {
        engine!(self, engine => engine.begin())
    }

    /// A handle for a topic, to produce with.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when librdkafka refuses the topic.
    pub fn topic(&mut self, name: &TopicName) -> Result<TopicHandle, Error> {
        match &mut self.engine {
            Engine::Direct(engine) => Ok(engine.topic(name)),
            Engine::Librdkafka(engine) => engine.topic(name),
        }
    }

    /// Copies a record into the queue. When the queue is full it waits for room, up to the transaction's time-out.
    ///
    /// # Errors
    /// [`ErrorKind::TooLarge`] for a record that no topic takes; [`ErrorKind::Unavailable`] when no room was made in
    /// time; other kinds mean that the transaction has failed.
    pub fn produce(&mut self, topic: TopicHandle, record: &OutgoingRecord<'_>) -> Result<(), Error> {
        let wait = self.produce_wait;
        engine!(self, engine => engine.produce(topic, record, wait))
    }

    /// Waits until nothing is in flight.
    pub fn flush(&mut self, deadline: Duration) -> Outcome {
        engine!(self, engine => engine.flush(deadline))
    }

    /// Adds consumed positions to the transaction, checked against the group's generation. An empty list and credentials
    /// of no member are refused, since the broker would check nothing, and let a zombie commit.
    pub fn send_offsets(&mut self, offsets: &[OffsetToCommit], group: &GroupMetadata, deadline: Duration) -> Outcome {
        if offsets.is_empty() {
            return Outcome::Abortable(Error::invalid(
                "a transaction without offsets is not checked against the group's generation: send at least one",
            ));
        }
        if !group.is_member() {
            return Outcome::Abortable(Error::new(
                ErrorKind::Rebalanced,
                format!(
                    "this consumer is in no generation of group {} (generation {}, member {:?})",
                    group.group(),
                    group.generation(),
                    group.member()
                ),
            ));
        }
        engine!(self, engine => engine.send_offsets(offsets, group, deadline))
    }

    /// Commits: waits for all records, then ends the transaction. After [`Outcome::Unknown`] it may be called again to
    /// go on waiting, as long as nothing else is called.
    pub fn commit(&mut self, deadline: Duration) -> Outcome {
        engine!(self, engine => engine.commit(deadline))
    }

    /// Aborts: throws away what was not sent, and ends the transaction. Only after [`Outcome::Done`] may anyone rewind.
    pub fn abort(&mut self, deadline: Duration) -> Outcome {
        engine!(self, engine => engine.abort(deadline))
    }

    /// How many records are not acknowledged yet, of those that were sent.
    #[must_use]
    pub fn in_flight(&self) -> u64 {
        engine!(ref self, engine => engine.in_flight())
    }

    /// What became of the records since the transaction was begun.
    #[must_use]
    pub fn delivered(&self) -> Delivered {
        engine!(ref self, engine => engine.delivered())
    }

    /// The last offset that this transaction wrote to a partition; complete after a flush.
    #[must_use]
    pub fn last_offset(&self, topic: TopicHandle, partition: Partition) -> Option<Offset> {
        self.written(topic, partition)?.last()
    }

    /// What this transaction wrote to a partition; complete after a flush. None for nothing.
    #[must_use]
    pub fn written(&self, topic: TopicHandle, partition: Partition) -> Option<Written> {
        engine!(ref self, engine => engine.written(topic, partition))
    }

    /// The last offsets that this transaction wrote, of all partitions; complete after a flush.
    #[must_use]
    pub fn last_offsets(&self) -> Vec<(TopicPartition, Offset)> {
        engine!(ref self, engine => engine.last_offsets())
    }

    /// The ends of partitions, asked of their leaders: high watermarks, or last stable offsets. A worker asks here and
    /// not its consumer, since brokers answer one connection's requests in order, and on a consumer's a fetch may be
    /// waiting for records.
    ///
    /// # Errors
    /// The first partition that has no answer, by kind.
    pub fn ends(
        &mut self,
        partitions: &[TopicPartition],
        isolation: Isolation,
        deadline: Duration,
    ) -> Result<Vec<(TopicPartition, Offset)>, Error> {
        engine!(self, engine => engine.ends(partitions, isolation, deadline))
    }

    /// Why this producer should be [renewed](Self::renew) before the next transaction, after this one has ended:
    ///
    /// - A connection broke or a request timed out in this transaction. Requests are repeated, and under the old
    ///   transaction protocol a late twin of EndTxn or AddPartitionsToTxn would hit the *next* transaction.
    /// - A broker has rejected a record. Its sequence number is used up on this side alone, so the next batch to that
    ///   partition would be out of order, and cost one more abort.
    #[must_use]
    pub fn renewal_reason(&self) -> Option<Error> {
        engine!(ref self, engine => engine.renewal_reason())
    }

    /// Whether this transaction was begun too early: the markers of the one before it were not all written, so the broker
    /// refused its partitions, and was asked again. Complete after a flush.
    #[must_use]
    pub fn was_early(&self) -> bool {
        engine!(ref self, engine => engine.was_early())
    }

    /// Drops the client and everything it had in flight, makes a new one under the same transactional id, and
    /// initialises it: what was in flight is fenced, and an open transaction is aborted. Topic handles stay valid.
    pub fn renew(&mut self, deadline: Duration) -> Outcome {
        engine!(self, engine => engine.renew(deadline))
    }

    /// The name of a topic by its handle.
    #[must_use]
    pub fn topic_name(&self, topic: TopicHandle) -> Option<&TopicName> {
        engine!(ref self, engine => engine.topic_name(topic))
    }
}

/// A property that was given and that the direct producer could not keep to.
fn only_librdkafka_knows(connection: &ConnectionSettings) -> Option<&str> {
    const OF_OTHERS: [&str; 6] = [
        "client.id",
        "security.protocol",
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
        "topic.metadata.refresh.interval.ms",
    ];
    if !connection.is_plaintext() {
        return Some("security.protocol");
    }
    let is_of_others =
        |name: &str| OF_OTHERS.contains(&name) || name.starts_with("fetch.") || name.starts_with("queued.");
    connection.properties().keys().map(String::as_str).find(|name| !is_of_others(name))
}

#[cfg(test)]
mod tests;
