//! May this schema follow those? Confluent's seven levels over Avro's schema resolution.
//!
//! The check is our own: `apache_avro`'s says yes or no to the first difference, while a person
//! wants every difference with its place, and it takes references for equal by their name alone.

mod level;
mod resolution;

use std::fmt;

pub use level::Level;

use crate::avro::AvroSchema;

/// The rule of Avro's schema resolution that is broken, in Confluent's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// The named types have different names.
    NameMismatch,
    /// The fixed types differ in size.
    FixedSizeMismatch,
    /// The writer's enum has symbols that the reader's has not, and there is no default.
    MissingEnumSymbols,
    /// The reader has a field that the writer has not, and it has no default.
    ReaderFieldMissingDefaultValue,
    /// The types cannot be converted.
    TypeMismatch,
    /// The reader's union lacks a branch of the writer's.
    MissingUnionBranch,
}

impl Rule {
    /// Confluent's word for it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NameMismatch => "NAME_MISMATCH",
            Self::FixedSizeMismatch => "FIXED_SIZE_MISMATCH",
            Self::MissingEnumSymbols => "MISSING_ENUM_SYMBOLS",
            Self::ReaderFieldMissingDefaultValue => "READER_FIELD_MISSING_DEFAULT_VALUE",
            Self::TypeMismatch => "TYPE_MISMATCH",
            Self::MissingUnionBranch => "MISSING_UNION_BRANCH",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// One reason why data written with one schema cannot be read with the other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Incompatibility {
    /// Where in the reader's schema, as a JSON pointer: `/fields/2/type`.
    pub path: String,
    /// The field's path by name, such as `items.quantity`; empty for the whole.
    pub field: String,
    /// The rule.
    pub rule: Rule,
    /// What is wrong and what to do, for people.
    pub message: String,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}: {}", self.rule, self.path, self.message)
    }
}

/// An incompatibility with one of the earlier versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// Position of the earlier schema in the list that was given.
    pub earlier_index: usize,
    /// Which of the two reads.
    pub direction: Direction,
    /// What is wrong.
    pub incompatibility: Incompatibility,
}

/// Which schema reads the other's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The new schema reads what the earlier one wrote.
    Backward,
    /// The earlier schema reads what the new one writes.
    Forward,
}

/// All reasons why data of `writer` cannot be read with `reader`; empty if it can.
#[must_use]
pub fn can_read(reader: &AvroSchema, writer: &AvroSchema) -> Vec<Incompatibility> {
    resolution::check(reader, writer)
}

/// All conflicts of a new schema with the earlier versions of its subject, oldest first, under a
/// level. Levels that are not transitive look at the last one only.
#[must_use]
pub fn check(level: Level, new: &AvroSchema, earlier: &[AvroSchema]) -> Vec<Conflict> {
    let from = if level.is_transitive() { 0 } else { earlier.len().saturating_sub(1) };
    let mut conflicts = Vec::new();
    for (earlier_index, old) in earlier.iter().enumerate().skip(from).rev() {
        let mut add = |direction, found: Vec<Incompatibility>| {
            conflicts.extend(found.into_iter().map(|incompatibility| Conflict {
                earlier_index,
                direction,
                incompatibility,
            }));
        };
        if level.is_backward() {
            add(Direction::Backward, can_read(new, old));
        }
        if level.is_forward() {
            add(Direction::Forward, can_read(old, new));
        }
    }
    conflicts
}

#[cfg(test)]
mod tests;
