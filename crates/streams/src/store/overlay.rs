use std::ops::Bound;

use bytes::Bytes;

use super::small::Small;
use super::table::{Previous, Table};
use super::{Entries, StateBase, StateError, StoreNumber};

/// A store by its place in the overlay: system stores first, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TableIndex(pub(crate) u16);

impl TableIndex {
    pub(crate) const TIMERS: Self = Self(0);
    pub(crate) const TIMER_NAMES: Self = Self(1);
    pub(crate) const DEDUP: Self = Self(2);
    pub(crate) const CALLS: Self = Self(3);
    pub(crate) const PARKED: Self = Self(4);
    pub(crate) const META: Self = Self(5);
}

/// Staged writes of all stores of a task over the base, with an undo log for the input at hand and a bounded cache.
#[derive(Debug)]
pub(crate) struct Overlay {
    tables: Vec<Table>,
    undo: Vec<Undo>,
    staged_bytes: isize,
    bytes: isize,
    cache_bytes_max: usize,
}

#[derive(Debug)]
struct Undo {
    table: TableIndex,
    slot: u32,
    previous: Previous,
}

impl Overlay {
    /// The system stores, then stores as (number, ordered, changelog).
    pub(crate) fn new(stores: impl Iterator<Item = (StoreNumber, bool, bool)>, cache_bytes_max: usize) -> Self {
        let system = StoreNumber::SYSTEM.into_iter().map(|number| (number, true, true));
        let tables = system.chain(stores).map(|(number, ordered, changelog)| Table::new(number, ordered, changelog));
        Self { tables: tables.collect(), undo: Vec::new(), staged_bytes: 0, bytes: 0, cache_bytes_max }
    }

    pub(crate) fn get(
        &mut self,
        table: TableIndex,
        key: &[u8],
        base: &dyn StateBase,
    ) -> Result<Option<Bytes>, StateError> {
        let room = self.bytes < self.cache_bytes_max as isize;
        let (value, taken) = self.tables[table.0 as usize].get(key, base, room)?;
        self.bytes += taken as isize;
        Ok(value)
    }

    /// Lends the value of a key, without counting another reference to it.
    pub(crate) fn read<R>(
        &mut self,
        table: TableIndex,
        key: &[u8],
        base: &dyn StateBase,
        look: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, StateError> {
        if let Some(value) = self.tables[table.0 as usize].peek(key) {
            return Ok(look(value));
        }
        Ok(look(self.get(table, key, base)?.as_deref()))
    }

    /// Looks at the slot of a key and no further, so that it is near when it is needed. Whether there may be one.
    pub(crate) fn touch(&self, table: TableIndex, key: &[u8]) -> bool {
        self.tables.get(table.0 as usize).is_some_and(|table| table.touch(key))
    }

    pub(crate) fn put(&mut self, table: TableIndex, key: &[u8], value: Option<Small>) {
        let Some((slot, previous, staged, all)) = self.tables[table.0 as usize].put(key, value) else { return };
        self.staged_bytes += staged;
        self.bytes += all;
        self.undo.push(Undo { table, slot, previous });
    }

    pub(crate) fn scan(
        &self,
        table: TableIndex,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        base: &dyn StateBase,
    ) -> Result<Entries, StateError> {
        self.tables[table.0 as usize].scan(from, to, limit, base)
    }

    /// The input at hand is done: its writes can't be undone any more.
    pub(crate) fn keep(&mut self) {
        self.undo.clear();
    }

    /// Takes back every write since the last `keep`.
    pub(crate) fn undo(&mut self) {
        while let Some(undo) = self.undo.pop() {
            let (staged, all) = self.tables[undo.table.0 as usize].undo(undo.slot, undo.previous);
            self.staged_bytes += staged;
            self.bytes += all;
        }
    }

    pub(crate) fn staged_bytes(&self) -> usize {
        self.staged_bytes.max(0) as usize
    }

    pub(crate) fn has_staged(&self) -> bool {
        self.tables.iter().any(Table::has_staged)
    }

    /// Staged writes that belong in the changelog, one for each key: the store's number and the key, and the value.
    pub(crate) fn changelog(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.tables.iter().filter(|table| table.changelog).flat_map(Table::staged)
    }

    /// Gives every staged write to `write`, in order of the keys; they are clean then.
    pub(crate) fn committed(&mut self, mut write: impl FnMut(StoreNumber, &[u8], Option<&[u8]>)) {
        for table in &mut self.tables {
            table.sort_staged();
            for (key, value) in table.staged() {
                write(table.number(), key.get(1..).unwrap_or_default(), value);
            }
            table.committed();
        }
        self.undo.clear();
        self.staged_bytes = 0;
        self.evict();
    }

    fn evict(&mut self) {
        for table in &mut self.tables {
            let excess = self.bytes - self.cache_bytes_max as isize;
            if excess <= 0 {
                break;
            }
            self.bytes -= table.evict(excess as usize) as isize;
        }
    }

    /// Drops every staged write; what was read before stays.
    pub(crate) fn rolled_back(&mut self) {
        self.undo.clear();
        for table in &mut self.tables {
            self.bytes -= table.rolled_back() as isize;
        }
        self.staged_bytes = 0;
    }
}
