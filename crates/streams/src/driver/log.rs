use std::sync::Arc;

use headwater_log::{Offset, Partition};

use crate::Record;

/// A topic's records in memory.
#[derive(Debug)]
pub(super) struct TopicLog {
    partitions: Vec<Vec<Arc<Record>>>,
}

impl TopicLog {
    pub(super) fn new(partitions: u32) -> Self {
        Self { partitions: (0..partitions).map(|_| Vec::new()).collect() }
    }

    pub(super) fn partitions(&self) -> u32 {
        u32::try_from(self.partitions.len()).unwrap_or(u32::MAX)
    }

    pub(super) fn end(&self, partition: Partition) -> Offset {
        let end = self.partitions.get(partition.get() as usize).map_or(0, Vec::len);
        i64::try_from(end).ok().and_then(|end| Offset::new(end).ok()).unwrap_or(Offset::ZERO)
    }

    /// Appends a record, whose offset is given here; a partition that is not there is refused with false.
    pub(super) fn append(&mut self, partition: Partition, record: Record) -> bool {
        let offset = self.end(partition);
        let Some(log) = self.partitions.get_mut(partition.get() as usize) else { return false };
        log.push(Arc::new(Record { offset, ..record }));
        true
    }

    pub(super) fn clear(&mut self) {
        self.partitions.iter_mut().for_each(Vec::clear);
    }

    pub(super) fn from(&self, partition: Partition, offset: Offset) -> &[Arc<Record>] {
        let start = usize::try_from(offset.get()).unwrap_or(usize::MAX);
        let log = self.partitions.get(partition.get() as usize);
        log.and_then(|log| log.get(start..)).unwrap_or_default()
    }
}
