//! Storage in a folder of the file system.

use super::{Storage, StorageFile};
use crate::Error;
use bytes::Bytes;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Files below one folder.
#[derive(Debug, Clone)]
pub struct DiskStorage {
    root: PathBuf,
}

impl DiskStorage {
    /// Storage below `root`, which is made if it is missing.
    ///
    /// # Errors
    /// Of kind `Io`, if the folder can't be made.
    pub fn new(root: impl Into<PathBuf>) -> Result<Self, Error> {
        let root = root.into();
        fs::create_dir_all(&root).map_err(|e| failed("make the data folder", &root, e))?;
        Ok(Self { root })
    }

    fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    fn list(&self, dir: &str, folders: bool) -> Result<Vec<String>, Error> {
        let path = self.path(dir);
        let entries = match fs::read_dir(&path) {
            Ok(entries) => entries,
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(failed("list", &path, e)),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|e| failed("list", &path, e))?;
            let kind = entry.file_type().map_err(|e| failed("list", &path, e))?;
            if kind.is_dir() == folders
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort_unstable();
        Ok(names)
    }
}

impl Storage for DiskStorage {
    fn open(&self, path: &str) -> Result<Arc<dyn StorageFile>, Error> {
        let path = self.path(path);
        let open = || OpenOptions::new().read(true).append(true).create(true).open(&path);
        let file = match open() {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                make_parent(&path)?;
                open()
            }
            other => other,
        }
        .map_err(|e| failed("open", &path, e))?;
        Ok(Arc::new(DiskFile { file, path }))
    }

    fn list_files(&self, dir: &str) -> Result<Vec<String>, Error> {
        self.list(dir, false)
    }

    fn list_dirs(&self, dir: &str) -> Result<Vec<String>, Error> {
        self.list(dir, true)
    }

    fn read(&self, path: &str) -> Result<Option<Bytes>, Error> {
        let path = self.path(path);
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(bytes.into())),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            Err(e) => Err(failed("read", &path, e)),
        }
    }

    fn replace(&self, path: &str, bytes: &[u8], durable: bool) -> Result<(), Error> {
        let path = self.path(path);
        make_parent(&path)?;
        let mut new = path.clone().into_os_string();
        new.push(".new");
        let new = PathBuf::from(new);
        let mut file = File::create(&new).map_err(|e| failed("create", &new, e))?;
        file.write_all(bytes).map_err(|e| failed("write", &new, e))?;
        if durable {
            file.sync_data().map_err(|e| failed("sync", &new, e))?;
        }
        fs::rename(&new, &path).map_err(|e| failed("rename", &new, e))
    }

    fn rename(&self, from: &str, to: &str) -> Result<(), Error> {
        let from = self.path(from);
        fs::rename(&from, self.path(to)).map_err(|e| failed("rename", &from, e))
    }

    fn remove(&self, path: &str) -> Result<(), Error> {
        let path = self.path(path);
        match fs::remove_file(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed("remove", &path, e)),
            _ => Ok(()),
        }
    }

    fn remove_dir(&self, dir: &str) -> Result<(), Error> {
        let path = self.path(dir);
        match fs::remove_dir_all(&path) {
            Err(e) if e.kind() != ErrorKind::NotFound => Err(failed("remove", &path, e)),
            _ => Ok(()),
        }
    }
}

#[derive(Debug)]
struct DiskFile {
    file: File,
    path: PathBuf,
}

impl StorageFile for DiskFile {
    fn append(&self, bytes: &[u8]) -> Result<(), Error> {
        (&self.file).write_all(bytes).map_err(|e| failed("append to", &self.path, e))
    }

    fn read_at(&self, position: u64, len: usize) -> Result<Bytes, Error> {
        let mut buffer = vec![0; len];
        let mut filled = 0;
        while filled < len {
            let Some(rest) = buffer.get_mut(filled..) else { break };
            match self.file.read_at(rest, position + filled as u64) {
                Ok(0) => break,
                Ok(n) => filled += n,
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(failed("read", &self.path, e)),
            }
        }
        buffer.truncate(filled);
        Ok(buffer.into())
    }

    fn size_bytes(&self) -> Result<u64, Error> {
        self.file.metadata().map(|m| m.len()).map_err(|e| failed("measure", &self.path, e))
    }

    fn truncate(&self, size_bytes: u64) -> Result<(), Error> {
        self.file.set_len(size_bytes).map_err(|e| failed("truncate", &self.path, e))
    }

    fn sync(&self) -> Result<(), Error> {
        self.file.sync_data().map_err(|e| failed("sync", &self.path, e))
    }
}

fn make_parent(path: &Path) -> Result<(), Error> {
    match path.parent() {
        Some(parent) => fs::create_dir_all(parent).map_err(|e| failed("make the folder", parent, e)),
        None => Ok(()),
    }
}

fn failed(doing: &str, path: &Path, source: std::io::Error) -> Error {
    Error::io(format!("cannot {doing} {}", path.display()), source)
}
