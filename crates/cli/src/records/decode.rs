use std::collections::HashMap;

use headwater_schema::schema_book::SchemaSource;
use headwater_schema::{ErrorKind, SchemaId, WriterSchema, wire};
use serde_json::{Value, json};

use super::text_of;

/// Schemas that are kept at most; a registry has fewer.
const SCHEMAS_MAX: usize = 10_000;

/// A value as people read it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decoded {
    /// JSON: an Avro record, a JSON document, a text, or `{"hex": …}` for other bytes.
    pub value: Value,
    /// The schema it was written with, if it is Avro.
    pub schema_id: Option<u32>,
    /// Why it could not be decoded.
    pub problem: Option<String>,
}

/// Decodes values with the schemas of a registry; what is no Avro is shown as it is.
pub struct Decoder {
    source: Box<dyn SchemaSource>,
    schemas: HashMap<SchemaId, Result<WriterSchema, String>>,
}

impl Decoder {
    /// A decoder with nothing known yet.
    pub fn new(source: impl SchemaSource + 'static) -> Self {
        Self { source: Box::new(source), schemas: HashMap::new() }
    }

    /// A value as people read it; null is a tombstone.
    pub fn decode(&mut self, value: Option<&[u8]>) -> Decoded {
        let plain = |value| Decoded { value, schema_id: None, problem: None };
        let Some(bytes) = value else { return plain(Value::Null) };
        if !wire::is_framed(bytes) {
            return plain(serde_json::from_slice(bytes).unwrap_or_else(|_| text_or_hex(bytes)));
        }
        let (id, body) = match wire::decode(bytes) {
            Ok(parts) => parts,
            Err(error) => return Decoded { problem: Some(error.to_string()), ..plain(text_or_hex(bytes)) },
        };
        let decoded = match self.schema(id) {
            Ok(schema) => schema.decode_value(body).map_err(|error| error.to_string()),
            Err(reason) => Err(reason.clone()),
        };
        match decoded {
            Ok(value) => Decoded { value, schema_id: Some(id.0), problem: None },
            Err(problem) => Decoded { value: text_or_hex(bytes), schema_id: Some(id.0), problem: Some(problem) },
        }
    }

    fn schema(&mut self, id: SchemaId) -> &Result<WriterSchema, String> {
        if self.schemas.len() >= SCHEMAS_MAX && !self.schemas.contains_key(&id) {
            self.schemas.clear();
        }
        let source = &self.source;
        self.schemas.entry(id).or_insert_with(|| {
            let text = source.schema(id).map_err(|error| match error.kind() {
                ErrorKind::Unavailable => format!("{error}; name the registry with --registry or SCHEMA_REGISTRY_URL"),
                _ => error.to_string(),
            })?;
            WriterSchema::compile(&text).map_err(|error| error.to_string())
        })
    }
}

fn text_or_hex(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Value::String(text.to_owned()),
        _ => json!({ "hex": text_of(bytes) }),
    }
}
