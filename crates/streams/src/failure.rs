use std::fmt;

/// At which edge of a task something went wrong; a policy is chosen for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// The input can't be read: bytes, headers, schema, key.
    Decode,
    /// The processor could not do its work.
    Process,
    /// An output can't be produced: too large, no schema, no such sink.
    Produce,
    /// Something took too long.
    Timeout,
    /// State can't be read or written.
    State,
    /// Something that every input needs can't be reached, such as the schema registry. No policy applies: the task waits,
    /// backing off, until it can.
    Unavailable,
}

impl FailureKind {
    /// One lower-case word, for headers, labels and logs.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Decode => "decode",
            Self::Process => "process",
            Self::Produce => "produce",
            Self::Timeout => "timeout",
            Self::State => "state",
            Self::Unavailable => "unavailable",
        }
    }
}

/// Why one input could not be processed. Everything that was staged for it is undone, then a policy decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where it went wrong.
    pub kind: FailureKind,
    /// What went wrong, for people; names the thing and the remedy.
    pub message: String,
    /// Whether trying again may help.
    pub retriable: bool,
}

impl Failure {
    /// A failure that trying again does not mend.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retriable: false }
    }

    /// The input can't be read.
    pub fn decode(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Decode, message)
    }

    /// The processor can't do its work, now or later.
    pub fn process(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Process, message)
    }

    /// The processor can't do its work now; another try may succeed.
    pub fn retriable(message: impl Into<String>) -> Self {
        Self { retriable: true, ..Self::new(FailureKind::Process, message) }
    }

    /// An output can't be produced.
    pub fn produce(message: impl Into<String>) -> Self {
        Self::new(FailureKind::Produce, message)
    }

    /// Something took too long; another try may succeed.
    pub fn timeout(message: impl Into<String>) -> Self {
        Self { retriable: true, ..Self::new(FailureKind::Timeout, message) }
    }

    /// Something that every input needs can't be reached now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self { retriable: true, ..Self::new(FailureKind::Unavailable, message) }
    }

    /// State can't be used.
    pub fn state(message: impl Into<String>) -> Self {
        Self::new(FailureKind::State, message)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.kind.word(), self.message)
    }
}

impl std::error::Error for Failure {}

impl From<crate::StateError> for Failure {
    fn from(error: crate::StateError) -> Self {
        Self::state(error.message)
    }
}

impl From<headwater_event::Error> for Failure {
    /// Ids and amounts that came with the input and are not valid.
    fn from(error: headwater_event::Error) -> Self {
        Self::process(error.to_string())
    }
}

/// A schema error where an input is read.
pub(crate) fn while_reading(error: &headwater_schema::Error) -> Failure {
    match error.kind() {
        headwater_schema::ErrorKind::Unavailable => Failure::unavailable(error.to_string()),
        _ => Failure::decode(error.to_string()),
    }
}

/// A schema error where an output is written.
pub(crate) fn while_writing(error: &headwater_schema::Error) -> Failure {
    match error.kind() {
        headwater_schema::ErrorKind::Unavailable => Failure::unavailable(error.to_string()),
        _ => Failure::produce(error.to_string()),
    }
}
