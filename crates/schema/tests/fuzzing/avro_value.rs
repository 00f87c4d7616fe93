//! A schema as text, then a value in the wire format, which begins with its zero byte.
//! What is decoded is encoded and decoded to the same; all else is an error.

use std::collections::BTreeSet;

use headwater_schema::avro::{AvroSchema, Node, NodeId};
use headwater_schema::{WriterSchema, wire};

pub fn target(bytes: &[u8]) {
    let (schema, framed) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    let body = match wire::decode(framed) {
        Ok((id, body)) => {
            let mut again = Vec::new();
            wire::encode_header_into(&mut again, id);
            again.extend_from_slice(body);
            assert_eq!(again, framed, "a header is written as it was read");
            body
        }
        Err(error) => {
            assert!(framed.len() < wire::HEADER_BYTES || framed[0] != wire::MAGIC, "{error}");
            return;
        }
    };
    let Ok(schema) = std::str::from_utf8(schema) else { return };
    let Ok(schema) = WriterSchema::compile(schema) else { return };
    // Another decoder, over the same bytes: it may know less or more, and must not panic either.
    let _ = schema.decode::<serde_json::Value>(body);
    let Ok(value) = schema.decode_value(body) else { return };
    let branch = schema.record_name(body).ok().filter(|_| matches!(schema.avro().root_node(), Node::Union(_)));
    let mut again = b"before".to_vec();
    if let Err(error) = schema.encode_value_into(&mut again, branch, &value) {
        panic!("{value} was decoded, and is not encoded: {error}");
    }
    let body = again.strip_prefix(b"before").expect("what was in the buffer stays");
    let decoded = schema.decode_value(body).expect("what was encoded is decoded");
    if !has_branches_alike(schema.avro()) {
        assert_eq!(decoded, value);
    }
}

/// Whether a plain value may fit several branches of a union: it then goes to the first of them.
fn has_branches_alike(schema: &AvroSchema) -> bool {
    let mut seen = BTreeSet::new();
    let mut open: Vec<NodeId> = vec![schema.root()];
    while let Some(id) = open.pop() {
        if !seen.insert(id) {
            continue;
        }
        match schema.node(id) {
            Node::Union(branches) => {
                if branches.iter().filter(|branch| !matches!(schema.node(**branch), Node::Null)).count() > 1 {
                    return true;
                }
                open.extend(branches);
            }
            Node::Array(inner) | Node::Map(inner) => open.push(*inner),
            Node::Record(record) => open.extend(record.fields.iter().map(|field| field.node)),
            _ => {}
        }
    }
    false
}
