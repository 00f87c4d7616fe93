//! Two schemas, with a zero byte between. Parsing and comparing are total; a schema reads its own data; the canonical
//! text is a fixed point.

use headwater_schema::avro::AvroSchema;
use headwater_schema::compatibility::{Level, can_read, check};

pub fn target(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let (old, new) = text.split_once('\0').unwrap_or((text, text));
    let old = AvroSchema::parse(old);
    let new = AvroSchema::parse(new);
    for schema in [&old, &new].into_iter().flatten() {
        reads_itself(schema);
    }
    let (Ok(old), Ok(new)) = (old, new) else { return };
    let backward = can_read(&new, &old);
    let forward = can_read(&old, &new);
    let earlier = [old.clone(), old];
    for level in Level::ALL {
        let versions = if level.is_transitive() { 2 } else { 1 };
        let found =
            if level.is_backward() { backward.len() } else { 0 } + if level.is_forward() { forward.len() } else { 0 };
        let conflicts = check(level, &new, &earlier);
        assert_eq!(conflicts.len(), versions * found, "{level}");
        for conflict in conflicts {
            assert!(!conflict.incompatibility.to_string().is_empty());
        }
    }
}

fn reads_itself(schema: &AvroSchema) {
    let text = schema.canonical();
    let found = can_read(schema, schema);
    assert!(found.is_empty(), "{text} does not read its own data: {}", found[0]);
    for level in Level::ALL {
        assert_eq!(check(level, schema, std::slice::from_ref(schema)), [], "{level} {text}");
    }
    let again = AvroSchema::parse(text).unwrap_or_else(|error| panic!("{text} is canonical, and refused: {error}"));
    assert_eq!(again.canonical(), text);
    assert_eq!(again.normalized(), schema.normalized());
    let normalized = AvroSchema::parse(schema.normalized())
        .unwrap_or_else(|error| panic!("{} is normalized, and refused: {error}", schema.normalized()));
    assert_eq!(normalized.normalized(), schema.normalized());
    let found = can_read(&normalized, schema);
    assert!(found.is_empty(), "{text} is not read with its normalized text: {}", found[0]);
    for (_, record) in schema.root_records() {
        let extracted = schema.extract(&record.name);
        let extracted = extracted.unwrap_or_else(|error| panic!("{} is not taken out of {text}: {error}", record.name));
        assert_eq!(extracted.full_name(), Some(record.name.as_str()));
    }
}
