/// What went wrong with a snapshot, or with the place where it lies; the variant says what is done next.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Where snapshots lie is not said right. Fix it as the message says.
    #[error("{0}")]
    Configuration(String),
    /// The place can't be reached or refuses: trying again later may help.
    #[error("{0}")]
    Place(String),
    /// There is no such object.
    #[error("{0} is not there")]
    Absent(String),
    /// A snapshot is not what was written: another one is used.
    #[error("{0}")]
    Damaged(String),
    /// A snapshot was written by a newer build, which this one can't read: another one is used.
    #[error("{0}")]
    Newer(String),
}
