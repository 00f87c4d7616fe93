//! One worker's cache.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::SchemaBook;
use crate::{Error, SchemaId, WriterSchema};

/// Schemas one worker has seen: a lookup without a lock or a counter shared between cores.
#[derive(Debug)]
pub struct WorkerSchemas {
    book: SchemaBook,
    seen: FxHashMap<SchemaId, Arc<WriterSchema>>,
}

impl WorkerSchemas {
    pub(super) fn new(book: SchemaBook) -> Self {
        Self { book, seen: FxHashMap::default() }
    }

    /// The schema of an id that a record names, as [`SchemaBook::writer`].
    ///
    /// # Errors
    /// As [`SchemaBook::writer`].
    pub fn writer(&mut self, id: SchemaId) -> Result<&WriterSchema, Error> {
        if !self.seen.contains_key(&id) {
            self.seen.insert(id, self.book.writer(id)?);
        }
        match self.seen.get(&id) {
            Some(writer) => Ok(writer),
            None => Err(Error::new(crate::ErrorKind::NotFound, format!("schema id {id} is gone"))),
        }
    }

    /// The book behind it.
    #[must_use]
    pub fn book(&self) -> &SchemaBook {
        &self.book
    }
}
