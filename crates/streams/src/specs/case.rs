use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::Error;

/// One case of a spec.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Case {
    pub(super) name: String,
    #[serde(default)]
    pub(super) given: Vec<CaseStep>,
    #[serde(default)]
    pub(super) ingest: Vec<CaseStep>,
    pub(super) verify: Verify,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum CaseStep {
    Send(Send),
    Advance(Duration),
    CallResult(Answer),
    Crash(Crash),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Crash {
    Disk,
    Memory,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Send {
    pub(super) topic: String,
    pub(super) key: Option<String>,
    #[serde(rename = "type")]
    pub(super) message_type: Option<String>,
    pub(super) json: Option<Value>,
    pub(super) avro: Option<Value>,
    pub(super) text: Option<String>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answer {
    pub(super) step: Option<String>,
    pub(super) idempotency_key: Option<String>,
    pub(super) ok: Option<Value>,
    pub(super) refused: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verify {
    #[serde(default)]
    pub(super) outputs: BTreeMap<String, Vec<Expected>>,
    #[serde(default)]
    pub(super) stores: BTreeMap<String, BTreeMap<String, Value>>,
    #[serde(default)]
    pub(super) dead_letters: BTreeMap<String, Vec<ExpectedLetter>>,
    pub(super) timers: Option<Vec<ExpectedTimer>>,
    pub(super) calls: Option<Vec<ExpectedCall>>,
    #[serde(default)]
    pub(super) counters: BTreeMap<String, u64>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Expected {
    #[serde(rename = "type")]
    pub(super) message_type: Option<String>,
    pub(super) key: Option<String>,
    #[serde(default, with = "present")]
    pub(super) value: Option<Value>,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedLetter {
    /// A part of the message.
    pub(super) message: String,
    pub(super) key: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedTimer {
    pub(super) name: String,
    pub(super) key: Option<String>,
    /// From the end of ingest.
    #[serde(rename = "in")]
    pub(super) due_in: Option<Duration>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ExpectedCall {
    pub(super) step: Option<String>,
    pub(super) idempotency_key: Option<String>,
    pub(super) request: Option<Value>,
}

/// `value: null` is a tombstone, no `value` at all is any.
mod present {
    use serde::{Deserialize, Deserializer};
    use serde_json::Value;

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Value>, D::Error> {
        Value::deserialize(from).map(Some)
    }
}

/// `250ms`, `5s`, `30m`, `2h`, `7d`, or a number of milliseconds.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "Value")]
pub(super) struct Duration {
    pub(super) ms: i64,
}

impl TryFrom<Value> for Duration {
    type Error = Error;

    fn try_from(value: Value) -> Result<Self, Error> {
        let wrong = || Error::new("duration", format!("{value} is none: write 250ms, 5s, 30m, 2h or 7d"));
        if let Some(ms) = value.as_i64() {
            return Ok(Self { ms });
        }
        let text = value.as_str().ok_or_else(wrong)?;
        let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
        let factor = match text.get(digits.len()..) {
            Some("ms") => 1,
            Some("s") => 1_000,
            Some("m") => 60_000,
            Some("h") => 3_600_000,
            Some("d") => 86_400_000,
            _ => return Err(wrong()),
        };
        let number: i64 = digits.parse().map_err(|_| wrong())?;
        number.checked_mul(factor).map(|ms| Self { ms }).ok_or_else(wrong)
    }
}
