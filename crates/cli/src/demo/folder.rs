use std::path::{Path, PathBuf};

use crate::Error;

/// Where the demo keeps its data: a temporary folder that goes with it, or one that was named and stays.
pub struct DemoFolder {
    path: PathBuf,
    is_temporary: bool,
}

impl DemoFolder {
    /// Makes the folder; a named one must be empty, since the demo counts from nothing.
    ///
    /// # Errors
    /// Usage, for a folder with something in it; Failed, when it can't be made.
    pub fn make(named: Option<&Path>) -> Result<Self, Error> {
        let path = match named {
            Some(path) => path.to_owned(),
            None => std::env::temp_dir().join(format!("headwater-demo-{}", std::process::id())),
        };
        if path.read_dir().is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Error::usage(format!(
                "{} is not empty: the demo begins with nothing, name another folder",
                path.display()
            )));
        }
        std::fs::create_dir_all(&path)
            .map_err(|error| Error::failed(format!("{} can't be made: {error}", path.display())))?;
        Ok(Self { path, is_temporary: named.is_none() })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        if self.is_temporary
            && let Err(error) = std::fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, folder = %self.path.display(), "the demo's folder could not be removed");
        }
    }
}
