use bytes::Bytes;
use headwater_event::{Envelope, Message, Timestamp};
use headwater_log::{Headers, Offset, Partition};
use headwater_schema::wire;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::TestDriver;
use super::running::Running;
use crate::schemas::Schemas;
use crate::{Error, Record, StateBase, StoreNumber};

/// A record as a reader of a topic sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Received {
    /// Where it lies.
    pub partition: Partition,
    /// Where it lies.
    pub offset: Offset,
    /// CreateTime.
    pub timestamp: Timestamp,
    /// The key as text; empty for none, U+FFFD for bytes that are none.
    pub key: String,
    /// Its metadata; None for raw records.
    pub envelope: Option<Envelope>,
    /// The type's full name; empty where the record does not say.
    pub message_type: String,
    /// The value as JSON: Avro decoded, JSON parsed, other text as a string, null for a tombstone.
    pub value: Value,
    /// The value as it lies.
    pub bytes: Option<Bytes>,
    /// The headers.
    pub headers: Headers,
}

impl TestDriver {
    /// All records of a topic, partition by partition.
    ///
    /// # Errors
    /// A topic that no topology names.
    pub fn outputs(&self, topic: &str) -> Result<Vec<Received>, Error> {
        let log = self.log(self.find(topic)?)?;
        let partitions = (0..log.partitions()).map(Partition::new);
        Ok(partitions.flat_map(|at| log.from(at, Offset::ZERO).iter().map(move |r| self.received(at, r))).collect())
    }

    /// Records of a topic that this did not give before.
    ///
    /// # Errors
    /// As [`TestDriver::outputs`].
    pub fn take_outputs(&mut self, topic: &str) -> Result<Vec<Received>, Error> {
        let found = self.find(topic)?;
        let mut all = self.outputs(topic)?;
        let taken = |received: &Received| self.taken.get(&(found, received.partition.get())).copied().unwrap_or(0);
        all.retain(|received| received.offset.get() >= taken(received));
        for received in &all {
            self.taken.insert((found, received.partition.get()), received.offset.get() + 1);
        }
        Ok(all)
    }

    /// The messages of one type in a topic.
    ///
    /// # Errors
    /// As [`TestDriver::outputs`]; or bytes that are none of it.
    pub fn messages<M: Message>(&self, topic: &str) -> Result<Vec<M>, Error> {
        let of_type = self.outputs(topic)?.into_iter().filter(|received| received.message_type == M::FULL_NAME);
        let decoded = of_type.map(|received| {
            let value = received.bytes.unwrap_or_default();
            let broken = |problem: String| Error::new("test driver", format!("{}: {problem}", M::FULL_NAME));
            let (id, body) = wire::decode(&value).map_err(|error| broken(error.to_string()))?;
            let writer = self.schemas.writer(id).map_err(|error| broken(error.to_string()))?;
            writer.decode(body).map_err(|error| broken(error.to_string()))
        });
        decoded.collect()
    }

    /// Records of a topic's dead-letter topic.
    ///
    /// # Errors
    /// As [`TestDriver::outputs`].
    pub fn dead_letters(&self, topic: &str) -> Result<Vec<Received>, Error> {
        self.outputs(&format!("{topic}.dlq"))
    }

    fn received(&self, partition: Partition, record: &Record) -> Received {
        let envelope = Envelope::read(&record.headers).ok().flatten();
        let claimed = envelope.as_ref().map(|envelope| envelope.message_type.clone()).unwrap_or_default();
        Received {
            partition,
            offset: record.offset,
            timestamp: record.timestamp,
            key: record.key.as_deref().map(|key| String::from_utf8_lossy(key).into_owned()).unwrap_or_default(),
            envelope,
            message_type: claimed,
            value: record.value.as_deref().map_or(Value::Null, |value| self.readable(value)),
            bytes: record.value.clone(),
            headers: record.headers.clone(),
        }
    }

    fn readable(&self, value: &[u8]) -> Value {
        let avro = || {
            let (id, body) = wire::decode(value).ok()?;
            self.schemas.writer(id).ok()?.decode_value(body).ok()
        };
        avro()
            .or_else(|| serde_json::from_slice(value).ok())
            .unwrap_or_else(|| Value::String(String::from_utf8_lossy(value).into_owned()))
    }

    /// The committed state of a store, over all tasks; `processor/store` where several processors have one of the name.
    ///
    /// # Errors
    /// No topology has such a store.
    pub fn store(&self, name: &str) -> Result<StoreView<'_>, Error> {
        let (processor, store) =
            name.split_once('/').map_or((None, name), |(processor, store)| (Some(processor), store));
        let number_in = |running: &Running| {
            let declared = running.task.subtopology()?;
            let found = declared.stores.iter().find(|known| known.name == store)?;
            processor.is_none_or(|processor| running.task.id().processor == processor).then_some(found.number)
        };
        let parts: Vec<_> = self.tasks.iter().filter_map(|running| Some((number_in(running)?, running))).collect();
        if parts.is_empty() {
            return Err(Error::new("test driver", format!("no topology has store {name}")));
        }
        Ok(StoreView { parts })
    }
}

/// A store's committed state over all tasks.
pub struct StoreView<'a> {
    parts: Vec<(StoreNumber, &'a Running)>,
}

impl StoreView<'_> {
    /// The value of a key, whichever task has it.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Bytes> {
        self.parts.iter().find_map(|(number, running)| running.base.get(*number, key).ok().flatten())
    }

    /// The value of a key, read from JSON; None also when it is none of this type.
    #[must_use]
    pub fn get_json<T: DeserializeOwned>(&self, key: &[u8]) -> Option<T> {
        serde_json::from_slice(&self.get(key)?).ok()
    }

    /// All entries, ordered by key.
    #[must_use]
    pub fn entries(&self) -> Vec<(Bytes, Bytes)> {
        let of_part = |(number, running): &(StoreNumber, &Running)| {
            running.base.entries(*number).map(|(key, value)| (key.clone(), value.clone())).collect::<Vec<_>>()
        };
        let mut entries: Vec<_> = self.parts.iter().flat_map(of_part).collect();
        entries.sort();
        entries
    }
}
