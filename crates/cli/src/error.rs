use std::fmt;

/// How a command ended that did not do what it was asked; the kind is the process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// It was tried and failed.
    Failed,
    /// What was asked makes no sense: flags, settings.
    Usage,
    /// Nothing is wrong, but changes are pending.
    Pending,
}

/// What went wrong, as one sentence for the person at the terminal: lowercase, names the thing and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
}

impl Error {
    /// Something was tried and failed.
    pub fn failed(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Failed, message: message.into() }
    }

    /// What was asked makes no sense.
    pub fn usage(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Usage, message: message.into() }
    }

    /// Changes are pending: exit code 3, for scripts.
    pub fn pending(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::Pending, message: message.into() }
    }

    /// The same error, told with what was being done.
    #[must_use]
    pub fn context(mut self, doing: impl fmt::Display) -> Self {
        self.message = format!("{doing}: {}", self.message);
        self
    }

    /// Whether nothing went wrong, and changes are pending.
    #[must_use]
    pub const fn is_pending(&self) -> bool {
        matches!(self.kind, ErrorKind::Pending)
    }

    /// 1 failed, 2 usage, 3 pending.
    #[must_use]
    pub const fn exit_code(&self) -> u8 {
        match self.kind {
            ErrorKind::Failed => 1,
            ErrorKind::Usage => 2,
            ErrorKind::Pending => 3,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<headwater_kafka::Error> for Error {
    fn from(error: headwater_kafka::Error) -> Self {
        match error.kind() {
            headwater_kafka::ErrorKind::Invalid => Self::usage(error.to_string()),
            _ => Self::failed(error.to_string()),
        }
    }
}

impl From<headwater_schema::Error> for Error {
    fn from(error: headwater_schema::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<headwater_devbroker::Error> for Error {
    fn from(error: headwater_devbroker::Error) -> Self {
        Self::failed(format!("embedded broker: {error}"))
    }
}

impl From<headwater_log::Error> for Error {
    fn from(error: headwater_log::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<headwater_event::Error> for Error {
    fn from(error: headwater_event::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<headwater_streams::Error> for Error {
    fn from(error: headwater_streams::Error) -> Self {
        Self::failed(error.to_string())
    }
}

impl From<tokio::task::JoinError> for Error {
    fn from(error: tokio::task::JoinError) -> Self {
        Self::failed(format!("a task of this process ended early: {error}"))
    }
}
