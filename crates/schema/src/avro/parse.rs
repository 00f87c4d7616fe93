//! From schema JSON to the arena. Validity is judged by `apache_avro` first.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{AvroSchema, Enumeration, Field, Fixed, Form, Logical, Node, NodeId, Record, Slot};
use crate::{Error, ErrorKind};

/// A schema longer than this is refused before it is parsed.
const SCHEMA_BYTES_MAX: usize = 1 << 20;
/// Types nested deeper than this are refused, so that no walk can exhaust the stack.
const DEPTH_MAX: usize = 48;
/// Decimals of more places than this are read as the bytes that they are.
const DECIMAL_SCALE_MAX: u32 = 60;

pub(super) fn parse(json: &str) -> Result<AvroSchema, Error> {
    if json.len() > SCHEMA_BYTES_MAX {
        return Err(invalid(format!("schema of {} bytes is larger than {SCHEMA_BYTES_MAX}", json.len())));
    }
    let source = read_json(json)?;
    let mut arena = Arena { slots: Vec::new(), names: BTreeMap::new() };
    let root = arena.add(&source, None, 0)?;
    apache_avro::Schema::parse(&source).map_err(|error| invalid(error.to_string()))?;
    let schema = AvroSchema {
        canonical: super::write_canonical(&source, Form::Canonical),
        normalized: super::write_canonical(&source, Form::Normalized),
        slots: arena.slots,
        names: arena.names,
        root,
        source,
    };
    Ok(schema)
}

fn read_json(json: &str) -> Result<Value, Error> {
    let trimmed = json.trim();
    if is_primitive(trimmed) {
        return Ok(Value::String(trimmed.to_owned()));
    }
    serde_json::from_str(trimmed).map_err(|error| invalid(format!("schema is not JSON: {error}")))
}

pub(super) fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidSchema, message)
}

pub(super) fn is_primitive(word: &str) -> bool {
    primitive(word).is_some()
}

fn primitive(word: &str) -> Option<Node> {
    Some(match word {
        "null" => Node::Null,
        "boolean" => Node::Boolean,
        "int" => Node::Int,
        "long" => Node::Long,
        "float" => Node::Float,
        "double" => Node::Double,
        "bytes" => Node::Bytes,
        "string" => Node::String,
        _ => return None,
    })
}

/// The full name of `name` seen inside `namespace` (Avro specification, "Names").
pub(super) fn full_name(name: &str, namespace: Option<&str>) -> String {
    match namespace {
        _ if name.contains('.') => name.trim_start_matches('.').to_owned(),
        Some(namespace) if !namespace.is_empty() => format!("{namespace}.{name}"),
        _ => name.to_owned(),
    }
}

/// The namespace part of a full name.
pub(super) fn namespace_of(full: &str) -> Option<&str> {
    full.rsplit_once('.').map(|(namespace, _)| namespace)
}

/// The full name a named type's definition declares.
pub(super) fn declared_name(definition: &Map<String, Value>, enclosing: Option<&str>) -> Option<String> {
    let name = definition.get("name")?.as_str()?;
    let namespace = match definition.get("namespace").and_then(Value::as_str) {
        Some(namespace) => Some(namespace),
        None => enclosing,
    };
    Some(full_name(name, namespace))
}

struct Arena {
    slots: Vec<Slot>,
    names: BTreeMap<String, NodeId>,
}

impl Arena {
    fn push(&mut self, node: Node, logical: Option<Logical>) -> Result<NodeId, Error> {
        let id = u32::try_from(self.slots.len()).map_err(|_| invalid("schema has too many types"))?;
        self.slots.push(Slot { node, logical });
        Ok(NodeId(id))
    }

    fn add(&mut self, json: &Value, enclosing: Option<&str>, depth: usize) -> Result<NodeId, Error> {
        if depth > DEPTH_MAX {
            return Err(invalid(format!("schema is nested deeper than {DEPTH_MAX} types")));
        }
        match json {
            Value::String(word) => self.add_name(word, enclosing),
            Value::Array(branches) => self.add_union(branches, enclosing, depth),
            Value::Object(definition) => self.add_definition(definition, enclosing, depth),
            other => Err(invalid(format!("a type is a name, a union or an object, not {other}"))),
        }
    }

    fn add_name(&mut self, word: &str, enclosing: Option<&str>) -> Result<NodeId, Error> {
        if let Some(node) = primitive(word) {
            return self.push(node, None);
        }
        let full = full_name(word, enclosing);
        self.names
            .get(&full)
            .or_else(|| self.names.get(word))
            .copied()
            .ok_or_else(|| invalid(format!("undefined name \"{full}\"; define the type before it is used")))
    }

    fn add_union(&mut self, branches: &[Value], enclosing: Option<&str>, depth: usize) -> Result<NodeId, Error> {
        let ids =
            branches.iter().map(|branch| self.add(branch, enclosing, depth + 1)).collect::<Result<Vec<_>, _>>()?;
        self.push(Node::Union(ids), None)
    }

    fn add_definition(
        &mut self,
        definition: &Map<String, Value>,
        enclosing: Option<&str>,
        depth: usize,
    ) -> Result<NodeId, Error> {
        let kind = definition.get("type").ok_or_else(|| invalid("a type object has no \"type\""))?;
        let Value::String(word) = kind else {
            return self.add(kind, enclosing, depth + 1);
        };
        match word.as_str() {
            "record" | "error" => self.add_record(definition, enclosing, depth),
            "enum" => self.add_enum(definition, enclosing),
            "fixed" => self.add_fixed(definition, enclosing),
            "array" => {
                let items = required(definition, "items", "array")?;
                let items = self.add(items, enclosing, depth + 1)?;
                self.push(Node::Array(items), None)
            }
            "map" => {
                let values = required(definition, "values", "map")?;
                let values = self.add(values, enclosing, depth + 1)?;
                self.push(Node::Map(values), None)
            }
            other => match primitive(other) {
                Some(node) => {
                    let logical = logical(definition, &node);
                    self.push(node, logical)
                }
                None => self.add_name(other, enclosing),
            },
        }
    }

    /// Reserves the node before its parts are read, so that they may refer to it.
    fn declare(
        &mut self,
        definition: &Map<String, Value>,
        enclosing: Option<&str>,
        kind: &str,
    ) -> Result<(String, NodeId), Error> {
        let name = declared_name(definition, enclosing)
            .ok_or_else(|| invalid(format!("a type of kind {kind} has no \"name\"")))?;
        let id = self.push(Node::Null, None)?;
        if self.names.insert(name.clone(), id).is_some() {
            return Err(invalid(format!("can't redefine: {name}")));
        }
        Ok((name, id))
    }

    fn define(&mut self, id: NodeId, node: Node, logical: Option<Logical>) {
        if let Some(slot) = self.slots.get_mut(id.0 as usize) {
            *slot = Slot { node, logical };
        }
    }

    fn add_record(
        &mut self,
        definition: &Map<String, Value>,
        enclosing: Option<&str>,
        depth: usize,
    ) -> Result<NodeId, Error> {
        let (name, id) = self.declare(definition, enclosing, "record")?;
        let namespace = namespace_of(&name);
        let list = required(definition, "fields", &name)?
            .as_array()
            .ok_or_else(|| invalid(format!("fields of {name} is not an array")))?;
        let mut fields: Vec<Field> = Vec::with_capacity(list.len());
        for (position, field) in list.iter().enumerate() {
            let field_name = field
                .get("name")
                .and_then(Value::as_str)
                .ok_or_else(|| invalid(format!("field {position} of {name} has no name")))?;
            if fields.iter().any(|known| known.name == field_name) {
                return Err(invalid(format!("duplicate field {field_name} in record {name}")));
            }
            let kind = field.get("type").ok_or_else(|| invalid(format!("field {field_name} of {name} has no type")))?;
            fields.push(Field {
                name: field_name.to_owned(),
                aliases: strings(field.get("aliases")),
                node: self.add(kind, namespace, depth + 1)?,
                default: field.get("default").cloned(),
            });
        }
        let aliases = aliases(definition, namespace);
        let node = Node::Record(Record { name, aliases, fields });
        self.define(id, node, None);
        Ok(id)
    }

    fn add_enum(&mut self, definition: &Map<String, Value>, enclosing: Option<&str>) -> Result<NodeId, Error> {
        let (name, id) = self.declare(definition, enclosing, "enum")?;
        let aliases = aliases(definition, namespace_of(&name));
        let symbols = strings(Some(required(definition, "symbols", &name)?));
        let default = definition.get("default").and_then(Value::as_str).map(str::to_owned);
        if let Some(symbol) = &default
            && !symbols.contains(symbol)
        {
            return Err(invalid(format!("default {symbol} of enum {name} is not one of its symbols")));
        }
        let node = Node::Enum(Enumeration { name, aliases, symbols, default });
        self.define(id, node, None);
        Ok(id)
    }

    fn add_fixed(&mut self, definition: &Map<String, Value>, enclosing: Option<&str>) -> Result<NodeId, Error> {
        let (name, id) = self.declare(definition, enclosing, "fixed")?;
        let aliases = aliases(definition, namespace_of(&name));
        let size_bytes = required(definition, "size", &name)?
            .as_u64()
            .and_then(|size| usize::try_from(size).ok())
            .ok_or_else(|| invalid(format!("size of fixed {name} is not a length in bytes")))?;
        let node = Node::Fixed(Fixed { name, aliases, size_bytes });
        let logical = logical(definition, &node);
        self.define(id, node, logical);
        Ok(id)
    }
}

fn required<'a>(definition: &'a Map<String, Value>, key: &str, owner: &str) -> Result<&'a Value, Error> {
    definition.get(key).ok_or_else(|| invalid(format!("{owner} has no \"{key}\"")))
}

fn strings(list: Option<&Value>) -> Vec<String> {
    list.and_then(Value::as_array)
        .map(|list| list.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default()
}

fn aliases(definition: &Map<String, Value>, namespace: Option<&str>) -> Vec<String> {
    strings(definition.get("aliases")).iter().map(|alias| full_name(alias, namespace)).collect()
}

fn logical(definition: &Map<String, Value>, node: &Node) -> Option<Logical> {
    let word = definition.get("logicalType")?.as_str()?;
    let number = |key: &str| definition.get(key).and_then(Value::as_u64).and_then(|number| u32::try_from(number).ok());
    match (word, node) {
        ("timestamp-millis", Node::Long) => Some(Logical::TimestampMillis),
        ("decimal", Node::Bytes | Node::Fixed(_)) => {
            let (precision, scale) = (number("precision")?, number("scale").unwrap_or(0));
            // No value of the size that is read here has so many decimals: it stays bytes.
            if scale > DECIMAL_SCALE_MAX {
                return Some(Logical::Other(word.to_owned()));
            }
            Some(Logical::Decimal { precision, scale })
        }
        _ => Some(Logical::Other(word.to_owned())),
    }
}
