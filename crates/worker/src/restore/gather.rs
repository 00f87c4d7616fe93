use headwater_streams::StoreNumber;

use crate::Error;
use crate::ports::Change;

/// Stands for no value: a deletion.
const NO_VALUE: u32 = u32::MAX;

/// Changes of one task, gathered in memory without an allocation for each: what they say lies one behind the other in
/// one piece, and an index is sorted. For each key the last change is handed out, in the order of stores and keys.
#[derive(Default)]
pub(super) struct Gather {
    /// Store, key and value of each change, in the order in which they came.
    bytes: Vec<u8>,
    index: Vec<Entry>,
}

#[derive(Clone, Copy)]
struct Entry {
    /// The store and the first 15 bytes of the key, padded with zeros: most comparisons end here.
    prefix: (u64, u64),
    start: u32,
    key_bytes: u32,
    value_bytes: u32,
}

impl Entry {
    /// The store's number and the key.
    fn key<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        let start = self.start as usize;
        bytes.get(start..start + self.key_bytes as usize).unwrap_or_default()
    }

    fn value<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        if self.value_bytes == NO_VALUE {
            return None;
        }
        let start = self.start as usize + self.key_bytes as usize;
        bytes.get(start..start + self.value_bytes as usize)
    }
}

impl Gather {
    /// Takes in a change; `key` begins with the store's number.
    pub(super) fn push(&mut self, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        let too_large = |_| Error::State("more changes were gathered than an index can say".to_owned());
        let start = u32::try_from(self.bytes.len()).map_err(too_large)?;
        let key_bytes = u32::try_from(key.len()).map_err(too_large)?;
        let value_bytes = value.map_or(Ok(NO_VALUE), |value| u32::try_from(value.len())).map_err(too_large)?;
        self.bytes.extend_from_slice(key);
        self.bytes.extend_from_slice(value.unwrap_or_default());
        self.index.push(Entry { prefix: prefix_of(key), start, key_bytes, value_bytes });
        Ok(())
    }

    /// Memory that it fills.
    pub(super) const fn size_bytes(&self) -> usize {
        self.bytes.len() + self.index.len() * size_of::<Entry>()
    }

    /// Forgets the changes and keeps the memory.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.index.clear();
    }

    /// The last change of each key, in the order of stores and keys.
    pub(super) fn sorted(&mut self) -> Sorted<'_> {
        let bytes = self.bytes.as_slice();
        // What came later lies further back: of one key the last comes last.
        self.index.sort_unstable_by(|one, other| {
            one.prefix
                .cmp(&other.prefix)
                .then_with(|| one.key(bytes).cmp(other.key(bytes)))
                .then(one.start.cmp(&other.start))
        });
        Sorted { bytes, index: &self.index, place: 0 }
    }
}

/// Gathered changes in order, each key once.
pub(super) struct Sorted<'a> {
    bytes: &'a [u8],
    index: &'a [Entry],
    place: usize,
}

/// Changes that are brought into the processor's cache together.
const FETCHED_TOGETHER: usize = 16;
const CACHE_LINE_BYTES: usize = 64;

impl Sorted<'_> {
    /// In the order of keys every change lies somewhere else in memory. Read one by one, each would be waited for; loads
    /// that do not depend on each other are waited for together. A tenth of a large restore's time.
    fn fetch(&self) {
        let next = self.index.iter().skip(self.place).take(FETCHED_TOGETHER);
        let touched = next.fold(0_u8, |sum, entry| {
            let start = entry.start as usize;
            let byte = |at: usize| self.bytes.get(at).copied().unwrap_or_default();
            sum ^ byte(start) ^ byte(start + CACHE_LINE_BYTES)
        });
        std::hint::black_box(touched);
    }

    fn is_last(&self, entry: &Entry) -> bool {
        let next = self.index.get(self.place + 1);
        next.is_none_or(|next| next.prefix != entry.prefix || next.key(self.bytes) != entry.key(self.bytes))
    }
}

impl<'a> Iterator for Sorted<'a> {
    type Item = Change<'a>;

    fn next(&mut self) -> Option<Change<'a>> {
        loop {
            if self.place.is_multiple_of(FETCHED_TOGETHER) {
                self.fetch();
            }
            let entry = *self.index.get(self.place)?;
            let is_last = self.is_last(&entry);
            self.place += 1;
            if is_last {
                let (store, key) = entry.key(self.bytes).split_first()?;
                return Some(Change { store: StoreNumber(*store), key, value: entry.value(self.bytes) });
            }
        }
    }
}

fn prefix_of(key: &[u8]) -> (u64, u64) {
    let mut first = [0; 16];
    let length = key.len().min(first.len());
    first[..length].copy_from_slice(&key[..length]);
    let both = u128::from_be_bytes(first);
    ((both >> 64) as u64, both as u64)
}

#[cfg(test)]
mod tests;
