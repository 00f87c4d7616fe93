//! The edge to files: everything the broker keeps goes through [`Storage`].
//!
//! Paths are relative, with `/` between their parts; the root is the implementation's business.

mod disk;
mod memory;

pub use disk::DiskStorage;
pub use memory::MemoryStorage;

use crate::Error;
use bytes::Bytes;
use std::fmt;
use std::sync::Arc;

/// Files by relative path. Two implementations: [`DiskStorage`] and [`MemoryStorage`].
pub trait Storage: Send + Sync + fmt::Debug {
    /// Opens an append-only file, made empty if it is missing (its folder too).
    ///
    /// # Errors
    /// Of kind `Io`.
    fn open(&self, path: &str) -> Result<Arc<dyn StorageFile>, Error>;

    /// The names of the files directly in `dir`, sorted; none if the folder is missing.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn list_files(&self, dir: &str) -> Result<Vec<String>, Error>;

    /// The names of the folders directly in `dir`, sorted; none if the folder is missing.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn list_dirs(&self, dir: &str) -> Result<Vec<String>, Error>;

    /// The whole of a small file; `None` if it is missing.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn read(&self, path: &str) -> Result<Option<Bytes>, Error>;

    /// Replaces a small file at once: a reader sees the old bytes or the new, never a mix,
    /// also after a crash. With `durable` it also outlives a lost machine.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn replace(&self, path: &str, bytes: &[u8], durable: bool) -> Result<(), Error>;

    /// Renames a file, over another one if there is one.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn rename(&self, from: &str, to: &str) -> Result<(), Error>;

    /// Removes a file; nothing happens if it is missing.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn remove(&self, path: &str) -> Result<(), Error>;

    /// Removes a folder with all that is in it; nothing happens if it is missing.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn remove_dir(&self, dir: &str) -> Result<(), Error>;
}

/// One append-only file.
pub trait StorageFile: Send + Sync + fmt::Debug {
    /// Writes at the end, in one call to the system where it takes it whole.
    ///
    /// # Errors
    /// Of kind `Io`; part of the bytes may then have been written.
    fn append(&self, bytes: &[u8]) -> Result<(), Error>;

    /// Up to `len` bytes from `position`; fewer only at the end of the file.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn read_at(&self, position: u64, len: usize) -> Result<Bytes, Error>;

    /// The length in bytes.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn size_bytes(&self) -> Result<u64, Error>;

    /// Cuts the file to `size_bytes`.
    ///
    /// # Errors
    /// Of kind `Io`.
    fn truncate(&self, size_bytes: u64) -> Result<(), Error>;

    /// Puts what was written on the device (fdatasync).
    ///
    /// # Errors
    /// Of kind `Io`.
    fn sync(&self) -> Result<(), Error>;
}
