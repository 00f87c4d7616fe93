/// Why a name or number is no coordinate of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The name breaks Kafka's rule for topics.
    #[error(
        "topic name {name:?} is not allowed: use 1 to 249 of a-z, A-Z, 0-9, '.', '_' and '-', and neither \".\" nor \"..\""
    )]
    TopicName {
        /// What was given.
        name: String,
    },
    /// A partition or offset below zero.
    #[error("{what} {value} is negative: partitions and offsets count from 0")]
    Negative {
        /// "partition" or "offset".
        what: &'static str,
        /// What was given.
        value: i64,
    },
}
