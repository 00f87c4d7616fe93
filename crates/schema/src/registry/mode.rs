//! What a registry or a subject lets clients do.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::ApiError;

/// Confluent's mode of a registry or subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Mode {
    /// Reads and writes.
    #[default]
    Readwrite,
    /// Reads only.
    Readonly,
    /// Reads only, whatever subjects say.
    ReadonlyOverride,
    /// Writes that bring their own ids.
    Import,
}

impl Mode {
    /// Confluent's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Readwrite => "READWRITE",
            Self::Readonly => "READONLY",
            Self::ReadonlyOverride => "READONLY_OVERRIDE",
            Self::Import => "IMPORT",
        }
    }
}

impl FromStr for Mode {
    type Err = ApiError;

    fn from_str(word: &str) -> Result<Self, ApiError> {
        [Self::Readwrite, Self::Readonly, Self::ReadonlyOverride, Self::Import]
            .into_iter()
            .find(|mode| mode.word().eq_ignore_ascii_case(word))
            .ok_or_else(ApiError::invalid_mode)
    }
}
