use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_log::Headers;

use crate::baton::Micros;

/// A producer as partitions know it.
pub(crate) type ProducerId = u64;

/// A record as it lies in a partition.
#[derive(Debug, Clone)]
pub(crate) struct Written {
    pub(crate) key: Option<Bytes>,
    pub(crate) value: Option<Bytes>,
    pub(crate) headers: Headers,
    pub(crate) timestamp_ms: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Its transaction is open.
    Open(ProducerId),
    Committed,
    Aborted,
    /// Ends a transaction.
    Marker,
}

#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) record: Written,
    pub(crate) fate: Fate,
    /// Compaction has taken it: readers don't see it, only the checks after a run do.
    pub(crate) compacted: bool,
    /// When compaction first saw that it deletes its key: it goes a while after that.
    deletes_since: Option<Micros>,
}

/// Why an append is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OldEpoch;

/// One partition.
#[derive(Debug, Default)]
pub(crate) struct PartitionLog {
    pub(crate) entries: Vec<Entry>,
    /// First offset of each open transaction.
    pub(crate) open: BTreeMap<ProducerId, u64>,
    epochs: BTreeMap<ProducerId, u32>,
}

impl PartitionLog {
    /// High watermark.
    pub(crate) fn end(&self) -> u64 {
        self.entries.len() as u64
    }

    /// Last stable offset.
    pub(crate) fn stable_end(&self) -> u64 {
        self.open.values().copied().min().unwrap_or_else(|| self.end())
    }

    pub(crate) fn append(&mut self, record: Written, by: Option<(ProducerId, u32)>) -> Result<u64, OldEpoch> {
        let offset = self.end();
        let fate = match by {
            None => Fate::Committed,
            Some((producer, epoch)) => {
                let known = self.epochs.entry(producer).or_insert(epoch);
                if epoch < *known {
                    return Err(OldEpoch);
                }
                *known = epoch;
                self.open.entry(producer).or_insert(offset);
                Fate::Open(producer)
            }
        };
        self.entries.push(Entry { record, fate, compacted: false, deletes_since: None });
        Ok(offset)
    }

    pub(crate) fn mark(&mut self, producer: ProducerId, epoch: u32, commit: bool) {
        let known = self.epochs.entry(producer).or_insert(epoch);
        *known = epoch.max(*known);
        let first = self.open.remove(&producer).unwrap_or_else(|| self.end());
        for entry in self.entries.iter_mut().skip(first as usize) {
            if entry.fate == Fate::Open(producer) {
                entry.fate = if commit { Fate::Committed } else { Fate::Aborted };
            }
        }
        let record = Written { key: None, value: None, headers: Headers::new(), timestamp_ms: 0 };
        self.entries.push(Entry { record, fate: Fate::Marker, compacted: false, deletes_since: None });
    }

    /// The next committed record from an offset on, below the last stable offset; None at its end.
    pub(crate) fn next_committed(&self, from: u64) -> Option<(u64, &Written)> {
        let end = self.stable_end();
        (from..end).find_map(|offset| {
            let entry = self.entries.get(offset as usize)?;
            (entry.fate == Fate::Committed && !entry.compacted).then_some((offset, &entry.record))
        })
    }

    /// Whether anything lies from an offset on that is, or may yet be, committed.
    pub(crate) fn has_record_from(&self, from: u64) -> bool {
        let counts = |entry: &Entry| matches!(entry.fate, Fate::Open(_) | Fate::Committed);
        self.entries.iter().skip(from as usize).any(counts)
    }

    /// The next record from an offset on, committed or not: what a reader must not see.
    pub(crate) fn next_written(&self, from: u64) -> Option<(u64, &Written)> {
        (from..self.end()).find_map(|offset| {
            let entry = self.entries.get(offset as usize)?;
            (entry.fate != Fate::Marker && !entry.compacted).then_some((offset, &entry.record))
        })
    }

    /// All that is committed, in order, compacted or not.
    pub(crate) fn committed(&self) -> impl Iterator<Item = (u64, &Written)> {
        let is_committed = |(_, entry): &(usize, &Entry)| entry.fate == Fate::Committed;
        self.entries.iter().enumerate().filter(is_committed).map(|(offset, entry)| (offset as u64, &entry.record))
    }

    /// The same before a place that a group has committed. What is open there was committed with that position, and its
    /// marker is on its way: nobody commits a position behind records whose fate is open.
    pub(crate) fn committed_before(&self, position: u64) -> impl Iterator<Item = (u64, &Written)> {
        let is_committed = |(_, entry): &(usize, &Entry)| matches!(entry.fate, Fate::Committed | Fate::Open(_));
        let before = self.entries.iter().enumerate().take(position as usize);
        before.filter(is_committed).map(|(offset, entry)| (offset as u64, &entry.record))
    }

    /// Takes away, before `up_to`, what a later record of the same key replaces, and deletions that were seen `retention` ago. The last
    /// entry stays, so that the end is a record's.
    pub(crate) fn compact(&mut self, now: Micros, retention: Micros, up_to: u64) {
        let end = self.stable_end().saturating_sub(1).min(up_to);
        let mut seen = std::collections::BTreeSet::new();
        for entry in self.entries.iter_mut().take(end as usize).rev() {
            match entry.fate {
                Fate::Committed => {
                    let key = entry.record.key.clone().unwrap_or_default();
                    entry.compacted |= !seen.insert(key);
                    if entry.record.value.is_none() {
                        let since = *entry.deletes_since.get_or_insert(now);
                        entry.compacted |= now.saturating_sub(since) >= retention;
                    }
                }
                Fate::Aborted => entry.compacted = true,
                Fate::Open(_) | Fate::Marker => {}
            }
        }
    }
}
