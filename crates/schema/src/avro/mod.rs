//! A parsed Avro schema as an arena of nodes, with names resolved and attributes kept.
//!
//! `apache_avro` judges validity; this model keeps what checks need and what its `Schema` blurs:
//! references are resolved to node ids, so recursion is a comparison of two integers.

mod canonical;
mod parse;

use std::collections::BTreeMap;

use serde_json::Value;

pub(crate) use canonical::{Form, write as write_canonical};

use crate::{Error, ErrorKind};

/// Index of a node in its [`AvroSchema`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(crate) u32);

/// One type of a schema.
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    /// `null`
    Null,
    /// `boolean`
    Boolean,
    /// `int`, 32 bits
    Int,
    /// `long`, 64 bits
    Long,
    /// `float`
    Float,
    /// `double`
    Double,
    /// `bytes`
    Bytes,
    /// `string`
    String,
    /// `array` of one type
    Array(NodeId),
    /// `map` from string to one type
    Map(NodeId),
    /// `union` of branches
    Union(Vec<NodeId>),
    /// `record`
    Record(Record),
    /// `enum`
    Enum(Enumeration),
    /// `fixed`
    Fixed(Fixed),
}

impl Node {
    /// Avro's word for the type, as schemas spell it.
    #[must_use]
    pub fn type_word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Record(_) => "record",
            Self::Enum(_) => "enum",
            Self::Fixed(_) => "fixed",
        }
    }

    /// The full name, for named types.
    #[must_use]
    pub fn full_name(&self) -> Option<&str> {
        match self {
            Self::Record(record) => Some(&record.name),
            Self::Enum(enumeration) => Some(&enumeration.name),
            Self::Fixed(fixed) => Some(&fixed.name),
            _ => None,
        }
    }

    /// Full names this type also answers to when it reads, for named types.
    #[must_use]
    pub fn aliases(&self) -> &[String] {
        match self {
            Self::Record(record) => &record.aliases,
            Self::Enum(enumeration) => &enumeration.aliases,
            Self::Fixed(fixed) => &fixed.aliases,
            _ => &[],
        }
    }
}

/// A `record`.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Full name.
    pub name: String,
    /// Full names of aliases.
    pub aliases: Vec<String>,
    /// Fields in the order they are encoded.
    pub fields: Vec<Field>,
}

/// A field of a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// The name.
    pub name: String,
    /// Other names a reader accepts.
    pub aliases: Vec<String>,
    /// The type.
    pub node: NodeId,
    /// The default as the schema gives it, in JSON.
    pub default: Option<Value>,
}

/// An `enum`.
#[derive(Debug, Clone, PartialEq)]
pub struct Enumeration {
    /// Full name.
    pub name: String,
    /// Full names of aliases.
    pub aliases: Vec<String>,
    /// Symbols in the order they are encoded.
    pub symbols: Vec<String>,
    /// The symbol a reader takes for one it does not know.
    pub default: Option<String>,
}

/// A `fixed`.
#[derive(Debug, Clone, PartialEq)]
pub struct Fixed {
    /// Full name.
    pub name: String,
    /// Full names of aliases.
    pub aliases: Vec<String>,
    /// Length in bytes.
    pub size_bytes: usize,
}

/// A meaning on top of a type, where one is declared and known here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Logical {
    /// Milliseconds since the epoch in a long.
    TimestampMillis,
    /// A number with a fixed scale in bytes or fixed.
    Decimal {
        /// Digits after the point.
        scale: u32,
        /// Digits in all.
        precision: u32,
    },
    /// Any other logical type, by its name.
    Other(String),
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Slot {
    pub(crate) node: Node,
    pub(crate) logical: Option<Logical>,
}

/// A valid Avro schema.
#[derive(Debug, Clone)]
pub struct AvroSchema {
    slots: Vec<Slot>,
    root: NodeId,
    names: BTreeMap<String, NodeId>,
    source: Value,
    canonical: String,
    normalized: String,
}

/// Two schemas are equal if their canonical texts are.
impl PartialEq for AvroSchema {
    fn eq(&self, other: &Self) -> bool {
        self.canonical == other.canonical
    }
}

impl AvroSchema {
    /// Parses schema JSON. A bare name such as `string` without quotes is taken too, as
    /// Confluent's registry does.
    ///
    /// # Errors
    /// [`ErrorKind::InvalidSchema`] with the place and the reason.
    pub fn parse(json: &str) -> Result<Self, Error> {
        parse::parse(json)
    }

    /// The root type's id.
    #[must_use]
    pub fn root(&self) -> NodeId {
        self.root
    }

    /// The root type.
    #[must_use]
    pub fn root_node(&self) -> &Node {
        self.node(self.root)
    }

    /// The node of an id of this schema. An id of another schema that is out of range gives the
    /// root, never a panic.
    #[must_use]
    pub fn node(&self, id: NodeId) -> &Node {
        &self.slot(id).node
    }

    /// The logical type declared on a node.
    #[must_use]
    pub fn logical(&self, id: NodeId) -> Option<&Logical> {
        self.slot(id).logical.as_ref()
    }

    fn slot(&self, id: NodeId) -> &Slot {
        const NULL: &Slot = &Slot { node: Node::Null, logical: None };
        self.slots.get(id.0 as usize).unwrap_or(NULL)
    }

    /// The node of a full name.
    #[must_use]
    pub fn named(&self, full_name: &str) -> Option<NodeId> {
        self.names.get(full_name).copied()
    }

    /// The canonical text: attributes in Avro's own order, no white space, docs, defaults, aliases
    /// and custom attributes kept. Equal texts get equal ids in a registry.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The normalized text (`normalize=true`): names written in full, attributes sorted.
    #[must_use]
    pub fn normalized(&self) -> &str {
        &self.normalized
    }

    /// The records a value can be at its root: one for a record, each record branch for a union.
    #[must_use]
    pub fn root_records(&self) -> Vec<(NodeId, &Record)> {
        let ids = match self.root_node() {
            Node::Union(branches) => branches.clone(),
            _ => vec![self.root],
        };
        ids.into_iter()
            .filter_map(|id| match self.node(id) {
                Node::Record(record) => Some((id, record)),
                _ => None,
            })
            .collect()
    }

    /// The full name of the root type, where it is a named one.
    #[must_use]
    pub fn full_name(&self) -> Option<&str> {
        self.root_node().full_name()
    }

    /// A schema of its own for one named type, with the types it refers to written out.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if no type has that name.
    pub fn extract(&self, full_name: &str) -> Result<Self, Error> {
        let text = canonical::extract(&self.source, full_name).ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format!(
                    "no type {full_name} in the schema; it has {}",
                    self.names.keys().cloned().collect::<Vec<_>>().join(", ")
                ),
            )
        })?;
        Self::parse(&text)
    }

    pub(crate) fn node_ids(&self) -> impl Iterator<Item = NodeId> {
        (0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX)).map(NodeId)
    }
}

#[cfg(test)]
mod tests;
