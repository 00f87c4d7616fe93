//! Small conversions between the codec's types and ours.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::{BrokerId, TopicName};
use kafka_protocol::protocol::StrBytes;

/// The one node's id.
pub(crate) const NODE: BrokerId = BrokerId(1);

/// Offsets and times that are not there.
pub(crate) const NONE: i64 = -1;

/// A string for a response.
pub(crate) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

/// A topic name for a response.
pub(crate) fn topic_name(value: &str) -> TopicName {
    TopicName(text(value))
}

/// The error code of a result; 0 for success.
pub(crate) fn code<T>(result: &Result<T, ResponseError>) -> i16 {
    result.as_ref().err().map_or(0, ResponseError::code)
}

/// The error code of an optional error; 0 for none.
pub(crate) fn code_of(error: Option<ResponseError>) -> i16 {
    error.map_or(0, |error| error.code())
}

/// An error with words for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) error: ResponseError,
    pub(crate) message: Option<String>,
}

impl Refusal {
    pub(crate) fn new(error: ResponseError, message: impl Into<String>) -> Self {
        Self { error, message: Some(message.into()) }
    }

    /// The code and message of a result, as most admin responses carry them.
    pub(crate) fn parts<T>(result: &Result<T, Self>) -> (i16, Option<StrBytes>) {
        match result {
            Ok(_) => (0, None),
            Err(refusal) => (refusal.error.code(), refusal.message.as_deref().map(text)),
        }
    }
}

impl From<ResponseError> for Refusal {
    fn from(error: ResponseError) -> Self {
        Self { error, message: None }
    }
}
