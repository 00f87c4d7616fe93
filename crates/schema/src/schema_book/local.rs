//! Ids without a registry.

use std::sync::{Mutex, PoisonError};

use super::SchemaSource;
use crate::avro::AvroSchema;
use crate::{Error, ErrorKind, SchemaId};

/// Schemas in the order they were first asked for; the id is the position, from 1.
#[derive(Default)]
pub(super) struct LocalIds {
    schemas: Mutex<Vec<String>>,
}

impl SchemaSource for LocalIds {
    fn schema(&self, id: SchemaId) -> Result<String, Error> {
        let schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        (id.0 as usize)
            .checked_sub(1)
            .and_then(|index| schemas.get(index))
            .cloned()
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no local schema {id}")))
    }

    fn id_of(&self, _subject: &str, schema: &AvroSchema) -> Result<SchemaId, Error> {
        let mut schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        let at = schemas.iter().position(|known| known == schema.canonical());
        let at = at.unwrap_or_else(|| {
            schemas.push(schema.canonical().to_owned());
            schemas.len() - 1
        });
        u32::try_from(at + 1).map(SchemaId).map_err(|_| Error::new(ErrorKind::Refused, "too many local schemas"))
    }
}
