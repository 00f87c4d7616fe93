//! The tree of checks, compiled from Avro schemas.

use rustc_hash::FxHashMap;
use serde_json::Value;

use super::check;
use crate::avro::{AvroSchema, Logical, Node, NodeId};
use crate::codec::decimal_text;
use crate::{Error, ErrorKind};

/// What 16 bytes of two's complement hold, whatever precision a schema declares.
const DECIMAL_DIGITS_MAX: u32 = 38;

/// Index of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct CheckId(usize);

#[derive(Debug)]
pub(super) enum Check {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Text,
    /// Text of code points 0 to 255, as Avro writes bytes in JSON.
    Bytes {
        size: Option<usize>,
    },
    Decimal {
        scale: u32,
        /// Digits in all, at most.
        digits: u32,
    },
    TimestampMillis,
    Enum {
        symbols: Vec<String>,
    },
    List(CheckId),
    Map(CheckId),
    /// null or one type, the common union.
    Optional(CheckId),
    Union(Vec<CheckId>),
    Record(RecordCheck),
}

#[derive(Debug)]
pub(super) struct RecordCheck {
    pub(super) fields: Vec<FieldCheck>,
    pub(super) full_name: String,
}

#[derive(Debug)]
pub(super) struct FieldCheck {
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) check: CheckId,
    /// The canonical default.
    pub(super) default: Option<Value>,
}

#[derive(Debug)]
pub(super) struct CommandCheck {
    pub(super) full_name: String,
    pub(super) check: CheckId,
}

#[derive(Debug)]
pub(super) struct Tree {
    checks: Vec<Check>,
    pub(super) commands: Vec<CommandCheck>,
}

impl Tree {
    pub(super) fn compile(schemas: &[AvroSchema]) -> Result<Self, Error> {
        let mut tree = Self { checks: Vec::new(), commands: Vec::new() };
        for schema in schemas {
            let mut compiler = Compiler { schema, known: FxHashMap::default(), tree: &mut tree };
            compiler.commands()?;
        }
        tree.fill_defaults()?;
        Ok(tree)
    }

    pub(super) fn check(&self, id: CheckId) -> &Check {
        self.checks.get(id.0).unwrap_or(&Check::Null)
    }

    /// The command of a full name, or of a short name that only one has.
    pub(super) fn find(&self, name: &str) -> Option<&CommandCheck> {
        if let Some(command) = self.commands.iter().find(|c| c.full_name == name) {
            return Some(command);
        }
        let mut by_short = self.commands.iter().filter(|c| short(&c.full_name) == name);
        match (by_short.next(), by_short.next()) {
            (Some(command), None) => Some(command),
            _ => None,
        }
    }

    pub(super) fn short_names(&self) -> Vec<String> {
        let short = self.commands.iter().map(|c| short(&c.full_name).to_owned());
        short.collect()
    }

    /// What a check wants, for people.
    pub(super) fn expected(&self, id: CheckId) -> String {
        match self.check(id) {
            Check::Null => "null".to_owned(),
            Check::Boolean => "a boolean".to_owned(),
            Check::Int => "an integer (int)".to_owned(),
            Check::Long => "an integer (long)".to_owned(),
            Check::Float | Check::Double => "a number".to_owned(),
            Check::Text => "a string".to_owned(),
            Check::Bytes { .. } => "a string of bytes".to_owned(),
            Check::Decimal { scale, digits } => {
                format!("a string of a number with {scale} decimals, of {digits} digits at most")
            }
            Check::TimestampMillis => "an RFC 3339 time or integer milliseconds".to_owned(),
            Check::Enum { symbols } => format!("one of {}", symbols.join(", ")),
            Check::List(_) => "an array".to_owned(),
            Check::Map(_) => "an object".to_owned(),
            Check::Optional(inner) => format!("{} or null", self.expected(*inner)),
            Check::Union(branches) => {
                branches.iter().map(|branch| self.expected(*branch)).collect::<Vec<_>>().join(" or ")
            }
            Check::Record(record) => format!("an object ({})", short(&record.full_name)),
        }
    }

    /// Defaults go through the same checks, so that they come out canonical too. It is done last,
    /// when every check is known.
    fn fill_defaults(&mut self) -> Result<(), Error> {
        for index in 0..self.checks.len() {
            let Some(Check::Record(record)) = self.checks.get(index) else {
                continue;
            };
            let mut defaults = Vec::with_capacity(record.fields.len());
            for field in &record.fields {
                let canonical = match &field.default {
                    None => None,
                    Some(default) => {
                        let text = self.typed_default(field.check, default).to_string();
                        let checked = check::check_value(self, field.check, &text);
                        Some(checked.map_err(|rejection| {
                            invalid(format!(
                                "default of {}.{} does not fit its type: {rejection}",
                                record.full_name, field.name
                            ))
                        })?)
                    }
                };
                defaults.push(canonical);
            }
            if let Some(Check::Record(record)) = self.checks.get_mut(index) {
                for (field, default) in record.fields.iter_mut().zip(defaults) {
                    field.default = default;
                }
            }
        }
        Ok(())
    }
}

impl Tree {
    /// Schemas write a decimal's default as its bytes, people write its digits.
    fn typed_default(&self, id: CheckId, default: &Value) -> Value {
        match (self.check(id), default) {
            (Check::Decimal { scale, .. }, Value::String(bytes)) => {
                let bytes: Vec<u8> = bytes.chars().filter_map(|c| u8::try_from(c).ok()).collect();
                decimal_text(&bytes, *scale).map_or_else(|| default.clone(), Value::String)
            }
            _ => default.clone(),
        }
    }
}

pub(super) fn short(full_name: &str) -> &str {
    full_name.rsplit('.').next().unwrap_or(full_name)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidSchema, message)
}

struct Compiler<'a> {
    schema: &'a AvroSchema,
    known: FxHashMap<NodeId, CheckId>,
    tree: &'a mut Tree,
}

impl Compiler<'_> {
    fn commands(&mut self) -> Result<(), Error> {
        let schema = self.schema;
        let records = schema.root_records();
        let branches = match schema.root_node() {
            Node::Union(branches) => branches.len(),
            _ => 1,
        };
        if records.len() != branches {
            return Err(invalid(format!(
                "a command schema is a record or a union of records, found {}",
                schema.root_node().type_word()
            )));
        }
        for (id, record) in records {
            if self.tree.commands.iter().any(|c| c.full_name == record.name) {
                return Err(invalid(format!("command {} is given twice", record.name)));
            }
            if record.fields.iter().any(|field| field.name == "type") {
                return Err(invalid(format!(
                    "{} has a field \"type\", which names the command; rename the field",
                    record.name
                )));
            }
            let check = self.node(id);
            self.tree.commands.push(CommandCheck { full_name: record.name.clone(), check });
        }
        Ok(())
    }

    fn node(&mut self, id: NodeId) -> CheckId {
        if let Some(known) = self.known.get(&id) {
            return *known;
        }
        // Reserved first, since the parts may refer to it.
        let check_id = CheckId(self.tree.checks.len());
        self.tree.checks.push(Check::Null);
        self.known.insert(id, check_id);
        let check = self.compile(id);
        if let Some(slot) = self.tree.checks.get_mut(check_id.0) {
            *slot = check;
        }
        check_id
    }

    fn compile(&mut self, id: NodeId) -> Check {
        let schema = self.schema;
        let logical = schema.logical(id);
        match schema.node(id) {
            Node::Null => Check::Null,
            Node::Boolean => Check::Boolean,
            Node::Int => Check::Int,
            Node::Long if logical == Some(&Logical::TimestampMillis) => Check::TimestampMillis,
            Node::Long => Check::Long,
            Node::Float => Check::Float,
            Node::Double => Check::Double,
            Node::String => Check::Text,
            Node::Bytes | Node::Fixed(_) if matches!(logical, Some(Logical::Decimal { .. })) => match logical {
                Some(Logical::Decimal { scale, precision }) => {
                    Check::Decimal { scale: *scale, digits: (*precision).min(DECIMAL_DIGITS_MAX) }
                }
                _ => Check::Bytes { size: None },
            },
            Node::Bytes => Check::Bytes { size: None },
            Node::Fixed(fixed) => Check::Bytes { size: Some(fixed.size_bytes) },
            Node::Enum(enumeration) => Check::Enum { symbols: enumeration.symbols.clone() },
            Node::Array(items) => Check::List(self.node(*items)),
            Node::Map(values) => Check::Map(self.node(*values)),
            Node::Union(branches) => {
                let has_null = branches.iter().any(|b| *schema.node(*b) == Node::Null);
                let others = branches.iter().filter(|b| *schema.node(**b) != Node::Null);
                let others: Vec<_> = others.copied().collect();
                match (has_null, others.as_slice()) {
                    (true, [only]) => Check::Optional(self.node(*only)),
                    _ => Check::Union(branches.iter().map(|b| self.node(*b)).collect()),
                }
            }
            Node::Record(record) => Check::Record(RecordCheck {
                full_name: record.name.clone(),
                fields: record
                    .fields
                    .iter()
                    .map(|field| FieldCheck {
                        name: field.name.clone(),
                        aliases: field.aliases.clone(),
                        check: self.node(field.node),
                        default: field.default.clone(),
                    })
                    .collect(),
            }),
        }
    }
}
