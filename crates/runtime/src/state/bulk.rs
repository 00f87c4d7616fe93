use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use headwater_worker::ports::Change;
use rocksdb::{Cache, DB, IngestExternalFileOptions, Options, SstFileWriter};

use super::task_state::full_key;
use super::{MemoryBudget, TaskNumber};
use crate::Error;
use crate::error::from_rocksdb;

/// Within the database's folder, so that a finished table is moved and not copied.
const FOLDER: &str = "loading";

/// So many tables of the first level are merged at a time.
pub(super) const TABLES_TO_MERGE: i32 = 8;
/// The same while stores are loaded: each is merged once, afterwards, instead of again and again with those that follow it.
const TABLES_TO_MERGE_LOADING: i32 = 24;
/// Loading waits while there are so many tables to be merged, so that ready tasks are not slowed down.
const TABLES_MAX: u64 = 36;
const TABLES_WAIT: Duration = Duration::from_millis(10);
/// Then it goes on whatever there is: RocksDB may be busy with other things.
const TABLES_WAITS_MAX: u32 = 3_000;

/// Writes sorted changes as table files that the database takes in as they are: past its log, its write buffers and, while
/// nothing else lies in their range, its compaction.
pub(super) struct BulkLoader {
    folder: PathBuf,
    table: Options,
    files: AtomicU64,
    cache: Cache,
    memory: MemoryBudget,
    /// Stores that are being loaded.
    loads: Mutex<usize>,
}

impl BulkLoader {
    /// A loader whose tables are made as the column family's. What a killed process left behind is removed.
    pub(super) fn open(database: &Path, table: Options, cache: Cache, memory: MemoryBudget) -> Result<Self, Error> {
        let folder = database.join(FOLDER);
        let emptied = match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
            _ => std::fs::create_dir(&folder),
        };
        emptied.map_err(|error| Error::State(format!("folder {} can't be made anew: {error}", folder.display())))?;
        Ok(Self { folder, table, files: AtomicU64::new(0), cache, memory, loads: Mutex::new(0) })
    }

    /// A store begins or ends to be loaded. Meanwhile the block cache lends the memory in which changes are gathered.
    pub(super) fn loading(&self, db: &DB, is_loading: bool) {
        let mut loads = self.loads.lock().unwrap_or_else(PoisonError::into_inner);
        *loads = if is_loading { *loads + 1 } else { loads.saturating_sub(1) };
        let (tables, lent) = match (*loads, is_loading) {
            (1, true) => (TABLES_TO_MERGE_LOADING, self.memory.restore_bytes()),
            (0, false) => (TABLES_TO_MERGE, 0),
            _ => return,
        };
        self.cache.clone().set_capacity(self.memory.block_cache_bytes().saturating_sub(lent));
        if let Err(error) = db.set_options(&[("level0_file_num_compaction_trigger", &tables.to_string())]) {
            tracing::warn!(%error, "tables are merged while stores are loaded: that takes longer");
        }
    }

    fn wait_for_merging(db: &DB) -> Result<(), Error> {
        for _ in 0..TABLES_WAITS_MAX {
            let tables = db.property_int_value("rocksdb.num-files-at-level0").map_err(from_rocksdb)?;
            if tables.unwrap_or_default() < TABLES_MAX {
                break;
            }
            std::thread::park_timeout(TABLES_WAIT);
        }
        Ok(())
    }

    /// Writes a task's changes, in order and each key once, and hands them to the database.
    pub(super) fn load<'c>(
        &self,
        db: &DB,
        task: TaskNumber,
        changes: impl Iterator<Item = Change<'c>>,
    ) -> Result<(), Error> {
        let mut changes = changes.peekable();
        if changes.peek().is_none() {
            // An empty table is refused.
            return Ok(());
        }
        Self::wait_for_merging(db)?;
        let number = self.files.fetch_add(1, Ordering::Relaxed);
        let path = self.folder.join(format!("{}-{number}.sst", task.0));
        let loaded = self.write(&path, task, changes).and_then(|()| {
            let mut options = IngestExternalFileOptions::default();
            options.set_move_files(true);
            db.ingest_external_file_opts(&options, vec![&path]).map_err(from_rocksdb)
        });
        if loaded.is_err() {
            let _absent = std::fs::remove_file(&path);
        }
        loaded
    }

    fn write<'c>(&self, path: &Path, task: TaskNumber, changes: impl Iterator<Item = Change<'c>>) -> Result<(), Error> {
        let mut table = SstFileWriter::create(&self.table);
        table.open(path).map_err(from_rocksdb)?;
        let mut key = Vec::new();
        for change in changes {
            key.clear();
            full_key(&mut key, task, change.store.0, change.key);
            match change.value {
                Some(value) => table.put(&key, value),
                None => table.delete(&key),
            }
            .map_err(from_rocksdb)?;
        }
        table.finish().map_err(from_rocksdb)
    }
}
