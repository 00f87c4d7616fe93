//! What the core needs to know of schemas: the narrow side of a schema registry.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_event::MessageType;
use headwater_schema::avro::Node;
use headwater_schema::{Error, ErrorKind, SchemaId, WriterSchema};

/// Schemas by id and by topic. A registry's cache implements it; [`LocalSchemas`] needs no registry.
pub trait Schemas: Send + Sync {
    /// The schema that a value was written with.
    ///
    /// # Errors
    /// `NotFound` when no such id exists (dead-letter the value), `Unavailable` when it can't be known now (try again).
    fn writer(&self, id: SchemaId) -> Result<Arc<WriterSchema>, Error>;

    /// How a message of this type is written to this topic (declared name).
    ///
    /// # Errors
    /// `NotFound`, `Rejected`, `Unavailable` as the registry says.
    fn encoder(&self, topic: &str, message: MessageType, naming: &Naming) -> Result<Encoder, Error>;
}

/// Under which subject a topic's schemas lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming {
    /// TopicRecordNameStrategy: `<topic>-<full name>`.
    PerRecord,
    /// TopicNameStrategy: `<topic>-value`, the union of these types.
    Union(&'static [MessageType]),
}

/// How one message type is written.
#[derive(Debug, Clone)]
pub struct Encoder {
    /// The id in the wire format's header.
    pub id: SchemaId,
    /// Index of the record in a root union, which goes before the body as an Avro long; None where the record is root.
    pub branch: Option<u32>,
    /// The record's schema.
    pub schema: Arc<WriterSchema>,
}

/// Schemas in memory, with ids given in order of first use: for the test driver and simulations.
#[derive(Debug, Default)]
pub struct LocalSchemas {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_text: BTreeMap<String, SchemaId>,
    by_id: Vec<Arc<WriterSchema>>,
}

impl LocalSchemas {
    /// No schemas yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The id of a schema, registered if it is new.
    ///
    /// # Errors
    /// `InvalidSchema`.
    pub fn register(&self, schema: &str) -> Result<SchemaId, Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(id) = known.by_text.get(schema) {
            return Ok(*id);
        }
        known.by_id.push(Arc::new(WriterSchema::compile(schema)?));
        let id = SchemaId(u32::try_from(known.by_id.len()).unwrap_or(u32::MAX));
        known.by_text.insert(schema.to_owned(), id);
        Ok(id)
    }
}

impl Schemas for LocalSchemas {
    fn writer(&self, id: SchemaId) -> Result<Arc<WriterSchema>, Error> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let found = usize::try_from(id.0).ok().and_then(|id| known.by_id.get(id.checked_sub(1)?));
        found.cloned().ok_or_else(|| Error::new(ErrorKind::NotFound, format!("no schema has id {id}")))
    }

    fn encoder(&self, _topic: &str, message: MessageType, naming: &Naming) -> Result<Encoder, Error> {
        let own = self.register(message.schema)?;
        let schema = self.writer(own)?;
        let Naming::Union(types @ [_, _, ..]) = naming else {
            return Ok(Encoder { id: own, branch: None, schema });
        };
        let id = self.register(&union_schema(types)?)?;
        let branch = branch_of(&*self.writer(id)?, message.full_name)?;
        Ok(Encoder { id, branch, schema })
    }
}

/// Where a record is in a root union; None where the schema is the record itself.
fn branch_of(schema: &WriterSchema, full_name: &str) -> Result<Option<u32>, Error> {
    let Node::Union(branches) = schema.avro().root_node() else {
        return Ok(None);
    };
    let branch = branches.iter().position(|id| schema.avro().node(*id).full_name() == Some(full_name));
    let branch = branch.and_then(|branch| u32::try_from(branch).ok());
    let missing =
        || Error::new(ErrorKind::Refused, format!("the topic's union does not hold {full_name}: register it"));
    branch.map(Some).ok_or_else(missing)
}

/// The union of record schemas as one schema; a type that several of them define is defined once.
///
/// # Errors
/// `InvalidSchema`.
pub fn union_schema(types: &[MessageType]) -> Result<String, Error> {
    let mut defined = Vec::new();
    let mut branches = Vec::with_capacity(types.len());
    for message in types {
        let schema = serde_json::from_str(message.schema)
            .map_err(|error| Error::new(ErrorKind::InvalidSchema, format!("{}: {error}", message.full_name)))?;
        branches.push(defined_once(schema, None, &mut defined));
    }
    Ok(serde_json::Value::Array(branches).to_string())
}

/// Replaces the second definition of a named type by its name.
fn defined_once(schema: serde_json::Value, outer: Option<&str>, defined: &mut Vec<String>) -> serde_json::Value {
    use serde_json::Value;
    match schema {
        Value::Array(items) => Value::Array(items.into_iter().map(|item| defined_once(item, outer, defined)).collect()),
        Value::Object(mut object) => {
            let mut namespace = outer.map(str::to_owned);
            if let Some(name) = object.get("name").and_then(Value::as_str).filter(|_| object.contains_key("type")) {
                let explicit = object.get("namespace").and_then(Value::as_str).map(str::to_owned);
                let qualified = name.rsplit_once('.').map(|(space, _)| space.to_owned());
                namespace = qualified.or(explicit).or(namespace);
                let short = name.rsplit('.').next().unwrap_or(name);
                let full = namespace.as_deref().map_or_else(|| short.to_owned(), |space| format!("{space}.{short}"));
                let is_definition =
                    matches!(object.get("type").and_then(Value::as_str), Some("record" | "enum" | "fixed"));
                if is_definition && defined.contains(&full) {
                    return Value::String(full);
                }
                if is_definition {
                    defined.push(full);
                }
            }
            for part in ["type", "items", "values"] {
                if let Some(inner) = object.remove(part) {
                    object.insert(part.to_owned(), defined_once(inner, namespace.as_deref(), defined));
                }
            }
            if let Some(Value::Array(fields)) = object.remove("fields") {
                let fields = fields.into_iter().map(|mut field| {
                    if let Some(inner) = field.get_mut("type") {
                        *inner = defined_once(inner.take(), namespace.as_deref(), defined);
                    }
                    field
                });
                object.insert("fields".to_owned(), Value::Array(fields.collect()));
            }
            Value::Object(object)
        }
        other => other,
    }
}
