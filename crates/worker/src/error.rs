/// What went wrong in a worker; the variant says what its keeper does next.
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
    /// Whether starting the worker again may help.
    #[must_use]
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Kafka(_))
    }
}
