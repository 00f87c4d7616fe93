use headwater_event::Timestamp;
use headwater_log::Headers;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{Decoder, Seen};

/// A record as it is written in JSON.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShownRecord {
    /// The topic on the cluster.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The offset.
    pub offset: i64,
    /// RFC 3339; None when it has none.
    pub timestamp: Option<String>,
    /// The key as text; None is null.
    pub key: Option<String>,
    /// The headers; of several with one name, the last.
    pub headers: Map<String, Value>,
    /// The schema's id, if it is Avro.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_id: Option<u32>,
    /// The value; null is a tombstone.
    pub value: Value,
    /// Why it could not be decoded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl ShownRecord {
    /// Decodes a record.
    pub fn of(seen: &Seen, decoder: &mut Decoder) -> Self {
        let decoded = decoder.decode(seen.value.as_deref());
        Self {
            topic: seen.topic.clone(),
            partition: seen.partition.get(),
            offset: seen.offset.get(),
            timestamp: (seen.timestamp_ms >= 0).then(|| Timestamp::from_millis(seen.timestamp_ms).to_string()),
            key: seen.key.as_deref().map(text_of),
            headers: headers(&seen.headers),
            schema_id: decoded.schema_id,
            value: decoded.value,
            problem: decoded.problem,
        }
    }

    /// The message's type: its header, or the `type` of a JSON command; short.
    pub fn short_type(&self) -> &str {
        let of_header = self.headers.get("ce_type").and_then(Value::as_str);
        let full = of_header.or_else(|| self.value.get("type").and_then(Value::as_str)).unwrap_or_default();
        full.rsplit('.').next().unwrap_or(full)
    }
}

fn headers(headers: &Headers) -> Map<String, Value> {
    let shown = |value: Option<&[u8]>| value.map_or(Value::Null, |value| Value::String(text_of(value)));
    headers.iter().map(|header| (header.name.to_owned(), shown(header.value))).collect()
}

/// Bytes as text: UTF-8 as it is, other bytes in hexadecimal.
pub fn text_of(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => text.to_owned(),
        _ => bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
    }
}
