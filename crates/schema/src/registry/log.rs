//! Where the registry keeps its records.

use std::sync::{Mutex, PoisonError};

use crate::Error;

/// Takes a record that is replayed: key, and value or tombstone.
pub type ReplayEach<'a> = dyn FnMut(&[u8], Option<&[u8]>) -> Result<(), Error> + 'a;

/// An ordered, durable log of records; the compacted `_schemas` topic in a running system.
pub trait SchemaLog: Send + Sync {
    /// Appends a record and returns once it is durable. No value is a tombstone. It may block.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Unavailable`] if it is not known to be durable; the registry then does
    /// not apply it.
    fn append(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error>;

    /// Hands over every record from the start, in order. It may block.
    ///
    /// # Errors
    /// What stops it, or what `each` returns.
    fn replay(&self, each: &mut ReplayEach<'_>) -> Result<(), Error>;
}

type KeyValue = (Vec<u8>, Option<Vec<u8>>);

/// A log in memory, for tests and for a registry that may forget.
#[derive(Debug, Default)]
pub struct MemoryLog {
    records: Mutex<Vec<KeyValue>>,
}

impl SchemaLog for MemoryLog {
    fn append(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.push((key.to_vec(), value.map(<[u8]>::to_vec)));
        Ok(())
    }

    fn replay(&self, each: &mut ReplayEach<'_>) -> Result<(), Error> {
        let records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        records.iter().try_for_each(|(key, value)| each(key, value.as_deref()))
    }
}

impl<L: SchemaLog + ?Sized> SchemaLog for std::sync::Arc<L> {
    fn append(&self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        (**self).append(key, value)
    }

    fn replay(&self, each: &mut ReplayEach<'_>) -> Result<(), Error> {
        (**self).replay(each)
    }
}
