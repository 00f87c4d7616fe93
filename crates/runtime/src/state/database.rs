use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use headwater_streams::StoreNumber;
use headwater_worker::ports::{Change, Stores};
use rocksdb::{
    BlockBasedIndexType, BlockBasedOptions, Cache, ColumnFamilyDescriptor, DB, DBCompressionType, IteratorMode,
    LogLevel, Options, WriteBufferManager, WriteOptions,
};

use super::bulk::{BulkLoader, TABLES_TO_MERGE};
use super::{MemoryBudget, StateBatch, TaskMeta, TaskNumber, TaskState};
use crate::Error;

const META: &str = "meta";

/// The process's RocksDB. Cheap to clone; the last clone closes it.
#[derive(Clone)]
pub struct StateDatabase {
    inner: Arc<Inner>,
}

struct Inner {
    db: DB,
    path: PathBuf,
    cache: Cache,
    bulk: BulkLoader,
    /// Guards the choice of a new task's number.
    numbering: Mutex<()>,
}

impl StateDatabase {
    /// Opens or makes the database in a folder; only one process can have it open.
    ///
    /// # Errors
    /// [`Error::State`] when another process holds it, or the disk refuses.
    pub fn open(path: &Path, budget: MemoryBudget) -> Result<Self, Error> {
        std::fs::create_dir_all(path)
            .map_err(|error| Error::State(format!("state folder {} can't be made: {error}", path.display())))?;
        let cache = Cache::new_lru_cache(budget.block_cache_bytes());
        let buffers =
            WriteBufferManager::new_write_buffer_manager_with_cache(budget.write_buffer_bytes(), false, cache.clone());
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_write_buffer_manager(&buffers);
        options.set_max_open_files(512);
        options.set_max_background_jobs(2);
        options.set_keep_log_file_num(2);
        options.set_max_log_file_size(1 << 20);
        options.set_log_level(LogLevel::Warn);
        options.set_stats_dump_period_sec(0);
        options.set_max_total_wal_size((budget.write_buffer_bytes() as u64) * 2);
        options.set_recycle_log_file_num(0);
        let families = [
            ColumnFamilyDescriptor::new("default", family(&cache, budget.write_buffer_bytes() / 2)),
            ColumnFamilyDescriptor::new(META, family(&cache, 1 << 20)),
        ];
        let db = DB::open_cf_descriptors(&options, path, families).map_err(|error| {
            if error.to_string().contains("LOCK") {
                Error::State(format!(
                    "state folder {} is in use by another process: stop it, or give this one a folder of its own with --state-dir",
                    path.display()
                ))
            } else {
                Error::State(format!("state folder {} can't be opened: {error}", path.display()))
            }
        })?;
        let mut table = family(&cache, budget.write_buffer_bytes() / 2);
        // A quarter less CPU for a restore; where tables come to be merged, they are compressed.
        table.set_compression_type(DBCompressionType::None);
        table.set_bottommost_compression_type(DBCompressionType::None);
        let bulk = BulkLoader::open(path, table, cache.clone(), budget)?;
        Ok(Self { inner: Arc::new(Inner { db, path: path.to_owned(), cache, bulk, numbering: Mutex::new(()) }) })
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// The state of a task, with what is known of it; a new task gets the next number. `in_memory` are the stores that
    /// are kept out of the database.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn task(&self, name: &str, in_memory: &[StoreNumber]) -> Result<(TaskState, TaskMeta), Error> {
        let _numbering = self.inner.numbering.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(meta) = self.meta(name)? {
            return Ok((TaskState::new(self.clone(), name.to_owned(), TaskNumber(meta.number), in_memory), meta));
        }
        let taken = self.all_meta()?.into_iter().map(|(_, meta)| meta.number).max();
        let meta = TaskMeta { number: taken.map_or(1, |number| number + 1), ..TaskMeta::default() };
        let mut batch = StateBatch::default();
        self.put_meta(&mut batch, name, &meta)?;
        self.write(batch)?;
        Ok((TaskState::new(self.clone(), name.to_owned(), TaskNumber(meta.number), in_memory), meta))
    }

    /// A task's meta record, if it has state here.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn meta(&self, name: &str) -> Result<Option<TaskMeta>, Error> {
        let bytes = self.inner.db.get_pinned_cf(self.meta_family()?, name).map_err(crate::error::from_rocksdb)?;
        bytes.map(|bytes| parse_meta(name, &bytes)).transpose()
    }

    /// All tasks that have state here.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn all_meta(&self) -> Result<Vec<(String, TaskMeta)>, Error> {
        let mut all = Vec::new();
        for item in self.inner.db.iterator_cf(self.meta_family()?, IteratorMode::Start) {
            let (name, bytes) = item.map_err(crate::error::from_rocksdb)?;
            let name = String::from_utf8_lossy(&name).into_owned();
            let meta = parse_meta(&name, &bytes)?;
            all.push((name, meta));
        }
        Ok(all)
    }

    pub(super) fn put_meta(&self, batch: &mut StateBatch, name: &str, meta: &TaskMeta) -> Result<(), Error> {
        let bytes = serde_json::to_vec(meta)
            .map_err(|error| Error::State(format!("meta record of task {name} can't be written: {error}")))?;
        batch.batch.put_cf(self.meta_family()?, name, bytes);
        Ok(())
    }

    /// Writes a batch whole or not at all; survives the process, though not the machine, without a sync.
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn write(&self, batch: StateBatch) -> Result<(), Error> {
        let mut options = WriteOptions::default();
        options.set_sync(false);
        self.inner.db.write_opt(batch.batch, &options).map_err(crate::error::from_rocksdb)
    }

    pub(super) fn load<'c>(&self, task: TaskNumber, changes: impl Iterator<Item = Change<'c>>) -> Result<(), Error> {
        self.inner.bulk.load(&self.inner.db, task, changes)
    }

    pub(super) fn loading(&self, is_loading: bool) {
        self.inner.bulk.loading(&self.inner.db, is_loading);
    }

    /// Bytes on disk (table files) and in memory (cache with write buffers).
    ///
    /// # Errors
    /// [`Error::State`].
    pub fn sizes(&self) -> Result<StateSizes, Error> {
        let disk = self
            .inner
            .db
            .property_int_value("rocksdb.total-sst-files-size")
            .map_err(crate::error::from_rocksdb)?
            .unwrap_or_default();
        Ok(StateSizes { disk_bytes: disk, memory_bytes: self.inner.cache.get_usage() as u64 })
    }

    pub(super) fn db(&self) -> &DB {
        &self.inner.db
    }

    pub(super) fn meta_family(&self) -> Result<&rocksdb::ColumnFamily, Error> {
        self.inner.db.cf_handle(META).ok_or_else(|| Error::State("column family meta is missing".to_owned()))
    }
}

impl Stores for StateDatabase {
    type Store = TaskState;

    fn task(&self, name: &str, in_memory: &[StoreNumber]) -> Result<(TaskState, TaskMeta), Error> {
        Self::task(self, name, in_memory)
    }

    fn write(&self, batch: StateBatch) -> Result<(), Error> {
        Self::write(self, batch)
    }
}

/// How much room the state takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateSizes {
    /// Table files.
    pub disk_bytes: u64,
    /// Block cache, write buffers included.
    pub memory_bytes: u64,
}

fn family(cache: &Cache, write_buffer_bytes: usize) -> Options {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(cache);
    table.set_block_size(16 << 10);
    table.set_bloom_filter(10.0, false);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    // A table of a million keys has a filter of more than a megabyte, which a shard of the cache has no room for: whole,
    // it would be read from the disk for each key that is looked up.
    table.set_index_type(BlockBasedIndexType::TwoLevelIndexSearch);
    table.set_partition_filters(true);
    table.set_pin_top_level_index_and_filter(true);
    table.set_format_version(6);
    let mut options = Options::default();
    options.set_block_based_table_factory(&table);
    options.set_write_buffer_size(write_buffer_bytes);
    options.set_max_write_buffer_number(3);
    // Large restores leave many tables to be merged behind them: ready tasks are not to be slowed down by that.
    options.set_level_zero_slowdown_writes_trigger(48);
    options.set_level_zero_stop_writes_trigger(64);
    // What was just flushed is soon merged: not compressed, and merged with more of its kind at a time.
    let (none, lz4) = (DBCompressionType::None, DBCompressionType::Lz4);
    options.set_compression_per_level(&[none, lz4, lz4, lz4, lz4, lz4, lz4]);
    options.set_level_zero_file_num_compaction_trigger(TABLES_TO_MERGE);
    options.set_bottommost_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    options
}

pub(super) fn parse_meta(name: &str, bytes: &[u8]) -> Result<TaskMeta, Error> {
    serde_json::from_slice(bytes)
        .map_err(|error| Error::Corrupt(format!("meta record of task {name} can't be read: {error}")))
}
