//! Refuses schemas under which few bytes can mean unbounded work.

use std::collections::BTreeMap;

use crate::avro::{AvroSchema, Node, NodeId};
use crate::{Error, ErrorKind};

/// Records that one record may hold without a union, array or map between.
const INLINE_NODES_MAX: u64 = 10_000;

/// What a node takes at the least.
#[derive(Clone, Copy)]
struct Width {
    takes_bytes: bool,
    inline_nodes: u64,
}

pub(super) fn check(schema: &AvroSchema) -> Result<(), Error> {
    let mut known = BTreeMap::new();
    for id in schema.node_ids() {
        let width = width(schema, id, &mut known)?;
        if width.inline_nodes > INLINE_NODES_MAX {
            return Err(refuse(format!(
                "{} holds more than {INLINE_NODES_MAX} values inline; make some of them optional",
                schema.node(id).type_word()
            )));
        }
        if let Node::Array(items) = schema.node(id)
            && !self::width(schema, *items, &mut known)?.takes_bytes
        {
            return Err(refuse(
                "an array whose items take no bytes (null, or an empty record) is not supported; give the items a field",
            ));
        }
    }
    Ok(())
}

fn refuse(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidSchema, message)
}

fn width(schema: &AvroSchema, id: NodeId, known: &mut BTreeMap<NodeId, Option<Width>>) -> Result<Width, Error> {
    match known.get(&id) {
        Some(Some(width)) => return Ok(*width),
        Some(None) => {
            return Err(refuse(format!(
                "{} always contains itself; make the field a union with null",
                schema.node(id).full_name().unwrap_or("a record")
            )));
        }
        None => {}
    }
    let width = match schema.node(id) {
        Node::Null => leaf(false),
        Node::Fixed(fixed) => leaf(fixed.size_bytes > 0),
        Node::Record(record) => {
            known.insert(id, None);
            let mut sum = leaf(false);
            for field in &record.fields {
                let part = self::width(schema, field.node, known)?;
                sum.takes_bytes |= part.takes_bytes;
                sum.inline_nodes = sum.inline_nodes.saturating_add(part.inline_nodes);
            }
            sum
        }
        _ => leaf(true),
    };
    known.insert(id, Some(width));
    Ok(width)
}

fn leaf(takes_bytes: bool) -> Width {
    Width { takes_bytes, inline_nodes: 1 }
}
