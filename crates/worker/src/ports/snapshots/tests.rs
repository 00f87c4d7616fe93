#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn entries(of: &[(&[u8], &[u8])]) -> SortedEntries {
    let mut entries = SortedEntries::default();
    for (key, value) in of {
        entries.push(key, value).unwrap();
    }
    entries
}

#[test]
fn entries_are_read_as_they_were_written() {
    let written = entries(&[(b"\x10", b""), (b"\x10a", b"1"), (b"\x11", b"22")]);
    let read = SortedEntries::parse(written.bytes().to_vec()).unwrap();
    assert_eq!(read, written);
    let read: Vec<_> = read.iter().map(|change| (change.store.0, change.key, change.value.unwrap())).collect();
    assert_eq!(read, [(0x10, &b""[..], &b""[..]), (0x10, b"a", b"1"), (0x11, b"", b"22")]);
}

#[test]
fn bytes_that_are_no_sorted_entries_are_refused() {
    let good = entries(&[(b"\x10a", b"1"), (b"\x10b", b"2")]).bytes().to_vec();
    for cut in 1..good.len() {
        if cut != good.len() / 2 {
            assert!(SortedEntries::parse(good[..cut].to_vec()).is_err(), "cut at {cut}");
        }
    }
    let cases = [
        (entries(&[(b"\x10b", b"1"), (b"\x10a", b"2")]), "out of order"),
        (entries(&[(b"\x10a", b"1"), (b"\x10a", b"2")]), "twice"),
        (entries(&[(b"", b"1")]), "no store"),
    ];
    for (case, name) in cases {
        assert!(SortedEntries::parse(case.bytes().to_vec()).is_err(), "{name}");
    }
    assert!(SortedEntries::parse(vec![0xff; 8]).is_err());
}
