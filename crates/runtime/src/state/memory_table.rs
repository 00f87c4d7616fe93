use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use headwater_streams::StoreNumber;

/// A task's stores that are declared `in_memory`: gone with the process, replayed from the changelog.
#[derive(Clone)]
pub(super) struct MemoryTable {
    stores: Arc<[StoreNumber]>,
    entries: Arc<RwLock<BTreeMap<(u8, Bytes), Bytes>>>,
}

impl MemoryTable {
    pub(super) fn new(stores: &[StoreNumber]) -> Self {
        Self { stores: Arc::from(stores), entries: Arc::default() }
    }

    pub(super) fn holds(&self, store: StoreNumber) -> bool {
        self.stores.contains(&store)
    }

    pub(super) fn holds_any(&self) -> bool {
        !self.stores.is_empty()
    }

    pub(super) fn clear(&self) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).clear();
    }

    pub(super) fn clear_store(&self, store: StoreNumber) {
        self.entries.write().unwrap_or_else(PoisonError::into_inner).retain(|(of, _), _| *of != store.0);
    }

    pub(super) fn write(&self, store: StoreNumber, key: &[u8], value: Option<&[u8]>) {
        let mut entries = self.entries.write().unwrap_or_else(PoisonError::into_inner);
        let key = (store.0, Bytes::copy_from_slice(key));
        match value {
            Some(value) => {
                entries.insert(key, Bytes::copy_from_slice(value));
            }
            None => {
                entries.remove(&key);
            }
        }
    }

    pub(super) fn get(&self, store: StoreNumber, key: &[u8]) -> Option<Bytes> {
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.get(&(store.0, Bytes::copy_from_slice(key))).cloned()
    }

    pub(super) fn scan(
        &self,
        store: StoreNumber,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Vec<(Bytes, Bytes)> {
        let bound = |bound: Bound<&[u8]>, open: Bound<(u8, Bytes)>| match bound {
            Bound::Included(key) => Bound::Included((store.0, Bytes::copy_from_slice(key))),
            Bound::Excluded(key) => Bound::Excluded((store.0, Bytes::copy_from_slice(key))),
            Bound::Unbounded => open,
        };
        let first = bound(from, Bound::Included((store.0, Bytes::new())));
        let after = store.0.checked_add(1).map_or(Bound::Unbounded, |next| Bound::Excluded((next, Bytes::new())));
        let last = bound(to, after);
        if is_empty(&first, &last) {
            return Vec::new();
        }
        let entries = self.entries.read().unwrap_or_else(PoisonError::into_inner);
        entries.range((first, last)).take(limit).map(|((_, key), value)| (key.clone(), value.clone())).collect()
    }
}

/// `BTreeMap::range` panics on a range that ends before it begins.
fn is_empty(first: &Bound<(u8, Bytes)>, last: &Bound<(u8, Bytes)>) -> bool {
    match (first, last) {
        (Bound::Included(first), Bound::Included(last)) => first > last,
        (Bound::Included(first) | Bound::Excluded(first), Bound::Included(last) | Bound::Excluded(last)) => {
            first >= last
        }
        _ => false,
    }
}
