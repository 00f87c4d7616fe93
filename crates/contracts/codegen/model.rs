use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Error;

/// The attribute that maps an Avro type to a type of `headwater_event`.
const RUST_TYPE: &str = "headwater.type";
/// Strings that have a type of their own, with their rule.
const TYPED_STRINGS: [&str; 6] = ["OrderId", "CustomerId", "Sku", "PaymentId", "ShipmentId", "Currency"];
/// Records that `headwater_event` has by hand.
const TYPED_RECORDS: [&str; 1] = ["Money"];

/// One file `schemas/<context>/<name>.avsc`.
#[derive(Debug, Clone)]
pub struct SchemaFile {
    /// The folder.
    pub context: String,
    /// The file's name without `.avsc`.
    pub name: String,
    /// What it holds.
    pub text: String,
}

/// Every named type, by Avro full name.
#[derive(Debug)]
pub struct Catalogue(pub BTreeMap<String, Definition>);

/// A record or an enumeration.
#[derive(Debug)]
pub struct Definition {
    /// The folder, which is the Rust module.
    pub context: String,
    /// The short name, which is the Rust type.
    pub name: String,
    /// The Avro full name.
    pub full_name: String,
    /// What it means.
    pub doc: String,
    /// What it consists of.
    pub body: Body,
    /// The schema as it was written.
    pub json: Map<String, Value>,
}

/// What a named type consists of.
#[derive(Debug)]
pub enum Body {
    /// A record's fields, in order.
    Record(Vec<Field>),
    /// An enumeration's symbols.
    Enum(Vec<String>),
    /// A record that `headwater_event` has by hand, by its Rust name.
    Foreign(String),
}

/// A field of a record.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// What it means.
    pub doc: String,
    /// Its type.
    pub kind: Kind,
    /// Avro's default.
    pub default: Option<Value>,
}

/// The Avro types that the contracts use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// A type of Rust itself: `bool`, `i32`, `i64`, `String`.
    Plain(&'static str),
    /// `timestamp-millis`.
    Timestamp,
    /// A string with a type of its own, by its name in `headwater_event`.
    Typed(String),
    /// A named type, by full name.
    Named(String),
    /// An array.
    Array(Box<Kind>),
    /// A union of null and something.
    Optional(Box<Kind>),
}

impl Catalogue {
    /// Reads all files and checks that every name they refer to is there.
    ///
    /// # Errors
    /// When a file is no schema, breaks the habits of this repository (documentation, place), or uses what is not supported.
    pub fn parse(files: &[SchemaFile]) -> Result<Self, Error> {
        let mut definitions = BTreeMap::new();
        for file in files {
            let place = format!("schemas/{}/{}.avsc", file.context, file.name);
            let definition = definition(file).map_err(|error| Error::new(format!("{place}: {error}")))?;
            definitions.insert(definition.full_name.clone(), definition);
        }
        let catalogue = Self(definitions);
        for definition in catalogue.0.values() {
            for field in definition.fields() {
                if let Some(name) = field.kind.named() {
                    catalogue.get(name).map_err(|error| Error::new(format!("{}: {error}", definition.full_name)))?;
                }
            }
        }
        Ok(catalogue)
    }

    /// The type with this full name.
    ///
    /// # Errors
    /// When there is none.
    pub fn get(&self, full_name: &str) -> Result<&Definition, Error> {
        self.0.get(full_name).ok_or_else(|| Error::new(format!("type {full_name} has no file under schemas/")))
    }
}

impl Definition {
    /// The fields of a record; none for others.
    pub fn fields(&self) -> &[Field] {
        match &self.body {
            Body::Record(fields) => fields,
            Body::Enum(_) | Body::Foreign(_) => &[],
        }
    }

    /// The Rust path of the type as seen from any module of the crate.
    pub fn path(&self) -> String {
        match &self.body {
            Body::Foreign(name) => format!("::headwater_event::{name}"),
            Body::Record(_) | Body::Enum(_) => format!("crate::{}::{}", self.context, self.name),
        }
    }
}

impl Kind {
    /// The named type inside, if there is one.
    pub fn named(&self) -> Option<&str> {
        match self {
            Self::Named(name) => Some(name),
            Self::Array(inner) | Self::Optional(inner) => inner.named(),
            Self::Plain(_) | Self::Timestamp | Self::Typed(_) => None,
        }
    }
}

/// Types that several contexts share live in the root namespace.
pub fn full_name(context: &str, name: &str) -> String {
    if context == "shared" { format!("headwater.{name}") } else { format!("headwater.{context}.{name}") }
}

fn definition(file: &SchemaFile) -> Result<Definition, Error> {
    let json: Value = serde_json::from_str(&file.text).map_err(|error| Error::new(format!("not JSON: {error}")))?;
    let Value::Object(json) = json else {
        return Err(Error::new("not a schema: expected an object"));
    };
    let expected = full_name(&file.context, &file.name);
    let declared = format!("{}.{}", text(&json, "namespace")?, text(&json, "name")?);
    if declared != expected {
        return Err(Error::new(format!("declares {declared}, but its place says {expected}; rename one of them")));
    }
    let body = match (text(&json, "type")?, json.get(RUST_TYPE).and_then(Value::as_str)) {
        ("record", Some(foreign)) if TYPED_RECORDS.contains(&foreign) => Body::Foreign(foreign.to_owned()),
        (_, Some(foreign)) => return Err(Error::new(format!("{RUST_TYPE} {foreign} is no record of headwater_event"))),
        ("record", None) => Body::Record(fields(&json)?),
        ("enum", None) => Body::Enum(symbols(&json)?),
        (other, None) => return Err(Error::new(format!("type {other} at the top is not supported: record or enum"))),
    };
    let doc = text(&json, "doc")?.to_owned();
    Ok(Definition { context: file.context.clone(), name: file.name.clone(), full_name: expected, doc, body, json })
}

fn fields(record: &Map<String, Value>) -> Result<Vec<Field>, Error> {
    let fields = record.get("fields").and_then(Value::as_array).ok_or_else(|| Error::new("fields is missing"))?;
    fields.iter().map(field).collect()
}

fn field(json: &Value) -> Result<Field, Error> {
    let json = json.as_object().ok_or_else(|| Error::new("a field is not an object"))?;
    let name = text(json, "name")?.to_owned();
    let in_field = |error: Error| Error::new(format!("field {name}: {error}"));
    let doc = text(json, "doc").map_err(in_field)?.to_owned();
    let kind = json.get("type").ok_or_else(|| Error::new("type is missing")).and_then(kind).map_err(in_field)?;
    Ok(Field { name, doc, kind, default: json.get("default").cloned() })
}

fn symbols(json: &Map<String, Value>) -> Result<Vec<String>, Error> {
    let symbols = json.get("symbols").and_then(Value::as_array).ok_or_else(|| Error::new("symbols is missing"))?;
    let symbol = |symbol: &Value| symbol.as_str().map(str::to_owned).ok_or_else(|| Error::new("a symbol is no text"));
    symbols.iter().map(symbol).collect()
}

fn kind(json: &Value) -> Result<Kind, Error> {
    match json {
        Value::String(name) => named_or_plain(name),
        Value::Array(branches) => match branches.as_slice() {
            [null, inner] if null == "null" => Ok(Kind::Optional(Box::new(kind(inner)?))),
            _ => Err(Error::new("a union must be of null and one other type, null first")),
        },
        Value::Object(definition) => annotated(definition),
        other => Err(Error::new(format!("{other} is no type"))),
    }
}

fn annotated(definition: &Map<String, Value>) -> Result<Kind, Error> {
    let attribute = |name: &str| definition.get(name).and_then(Value::as_str);
    match (text(definition, "type")?, attribute("logicalType"), attribute(RUST_TYPE)) {
        ("array", None, None) => {
            let items = definition.get("items").ok_or_else(|| Error::new("items is missing"))?;
            Ok(Kind::Array(Box::new(kind(items)?)))
        }
        ("long", Some("timestamp-millis"), None) => Ok(Kind::Timestamp),
        ("string", None, Some(name)) if TYPED_STRINGS.contains(&name) => Ok(Kind::Typed(name.to_owned())),
        (name, None, None) => named_or_plain(name),
        _ => Err(Error::new(format!(
            "{} is not supported: give it a file of its own, or teach codegen/model.rs",
            Value::Object(definition.clone())
        ))),
    }
}

fn named_or_plain(name: &str) -> Result<Kind, Error> {
    match name {
        "boolean" => Ok(Kind::Plain("bool")),
        "int" => Ok(Kind::Plain("i32")),
        "long" => Ok(Kind::Plain("i64")),
        "string" => Ok(Kind::Plain("String")),
        name if name.starts_with("headwater.") => Ok(Kind::Named(name.to_owned())),
        other => Err(Error::new(format!("type {other} is not supported: named types go by their full name"))),
    }
}

fn text<'a>(json: &'a Map<String, Value>, key: &str) -> Result<&'a str, Error> {
    match json.get(key).and_then(Value::as_str) {
        Some(text) if !text.is_empty() => Ok(text),
        _ => Err(Error::new(format!("{key} is missing: every record and field has one"))),
    }
}
