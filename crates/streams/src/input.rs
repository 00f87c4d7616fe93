use std::cell::OnceCell;
use std::sync::Arc;

use bytes::Bytes;
use headwater_event::{Envelope, EventId, Message, Timestamp, header};
use headwater_log::{Headers, Offset, Partition};
use headwater_schema::{WriterSchema, wire};
use serde_json::Value;

use crate::Failure;
use crate::Record;
use crate::failure::while_reading;
use crate::task::{Plan, SourcePlan};
use crate::topology::SourceKind;

/// One record, as a processor sees it. Nothing is parsed until it is asked for.
pub struct Input<'a> {
    pub(crate) record: &'a Record,
    pub(crate) source: &'a SourcePlan,
    pub(crate) plan: &'a Plan,
    /// The aggregate's id of a command, which is its key whatever key it came with.
    pub(crate) key: Option<Bytes>,
    pub(crate) envelope: OnceCell<Arc<Envelope>>,
    pub(crate) body: Body,
}

/// A payload as far as it has been read.
pub(crate) enum Body {
    /// As it came.
    Unread,
    /// Framed Avro whose schema is known; the body starts after the header.
    Avro(Arc<WriterSchema>),
    /// JSON that fits its schema.
    Json(Value),
}

impl<'a> Input<'a> {
    pub(crate) fn new(record: &'a Record, source: &'a SourcePlan, plan: &'a Plan) -> Self {
        Self { record, source, plan, key: None, envelope: OnceCell::new(), body: Body::Unread }
    }

    /// The name of the source it came from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source.name
    }

    /// How its source reads records.
    #[must_use]
    pub fn kind(&self) -> SourceKind {
        self.source.kind
    }

    /// The topic it came from (declared name).
    #[must_use]
    pub fn topic(&self) -> &str {
        &self.source.declared_topic
    }

    /// The task's partition, which is the topic's.
    #[must_use]
    pub fn partition(&self) -> Partition {
        self.plan.partition
    }

    /// Its place in the partition.
    #[must_use]
    pub fn offset(&self) -> Offset {
        self.record.offset
    }

    /// Its CreateTime.
    #[must_use]
    pub fn timestamp(&self) -> Timestamp {
        self.record.timestamp
    }

    /// The key: for commands the aggregate's id, else the record's key.
    #[must_use]
    pub fn key(&self) -> Option<&[u8]> {
        self.key.as_deref().or(self.record.key.as_deref())
    }

    /// The key as text.
    ///
    /// # Errors
    /// A decode failure when there is none or it is not UTF-8.
    pub fn key_text(&self) -> Result<&str, Failure> {
        let key = self.key().ok_or_else(|| Failure::decode("record has no key: produce it with one"))?;
        std::str::from_utf8(key).map_err(|_| Failure::decode("key is not UTF-8 text"))
    }

    /// The value's bytes; None is a tombstone.
    #[must_use]
    pub fn value(&self) -> Option<&[u8]> {
        self.record.value.as_deref()
    }

    /// The record as it was fetched.
    #[must_use]
    pub fn record(&self) -> &Record {
        self.record
    }

    /// The headers as they came.
    #[must_use]
    pub fn headers(&self) -> &Headers {
        &self.record.headers
    }

    /// Its metadata. A record without has an id made of its place, the same at every reading.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        self.envelope.get_or_init(|| match self.record.envelope.read(&self.record.headers) {
            Ok(Some(envelope)) => envelope,
            Ok(None) | Err(_) => Arc::new(self.envelope_by_place("")),
        })
    }

    pub(crate) fn envelope_by_place(&self, message_type: &str) -> Envelope {
        let id = self.id_by_place();
        let subject = self.key().and_then(|key| std::str::from_utf8(key).ok()).unwrap_or_default();
        Envelope::root(id, format!("/topics/{}", self.topic()), message_type, subject, self.record.timestamp)
    }

    pub(crate) fn id_by_place(&self) -> EventId {
        let facts = self.plan.environment.topic(self.source.topic);
        let topic_id = facts.map_or(uuid::Uuid::nil(), |facts| facts.id);
        let (partition, offset) = (self.plan.partition.get(), self.record.offset.get());
        EventId::of_place(&self.plan.environment.cluster_id, &topic_id, partition, offset)
    }

    /// The message's type by full name; empty where the record does not say.
    #[must_use]
    pub fn message_type(&self) -> &str {
        match self.envelope.get() {
            Some(envelope) => &envelope.message_type,
            None => self.record.headers.last_text(header::TYPE).unwrap_or_default(),
        }
    }

    /// Whether it is a message of this type.
    #[must_use]
    pub fn is<M: Message>(&self) -> bool {
        self.message_type() == M::FULL_NAME
    }

    /// The message: Avro by the schema it was written with, or JSON that has been checked.
    ///
    /// # Errors
    /// A decode failure when it is of another type, or its bytes do not fit what they claim to be.
    pub fn decode<M: Message>(&self) -> Result<M, Failure> {
        if let Body::Json(value) = &self.body {
            self.expect_type(self.message_type(), M::FULL_NAME)?;
            return serde::Deserialize::deserialize(value)
                .map_err(|error| Failure::decode(format!("{}: {error}", M::FULL_NAME)));
        }
        let value = self.value().ok_or_else(|| Failure::decode("value is null: a tombstone holds no message"))?;
        let (id, body) = wire::decode(value).map_err(|error| Failure::decode(error.to_string()))?;
        let looked_up;
        let writer = match &self.body {
            Body::Avro(writer) => writer,
            Body::Unread | Body::Json(_) => {
                looked_up = self.plan.environment.schemas.writer(id).map_err(|error| while_reading(&error))?;
                &looked_up
            }
        };
        let written = writer.record_name(body).map_err(|error| while_reading(&error))?;
        self.expect_type(written, M::FULL_NAME)?;
        let claimed = self.message_type();
        if !claimed.is_empty() && claimed != written {
            return Err(contradiction(claimed, written));
        }
        writer.decode(body).map_err(|error| while_reading(&error))
    }

    fn expect_type(&self, found: &str, wanted: &str) -> Result<(), Failure> {
        if found == wanted {
            return Ok(());
        }
        Err(Failure::decode(format!("record holds {found:?} where {wanted} is expected")))
    }

    /// The `expected-version` header: how many events the aggregate must have so far.
    ///
    /// # Errors
    /// A decode failure when it is no number.
    pub fn expected_version(&self) -> Result<Option<u64>, Failure> {
        let Some(text) = self.record.headers.last(header::EXPECTED_VERSION) else {
            return Ok(None);
        };
        let number = std::str::from_utf8(text).ok().and_then(|text| text.trim().parse().ok());
        let wrong = || Failure::decode("header expected-version is no whole number: give the number of events so far");
        number.map(Some).ok_or_else(wrong)
    }
}

pub(crate) fn contradiction(header: &str, payload: &str) -> Failure {
    Failure::decode(format!("header ce_type says {header}, the payload is {payload}: correct one of them"))
}
