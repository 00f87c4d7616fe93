//! The crate's one error type. A kind is chosen by what the caller does next.

use std::fmt;

/// What went wrong, in words of the Kafka protocol, so that an answer can carry its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The offset lies before the log's start or after its end (OFFSET_OUT_OF_RANGE).
    OffsetOutOfRange,
    /// A batch whose checksum or framing is wrong (CORRUPT_MESSAGE): the sender may try again.
    CorruptMessage,
    /// A batch above `max.message.bytes` (MESSAGE_TOO_LARGE).
    MessageTooLarge,
    /// A batch that is well framed but not allowed here (INVALID_RECORD).
    InvalidRecord,
    /// A batch of a message format before v2 (UNSUPPORTED_FOR_MESSAGE_FORMAT).
    UnsupportedForMessageFormat,
    /// A codec number that Kafka does not define (UNSUPPORTED_COMPRESSION_TYPE).
    UnsupportedCompressionType,
    /// A producer's sequence number with a gap before it (OUT_OF_ORDER_SEQUENCE_NUMBER).
    OutOfOrderSequence,
    /// A producer epoch older than the newest one seen (INVALID_PRODUCER_EPOCH): the sender is fenced.
    InvalidProducerEpoch,
    /// A record's time is too far from the broker's (INVALID_TIMESTAMP).
    InvalidTimestamp,
    /// A plain write by a producer whose transaction is open (INVALID_TXN_STATE).
    InvalidTxnState,
    /// A marker from a transaction coordinator that was replaced (TRANSACTION_COORDINATOR_FENCED).
    TransactionCoordinatorFenced,
    /// Stored bytes contradict themselves (KAFKA_STORAGE_ERROR): a person must look.
    CorruptStorage,
    /// Reading or writing files failed (KAFKA_STORAGE_ERROR).
    Io,
}

impl ErrorKind {
    /// The error code of the Kafka protocol that stands for this kind.
    #[must_use]
    pub const fn kafka_code(self) -> i16 {
        match self {
            Self::OffsetOutOfRange => 1,
            Self::CorruptMessage => 2,
            Self::MessageTooLarge => 10,
            Self::InvalidTimestamp => 32,
            Self::UnsupportedForMessageFormat => 43,
            Self::OutOfOrderSequence => 45,
            Self::InvalidProducerEpoch => 47,
            Self::InvalidTxnState => 48,
            Self::TransactionCoordinatorFenced => 52,
            Self::CorruptStorage | Self::Io => 56,
            Self::UnsupportedCompressionType => 76,
            Self::InvalidRecord => 87,
        }
    }
}

/// An error of the embedded broker: a kind, and a message that names the thing and the remedy.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<std::io::Error>,
}

impl Error {
    /// An error of `kind`; `message` is lowercase and names the thing.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// A failed file operation: `doing` says which, on what.
    pub fn io(doing: impl Into<String>, source: std::io::Error) -> Self {
        Self { kind: ErrorKind::Io, message: doing.into(), source: Some(source) }
    }

    /// What the caller can act upon.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error code of the Kafka protocol for an answer.
    #[must_use]
    pub fn kafka_code(&self) -> i16 {
        self.kind.kafka_code()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.source {
            Some(source) => write!(f, "{}: {source}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|source| source as _)
    }
}
