//! Schemas of Headwater: how values are written, read, checked and evolved.
//!
//! - [`wire`]: Confluent's framing of a value.
//! - [`codec`]: typed Avro, fast, safe on hostile bytes.
//! - [`json_command`]: commands as people type them, checked against the schema.
//! - [`schema_book`]: ids and schemas for worker threads, from a registry or local.
//! - [`compatibility`]: may this schema follow those, by Confluent's seven levels.
//! - [`registry_client`]: a client of a real registry, async and blocking.
//! - [`registry`]: an embedded registry with Confluent's REST API.
//! - [`avro`]: a parsed schema, canonical text.

pub mod avro;
pub mod codec;
pub mod compatibility;
mod error;
mod id;
pub mod json_command;
pub mod registry;
pub mod registry_client;
pub mod schema_book;
pub mod wire;

pub use codec::{WriterSchema, encode_into};
pub use error::{Error, ErrorKind};
pub use id::{SchemaId, Version};
pub use schema_book::{SchemaBook, SubjectStrategy, WorkerSchemas};
