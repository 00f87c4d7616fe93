use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::Error;

/// The ports that were chosen; null for what is not ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ports {
    /// The embedded broker's.
    pub kafka: Option<u16>,
    /// The embedded registry's.
    pub registry: Option<u16>,
    /// The HTTP API's.
    pub http: u16,
}

fn file(folder: &Path) -> PathBuf {
    folder.join("ports.json")
}

/// Makes the folder, and takes away what an earlier run left.
pub fn prepare(folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Error::failed(format!("{} can't be made: {error}; choose another with --data-dir", folder.display()))
    })?;
    remove(folder);
    Ok(())
}

/// Takes the file away; that it was not there is as good.
pub fn remove(folder: &Path) {
    let _ = std::fs::remove_file(file(folder));
}

impl Ports {
    /// Writes the file, whole or not at all.
    pub fn write(self, folder: &Path) -> Result<(), Error> {
        let failed = |error: &dyn std::fmt::Display| Error::failed(format!("ports.json can't be written: {error}"));
        let text = serde_json::to_string(&self).map_err(|error| failed(&error))?;
        let unfinished = folder.join("ports.json.new");
        std::fs::write(&unfinished, text + "\n").map_err(|error| failed(&error))?;
        std::fs::rename(&unfinished, file(folder)).map_err(|error| failed(&error))
    }
}
