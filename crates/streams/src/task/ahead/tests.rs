use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Headers, Offset};

use super::{Ahead, PASSED_OVER, TOGETHER};
use crate::store::{Overlay, TableIndex};
use crate::{KnownEnvelope, Record, StoreNumber};

const USERS: TableIndex = TableIndex(StoreNumber::SYSTEM.len() as u16);

fn overlay_with(keys: &[&str]) -> Overlay {
    let mut overlay = Overlay::new([(StoreNumber::FIRST_USER, false, true)].into_iter(), 1 << 20);
    for key in keys {
        overlay.put(USERS, key.as_bytes(), Some(b"there"[..].into()));
    }
    overlay
}

fn records(keys: &[&str]) -> Vec<Record> {
    let record = |key: &&str| Record {
        offset: Offset::ZERO,
        timestamp: Timestamp::from_millis(0),
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: None,
        headers: Headers::default(),
        envelope: KnownEnvelope::default(),
    };
    keys.iter().map(record).collect()
}

#[test]
fn a_slot_is_found_by_its_key_and_by_no_other() {
    let overlay = overlay_with(&["a"]);
    assert!(overlay.touch(USERS, b"a"));
    assert!(!overlay.touch(USERS, b"b"));
    assert!(!overlay.touch(TableIndex::TIMERS, b"a"));
}

#[test]
fn the_next_lot_is_looked_up_when_this_one_is_used_up() {
    let (overlay, upcoming) = (overlay_with(&["a"]), records(&["a", "b"]));
    let mut ahead = Ahead::new(vec![USERS]);
    for _ in 0..3 {
        ahead.took(upcoming.iter(), &overlay);
        assert_eq!(ahead.left, TOGETHER - 1);
        for _ in 0..TOGETHER - 1 {
            ahead.took(std::iter::once_with(|| panic!("looked up too early")), &overlay);
        }
    }
}

#[test]
fn keys_that_nobody_knows_are_not_looked_up_for_long() {
    let (overlay, upcoming) = (overlay_with(&["a"]), records(&["b", "c"]));
    let mut ahead = Ahead::new(vec![USERS]);
    ahead.took(upcoming.iter(), &overlay);
    assert_eq!(ahead.left, TOGETHER * PASSED_OVER);
    ahead.took(std::iter::empty(), &overlay);
    assert_eq!(ahead.left, TOGETHER * PASSED_OVER - 1);
}
