use std::fmt;

use headwater_event::Timestamp;

use crate::Error;

/// A snapshot's name among those of its task: when, up to where, and by whom it was taken. No two are the same, so that
/// what was once written is never written over. The newest sorts last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SnapshotId {
    /// When it was begun.
    pub taken_at: Timestamp,
    /// The changelog up to here (exclusive) is in it.
    pub offset: i64,
    /// The instance that took it.
    pub instance: String,
}

/// Digits of a time in milliseconds: names sort by time until the year 2286.
const TIME_DIGITS: usize = 13;

impl SnapshotId {
    /// From its text; None for a name that is none of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (taken_at, rest) = text.split_once('-')?;
        let (offset, instance) = rest.split_once('-')?;
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<i64>().ok())?;
        let id = Self {
            taken_at: Timestamp::from_millis(digits(taken_at)?),
            offset: digits(offset)?,
            instance: instance.to_owned(),
        };
        (is_name(instance) && id.to_string() == text).then_some(id)
    }
}

impl fmt::Display for SnapshotId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0TIME_DIGITS$}-{}-{}", self.taken_at.as_millis(), self.offset, self.instance)
    }
}

/// Whether a text may be one step of an object's name, wherever that lies.
pub fn is_name(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    !text.is_empty() && !text.starts_with('.') && text.chars().all(legal)
}

/// Checks the name of an application or, step by step, of a task.
pub fn checked(what: &str, name: &str) -> Result<(), Error> {
    if name.split('/').all(is_name) {
        return Ok(());
    }
    Err(Error::Configuration(format!(
        "{what} {name} can't be a folder's name: use letters, digits, dashes, underscores and dots"
    )))
}

#[cfg(test)]
mod tests;
