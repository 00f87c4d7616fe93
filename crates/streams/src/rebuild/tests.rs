#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::MemoryBase;

const OWN: StoreNumber = StoreNumber(16);

type Entries = BTreeMap<u16, u8>;

fn base(store: StoreNumber, entries: &Entries) -> MemoryBase {
    let mut base = MemoryBase::new();
    entries.iter().for_each(|(key, value)| base.write(store, &key.to_be_bytes(), Some(&[*value])));
    base
}

fn changes(store: StoreNumber, held: &MemoryBase, rebuilt: &MemoryBase) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
    let mut changes = Vec::new();
    let write = |key: &[u8], value: Option<&[u8]>| changes.push((key.to_vec(), value.map(<[u8]>::to_vec)));
    let count = corrections(store, held, rebuilt, write).unwrap();
    assert_eq!(count, changes.len() as u64);
    changes
}

fn apply(store: StoreNumber, base: &mut MemoryBase, changes: &[(Vec<u8>, Option<Vec<u8>>)]) {
    changes.iter().for_each(|(key, value)| base.write(store, key, value.as_deref()));
}

fn entries(base: &MemoryBase, store: StoreNumber) -> Vec<(Bytes, Bytes)> {
    base.entries(store).map(|(key, value)| (key.clone(), value.clone())).collect()
}

proptest! {
    #[test]
    fn corrections_that_break_off_anywhere_are_finished_by_the_next(
        held in prop::collection::btree_map(0..30_u16, 0..3_u8, 0..30),
        rebuilt in prop::collection::btree_map(0..30_u16, 0..3_u8, 0..30),
        done in any::<prop::sample::Index>(),
    ) {
        let (mut held_now, rebuilt) = (base(OWN, &held), base(OWN, &rebuilt));
        let first = changes(OWN, &held_now, &rebuilt);
        let done = done.index(first.len() + 1);
        apply(OWN, &mut held_now, &first[..done]);
        let rest = changes(OWN, &held_now, &rebuilt);
        prop_assert_eq!(&rest, &first[done..], "what was done is not done again");
        apply(OWN, &mut held_now, &rest);
        prop_assert_eq!(entries(&held_now, OWN), entries(&rebuilt, OWN));
    }
}

#[test]
fn more_than_a_page_is_compared() {
    let many: Entries = (0..2 * PAGE as u16 + 7).map(|key| (key, 1)).collect();
    let mut other = many.clone();
    other.retain(|key, _| key % 500 != 3);
    other.insert(1_999, 2);
    let found = changes(OWN, &base(OWN, &many), &base(OWN, &other));
    assert_eq!(found.iter().filter(|(_, value)| value.is_none()).count(), 5);
    assert_eq!(found.len(), 6);
    assert_eq!(changes(OWN, &base(OWN, &Entries::new()), &base(OWN, &many)).len(), many.len());
    assert_eq!(changes(OWN, &base(OWN, &many), &base(OWN, &Entries::new())).len(), many.len());
}

#[test]
fn a_timer_that_is_held_keeps_its_whole_cause() {
    let check = |store: StoreNumber, expected: usize| {
        let (held, rebuilt) = (base(store, &[(1, 1), (2, 1)].into()), base(store, &[(1, 2), (3, 1)].into()));
        assert_eq!(changes(store, &held, &rebuilt).len(), expected);
    };
    check(StoreNumber::TIMERS, 2);
    check(StoreNumber::TIMER_NAMES, 3);
}
