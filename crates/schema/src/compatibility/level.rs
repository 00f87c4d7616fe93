//! The seven compatibility levels.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Error, ErrorKind};

/// Confluent's compatibility level of a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Level {
    /// Anything goes.
    None,
    /// The new schema reads the last one's data.
    #[default]
    Backward,
    /// The new schema reads all earlier ones' data.
    BackwardTransitive,
    /// The last schema reads the new one's data.
    Forward,
    /// All earlier schemas read the new one's data.
    ForwardTransitive,
    /// Backward and forward with the last.
    Full,
    /// Backward and forward with all.
    FullTransitive,
}

impl Level {
    /// All levels.
    pub const ALL: [Self; 7] = [
        Self::None,
        Self::Backward,
        Self::BackwardTransitive,
        Self::Forward,
        Self::ForwardTransitive,
        Self::Full,
        Self::FullTransitive,
    ];

    /// Confluent's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Backward => "BACKWARD",
            Self::BackwardTransitive => "BACKWARD_TRANSITIVE",
            Self::Forward => "FORWARD",
            Self::ForwardTransitive => "FORWARD_TRANSITIVE",
            Self::Full => "FULL",
            Self::FullTransitive => "FULL_TRANSITIVE",
        }
    }

    /// True if the new schema must read earlier data.
    #[must_use]
    pub fn is_backward(self) -> bool {
        use Level::{Backward, BackwardTransitive, Full, FullTransitive};
        matches!(self, Backward | BackwardTransitive | Full | FullTransitive)
    }

    /// True if earlier schemas must read new data.
    #[must_use]
    pub fn is_forward(self) -> bool {
        use Level::{Forward, ForwardTransitive, Full, FullTransitive};
        matches!(self, Forward | ForwardTransitive | Full | FullTransitive)
    }

    /// True if all earlier versions count, and not the last only.
    #[must_use]
    pub fn is_transitive(self) -> bool {
        use Level::{BackwardTransitive, ForwardTransitive, FullTransitive};
        matches!(self, BackwardTransitive | ForwardTransitive | FullTransitive)
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl FromStr for Level {
    type Err = Error;

    /// Upper or lower case.
    fn from_str(word: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|level| level.word().eq_ignore_ascii_case(word)).ok_or_else(|| {
            let words: Vec<_> = Self::ALL.iter().map(|level| level.word()).collect();
            Error::new(
                ErrorKind::InvalidSchema,
                format!("{word} is no compatibility level; use one of {}", words.join(", ")),
            )
        })
    }
}
