use crate::native::NativeError;
use crate::{Error, ErrorKind};

/// How a transactional call ended, by what the caller does next.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// The transaction can't be committed, and nothing of it counts: abort it, rewind, go on with the same
    /// producer (renewed, where [`renewal_reason`](super::TransactionalProducer::renewal_reason) has one).
    Abortable(Error),
    /// Another producer has the transactional id: stop, and touch nothing any more.
    Fenced(Error),
    /// The producer is unusable, and the transaction was not committed: make a new producer.
    Fatal(Error),
    /// Nobody answered in time: the broker may have acted, now or later. [Renew](super::TransactionalProducer::renew)
    /// the producer, which fences what is in flight; then read back what was committed.
    Unknown(Error),
}

impl Outcome {
    /// Whether it is done.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// The error, unless it is done.
    #[must_use]
    pub const fn error(&self) -> Option<&Error> {
        match self {
            Self::Done => None,
            Self::Abortable(error) | Self::Fenced(error) | Self::Fatal(error) | Self::Unknown(error) => Some(error),
        }
    }

    /// As a result, where only success matters.
    ///
    /// # Errors
    /// The error, unless it is done.
    pub fn into_result(self) -> Result<(), Error> {
        match self {
            Self::Done => Ok(()),
            Self::Abortable(error) | Self::Fenced(error) | Self::Fatal(error) | Self::Unknown(error) => Err(error),
        }
    }

    /// What an error that can't be answered by calling again means.
    pub(super) fn of(error: &NativeError, doing: &str) -> Self {
        let described = error.to_error().context(doing);
        if error.is_fatal() {
            return if described.kind() == ErrorKind::Fenced {
                Self::Fenced(described)
            } else {
                Self::Fatal(described)
            };
        }
        if error.requires_abort() {
            return Self::Abortable(described);
        }
        match described.kind() {
            ErrorKind::Fenced => Self::Fenced(described),
            ErrorKind::TimedOut | ErrorKind::Unavailable => Self::Unknown(described),
            _ => Self::Fatal(described),
        }
    }
}
