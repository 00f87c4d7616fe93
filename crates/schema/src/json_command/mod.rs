//! Commands as people type them: `{"type":"PlaceOrder","order_id":"o-1",...}`, checked against the
//! Avro records that a topic takes, with errors that name the field and the remedy.
//!
//! The schemas are compiled once to a tree of checks; checking a command walks text and tree once.

mod check;
mod compile;
mod raw;
mod rejection;

use serde_json::Value;

pub use rejection::{Problem, Rejection};

use crate::{Error, ErrorKind, avro::AvroSchema};
use compile::Tree;
use raw::Raw;

/// Objects and arrays nested deeper than this are refused.
pub const DEPTH_MAX: usize = 32;

/// The commands a topic takes, compiled.
#[derive(Debug)]
pub struct CommandSet {
    tree: Tree,
}

/// A command that fits its schema: defaults filled in, fields in the schema's order, times as
/// integer milliseconds, without `type`.
#[derive(Debug, Clone, PartialEq)]
pub struct Command {
    /// The full name of its record, such as `headwater.orders.PlaceOrder`.
    pub full_name: String,
    /// The fields; always an object. Deserialise it to the Rust type with serde.
    pub value: Value,
}

impl CommandSet {
    /// Compiles command schemas: each an Avro record, or a union of records.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchema`] if one is no valid Avro or no record, if two commands share a
    /// name, or if one has a field `type`, which names the command.
    pub fn compile<S: AsRef<str>>(schemas: &[S]) -> Result<Self, Error> {
        let parsed = schemas.iter().map(|schema| AvroSchema::parse(schema.as_ref())).collect::<Result<Vec<_>, _>>()?;
        let tree = Tree::compile(&parsed)?;
        if tree.commands.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidSchema,
                "no command in the schemas; give at least one Avro record",
            ));
        }
        Ok(Self { tree })
    }

    /// Full names of the commands, in the order they were given.
    pub fn full_names(&self) -> impl Iterator<Item = &str> {
        self.tree.commands.iter().map(|command| command.full_name.as_str())
    }

    /// Resolves a short or full command name to the full one. A short name that two commands share
    /// resolves to none.
    #[must_use]
    pub fn resolve(&self, name: &str) -> Option<&str> {
        self.tree.find(name).map(|command| command.full_name.as_str())
    }

    /// Checks a command whose `type` field names it.
    ///
    /// # Errors
    /// A [`Rejection`]: the first thing that is wrong, with its path.
    pub fn check(&self, text: &[u8]) -> Result<Command, Box<Rejection>> {
        check::check(&self.tree, text, None)
    }

    /// Checks a command named from outside, as by a `ce_type` header. A `type` field may be there
    /// and must then agree.
    ///
    /// # Errors
    /// A [`Rejection`], among them [`Problem::TypeContradicted`].
    pub fn check_named(&self, name: &str, text: &[u8]) -> Result<Command, Box<Rejection>> {
        check::check(&self.tree, text, Some(name))
    }
}

/// The text of one top-level string field, for replies to commands that were rejected: none if the
/// text is no JSON object or the field is no string.
#[must_use]
pub fn peek_string(text: &[u8], field: &str) -> Option<String> {
    match Raw::parse(text).ok()? {
        Raw::Object(entries) => entries.into_iter().find_map(|(key, value)| match value {
            Raw::Text(text) if key == field => Some(text.into_owned()),
            _ => None,
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
