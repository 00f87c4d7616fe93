//! How subjects are named.

use serde::{Deserialize, Serialize};

/// Confluent's subject name strategies, for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum SubjectStrategy {
    /// `<topic>-value`: one schema for the topic; command topics, which consoles write.
    TopicNameStrategy,
    /// `<topic>-<full name>`: one subject for each type; event topics.
    TopicRecordNameStrategy,
}

impl SubjectStrategy {
    /// The subject of a type on a topic.
    #[must_use]
    pub fn subject(self, topic: &str, full_name: &str) -> String {
        match self {
            Self::TopicNameStrategy => format!("{topic}-value"),
            Self::TopicRecordNameStrategy => format!("{topic}-{full_name}"),
        }
    }
}
