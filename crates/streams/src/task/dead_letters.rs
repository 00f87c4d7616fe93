//! Dead letters: the original bytes, key and headers with the reason in `__streams.errors.*` (KIP-1034).

use bytes::Bytes;
use headwater_event::{Timestamp, header};
use headwater_log::{Headers, Offset, Partition};
use serde_json::json;

use super::plan::{Plan, SourcePlan};
use super::sha256::sha256_hex;
use crate::{Failure, Output, Record, TopicRef};

/// Keeps the id of a record that had none of its own, so that it is the same when it is redriven.
pub(super) const ID_BY_PLACE: &str = "__headwater.id";

/// KIP-1034's headers.
mod error_header {
    pub const EXCEPTION: &str = "__streams.errors.exception";
    pub const MESSAGE: &str = "__streams.errors.message";
    pub const TOPIC: &str = "__streams.errors.topic";
    pub const PARTITION: &str = "__streams.errors.partition";
    pub const OFFSET: &str = "__streams.errors.offset";
    pub const PREFIX: &str = "__streams.errors.";
}

/// Marks a dead letter that holds a reference instead of the record.
const REFERENCE: &str = "__headwater.dead-letter-reference";
/// Messages are cut, so that a reason never makes a record too large.
const MESSAGE_CHARS_MAX: usize = 2_000;

/// What failed, and where it came from.
pub(super) struct Letter<'a> {
    pub(super) key: Option<Bytes>,
    pub(super) value: Option<Bytes>,
    pub(super) headers: Headers,
    pub(super) timestamp: Timestamp,
    /// The real topic's name.
    pub(super) topic: &'a str,
    pub(super) offset: Option<Offset>,
}

impl Plan {
    /// The dead letter of a record.
    pub(super) fn dead_letter(&self, source: &SourcePlan, record: &Record, failure: &Failure) -> Option<Output> {
        let mut headers: Headers =
            record.headers.iter().filter(|header| !header.name.starts_with(error_header::PREFIX)).collect();
        if headers.last(header::ID).is_none() && headers.last(ID_BY_PLACE).is_none() {
            let id = crate::Input::new(record, source, self).id_by_place();
            headers.push(ID_BY_PLACE, id.to_string());
        }
        let topic =
            self.environment.topic(source.topic).map_or(source.declared_topic.as_str(), |facts| facts.name.as_str());
        let letter = Letter {
            key: record.key.clone(),
            value: record.value.clone(),
            headers,
            timestamp: record.timestamp,
            topic,
            offset: Some(record.offset),
        };
        self.letter(source.dead_letters?, letter, failure)
    }

    /// A letter to a dead-letter topic; if it is too large even for that, a reference with the record's hash.
    pub(super) fn letter(&self, to: TopicRef, mut letter: Letter<'_>, failure: &Failure) -> Option<Output> {
        let message: String = failure.message.chars().take(MESSAGE_CHARS_MAX).collect();
        let offset = letter.offset.map(|offset| offset.to_string());
        describe(&mut letter.headers, failure, &message, letter.topic, self.partition, offset.as_deref());
        let size_bytes = crate::record::size_bytes(letter.key.as_deref(), letter.value.as_deref(), &letter.headers);
        let partitions = self.environment.topic(to)?.partitions.get();
        let same_partition = (self.partition.get() < partitions).then_some(self.partition);
        let whole = self.output(to, letter.key.clone(), letter.value.clone(), letter.headers, letter.timestamp);
        let output = match whole {
            Ok(output) => output,
            Err(_) => {
                let value = letter.value.unwrap_or_default();
                let reference = json!({
                    "topic": letter.topic, "partition": self.partition, "offset": letter.offset,
                    "size_bytes": size_bytes, "value_sha256": sha256_hex(&value), "value_bytes": value.len(),
                    "reason": format!("{}: {message}", failure.kind.word()),
                });
                let mut headers = Headers::new();
                headers.push(REFERENCE, "1");
                describe(&mut headers, failure, &message, letter.topic, self.partition, offset.as_deref());
                let key = letter.key.filter(|key| key.len() <= 1_000);
                self.output(to, key, Some(reference.to_string().into()), headers, letter.timestamp).ok()?
            }
        };
        Some(Output { partition: same_partition.or(output.partition), ..output })
    }
}

fn describe(
    headers: &mut Headers,
    failure: &Failure,
    message: &str,
    topic: &str,
    partition: Partition,
    offset: Option<&str>,
) {
    headers.push(error_header::EXCEPTION, format!("headwater.{}", failure.kind.word()));
    headers.push(error_header::MESSAGE, message);
    headers.push(error_header::TOPIC, topic);
    headers.push(error_header::PARTITION, partition.to_string());
    if let Some(offset) = offset {
        headers.push(error_header::OFFSET, offset);
    }
}
