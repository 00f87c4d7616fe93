//! The objects of a snapshot as a damaged or foreign place might hand them out: a manifest's text, a zero byte, and a part.
//! Checksums are made to fit, or nothing would come past them. Both are read or refused; what is read is written and read
//! to the same.

use headwater_snapshot::{Manifest, Part, SnapshotId, pack, seal, unpack};
use headwater_worker::ports::SortedEntries;

pub fn target(bytes: &[u8]) {
    let middle = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    let (text, packed) = bytes.split_at(middle);
    // As it is: the checksum is missing or wrong.
    let _refused = Manifest::parse(text);
    let manifest = Manifest::parse(&seal(text.to_vec()));
    if let Ok(manifest) = &manifest {
        let again = Manifest::parse(&manifest.to_bytes().unwrap()).unwrap();
        assert_eq!(&again, manifest);
        let (_, _) = (manifest.entries(), manifest.bytes());
        let id = manifest.id();
        assert!(SnapshotId::parse(&id.to_string()).is_none_or(|again| again == id));
    }
    let packed = packed.get(1..).unwrap_or_default();
    check_part(packed, manifest.ok().and_then(|manifest| manifest.parts.into_iter().next()));
    if let Ok(entries) = SortedEntries::parse(packed.to_vec()) {
        check_entries(&entries);
    }
}

/// Of the sizes that the manifest says, within what a test's memory takes.
fn check_part(packed: &[u8], said: Option<Part>) {
    let said = said.unwrap_or(Part { name: String::new(), bytes: 0, crc32c: 0, entries: 0, unpacked_bytes: 4_096 });
    let part = Part {
        bytes: packed.len() as u64,
        crc32c: crc32c::crc32c(packed),
        unpacked_bytes: said.unpacked_bytes.min(1 << 20),
        ..said
    };
    if let Ok(entries) = unpack(&part, packed) {
        assert_eq!(entries.count(), part.entries);
        check_entries(&entries);
    }
}

fn check_entries(entries: &SortedEntries) {
    let mut copied = SortedEntries::default();
    let mut key = Vec::new();
    for change in entries.iter() {
        key.clear();
        key.push(change.store.0);
        key.extend_from_slice(change.key);
        copied.push(&key, change.value.unwrap()).unwrap();
    }
    assert_eq!(&copied, entries);
    let (part, packed) = pack(0, entries).unwrap();
    assert_eq!(&unpack(&part, &packed).unwrap(), entries);
}
