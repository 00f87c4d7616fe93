use headwater_log::{Headers, Offset, Partition};
use serde::Serialize;

use crate::records::Seen;

/// What the runtime and Kafka Streams write about a failure (KIP-1034).
const PREFIX: &str = "__streams.errors.";
const EXCEPTION: &str = "__streams.errors.exception";
const MESSAGE: &str = "__streams.errors.message";
const TOPIC: &str = "__streams.errors.topic";
const PARTITION: &str = "__streams.errors.partition";
const OFFSET: &str = "__streams.errors.offset";
/// The letter holds where the record was, since the record itself was too large.
const REFERENCE: &str = "__headwater.dead-letter-reference";
/// The letter is about a timer or an outside call, not about a record.
const OF_TASK: &str = "__headwater.dead-letter-of";
/// Tells the reader that its id may have been seen.
pub const REDRIVEN: &str = "headwater-redriven";

/// Why a record was set aside, and where it came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Letter {
    /// `PARTITION:OFFSET` in the dead-letter topic.
    pub place: String,
    /// One word: decode, process, produce …; the exception's class where another program wrote it.
    pub reason: String,
    /// What was wrong, for people.
    pub message: String,
    /// The topic it came from, on the cluster.
    pub source_topic: Option<String>,
    /// Its partition there.
    pub source_partition: Option<u32>,
    /// Its offset there.
    pub source_offset: Option<i64>,
    /// What the letter holds.
    pub holds: Holds,
}

/// What a letter holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// The record, as it came.
    Record,
    /// Where the record was: it was too large.
    Reference,
    /// A timer or an outside call: which.
    Work(String),
}

impl Letter {
    /// Reads a letter's headers.
    pub fn of(seen: &Seen) -> Self {
        let text = |name: &str| seen.headers.last(name).map(|value| String::from_utf8_lossy(value).into_owned());
        let exception = text(EXCEPTION).unwrap_or_else(|| "unknown".to_owned());
        let holds = match (text(OF_TASK), seen.headers.last(REFERENCE)) {
            (Some(what), _) => Holds::Work(what),
            (None, Some(_)) => Holds::Reference,
            (None, None) => Holds::Record,
        };
        Self {
            place: seen.place(),
            reason: exception.strip_prefix("headwater.").unwrap_or(&exception).to_owned(),
            message: text(MESSAGE).unwrap_or_default(),
            source_topic: text(TOPIC),
            source_partition: text(PARTITION).and_then(|number| number.parse().ok()),
            source_offset: text(OFFSET).and_then(|number| number.parse().ok()),
            holds,
        }
    }

    /// Where the record was, where that is known.
    pub fn source(&self) -> Option<(&str, Partition, Offset)> {
        let partition = Partition::from_wire(i32::try_from(self.source_partition?).ok()?).ok()?;
        Some((self.source_topic.as_deref()?, partition, Offset::new(self.source_offset?).ok()?))
    }

    /// Why it can't be sent again; None when it can.
    pub fn obstacle(&self) -> Option<String> {
        match &self.holds {
            Holds::Work(what) => Some(format!("it is no record but {what}: what caused it can be sent again")),
            Holds::Record | Holds::Reference if self.source().is_none() => {
                Some("its headers do not say which topic it came from".to_owned())
            }
            Holds::Record | Holds::Reference => None,
        }
    }
}

/// The record's own headers, with the mark of being sent again. Its id stays as it was.
pub fn redriven_headers(headers: &Headers) -> Headers {
    let own = headers.iter().filter(|header| !header.name.starts_with(PREFIX) && header.name != REDRIVEN);
    let mut own: Headers = own.collect();
    own.push(REDRIVEN, "1");
    own
}
