//! A target's files: `fuzz/corpus/<target>/` is committed, `fuzz/artifacts/<target>/` is what broke it.

use std::io;
use std::path::{Path, PathBuf};

/// One input of a corpus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// The file's name.
    pub name: String,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// The folder `fuzz` of the repository.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz")
}

/// The seeds of a target, by name.
///
/// # Errors
/// What the file system says; [`io::ErrorKind::NotFound`] where there is none.
pub fn read(target: &str) -> io::Result<Vec<Seed>> {
    let folder = folder().join("corpus").join(target);
    let mut seeds = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        seeds.push(Seed { name, bytes: std::fs::read(entry.path())? });
    }
    if seeds.is_empty() {
        return Err(io::Error::new(io::ErrorKind::NotFound, "the corpus is empty"));
    }
    seeds.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(seeds)
}

/// Keeps an input that broke a target; where it lies.
///
/// # Errors
/// What the file system says.
pub fn keep(target: &str, name: &str, bytes: &[u8]) -> io::Result<PathBuf> {
    let folder = folder().join("artifacts").join(target);
    std::fs::create_dir_all(&folder)?;
    let path = folder.join(name);
    std::fs::write(&path, bytes)?;
    Ok(path)
}
