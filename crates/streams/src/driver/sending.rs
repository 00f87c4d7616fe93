use bytes::Bytes;
use headwater_event::{Envelope, EventId, Message, MessageSet, MessageType, Timestamp, Topic};
use headwater_log::{Headers, Offset, Partition};

use super::TestDriver;
use crate::schemas::Schemas;
use crate::{Error, KnownEnvelope, Naming, Record};

impl TestDriver {
    /// Sends a message as a root: a new id, its own correlation, now.
    ///
    /// # Errors
    /// As [`TestDriver::settle`]; or a message that its topic never holds.
    pub fn send<S: MessageSet, M: Message>(&mut self, topic: Topic<S>, message: &M) -> Result<Envelope, Error> {
        self.roots += 1;
        let id = EventId::of_text(&format!("root {}", self.roots));
        let envelope = Envelope::root(id, "/test", M::FULL_NAME, message.subject(), self.now);
        self.send_as(topic, message, &envelope)?;
        Ok(envelope)
    }

    /// Sends a message as the child of another, as its processor would.
    ///
    /// # Errors
    /// As [`TestDriver::send`].
    pub fn send_child<S: MessageSet, M: Message>(
        &mut self,
        topic: Topic<S>,
        message: &M,
        cause: &Envelope,
        processor: &str,
    ) -> Result<Envelope, Error> {
        let envelope = cause.child(processor, M::FULL_NAME, message.subject(), self.now, 0);
        self.send_as(topic, message, &envelope)?;
        Ok(envelope)
    }

    /// Sends a message with metadata of the test's choice.
    ///
    /// # Errors
    /// As [`TestDriver::send`].
    pub fn send_as<S: MessageSet, M: Message>(
        &mut self,
        topic: Topic<S>,
        message: &M,
        envelope: &Envelope,
    ) -> Result<(), Error> {
        let naming = if S::SUBJECT_PER_RECORD { Naming::PerRecord } else { Naming::Union(S::TYPES) };
        let value = self.encode(topic.name(), message, &naming)?;
        let mut headers = Headers::new();
        envelope.write(&mut headers);
        self.send_raw(topic.name(), Some(message.subject().as_bytes()), Some(&value), headers)
    }

    fn encode<M: Message>(&self, topic: &str, message: &M, naming: &Naming) -> Result<Vec<u8>, Error> {
        let encoder = self.schemas.encoder(topic, MessageType::of::<M>(), naming);
        let encoder = encoder.map_err(|error| Error::new("test driver", error.to_string()))?;
        let mut value = Vec::new();
        crate::task::encode(&mut value, &encoder, message)
            .map_err(|failure| Error::new("test driver", failure.message))?;
        Ok(value)
    }

    /// A message given as JSON, in the wire format.
    pub(crate) fn encode_value(
        &self,
        topic: &str,
        message: MessageType,
        naming: &Naming,
        value: &serde_json::Value,
    ) -> Result<Vec<u8>, Error> {
        let broken = |error: headwater_schema::Error| Error::new("test driver", error.to_string());
        let encoder = self.schemas.encoder(topic, message, naming).map_err(broken)?;
        let mut bytes = Vec::new();
        headwater_schema::wire::encode_header_into(&mut bytes, encoder.id);
        encoder.schema.encode_value_into(&mut bytes, None, value).map_err(broken)?;
        Ok(bytes)
    }

    /// Sends text without key or headers, as a console producer does.
    ///
    /// # Errors
    /// As [`TestDriver::settle`].
    pub fn send_json(&mut self, topic: &str, text: &str) -> Result<(), Error> {
        self.send_raw(topic, None, Some(text.as_bytes()), Headers::new())
    }

    /// Sends bytes; without key they go to partition 0.
    ///
    /// # Errors
    /// As [`TestDriver::settle`].
    pub fn send_raw(
        &mut self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Headers,
    ) -> Result<(), Error> {
        self.append_raw(topic, key, value, headers, self.now)?;
        self.settle()
    }

    /// Appends bytes with a timestamp, and works nothing through yet.
    ///
    /// # Errors
    /// A topic that no topology names.
    pub fn append_raw(
        &mut self,
        topic: &str,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Headers,
        timestamp: Timestamp,
    ) -> Result<(), Error> {
        let to = self.find(topic)?;
        let partition = key.and_then(|key| self.environment.partition_of(to, key)).unwrap_or(Partition::new(0));
        let (key, value) = (key.map(Bytes::copy_from_slice), value.map(Bytes::copy_from_slice));
        let record =
            Record { offset: Offset::ZERO, timestamp, key, value, headers, envelope: KnownEnvelope::default() };
        self.log_mut(to)?.append(partition, record);
        Ok(())
    }
}
