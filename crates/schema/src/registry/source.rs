//! A registry in the same process as a source for books: no HTTP between them.

use std::sync::Arc;

use super::{Deleted, RegisterRequest, Registry};
use crate::avro::AvroSchema;
use crate::schema_book::SchemaSource;
use crate::{Error, ErrorKind, SchemaId};

impl SchemaSource for Arc<Registry> {
    fn schema(&self, id: SchemaId) -> Result<String, Error> {
        let state = self.state();
        let found = state.versions_of_id(id.0).next();
        found
            .map(|version| version.value.schema.clone())
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("Schema {id} not found")))
    }

    fn id_of(&self, subject: &str, schema: &AvroSchema) -> Result<SchemaId, Error> {
        let request = RegisterRequest { schema: Some(schema.canonical().to_owned()), ..RegisterRequest::default() };
        let found = self.look_up(subject, &request, false, Deleted::Hide)?;
        Ok(SchemaId(found.value.id))
    }
}
