//! Typed Avro encoding and decoding, fast, over schemas that are compiled once.
//!
//! Decoding uses the writer's schema: fields that the type does not have are skipped, fields that
//! the bytes do not have come from serde's defaults. Nothing in the bytes can make it allocate more
//! than a small multiple of their length, recurse without bound, or panic.

mod decode_value;
mod encode_value;
mod width;

use std::io::BufRead;

pub(crate) use decode_value::decimal as decimal_text;

use serde::{Serialize, de::DeserializeOwned};
use serde_avro_fast::{de, ser};
use serde_json::Value;

use crate::avro::{AvroSchema, Node};
use crate::{Error, ErrorKind, SchemaId, wire};

/// Values nested deeper than this are refused.
const DEPTH_MAX: usize = 64;

/// A schema that values were written with, compiled for encoding and decoding.
pub struct WriterSchema {
    avro: AvroSchema,
    fast: serde_avro_fast::Schema,
}

impl std::fmt::Debug for WriterSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WriterSchema").field(&self.avro.canonical()).finish()
    }
}

impl WriterSchema {
    /// Compiles schema JSON.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchema`] if it is no valid Avro, or if an array or map in it has items
    /// of zero bytes, whose count no length could bound.
    pub fn compile(json: &str) -> Result<Self, Error> {
        Self::from_avro(AvroSchema::parse(json)?)
    }

    /// Compiles a parsed schema.
    ///
    /// # Errors
    /// As [`WriterSchema::compile`].
    pub fn from_avro(avro: AvroSchema) -> Result<Self, Error> {
        width::check(&avro)?;
        let fast = avro
            .canonical()
            .parse()
            .map_err(|error| Error::new(ErrorKind::InvalidSchema, format!("schema cannot be compiled: {error}")))?;
        Ok(Self { avro, fast })
    }

    /// The parsed schema.
    #[must_use]
    pub fn avro(&self) -> &AvroSchema {
        &self.avro
    }

    /// Full name of the schema's root type; none for a union or an unnamed type.
    #[must_use]
    pub fn full_name(&self) -> Option<&str> {
        self.avro.full_name()
    }

    /// Full name of the record that `body` holds: the root record, or the branch of a root union.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`] if the branch does not exist or is no named type.
    pub fn record_name<'a>(&'a self, body: &[u8]) -> Result<&'a str, Error> {
        let node = match self.avro.root_node() {
            Node::Union(branches) => {
                let (branch, _) =
                    decode_value::read_long(body).ok_or_else(|| malformed("value ends inside its union branch"))?;
                usize::try_from(branch)
                    .ok()
                    .and_then(|branch| branches.get(branch))
                    .map(|id| self.avro.node(*id))
                    .ok_or_else(|| {
                        malformed(format!("union branch {branch} is not one of the {} of the schema", branches.len()))
                    })?
            }
            root => root,
        };
        node.full_name().ok_or_else(|| malformed(format!("a {} has no type name", node.type_word())))
    }

    /// Decodes a body into a type. Rust enums over a union have the branches' full names.
    ///
    /// # Errors
    /// [`ErrorKind::Malformed`]: cut off, lengths beyond the bytes, trailing bytes, bad UTF-8, or a
    /// required field that the writer's schema lacks.
    pub fn decode<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, Error> {
        let mut config = de::DeserializerConfig::new(&self.fast);
        // Every item takes a byte at least (checked when compiled), so no honest count is larger.
        config.max_seq_size = body.len();
        config.allowed_depth = DEPTH_MAX;
        let mut state = de::DeserializerState::with_config(de::read::SliceRead::new(body), config);
        let value =
            T::deserialize(state.deserializer()).map_err(|error| malformed(format!("{}: {error}", self.label())))?;
        let left = state.into_reader().fill_buf().map_or(0, <[u8]>::len);
        if left > 0 {
            return Err(malformed(format!("{}: {left} bytes left after the value", self.label())));
        }
        Ok(value)
    }

    /// Decodes a body into JSON, for people: unions are their plain value, bytes are text of code
    /// points 0 to 255 (as in Avro's JSON), decimals are decimal text, times are numbers.
    ///
    /// # Errors
    /// As [`WriterSchema::decode`].
    pub fn decode_value(&self, body: &[u8]) -> Result<Value, Error> {
        decode_value::decode(&self.avro, body).map_err(|message| malformed(format!("{}: {message}", self.label())))
    }

    /// Appends the body of a value given as JSON, as `decode_value` writes it. `branch` is the full
    /// name of the branch where the root is a union.
    ///
    /// # Errors
    /// [`ErrorKind::Unencodable`] with the path of the field; `buffer` is as it was.
    pub fn encode_value_into(&self, buffer: &mut Vec<u8>, branch: Option<&str>, value: &Value) -> Result<(), Error> {
        let start = buffer.len();
        encode_value::encode(&self.avro, branch, value, buffer).map_err(|message| {
            buffer.truncate(start);
            Error::new(ErrorKind::Unencodable, format!("{}: {message}", self.label()))
        })
    }

    /// Appends the body of a value, without the wire format's header.
    ///
    /// # Errors
    /// [`ErrorKind::Unencodable`]; `buffer` is as it was.
    pub fn encode_body_into<T: Serialize + ?Sized>(&self, buffer: &mut Vec<u8>, value: &T) -> Result<(), Error> {
        let start = buffer.len();
        let mut config = ser::SerializerConfig::new(&self.fast);
        let mut state = ser::SerializerState::from_writer(&mut *buffer, &mut config);
        value.serialize(state.serializer()).map_err(|error| {
            buffer.truncate(start);
            Error::new(ErrorKind::Unencodable, format!("{}: {error}", self.label()))
        })
    }

    fn label(&self) -> &str {
        self.full_name().unwrap_or("value")
    }
}

/// Appends a value in the wire format, header and body, to a buffer that the caller reuses.
///
/// # Errors
/// [`ErrorKind::Unencodable`] if the value does not fit the schema; `buffer` is as it was.
pub fn encode_into<T: Serialize + ?Sized>(
    buffer: &mut Vec<u8>,
    id: SchemaId,
    schema: &WriterSchema,
    value: &T,
) -> Result<(), Error> {
    let start = buffer.len();
    wire::encode_header_into(buffer, id);
    schema.encode_body_into(buffer, value).inspect_err(|_| buffer.truncate(start))
}

fn malformed(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

#[cfg(test)]
mod tests;
