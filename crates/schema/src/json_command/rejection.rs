//! What is wrong with a command.

use std::fmt;

/// Why a command was rejected: what, where, and in which command.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejection {
    /// What is wrong.
    pub problem: Problem,
    /// The path of the field, such as `items[2].quantity`; empty for the whole command.
    pub path: String,
    /// The full name of the command, where it got as far as being known.
    pub command: Option<String>,
}

/// The kinds of things that can be wrong with a command.
#[derive(Debug, Clone, PartialEq)]
pub enum Problem {
    /// The bytes are not UTF-8, from byte `at` on.
    NotUtf8 {
        /// The first bad byte, from 0.
        at: usize,
    },
    /// The text is not JSON.
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What the parser expected.
        detail: String,
    },
    /// The value is empty or a tombstone.
    Empty,
    /// JSON, but no object.
    NotAnObject {
        /// What it is instead.
        found: String,
    },
    /// Nested deeper than [`super::DEPTH_MAX`].
    TooDeep {
        /// The limit.
        depth_max: usize,
    },
    /// No `type` field.
    MissingType {
        /// Short names of the commands that exist.
        known: Vec<String>,
    },
    /// `type` names no command of the topic.
    UnknownCommand {
        /// What it said.
        name: String,
        /// Short names of the commands that exist.
        known: Vec<String>,
    },
    /// `type` contradicts the name given from outside.
    TypeContradicted {
        /// What the field says.
        field: String,
        /// What was given from outside.
        outside: String,
    },
    /// A field the record does not have.
    UnknownField {
        /// The fields it has.
        known: Vec<String>,
    },
    /// A field without a default is absent.
    MissingField {
        /// The type it wants.
        expected: String,
    },
    /// The same field twice.
    DuplicateField,
    /// null where the type has none.
    NullNotAllowed {
        /// The type it wants.
        expected: String,
    },
    /// A value of another type.
    WrongType {
        /// The type it wants.
        expected: String,
        /// What is there.
        found: String,
    },
    /// An integer beyond its type.
    OutOfRange {
        /// The number as text.
        value: String,
        /// The Avro type, int or long.
        expected: &'static str,
    },
    /// Text that is none of an enum's symbols.
    UnknownSymbol {
        /// What is there.
        found: String,
        /// The symbols.
        symbols: Vec<String>,
    },
    /// Text that is no RFC 3339 time.
    NotATime {
        /// What is there.
        found: String,
    },
}

impl Problem {
    /// A stable word for metrics and replies.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::NotUtf8 { .. } => "not_utf8",
            Self::NotJson { .. } => "not_json",
            Self::Empty => "empty",
            Self::NotAnObject { .. } => "not_an_object",
            Self::TooDeep { .. } => "too_deep",
            Self::MissingType { .. } => "missing_type",
            Self::UnknownCommand { .. } => "unknown_command",
            Self::TypeContradicted { .. } => "type_contradicted",
            Self::UnknownField { .. } => "unknown_field",
            Self::MissingField { .. } => "missing_field",
            Self::DuplicateField => "duplicate_field",
            Self::NullNotAllowed { .. } => "null_not_allowed",
            Self::WrongType { .. } => "wrong_type",
            Self::OutOfRange { .. } => "out_of_range",
            Self::UnknownSymbol { .. } => "unknown_symbol",
            Self::NotATime { .. } => "not_a_time",
        }
    }

    /// True if the text could not be read as a command at all, so that there is nobody to reply to
    /// by content: such a record belongs in the dead-letter topic.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(
            self,
            Self::NotUtf8 { .. } | Self::NotJson { .. } | Self::Empty | Self::NotAnObject { .. } | Self::TooDeep { .. }
        )
    }
}

impl std::error::Error for Rejection {}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(command) = &self.command {
            let short = command.rsplit('.').next().unwrap_or(command);
            write!(f, "{short}: ")?;
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        self.problem.fmt(f)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUtf8 { at } => {
                write!(f, "not UTF-8 from byte {at} on; send the text as UTF-8")
            }
            Self::NotJson { line, column, detail } => write!(f, "not JSON at line {line} column {column}: {detail}"),
            Self::Empty => f.write_str("empty value; send an object such as {\"type\":\"PlaceOrder\",...}"),
            Self::NotAnObject { found } => {
                write!(f, "{found} is no command; send an object such as {{\"type\":\"PlaceOrder\",...}}")
            }
            Self::TooDeep { depth_max } => {
                write!(f, "nested deeper than {depth_max} levels; flatten it")
            }
            Self::MissingType { known } => write!(f, "no \"type\"; add \"type\" with one of {}", known.join(", ")),
            Self::UnknownCommand { name, known } => {
                write!(f, "unknown command \"{name}\"; this topic takes {}", known.join(", "))
            }
            Self::TypeContradicted { field, outside } => {
                write!(f, "\"{field}\" contradicts the type {outside} of the header; make them agree or drop one")
            }
            Self::UnknownField { known } => {
                write!(f, "unknown field; the fields are {}", known.join(", "))
            }
            Self::MissingField { expected } => {
                write!(f, "missing; add it as {expected}")
            }
            Self::DuplicateField => f.write_str("given twice; keep one"),
            Self::NullNotAllowed { expected } => {
                write!(f, "null is not allowed; give {expected}")
            }
            Self::WrongType { expected, found } => {
                write!(f, "expected {expected}, found {found}")
            }
            Self::OutOfRange { value, expected } => {
                let (min, max) = match *expected {
                    "int" => (i64::from(i32::MIN), i64::from(i32::MAX)),
                    _ => (i64::MIN, i64::MAX),
                };
                write!(f, "{value} does not fit {expected}; give {min} to {max}")
            }
            Self::UnknownSymbol { found, symbols } => {
                write!(f, "\"{found}\" is none of {}", symbols.join(", "))
            }
            Self::NotATime { found } => write!(
                f,
                "\"{found}\" is no time; give RFC 3339 such as 2026-01-31T12:00:00Z, or integer milliseconds since 1970"
            ),
        }
    }
}
