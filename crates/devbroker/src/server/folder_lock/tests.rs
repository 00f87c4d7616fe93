#![allow(clippy::unwrap_used)]
use super::*;

#[test]
fn a_folder_belongs_to_one_broker_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let first = FolderLock::take(folder.path()).unwrap();
    let refused = FolderLock::take(folder.path()).unwrap_err().to_string();
    assert!(refused.contains("in use by another broker"), "{refused}");
    drop(first);
    FolderLock::take(folder.path()).unwrap();
}
