#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::collections::BTreeMap;
use std::ops::Bound;

use proptest::prelude::*;

use crate::store::{MemoryBase, Overlay, StateBase, StoreNumber, TableIndex};

const NUMBER: StoreNumber = StoreNumber::FIRST_USER;
const TABLE: TableIndex = TableIndex(6);

#[derive(Debug, Clone)]
enum Act {
    Put(u8, u8),
    Delete(u8),
    Get(u8),
    Scan(u8, u8, usize),
    Keep,
    Undo,
    Commit,
    Abort,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..20_u8, any::<u8>()).prop_map(|(key, value)| Act::Put(key, value)),
        3 => (0..20_u8).prop_map(Act::Delete),
        3 => (0..20_u8).prop_map(Act::Get),
        3 => (0..20_u8, 0..22_u8, 0..6_usize).prop_map(|(from, to, limit)| Act::Scan(from, to, limit)),
        3 => Just(Act::Keep),
        2 => Just(Act::Undo),
        2 => Just(Act::Commit),
        1 => Just(Act::Abort),
    ];
    prop::collection::vec(act, 1..120)
}

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// An overlay over a base beside three maps: as committed, as kept, as it is.
fn check(acts: &[Act], ordered: bool, cache_bytes_max: usize) {
    let mut overlay = Overlay::new(std::iter::once((NUMBER, ordered, true)), cache_bytes_max);
    let mut base = MemoryBase::new();
    let (mut committed, mut kept, mut now) = (Model::new(), Model::new(), Model::new());
    for act in acts {
        match act {
            Act::Put(key, value) => {
                overlay.put(TABLE, &[*key], Some([*value].as_slice().into()));
                now.insert(vec![*key], vec![*value]);
            }
            Act::Delete(key) => {
                overlay.put(TABLE, &[*key], None);
                now.remove([*key].as_slice());
            }
            Act::Get(key) => {
                let found = overlay.get(TABLE, &[*key], &base).unwrap();
                let lent = overlay.read(TABLE, &[*key], &base, |value| value.map(<[u8]>::to_vec)).unwrap();
                assert_eq!(found.as_deref(), now.get([*key].as_slice()).map(Vec::as_slice));
                assert_eq!(lent.as_ref(), now.get([*key].as_slice()));
            }
            Act::Scan(from, to, limit) => {
                let (from, to) = ([*from], [*to]);
                let range = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
                let found = overlay.scan(TABLE, range.0, range.1, *limit, &base).unwrap();
                let found: Vec<_> = found.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
                let inside = now.iter().filter(|(key, _)| key.as_slice() >= &from[..] && key.as_slice() < &to[..]);
                let expected: Vec<_> = inside.take(*limit).map(|(key, value)| (key.clone(), value.clone())).collect();
                assert_eq!(found, expected);
            }
            Act::Keep => {
                overlay.keep();
                kept.clone_from(&now);
            }
            Act::Undo => {
                overlay.undo();
                now.clone_from(&kept);
            }
            Act::Commit => {
                overlay.keep();
                let changes: Vec<Vec<u8>> = overlay.changelog().map(|(key, _)| key.to_vec()).collect();
                let mut written = Vec::new();
                overlay.committed(|store, key, value| {
                    written.push([&[store.0], key].concat());
                    base.write(store, key, value);
                });
                let sorted = |mut keys: Vec<Vec<u8>>| {
                    keys.sort();
                    keys
                };
                assert_eq!(sorted(changes), sorted(written), "each key once, in the changelog as in the base");
                kept.clone_from(&now);
                committed.clone_from(&now);
            }
            Act::Abort => {
                overlay.rolled_back();
                now.clone_from(&committed);
                kept.clone_from(&committed);
            }
        }
    }
    overlay.rolled_back();
    assert_eq!(overlay.staged_bytes(), 0);
    let all = base.scan(NUMBER, Bound::Unbounded, Bound::Unbounded, usize::MAX).unwrap();
    let all: Model = all.into_iter().map(|(key, value)| (key.to_vec(), value.to_vec())).collect();
    assert_eq!(all, committed);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn an_overlay_is_as_three_maps(acts in acts(), ordered: bool, cache in prop_oneof![Just(0), Just(400), Just(1 << 20)]) {
        check(&acts, ordered, cache);
    }
}
