use std::fmt;

use headwater_log::TopicName;

use crate::Error;

/// What an installation puts in front of every topic's declared name (`KAFKA_TOPIC_PREFIX`); empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct TopicPrefix(String);

impl TopicPrefix {
    /// Checks and wraps a prefix, taken as it is: `staging.` makes `staging.orders.events`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when no topic could be called so.
    pub fn new(prefix: &str) -> Result<Self, Error> {
        if !prefix.is_empty() {
            TopicName::new(&format!("{prefix}x"))
                .map_err(|error| Error::invalid(format!("topic prefix {prefix:?}: {error}")))?;
        }
        Ok(Self(prefix.to_owned()))
    }

    /// No prefix.
    #[must_use]
    pub const fn none() -> Self {
        Self(String::new())
    }

    /// The prefix as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name by which the cluster knows a declared topic.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when it grows longer than Kafka allows.
    pub fn apply(&self, declared: &TopicName) -> Result<TopicName, Error> {
        if self.0.is_empty() {
            return Ok(declared.clone());
        }
        Ok(TopicName::new(&format!("{}{declared}", self.0))?)
    }

    /// The declared name of a topic of the cluster; None when it belongs to another installation.
    #[must_use]
    pub fn strip<'a>(&self, actual: &'a str) -> Option<&'a str> {
        actual.strip_prefix(self.0.as_str()).filter(|rest| !rest.is_empty())
    }
}

impl fmt::Display for TopicPrefix {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
