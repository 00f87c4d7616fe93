use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::{Entries, StateBase, StateError, StoreNumber};

/// Committed state in memory: for the test driver, simulations and in-memory stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryBase {
    stores: FxHashMap<StoreNumber, BTreeMap<Bytes, Bytes>>,
}

impl MemoryBase {
    /// Nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Writes a value, or deletes the key.
    pub fn write(&mut self, store: StoreNumber, key: &[u8], value: Option<&[u8]>) {
        let entries = self.stores.entry(store).or_default();
        match value {
            Some(value) => {
                entries.insert(Bytes::copy_from_slice(key), Bytes::copy_from_slice(value));
            }
            None => {
                entries.remove(key);
            }
        }
    }

    /// All entries of a store, in order.
    pub fn entries(&self, store: StoreNumber) -> impl Iterator<Item = (&Bytes, &Bytes)> {
        self.stores.get(&store).into_iter().flatten()
    }
}

impl StateBase for MemoryBase {
    fn get(&self, store: StoreNumber, key: &[u8]) -> Result<Option<Bytes>, StateError> {
        Ok(self.stores.get(&store).and_then(|entries| entries.get(key)).cloned())
    }

    fn scan(
        &self,
        store: StoreNumber,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Entries, StateError> {
        if is_empty_range(from, to) {
            return Ok(Entries::new());
        }
        let Some(entries) = self.stores.get(&store) else {
            return Ok(Entries::new());
        };
        let range = entries.range::<[u8], _>((from, to)).take(limit);
        Ok(range.map(|(key, value)| (key.clone(), value.clone())).collect())
    }
}

/// Ranges that end before they start; `BTreeMap::range` panics on some of them.
pub(super) fn is_empty_range(from: Bound<&[u8]>, to: Bound<&[u8]>) -> bool {
    match (from, to) {
        (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
        (Bound::Included(from), Bound::Included(to)) => from > to,
        (Bound::Included(from) | Bound::Excluded(from), Bound::Included(to) | Bound::Excluded(to)) => from >= to,
    }
}
