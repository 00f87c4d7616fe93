use bytes::Bytes;
use headwater_event::Timestamp;

use crate::{Context, Failure, Input};

/// What works on a task's records. Its fields are a cache at most: it is made anew after an abort and after a failure.
/// What must last belongs in stores.
pub trait Processor: Send {
    /// Works on one record. What it staged is undone if it fails.
    ///
    /// # Errors
    /// A failure; the source's policy for its kind decides.
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure>;

    /// A timer that this processor scheduled is due.
    ///
    /// # Errors
    /// A failure; the subtopology's policy for its kind decides.
    fn on_timer(&mut self, _timer: &Timer, _context: &mut Context<'_>) -> Result<(), Failure> {
        Ok(())
    }

    /// A call that this processor made has been answered.
    ///
    /// # Errors
    /// A failure; the subtopology's policy for its kind decides.
    fn on_call_result(&mut self, _result: &CallResult, _context: &mut Context<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// What a timer's due time is measured by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimeKind {
    /// Stream time: the largest record timestamp seen by the task.
    EventTime,
    /// The wall clock; fires only once every input has reached the end it had when the timer came due.
    WallClock,
}

/// A timer that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timer {
    /// The name it was scheduled under.
    pub name: String,
    /// The key it was scheduled under.
    pub key: Bytes,
    /// When it was due.
    pub due: Timestamp,
    /// What that is measured by.
    pub kind: TimeKind,
}

impl Timer {
    /// The key as text; empty where it is none.
    #[must_use]
    pub fn key_text(&self) -> &str {
        std::str::from_utf8(&self.key).unwrap_or_default()
    }
}

/// An outside call to make: stored with the input's transaction, started once that has committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call<'a> {
    /// Which kind of call; the driver finds the client by it.
    pub step: &'a str,
    /// Calls with the same ordering key are made one after another.
    pub ordering_key: &'a [u8],
    /// The same for every try of this call, also after a crash.
    pub idempotency_key: String,
    /// What the client needs to know.
    pub request: Vec<u8>,
}

/// A pending call's number, unique within its task for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct CallId(pub u64);

/// A call that the driver shall make now. It answers with a [`CallResult`] that carries the same id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallToStart {
    /// Which call.
    pub id: CallId,
    /// Which kind of call.
    pub step: String,
    /// What it must not overtake.
    pub ordering_key: Bytes,
    /// The same for every try.
    pub idempotency_key: String,
    /// What the client needs to know.
    pub request: Bytes,
}

/// The answer to a call. A call without answer is unknown, not failed: the driver tries again with the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallResult {
    /// Which call.
    pub id: CallId,
    /// Its kind; filled in by the task from what was stored.
    pub step: String,
    /// Its idempotency key; filled in by the task from what was stored.
    pub idempotency_key: String,
    /// Its ordering key; filled in by the task from what was stored.
    pub ordering_key: Bytes,
    /// Its request; filled in by the task from what was stored.
    pub request: Bytes,
    /// The outside party's answer, or its final refusal.
    pub outcome: Result<Vec<u8>, String>,
}

impl CallResult {
    /// The answer to a call.
    #[must_use]
    pub fn answer(id: CallId, answer: impl Into<Vec<u8>>) -> Self {
        Self::of(id, Ok(answer.into()))
    }

    /// The final refusal of a call.
    #[must_use]
    pub fn refusal(id: CallId, reason: impl Into<String>) -> Self {
        Self::of(id, Err(reason.into()))
    }

    fn of(id: CallId, outcome: Result<Vec<u8>, String>) -> Self {
        let (step, idempotency_key) = (String::new(), String::new());
        Self { id, step, idempotency_key, ordering_key: Bytes::new(), request: Bytes::new(), outcome }
    }
}
