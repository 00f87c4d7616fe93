use std::fmt;

/// What a caller does next about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// What was given cannot work (a setting, a file, an argument): correct it.
    Invalid,
    /// A passing condition: the same call may succeed later.
    Unavailable,
    /// No answer within the deadline: whether the cluster acted is not known.
    TimedOut,
    /// The topic, partition, group or member does not exist.
    NotFound,
    /// It exists already.
    Exists,
    /// The cluster does not allow this principal to do it, or did not believe who it is.
    Denied,
    /// Another client with the same transactional id or instance id has taken over: stop.
    Fenced,
    /// The group has moved on (rebalance, unknown member, old generation): abort and rejoin.
    Rebalanced,
    /// The record is larger than may be written.
    TooLarge,
    /// The cluster refuses, and would again.
    Refused,
    /// The client cannot be used any more: make a new one.
    Fatal,
}

/// Anything that goes wrong between this process and a Kafka cluster.
#[derive(Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    code: Option<i32>,
    message: String,
}

impl Error {
    /// An error of a kind, with a message that names the thing and the remedy.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into() }
    }

    /// Something that was given cannot work.
    #[must_use]
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn with_code(mut self, code: i32) -> Self {
        self.code = Some(code);
        self
    }

    /// The same error, told with what was being done.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// What to do about it.
    #[must_use]
    pub const fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The protocol's error code, or librdkafka's own below 0, where there is one.
    #[must_use]
    pub const fn code(&self) -> Option<i32> {
        self.code
    }

    /// Whether the same call may succeed later without any change.
    #[must_use]
    pub const fn is_retriable(&self) -> bool {
        matches!(self.kind, ErrorKind::Unavailable | ErrorKind::TimedOut)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:?}: {}", self.kind, self.message)
    }
}

impl std::error::Error for Error {}

impl From<headwater_log::Error> for Error {
    fn from(error: headwater_log::Error) -> Self {
        Self::invalid(error.to_string())
    }
}
