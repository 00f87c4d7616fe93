//! A small disk of its own for one instance, so that it can be full.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

const SIZE_MIB: u32 = 384;
static PIECE: [u8; 64 * 1024] = [0; 64 * 1024];

/// What must not stay mounted when a signal ends the campaign.
static MOUNTED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A mounted tmpfs; unmounted when dropped.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts a tmpfs on a folder.
    ///
    /// # Errors
    /// Why that can't be done here: it takes root.
    pub fn mount(folder: &Path) -> Result<Self, String> {
        std::fs::create_dir_all(folder).unwrap();
        let options = format!("size={SIZE_MIB}m");
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", &options, "headwater-faults"]).arg(folder).stdin(Stdio::null());
        let output = mount.output().map_err(|error| format!("mount: {error}"))?;
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).trim().to_owned());
        }
        MOUNTED.lock().unwrap_or_else(PoisonError::into_inner).push(folder.to_owned());
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where it is mounted.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Takes all the room that is left; how many bytes that were.
    pub fn fill(&self) -> u64 {
        let mut ballast = File::options().create(true).append(true).open(self.ballast()).unwrap();
        let mut bytes = 0;
        // The last write may be a part of a piece; what a file system calls full is when nothing is taken any more.
        while let Ok(taken @ 1..) = ballast.write(&PIECE) {
            bytes += taken as u64;
        }
        bytes
    }

    /// Gives the room back.
    pub fn free(&self) {
        let _was_never_filled = std::fs::remove_file(self.ballast());
    }

    fn ballast(&self) -> PathBuf {
        self.folder.join("ballast")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        unmount(&self.folder);
        MOUNTED.lock().unwrap_or_else(PoisonError::into_inner).retain(|folder| *folder != self.folder);
    }
}

/// Unmounts everything, for a campaign that a signal ends.
pub fn unmount_all() {
    for folder in MOUNTED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        unmount(&folder);
    }
}

/// Lazily: a process that is about to be killed may still have files open.
fn unmount(folder: &Path) {
    let _gone_already = Command::new("umount").arg("-l").arg(folder).stderr(Stdio::null()).status();
}
