/// What went wrong in the runtime; the variant says what the caller does next.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Set-up is not right; nothing was started. Fix it as the message says.
    #[error("{0}")]
    Configuration(String),
    /// The local state can't be read or written; the worker stopped with nothing half done.
    #[error("{0}")]
    State(String),
    /// The local state is damaged; it is rebuilt from its changelog.
    #[error("{0}")]
    Corrupt(String),
    /// Kafka can't be reached or refuses; trying again may help.
    #[error("{0}")]
    Kafka(String),
    /// Another instance has taken this one's place.
    #[error("{0}")]
    Fenced(String),
    /// A processor's policy said stop, or its code failed in a way that has no policy.
    #[error("{0}")]
    Processing(String),
}

impl Error {
    pub(crate) const fn state(message: String) -> Self {
        Self::State(message)
    }

    pub(crate) const fn corrupt(message: String) -> Self {
        Self::Corrupt(message)
    }

    /// An error of the Kafka client, by what can be done about it here.
    #[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
    pub(crate) fn from_kafka(error: headwater_kafka::Error) -> Self {
        use headwater_kafka::ErrorKind;
        match error.kind() {
            ErrorKind::Invalid | ErrorKind::Denied => Self::Configuration(error.to_string()),
            ErrorKind::Fenced => Self::Fenced(error.to_string()),
            _ => Self::Kafka(error.to_string()),
        }
    }

    #[allow(clippy::needless_pass_by_value, reason = "used as a function in map_err")]
    pub(crate) fn from_rocksdb(error: rocksdb::Error) -> Self {
        if error.kind() == rocksdb::ErrorKind::Corruption {
            return Self::Corrupt(format!("local state is damaged: {error}"));
        }
        Self::State(format!("local state can't be used: {error}"))
    }
}
