//! Where things are: the repository, Cargo's target folder, and the cache that outlives a clone.

use std::path::{Path, PathBuf};

use crate::failure::{Context, Failure, Result};

/// The top of the repository.
pub fn root() -> Result<PathBuf> {
    let here = std::env::current_dir().context(|| "cannot read the current directory".into())?;
    here.ancestors()
        .find(|dir| dir.join("crates/xtask/Cargo.toml").is_file())
        .map(Path::to_path_buf)
        .ok_or_else(|| Failure::new("not inside the headwater repository: change into it first"))
}

/// Cargo's target folder: `CARGO_TARGET_DIR`, else `target` in the repository.
pub fn target_dir() -> Result<PathBuf> {
    match std::env::var_os("CARGO_TARGET_DIR").filter(|dir| !dir.is_empty()) {
        Some(dir) => std::path::absolute(dir).context(|| "CARGO_TARGET_DIR is no path".into()),
        None => Ok(root()?.join("target")),
    }
}

/// The folder of the binaries that the one profile builds.
pub fn bin_dir() -> Result<PathBuf> {
    Ok(target_dir()?.join("debug"))
}

/// The cache for downloaded jars: `XDG_CACHE_HOME/headwater`, else `~/.cache/headwater`.
/// It lies outside the clone, so that the next clone finds it.
pub fn cache_dir() -> Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME").filter(|dir| !dir.is_empty()) {
        Some(dir) => PathBuf::from(dir),
        None => {
            let home = std::env::var_os("HOME")
                .filter(|dir| !dir.is_empty())
                .ok_or_else(|| Failure::new("neither XDG_CACHE_HOME nor HOME is set"))?;
            PathBuf::from(home).join(".cache")
        }
    };
    Ok(base.join("headwater"))
}
