use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::ops::Bound;

use bytes::Bytes;
use hashbrown::HashTable;
use rustc_hash::FxBuildHasher;

use super::memory::is_empty_range;
use super::small::Small;
use super::{Entries, StateBase, StateError, StoreNumber};

/// One store's staged writes and cached reads. Slots keep their place while they live, so that undoing needs no keys.
#[derive(Debug)]
pub(crate) struct Table {
    number: StoreNumber,
    pub(super) changelog: bool,
    index: HashTable<u32>,
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Slots with staged writes, in order of their first one since the last commit.
    dirty: Vec<u32>,
    /// Keeps its room from one sorting to the next.
    sorting: Vec<(u64, u32)>,
    /// The staged keys in order; only where ranges are scanned.
    order: Option<BTreeMap<Small, u32>>,
    /// The slot found last: what is read is often written next.
    recent: u32,
    /// Where the search for slots to evict goes on.
    hand: usize,
}

/// One line of memory, if key and value are short.
#[derive(Debug)]
#[repr(align(64))]
struct Slot {
    hash: u64,
    /// The changelog's key: the store's number, then the key.
    key: Small,
    value: Option<Small>,
    dirty: bool,
    /// Read or written since the hand last passed.
    touched: bool,
    live: bool,
}

/// What a slot held before a write.
#[derive(Debug)]
pub(super) enum Previous {
    /// Nothing was known of the key.
    Absent,
    /// As committed.
    Clean(Option<Small>),
    /// An earlier write of the same transaction.
    Dirty(Option<Small>),
}

/// What a slot takes beside key and value, about.
const SLOT_BYTES: usize = 72;

impl Slot {
    fn size_bytes(&self) -> usize {
        self.key.len() + self.value.as_ref().map_or(0, Small::len) + SLOT_BYTES
    }
}

fn hash_of(key: &[u8]) -> u64 {
    FxBuildHasher.hash_one(key)
}

/// The bytes behind the store's number that decide most comparisons, as a number.
fn leading(key: &[u8]) -> u64 {
    let mut bytes = [0; 8];
    let rest = key.get(1..).unwrap_or_default();
    let length = rest.len().min(bytes.len());
    bytes[..length].copy_from_slice(&rest[..length]);
    u64::from_be_bytes(bytes)
}

fn user_key(key: &Small) -> &[u8] {
    key.as_slice().get(1..).unwrap_or_default()
}

impl Table {
    pub(super) fn new(number: StoreNumber, ordered: bool, changelog: bool) -> Self {
        Self {
            number,
            changelog,
            index: HashTable::new(),
            slots: Vec::new(),
            free: Vec::new(),
            dirty: Vec::new(),
            sorting: Vec::new(),
            order: ordered.then(BTreeMap::new),
            recent: 0,
            hand: 0,
        }
    }

    fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        let is_it = |slot: &u32| user_key(&self.slots[*slot as usize].key) == key;
        self.index.find(hash, is_it).copied()
    }

    pub(super) fn touch(&self, key: &[u8]) -> bool {
        let hash = hash_of(key);
        self.index.find(hash, |slot| self.slots[*slot as usize].hash == hash).is_some()
    }

    fn find_recent(&self, key: &[u8]) -> Option<u32> {
        let slot = self.slots.get(self.recent as usize)?;
        (slot.live && user_key(&slot.key) == key).then_some(self.recent)
    }

    fn insert(&mut self, hash: u64, key: &[u8], value: Option<Small>, dirty: bool) -> u32 {
        let key = Small::prefixed(self.number.0, key);
        let slot = Slot { hash, key, value, dirty, touched: true, live: true };
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place as usize] = slot;
                place
            }
            None => {
                self.slots.push(slot);
                (self.slots.len() - 1) as u32
            }
        };
        let slots = &self.slots;
        self.index.insert_unique(hash, place, |place| slots[*place as usize].hash);
        place
    }

    fn remove(&mut self, place: u32) {
        let slot = &mut self.slots[place as usize];
        slot.live = false;
        slot.dirty = false;
        slot.key = Small::from(&[][..]);
        slot.value = None;
        if let Ok(entry) = self.index.find_entry(slot.hash, |other| *other == place) {
            entry.remove();
        }
        self.free.push(place);
    }

    /// The value of a key; what the base says is kept if there is room. Returns how many bytes that took.
    pub(super) fn get(
        &mut self,
        key: &[u8],
        base: &dyn StateBase,
        room: bool,
    ) -> Result<(Option<Bytes>, usize), StateError> {
        let hash = hash_of(key);
        if let Some(place) = self.find(hash, key) {
            let slot = &mut self.slots[place as usize];
            slot.touched = true;
            return Ok((slot.value.as_ref().map(Small::to_bytes), 0));
        }
        let value = base.get(self.number, key)?;
        if !room {
            return Ok((value, 0));
        }
        let place = self.insert(hash, key, value.as_deref().map(Small::from), false);
        Ok((value, self.slots[place as usize].size_bytes()))
    }

    /// The value of a key if it is staged or cached: None where only the base knows.
    pub(super) fn peek(&mut self, key: &[u8]) -> Option<Option<&[u8]>> {
        let place = self.find_recent(key).or_else(|| self.find(hash_of(key), key))?;
        self.recent = place;
        let slot = &mut self.slots[place as usize];
        slot.touched = true;
        Some(slot.value.as_ref().map(Small::as_slice))
    }

    /// Stages a write; returns its slot, what was there before, and the change of staged and of all bytes. None when the
    /// value is known to be there already: such a write is none, and costs no record in the changelog.
    pub(super) fn put(&mut self, key: &[u8], value: Option<Small>) -> Option<(u32, Previous, isize, isize)> {
        let known = self.find_recent(key).or_else(|| self.find(hash_of(key), key));
        let Some(place) = known else {
            let place = self.insert(hash_of(key), key, value, true);
            self.mark_dirty(place);
            let size = self.slots[place as usize].size_bytes() as isize;
            return Some((place, Previous::Absent, size, size));
        };
        let slot = &mut self.slots[place as usize];
        slot.touched = true;
        if slot.value == value {
            return None;
        }
        let before = slot.size_bytes() as isize;
        let old = std::mem::replace(&mut slot.value, value);
        let after = slot.size_bytes() as isize;
        if slot.dirty {
            return Some((place, Previous::Dirty(old), after - before, after - before));
        }
        slot.dirty = true;
        self.mark_dirty(place);
        Some((place, Previous::Clean(old), after, after - before))
    }

    fn mark_dirty(&mut self, place: u32) {
        self.dirty.push(place);
        if let Some(order) = &mut self.order {
            order.insert(Small::from(user_key(&self.slots[place as usize].key)), place);
        }
    }

    /// Takes back the latest write; returns the change of staged and of all bytes.
    pub(super) fn undo(&mut self, place: u32, previous: Previous) -> (isize, isize) {
        let slot = &mut self.slots[place as usize];
        let before = slot.size_bytes() as isize;
        match previous {
            Previous::Dirty(value) => {
                slot.value = value;
                let change = slot.size_bytes() as isize - before;
                (change, change)
            }
            Previous::Clean(value) => {
                slot.value = value;
                slot.dirty = false;
                let after = slot.size_bytes() as isize;
                self.unmark_dirty(place);
                (-before, after - before)
            }
            Previous::Absent => {
                self.unmark_dirty(place);
                self.remove(place);
                (-before, -before)
            }
        }
    }

    /// Undoing goes backwards, so the slot is the last that became dirty.
    fn unmark_dirty(&mut self, place: u32) {
        debug_assert_eq!(self.dirty.last(), Some(&place));
        self.dirty.pop();
        if let Some(order) = &mut self.order {
            order.remove(user_key(&self.slots[place as usize].key));
        }
    }

    /// Staged writes as (changelog key, value), one for each key.
    pub(super) fn staged(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.dirty.iter().map(|place| {
            let slot = &self.slots[*place as usize];
            (slot.key.as_slice(), slot.value.as_ref().map(Small::as_slice))
        })
    }

    /// Brings the staged writes into the order of their keys: a sorted store takes them faster so.
    pub(super) fn sort_staged(&mut self) {
        if let Some(order) = &self.order {
            self.dirty.clear();
            self.dirty.extend(order.values());
            return;
        }
        let slots = &self.slots;
        let key_of = |place: u32| slots[place as usize].key.as_slice();
        self.sorting.clear();
        self.sorting.extend(self.dirty.iter().map(|place| (leading(key_of(*place)), *place)));
        self.sorting.sort_unstable_by(|(one, at), (other, beside)| {
            one.cmp(other).then_with(|| key_of(*at).cmp(key_of(*beside)))
        });
        self.dirty.clear();
        self.dirty.extend(self.sorting.iter().map(|(_, place)| *place));
    }

    pub(super) const fn number(&self) -> StoreNumber {
        self.number
    }

    pub(super) fn has_staged(&self) -> bool {
        !self.dirty.is_empty()
    }

    /// Staged writes have been committed: they are what the base says now.
    pub(super) fn committed(&mut self) {
        for place in self.dirty.drain(..) {
            self.slots[place as usize].dirty = false;
        }
        if let Some(order) = &mut self.order {
            order.clear();
        }
    }

    /// Drops staged writes; returns how many bytes that freed.
    pub(super) fn rolled_back(&mut self) -> usize {
        let mut freed = 0;
        for place in std::mem::take(&mut self.dirty) {
            freed += self.slots[place as usize].size_bytes();
            self.remove(place);
        }
        if let Some(order) = &mut self.order {
            order.clear();
        }
        freed
    }

    /// Forgets clean slots that were not used since the hand last passed, until `excess` bytes are free or it has been
    /// round twice. Returns how many bytes that freed.
    pub(super) fn evict(&mut self, excess: usize) -> usize {
        let mut freed = 0;
        for _ in 0..self.slots.len() * 2 {
            if freed >= excess {
                break;
            }
            self.hand = if self.hand + 1 < self.slots.len() { self.hand + 1 } else { 0 };
            let slot = &mut self.slots[self.hand];
            if !slot.live || slot.dirty {
                continue;
            }
            if slot.touched {
                slot.touched = false;
                continue;
            }
            freed += slot.size_bytes();
            self.remove(self.hand as u32);
        }
        freed
    }

    /// Entries of a range as they are with the staged writes, in order of the keys.
    pub(super) fn scan(
        &self,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        base: &dyn StateBase,
    ) -> Result<Entries, StateError> {
        if limit == 0 || is_empty_range(from, to) {
            return Ok(Entries::new());
        }
        if self.dirty.is_empty() {
            return base.scan(self.number, from, to, limit);
        }
        if let Some(order) = &self.order {
            let staged = order.range::<[u8], _>((from, to)).map(|(key, place)| (key.as_slice(), *place));
            return self.merge(staged, from, to, limit, base);
        }
        let mut staged: Vec<(&[u8], u32)> = self
            .dirty
            .iter()
            .map(|place| (user_key(&self.slots[*place as usize].key), *place))
            .filter(|(key, _)| std::ops::RangeBounds::<[u8]>::contains(&(from, to), *key))
            .collect();
        staged.sort_unstable();
        self.merge(staged.into_iter(), from, to, limit, base)
    }

    fn merge<'s>(
        &self,
        staged: impl Iterator<Item = (&'s [u8], u32)>,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
        base: &dyn StateBase,
    ) -> Result<Entries, StateError> {
        let mut committed = Pages {
            base,
            store: self.number,
            to,
            limit,
            page: base.scan(self.number, from, to, limit)?.into_iter().peekable(),
            taken: 0,
            last: None,
        };
        let mut staged = staged.peekable();
        let mut found = Entries::new();
        while found.len() < limit {
            let below = committed.peek()?;
            let take_staged = match (&below, staged.peek()) {
                (_, None) => false,
                (None, Some(_)) => true,
                (Some(below), Some((above, _))) => *above <= below.as_ref(),
            };
            if take_staged {
                let Some((key, place)) = staged.next() else { break };
                if below.as_deref() == Some(key) {
                    committed.next();
                }
                if let Some(value) = &self.slots[place as usize].value {
                    found.push((Bytes::copy_from_slice(key), value.to_bytes()));
                }
            } else {
                match committed.next() {
                    Some(entry) => found.push(entry),
                    None => break,
                }
            }
        }
        Ok(found)
    }
}

/// Entries of the base, a page at a time.
struct Pages<'a> {
    base: &'a dyn StateBase,
    store: StoreNumber,
    to: Bound<&'a [u8]>,
    limit: usize,
    page: std::iter::Peekable<std::vec::IntoIter<(Bytes, Bytes)>>,
    taken: usize,
    last: Option<Bytes>,
}

impl Pages<'_> {
    fn peek(&mut self) -> Result<Option<Bytes>, StateError> {
        if self.page.peek().is_none()
            && self.taken == self.limit
            && let Some(last) = &self.last
        {
            let from = Bound::Excluded(last.as_ref());
            self.page = self.base.scan(self.store, from, self.to, self.limit)?.into_iter().peekable();
            self.taken = 0;
        }
        Ok(self.page.peek().map(|(key, _)| key.clone()))
    }

    fn next(&mut self) -> Option<(Bytes, Bytes)> {
        let entry = self.page.next()?;
        self.taken += 1;
        self.last = Some(entry.0.clone());
        Some(entry)
    }
}

#[cfg(test)]
mod tests;
