use headwater_log::Headers;

use crate::error::shortened;
use crate::{CorrelationId, Error, EventId, Timestamp, TraceParent};

/// The names of the headers, after CloudEvents' Kafka binding (binary mode) and W3C Trace Context.
pub mod header {
    /// Always `1.0`.
    pub const SPEC_VERSION: &str = "ce_specversion";
    /// The message's id.
    pub const ID: &str = "ce_id";
    /// Who made it: `/headwater/<processor>`.
    pub const SOURCE: &str = "ce_source";
    /// The Avro full name.
    pub const TYPE: &str = "ce_type";
    /// The aggregate's id; equal to the record's key.
    pub const SUBJECT: &str = "ce_subject";
    /// When it happened, RFC 3339.
    pub const TIME: &str = "ce_time";
    /// What the whole business transaction shares.
    pub const CORRELATION_ID: &str = "ce_correlationid";
    /// The id of the message that caused this one.
    pub const CAUSATION_ID: &str = "ce_causationid";
    /// The version of the payload's meaning.
    pub const DATA_VERSION: &str = "ce_dataversion";
    /// The trace that this message belongs to.
    pub const TRACE_PARENT: &str = "traceparent";
    /// Optimistic concurrency: how many events the aggregate must have so far.
    pub const EXPECTED_VERSION: &str = "expected-version";
}

/// A message's metadata.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The message's id.
    pub id: EventId,
    /// Who made it, a URI reference.
    pub source: String,
    /// The Avro full name.
    pub message_type: String,
    /// The aggregate's id.
    pub subject: String,
    /// When it happened.
    pub time: Timestamp,
    /// What the business transaction shares.
    pub correlation_id: CorrelationId,
    /// The message that caused this one; None at a root.
    pub causation_id: Option<EventId>,
    /// The trace it belongs to.
    pub trace_parent: Option<TraceParent>,
}

impl Envelope {
    /// A root's metadata: nothing caused it, and it starts a correlation of its own.
    #[must_use]
    pub fn root(
        id: EventId,
        source: impl Into<String>,
        message_type: impl Into<String>,
        subject: impl Into<String>,
        time: Timestamp,
    ) -> Self {
        Self {
            id,
            source: source.into(),
            message_type: message_type.into(),
            subject: subject.into(),
            time,
            correlation_id: CorrelationId::from(id),
            causation_id: None,
            trace_parent: None,
        }
    }

    /// The metadata of a child that `processor` makes: it copies the correlation and names this message as its cause.
    /// `ordinal` counts the children of one type among the outputs for one input.
    #[must_use]
    pub fn child(&self, processor: &str, message_type: &str, subject: &str, time: Timestamp, ordinal: u32) -> Self {
        Self {
            id: self.id.child(processor, message_type, ordinal),
            source: format!("/headwater/{processor}"),
            message_type: message_type.to_owned(),
            subject: subject.to_owned(),
            time,
            correlation_id: self.correlation_id.clone(),
            causation_id: Some(self.id),
            trace_parent: self.trace_parent.clone(),
        }
    }

    /// Adds this metadata to headers.
    pub fn write(&self, headers: &mut Headers) {
        let mut text = [0; 36];
        headers.push(header::SPEC_VERSION, "1.0");
        headers.push(header::ID, self.id.text(&mut text));
        headers.push(header::SOURCE, &self.source);
        headers.push(header::TYPE, &self.message_type);
        headers.push(header::SUBJECT, &self.subject);
        headers.push(header::TIME, self.time.rfc3339(&mut [0; 24]));
        headers.push(header::CORRELATION_ID, self.correlation_id.as_str());
        if let Some(cause) = &self.causation_id {
            headers.push(header::CAUSATION_ID, cause.text(&mut text));
        }
        headers.push(header::DATA_VERSION, "1");
        if let Some(trace) = &self.trace_parent {
            headers.push(header::TRACE_PARENT, trace.as_str());
        }
    }

    /// Reads the metadata from headers; None when no `ce_id` is there (a record of a plain producer).
    /// A `traceparent` that is not valid is left out, as W3C Trace Context asks.
    ///
    /// # Errors
    /// [`Error::MissingHeader`], [`Error::InvalidHeader`] when CloudEvents' headers are there but not right.
    pub fn read(headers: &Headers) -> Result<Option<Self>, Error> {
        let Some(id) = text(headers, header::ID)? else {
            return Ok(None);
        };
        let id = EventId::of_text(id);
        let message_type = text(headers, header::TYPE)?.ok_or(Error::MissingHeader { header: header::TYPE })?;
        let source = text(headers, header::SOURCE)?.ok_or(Error::MissingHeader { header: header::SOURCE })?;
        let time = match text(headers, header::TIME)? {
            None => Timestamp::default(),
            Some(time) => Timestamp::parse_rfc3339(time).ok_or_else(|| Error::InvalidHeader {
                header: header::TIME,
                value: shortened(time),
                expected: "a time as of RFC 3339",
            })?,
        };
        Ok(Some(Self {
            id,
            source: source.to_owned(),
            message_type: message_type.to_owned(),
            subject: text(headers, header::SUBJECT)?.unwrap_or_default().to_owned(),
            time,
            correlation_id: text(headers, header::CORRELATION_ID)?
                .map_or_else(|| CorrelationId::from(id), CorrelationId::new),
            causation_id: text(headers, header::CAUSATION_ID)?.map(EventId::of_text),
            trace_parent: headers.last_text(header::TRACE_PARENT).and_then(|value| TraceParent::parse(value).ok()),
        }))
    }
}

fn text<'a>(headers: &'a Headers, name: &'static str) -> Result<Option<&'a str>, Error> {
    let Some(bytes) = headers.last(name) else {
        return Ok(None);
    };
    std::str::from_utf8(bytes).map(Some).map_err(|_| Error::InvalidHeader {
        header: name,
        value: shortened(&String::from_utf8_lossy(bytes)),
        expected: "UTF-8 text",
    })
}

#[cfg(test)]
mod tests;
