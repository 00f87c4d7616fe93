use std::fs::{self, File, TryLockError};
use std::path::Path;

use crate::{Error, ErrorKind};

/// A data folder that belongs to this process; freed when it is dropped, or when the process ends in whatever way.
#[derive(Debug)]
pub(super) struct FolderLock {
    _file: File,
}

impl FolderLock {
    /// Takes a folder, making it if it is missing.
    pub(super) fn take(folder: &Path) -> Result<Self, Error> {
        let failed = |error| Error::io(format!("cannot lock the data folder {}", folder.display()), error);
        fs::create_dir_all(folder).map_err(failed)?;
        let file = File::create(folder.join(".lock")).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(Error::new(
                ErrorKind::Io,
                format!(
                    "the data folder {} is in use by another broker: stop it, or give this one a folder of its own",
                    folder.display()
                ),
            )),
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }
}

#[cfg(test)]
mod tests;
