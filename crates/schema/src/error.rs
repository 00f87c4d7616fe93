//! The crate's error. Its kind says what the caller does next.

use crate::wire::WireError;

/// What the caller does about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// The bytes do not fit their schema: dead-letter them, another try gives the same.
    Malformed,
    /// A value does not fit the schema it should be written with: a defect of the producer.
    Unencodable,
    /// The schema text itself is not valid Avro, or is outside what is supported.
    InvalidSchema,
    /// Neither the cache nor the registry knows this id, subject or version.
    NotFound,
    /// The registry refused: incompatible, forbidden by its mode, unauthorised.
    Refused,
    /// The registry could not be reached in time: try again later.
    Unavailable,
}

/// An error of this crate: a kind to act on and a message that names the thing and the remedy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    kind: ErrorKind,
    message: String,
    code: Option<u32>,
}

impl Error {
    /// An error of `kind` with its message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None }
    }

    /// The same error, with the registry's `error_code`.
    #[must_use]
    pub fn with_code(mut self, code: u32) -> Self {
        self.code = Some(code);
        self
    }

    /// What to do about it.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The registry's `error_code`, where a registry answered (40401, 409, ...).
    #[must_use]
    pub fn code(&self) -> Option<u32> {
        self.code
    }
}

impl From<WireError> for Error {
    fn from(error: WireError) -> Self {
        Self::new(ErrorKind::Malformed, error.to_string())
    }
}
