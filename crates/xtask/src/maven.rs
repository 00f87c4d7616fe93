//! Jars from Maven Central, kept in the cache folder, so that a second clone downloads nothing.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Context, Result};
use crate::process;
use crate::setup::{self, Purpose};
use crate::workspace;

const STAMP: &str = "pom.stamp";

/// What a pom file fetches.
#[derive(Clone, Copy, Debug)]
pub struct Bundle {
    /// The folder in the cache.
    pub name: &'static str,
    /// The pom file, from the top of the repository.
    pub pom: &'static str,
    /// The goal of the dependency plugin.
    pub goal: &'static str,
}

/// The folder of the bundle, fetched now unless it is there already for the same pom file.
pub fn fetch(bundle: Bundle) -> Result<PathBuf> {
    let pom = workspace::root()?.join(bundle.pom);
    let stamp = stamp_of(&pom)?;
    let cache = workspace::cache_dir()?;
    let folder = cache.join(bundle.name);
    if std::fs::read_to_string(folder.join(STAMP)).is_ok_and(|found| found == stamp) {
        return Ok(folder);
    }
    setup::ensure(Purpose::Java)?;
    eprintln!("fetching {} from Maven Central (once, into {})", bundle.name, cache.display());
    let fresh = cache.join(format!("{}.{}", bundle.name, std::process::id()));
    std::fs::create_dir_all(&fresh).context(|| format!("cannot make {}", fresh.display()))?;
    let mut command = Command::new("mvn");
    command.args(["--quiet", "--batch-mode", "--file"]).arg(pom);
    command.arg(bundle.goal);
    command.arg(format!("-DoutputDirectory={}", fresh.display()));
    let fetched = process::output(&mut command)
        .and_then(|_| std::fs::write(fresh.join(STAMP), stamp).context(|| "cannot write the stamp".into()));
    if let Err(failure) = fetched {
        // What arrived in part must not be taken for the whole.
        let _ = std::fs::remove_dir_all(&fresh);
        return Err(failure);
    }
    put_in_place(&fresh, &folder)?;
    Ok(folder)
}

/// Moves the fetched folder to its name; another process may have been quicker.
fn put_in_place(fresh: &Path, folder: &Path) -> Result<()> {
    if folder.exists() {
        std::fs::remove_dir_all(folder).context(|| format!("cannot clear {}", folder.display()))?;
    }
    std::fs::rename(fresh, folder).context(|| format!("cannot fill {}", folder.display()))
}

fn stamp_of(pom: &Path) -> Result<String> {
    let text = std::fs::read(pom).context(|| format!("cannot read {}", pom.display()))?;
    let hash = BuildHasherDefault::<DefaultHasher>::default().hash_one(text);
    Ok(format!("{hash:016x}"))
}
