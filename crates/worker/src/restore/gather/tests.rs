#![allow(clippy::unwrap_used)]
use std::collections::BTreeMap;

use super::*;

type Owned = (Vec<u8>, Option<Vec<u8>>);

fn sorted(gather: &mut Gather) -> Vec<Owned> {
    let whole = |change: Change<'_>| {
        let key = [&[change.store.0], change.key].concat();
        (key, change.value.map(<[u8]>::to_vec))
    };
    gather.sorted().map(whole).collect()
}

fn check(changes: &[(&[u8], Option<&[u8]>)]) {
    let mut gather = Gather::default();
    let mut expected = BTreeMap::new();
    for (key, value) in changes {
        gather.push(key, *value).unwrap();
        expected.insert(key.to_vec(), value.map(<[u8]>::to_vec));
    }
    assert_eq!(sorted(&mut gather), expected.into_iter().collect::<Vec<_>>());
}

#[test]
fn the_last_change_of_each_key_comes_in_the_order_of_keys() {
    check(&[]);
    check(&[(b"\x10b", Some(b"1")), (b"\x10a", Some(b"2")), (b"\x10b", None), (b"\x0fz", Some(b""))]);
    check(&[(b"\x10b", None), (b"\x10b", Some(b"back"))]);
}

#[test]
fn keys_that_are_alike_in_their_first_bytes_stay_apart() {
    check(&[(b"\x10a\0", Some(b"1")), (b"\x10a", Some(b"2")), (b"\x10", Some(b"3")), (b"\x10a\0\0", None)]);
    let long: &[u8] = b"\x10a key of more than sixteen bytes: ";
    let keys: Vec<Vec<u8>> = (0..50_u8).rev().map(|last| [long, &[last]].concat()).collect();
    let changes: Vec<(&[u8], Option<&[u8]>)> =
        keys.iter().chain(&keys).map(|key| (key.as_slice(), Some(&key[key.len() - 1..]))).collect();
    check(&changes);
}

#[test]
fn many_changes_in_any_order_are_as_a_map_has_them() {
    // A multiplicative walk: reproducible, and in no order.
    let mut at = 1_u64;
    let mut drawn = || {
        at = at.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        at >> 33
    };
    let owned: Vec<Owned> = (0..20_000)
        .map(|_| {
            let key = [&[16 + (drawn() % 2) as u8], &(drawn() % 3_000).to_be_bytes()[..]].concat();
            (key, (drawn() % 4 > 0).then(|| drawn().to_be_bytes().to_vec()))
        })
        .collect();
    let borrowed: Vec<(&[u8], Option<&[u8]>)> =
        owned.iter().map(|(key, value)| (key.as_slice(), value.as_deref())).collect();
    check(&borrowed);
}

#[test]
fn what_was_forgotten_does_not_come_back() {
    let mut gather = Gather::default();
    gather.push(b"\x10a", Some(b"1")).unwrap();
    assert!(gather.size_bytes() > 0);
    gather.clear();
    assert_eq!(gather.size_bytes(), 0);
    gather.push(b"\x10b", Some(b"2")).unwrap();
    assert_eq!(sorted(&mut gather), [(b"\x10b".to_vec(), Some(b"2".to_vec()))]);
}
