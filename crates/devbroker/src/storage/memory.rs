//! Storage in memory: the same files, gone with the last reference to it.

use super::{Storage, StorageFile};
use crate::Error;
use bytes::Bytes;
use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Files in memory. Clones of the `Arc` around it see the same files.
#[derive(Debug, Default)]
pub struct MemoryStorage {
    files: Mutex<BTreeMap<String, Arc<MemoryFile>>>,
}

impl MemoryStorage {
    /// Storage without any file.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    // No panic can leave the map half changed, so a poisoned lock is still good.
    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Arc<MemoryFile>>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rests of the paths below `dir`.
    fn below(&self, dir: &str) -> Vec<String> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        self.files()
            .range(prefix.clone()..)
            .map_while(|(path, _)| path.strip_prefix(&prefix).map(str::to_owned))
            .collect()
    }
}

impl Storage for MemoryStorage {
    fn open(&self, path: &str) -> Result<Arc<dyn StorageFile>, Error> {
        Ok(Arc::clone(self.files().entry(path.to_owned()).or_default()) as _)
    }

    fn list_files(&self, dir: &str) -> Result<Vec<String>, Error> {
        Ok(self.below(dir).into_iter().filter(|rest| !rest.contains('/')).collect())
    }

    fn list_dirs(&self, dir: &str) -> Result<Vec<String>, Error> {
        let names: BTreeSet<String> =
            self.below(dir).iter().filter_map(|rest| rest.split_once('/').map(|(name, _)| name.to_owned())).collect();
        Ok(names.into_iter().collect())
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>, Error> {
        let file = self.files().get(path).cloned();
        Ok(file.map(|file| Bytes::copy_from_slice(&file.bytes())))
    }

    fn replace(&self, path: &str, bytes: &[u8], _durable: bool) -> Result<(), Error> {
        let file = Arc::new(MemoryFile { bytes: RwLock::new(bytes.to_vec()) });
        self.files().insert(path.to_owned(), file);
        Ok(())
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let mut files = self.files();
        match files.remove(from) {
            Some(file) => {
                files.insert(to.to_owned(), file);
                Ok(())
            }
            None => Err(Error::io(format!("cannot rename {from}"), std::io::Error::from(std::io::ErrorKind::NotFound))),
        }
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        self.files().remove(path);
        Ok(())
    }

    fn remove_dir(&self, dir: &str) -> Result<(), Error> {
        let prefix = format!("{dir}/");
        self.files().retain(|path, _| !path.starts_with(&prefix));
        Ok(())
    }
}

#[derive(Debug, Default)]
struct MemoryFile {
    bytes: RwLock<Vec<u8>>,
}

impl MemoryFile {
    fn bytes(&self) -> RwLockReadGuard<'_, Vec<u8>> {
        self.bytes.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn bytes_mut(&self) -> RwLockWriteGuard<'_, Vec<u8>> {
        self.bytes.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StorageFile for MemoryFile {
    fn append(&self, bytes: &[u8]) -> Result<(), Error> {
        self.bytes_mut().extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, position: u64, len: usize) -> Result<Bytes, Error> {
        let bytes = self.bytes();
        let start = usize::try_from(position).unwrap_or(usize::MAX).min(bytes.len());
        let end = start.saturating_add(len).min(bytes.len());
        Ok(bytes.get(start..end).map(Bytes::copy_from_slice).unwrap_or_default())
    }

    fn size_bytes(&self) -> Result<u64, Error> {
        Ok(self.bytes().len() as u64)
    }

    fn truncate(&self, size_bytes: u64) -> Result<(), Error> {
        self.bytes_mut().truncate(usize::try_from(size_bytes).unwrap_or(usize::MAX));
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        Ok(())
    }
}
