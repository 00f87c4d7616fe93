use std::fs::File;
use std::io::{Error as IoError, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Listed, too_large};
use crate::Error;

/// Objects as files. What is written has a name that begins with a dot until it is whole, and on the disk.
#[derive(Clone)]
pub(super) struct Folder {
    root: Arc<Path>,
    written: Arc<AtomicU64>,
}

impl Folder {
    pub(super) fn open(root: &Path) -> Result<Self, Error> {
        std::fs::create_dir_all(root).map_err(|error| {
            Error::Configuration(format!("the folder {} for snapshots can't be made: {error}", root.display()))
        })?;
        Ok(Self { root: root.into(), written: Arc::default() })
    }

    async fn blocking<T: Send + 'static>(
        &self,
        name: &str,
        act: impl FnOnce(PathBuf) -> Result<T, IoError> + Send + 'static,
    ) -> Result<T, Error> {
        let path = self.root.join(name);
        let shown = path.display().to_string();
        let acted = tokio::task::spawn_blocking(move || act(path)).await;
        let failed = |error: &dyn std::fmt::Display| Error::Place(format!("{shown}: {error}"));
        match acted {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) if error.kind() == ErrorKind::NotFound => Err(Error::Absent(shown)),
            Ok(Err(error)) => Err(failed(&error)),
            Err(error) => Err(failed(&error)),
        }
    }

    pub(super) async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), Error> {
        // Several processes may write to one folder, and one process several objects of one name's beginning.
        let unique = format!(".{}-{}.tmp", std::process::id(), self.written.fetch_add(1, Ordering::Relaxed));
        let root = Arc::clone(&self.root);
        self.blocking(name, move |path| {
            let folder = path.parent().unwrap_or(&root);
            std::fs::create_dir_all(folder)?;
            let unfinished = folder.join(unique);
            let written = write(&unfinished, &bytes).and_then(|()| std::fs::rename(&unfinished, &path));
            if written.is_err() {
                let _absent = std::fs::remove_file(&unfinished);
            }
            written?;
            File::open(folder)?.sync_all()
        })
        .await
    }

    pub(super) async fn get(&self, name: &str, bytes_max: u64) -> Result<Vec<u8>, Error> {
        let shown = name.to_owned();
        self.blocking(name, move |path| {
            let bytes = std::fs::metadata(&path)?.len();
            if bytes > bytes_max {
                return Ok(Err(too_large(&shown, bytes, bytes_max)));
            }
            std::fs::read(&path).map(Ok)
        })
        .await?
    }

    pub(super) async fn delete(&self, name: &str) -> Result<(), Error> {
        let root = Arc::clone(&self.root);
        self.blocking(name, move |path| {
            std::fs::remove_file(&path)?;
            // A folder without files is no object: it goes with its last one.
            let mut folder = path.parent();
            while let Some(empty) = folder.filter(|folder| **folder != *root && folder.starts_with(&root)) {
                if std::fs::remove_dir(empty).is_err() {
                    break;
                }
                folder = empty.parent();
            }
            Ok(())
        })
        .await
    }

    /// With what is there under a name that begins with a dot.
    pub(super) async fn delete_under(&self, name: &str) -> Result<(), Error> {
        self.blocking(name, std::fs::remove_dir_all).await
    }

    pub(super) async fn list(&self, name: &str) -> Result<Listed, Error> {
        let listed = self.blocking(name, |path| {
            let mut listed = Listed::default();
            for entry in std::fs::read_dir(path)? {
                let entry = entry?;
                let Ok(name) = entry.file_name().into_string() else { continue };
                if name.starts_with('.') {
                    continue;
                }
                let kind = entry.file_type()?;
                if kind.is_dir() {
                    listed.folders.push(name);
                } else if kind.is_file() {
                    listed.objects.push(name);
                }
            }
            Ok(listed)
        });
        match listed.await {
            Err(Error::Absent(_)) => Ok(Listed::default()),
            listed => listed,
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), IoError> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
