/// One memory budget for the process, and how it is shared out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryBudget {
    total_bytes: usize,
}

impl MemoryBudget {
    /// The least that everything fits into.
    pub const MIN_BYTES: usize = 64 << 20;

    /// A budget; less than [`Self::MIN_BYTES`] is raised to it.
    #[must_use]
    pub const fn new(total_bytes: usize) -> Self {
        let total_bytes = if total_bytes < Self::MIN_BYTES { Self::MIN_BYTES } else { total_bytes };
        Self { total_bytes }
    }

    /// The whole.
    #[must_use]
    pub const fn total_bytes(self) -> usize {
        self.total_bytes
    }

    /// RocksDB's block cache, to which the write buffers are charged too.
    #[must_use]
    pub const fn block_cache_bytes(self) -> usize {
        self.total_bytes * 3 / 8
    }

    /// RocksDB's write buffers, within the block cache's share.
    #[must_use]
    pub const fn write_buffer_bytes(self) -> usize {
        self.total_bytes / 8
    }

    /// Staged writes of all workers: a worker commits before it holds more than its part. A write that is staged takes
    /// three times its room by then: here, on its way to the changelog, and in the batch for RocksDB.
    #[must_use]
    pub const fn staged_bytes(self) -> usize {
        self.total_bytes / 16
    }

    /// What tasks keep of what they have read and written, over all of them.
    #[must_use]
    pub const fn overlay_bytes(self) -> usize {
        self.total_bytes / 8
    }

    /// What librdkafka may prefetch, over all workers; small records count with the 400 bytes that it takes for each.
    #[must_use]
    pub const fn fetch_bytes(self) -> usize {
        self.total_bytes / 32
    }

    /// The same for restores, over all their threads.
    #[must_use]
    pub const fn restore_fetch_bytes(self) -> usize {
        self.total_bytes / 16
    }

    /// Changes of stores that are loaded, gathered before they are sorted.
    #[must_use]
    pub const fn restore_bytes(self) -> usize {
        self.total_bytes / 4
    }

    /// Records handed to tasks and not yet processed, over all workers.
    #[must_use]
    pub const fn input_buffer_bytes(self) -> usize {
        self.total_bytes / 16
    }
}

impl Default for MemoryBudget {
    fn default() -> Self {
        Self::new(256 << 20)
    }
}
