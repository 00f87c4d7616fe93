//! How envelopes and byte strings lie in system stores.

use headwater_event::{CorrelationId, Envelope, EventId, Timestamp, TraceParent};
use serde::{Deserialize, Serialize};

use crate::Failure;

/// An envelope as JSON, readable in a changelog.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StoredEnvelope {
    id: EventId,
    source: String,
    #[serde(rename = "type")]
    message_type: String,
    subject: String,
    time: Timestamp,
    correlation_id: CorrelationId,
    causation_id: Option<EventId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trace_parent: Option<String>,
}

impl From<&Envelope> for StoredEnvelope {
    fn from(envelope: &Envelope) -> Self {
        Self {
            id: envelope.id,
            source: envelope.source.clone(),
            message_type: envelope.message_type.clone(),
            subject: envelope.subject.clone(),
            time: envelope.time,
            correlation_id: envelope.correlation_id.clone(),
            causation_id: envelope.causation_id,
            trace_parent: envelope.trace_parent.as_ref().map(|trace| trace.as_str().to_owned()),
        }
    }
}

impl From<StoredEnvelope> for Envelope {
    fn from(stored: StoredEnvelope) -> Self {
        Self {
            id: stored.id,
            source: stored.source,
            message_type: stored.message_type,
            subject: stored.subject,
            time: stored.time,
            correlation_id: stored.correlation_id,
            causation_id: stored.causation_id,
            trace_parent: stored.trace_parent.and_then(|trace| TraceParent::parse(&trace).ok()),
        }
    }
}

pub(super) fn to_json<T: Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    serde_json::to_vec(value).map_err(|error| Failure::state(format!("can't be stored: {error}")))
}

pub(super) fn from_json<T: for<'a> Deserialize<'a>>(bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::state(format!("a system store holds what it should not: {error}")))
}

/// Appends a length (u32 BE) and the bytes.
pub(super) fn push_part(into: &mut Vec<u8>, part: &[u8]) {
    into.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes());
    into.extend_from_slice(part);
}

/// Takes a part that `push_part` wrote.
pub(super) fn take_part<'a>(from: &mut &'a [u8]) -> Result<&'a [u8], Failure> {
    let cut_off = || Failure::state("a system store holds an entry that is cut off");
    let (length, rest) = from.split_first_chunk::<4>().ok_or_else(cut_off)?;
    let length = u32::from_be_bytes(*length) as usize;
    let (part, rest) = rest.split_at_checked(length).ok_or_else(cut_off)?;
    *from = rest;
    Ok(part)
}

/// Big-endian bytes that order as the numbers do, negative ones first.
pub(super) const fn ordered_time(time: Timestamp) -> [u8; 8] {
    ((time.as_millis() as u64) ^ (1 << 63)).to_be_bytes()
}

pub(super) fn time_of(bytes: &[u8]) -> Option<Timestamp> {
    let (bytes, _) = bytes.split_first_chunk::<8>()?;
    Some(Timestamp::from_millis((u64::from_be_bytes(*bytes) ^ (1 << 63)).cast_signed()))
}

/// The first key after all keys with a prefix; None when there is none.
pub(super) fn after_prefix(prefix: &[u8]) -> Option<Vec<u8>> {
    let keep = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix.get(..=keep)?.to_vec();
    if let Some(last) = end.last_mut() {
        *last += 1;
    }
    Some(end)
}
