#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_worker::ports::SortedEntries;
use serde_json::{Value, json};

use super::*;
use crate::pack;

fn prices() -> TablePosition {
    serde_json::from_value(json!({ "store": 16, "topic_id": "id-2", "offset": 9, "as_of": 4_400 })).unwrap()
}

fn manifest() -> Manifest {
    let id = SnapshotId { taken_at: Timestamp::from_millis(5_000), offset: 70, instance: "a-1".to_owned() };
    let meta = TaskMeta {
        number: 3,
        changelog_topic_id: Some("id-1".to_owned()),
        changelog_offset: 70,
        positions: [("orders.events".to_owned(), 12)].into(),
        stream_time: Timestamp::from_millis(4_000),
        saved_at: Timestamp::from_millis(4_500),
        tables: [("prices".to_owned(), prices())].into(),
        half_loaded: false,
    };
    let mut manifest = Manifest::of("shop", "orders/main/3", &id, ("orders-main-changelog", 3), &meta).unwrap();
    let mut entries = SortedEntries::default();
    entries.push(b"\x10key", b"value").unwrap();
    manifest.parts = vec![pack(0, &entries).unwrap().0, pack(1, &entries).unwrap().0];
    manifest
}

#[test]
fn a_manifest_is_read_as_it_was_written() {
    let written = manifest();
    let read = Manifest::parse(&written.to_bytes().unwrap()).unwrap();
    assert_eq!(read, written);
    assert_eq!((read.entries(), read.id()), (2, written.id()));
    assert_eq!(read.meta().changelog_offset, 70);
    assert_eq!(read.meta().tables["prices"], prices());
}

#[test]
fn a_store_that_does_not_know_its_topic_has_none() {
    let id = manifest().id();
    assert_eq!(Manifest::of("shop", "orders/main/3", &id, ("changelog", 3), &TaskMeta::default()), None);
}

#[test]
fn a_manifest_that_is_torn_or_changed_is_damaged() {
    let whole = manifest().to_bytes().unwrap();
    for cut in 0..whole.len() {
        assert!(matches!(Manifest::parse(&whole[..cut]), Err(Error::Damaged(_))), "cut at {cut}");
    }
    for place in 0..whole.len() {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        assert!(matches!(Manifest::parse(&changed), Err(Error::Damaged(_))), "changed at {place}");
    }
    let longer = [whole.as_slice(), b"\n"].concat();
    assert!(Manifest::parse(&longer).is_err());
}

#[test]
fn a_manifest_that_says_what_can_not_be_is_refused() {
    let check = |field: &str, value: Value, is_right: bool| {
        let mut said = serde_json::to_value(manifest()).unwrap();
        *said.pointer_mut(field).unwrap() = value;
        let parsed = Manifest::parse(&seal(serde_json::to_vec(&said).unwrap()));
        assert_eq!(parsed.is_ok(), is_right, "{field}: {parsed:?}");
        parsed
    };
    check("/offset", json!(71), true).unwrap();
    let newer = check("/format", json!(2), false);
    assert!(matches!(newer, Err(Error::Newer(_))), "{newer:?}");
    for (field, value) in [
        ("/offset", json!(-1)),
        ("/offset", json!("70")),
        ("/task", Value::Null),
        ("/parts/0/name", json!("../../elsewhere")),
        ("/parts/1/name", json!("000000.part")),
        ("/parts/0/unpacked_bytes", json!(u64::MAX)),
        ("/parts/0/bytes", json!(u64::MAX)),
    ] {
        check(field, value, false).unwrap_err();
    }
}

#[test]
fn a_newer_format_is_told_from_damage_whatever_else_it_says() {
    let newer = seal(br#"{"format":9,"all":"new"}"#.to_vec());
    assert!(matches!(Manifest::parse(&newer), Err(Error::Newer(_))));
}
