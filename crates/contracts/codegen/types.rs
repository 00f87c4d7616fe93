//! Structs and enums, in one module for each context.

use std::collections::BTreeSet;

use serde_json::Value;

use super::model::{Body, Catalogue, Definition, Field, Kind};
use super::topics::Declarations;
use super::{Error, schema_text};

/// Words that a field may be called and Rust keeps for itself.
const KEYWORDS: [&str; 8] = ["type", "ref", "move", "match", "use", "where", "in", "as"];

/// The modules of all contexts.
///
/// # Errors
/// When a default or a key does not fit its type.
pub fn write(catalogue: &Catalogue, declarations: &Declarations) -> Result<String, Error> {
    let messages = declarations.messages();
    let contexts: BTreeSet<&str> = catalogue.0.values().map(|definition| definition.context.as_str()).collect();
    let mut code = String::new();
    for context in contexts {
        code.push_str(&format!("/// Types of the context `{context}`, made from `schemas/{context}/`.\n"));
        code.push_str(&format!("pub mod {context} {{\n"));
        for definition in catalogue.0.values().filter(|definition| definition.context == context) {
            let text = match &definition.body {
                Body::Foreign(name) => format!("pub use ::headwater_event::{name};\n"),
                Body::Enum(symbols) => enumeration(definition, symbols),
                Body::Record(fields) => record(catalogue, definition, fields)?,
            };
            code.push_str(&text);
            if messages.contains(definition.full_name.as_str()) {
                code.push_str(&message(catalogue, definition)?);
            }
        }
        code.push_str("}\n");
    }
    Ok(code)
}

fn record(catalogue: &Catalogue, definition: &Definition, fields: &[Field]) -> Result<String, Error> {
    let mut code = doc(&definition.doc);
    code.push_str("#[derive(Debug, Clone, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]\n");
    code.push_str(&format!("pub struct {} {{\n", definition.name));
    let mut functions = String::new();
    for field in fields {
        let in_field = |error: Error| Error::new(format!("{}.{}: {error}", definition.full_name, field.name));
        code.push_str(&doc(&field.doc));
        match default(catalogue, field).map_err(in_field)? {
            Absent::Required => {}
            Absent::RustDefault => code.push_str("#[serde(default)]\n"),
            Absent::Expression(expression) => {
                let function = format!("{}_{}", snake(&definition.name), field.name);
                code.push_str(&format!("#[serde(default = \"{function}\")]\n"));
                let kind = rust_type(catalogue, &field.kind)?;
                functions.push_str(&format!("fn {function}() -> {kind} {{ {expression} }}\n"));
            }
        }
        code.push_str(&format!("pub {}: {},\n", identifier(&field.name), rust_type(catalogue, &field.kind)?));
    }
    code.push_str("}\n");
    code.push_str(&functions);
    Ok(code)
}

fn enumeration(definition: &Definition, symbols: &[String]) -> String {
    let name = &definition.name;
    let mut code = doc(&definition.doc);
    code.push_str("#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ::serde::Serialize, ::serde::Deserialize)]\n");
    code.push_str(&format!("pub enum {name} {{\n"));
    for symbol in symbols {
        code.push_str(&format!("/// `{symbol}`\n#[serde(rename = {symbol:?})]\n{},\n", camel(symbol)));
    }
    code.push_str("}\n");
    code.push_str(&format!("impl {name} {{\n/// The Avro symbol.\n#[must_use]\n"));
    code.push_str("pub const fn as_str(&self) -> &'static str {\nmatch self {\n");
    for symbol in symbols {
        code.push_str(&format!("Self::{} => {symbol:?},\n", camel(symbol)));
    }
    code.push_str("}\n}\n}\n");
    code
}

/// The first field of a message is its key.
fn message(catalogue: &Catalogue, definition: &Definition) -> Result<String, Error> {
    let key = match definition.fields().first() {
        Some(field) if matches!(field.kind, Kind::Typed(_) | Kind::Plain("String")) => &field.name,
        _ => {
            let name = &definition.full_name;
            return Err(Error::new(format!("{name} lies in a topic, so its first field must be its key, a string")));
        }
    };
    let schema = schema_text::of(catalogue, &definition.full_name)?;
    Ok(format!(
        "impl ::headwater_event::Message for {} {{\n\
         const FULL_NAME: &'static str = {:?};\n\
         const SCHEMA: &'static str = {schema:?};\n\
         fn subject(&self) -> &str {{ self.{}.as_str() }}\n}}\n",
        definition.name,
        definition.full_name,
        identifier(key)
    ))
}

fn rust_type(catalogue: &Catalogue, kind: &Kind) -> Result<String, Error> {
    Ok(match kind {
        Kind::Plain("String") => "::std::string::String".to_owned(),
        Kind::Plain(name) => (*name).to_owned(),
        Kind::Timestamp => "::headwater_event::Timestamp".to_owned(),
        Kind::Typed(name) => format!("::headwater_event::{name}"),
        Kind::Named(name) => catalogue.get(name)?.path(),
        Kind::Array(inner) => format!("::std::vec::Vec<{}>", rust_type(catalogue, inner)?),
        Kind::Optional(inner) => format!("::std::option::Option<{}>", rust_type(catalogue, inner)?),
    })
}

/// What a field is where the input does not have it.
enum Absent {
    Required,
    RustDefault,
    Expression(String),
}

fn default(catalogue: &Catalogue, field: &Field) -> Result<Absent, Error> {
    let Some(value) = &field.default else {
        // A nullable field may be left out of JSON even where Avro wants it written.
        let nullable = matches!(field.kind, Kind::Optional(_));
        return Ok(if nullable { Absent::RustDefault } else { Absent::Required });
    };
    let expression = match (&field.kind, value) {
        (Kind::Optional(_), Value::Null) => return Ok(Absent::RustDefault),
        (Kind::Plain("String"), Value::String(text)) if text.is_empty() => return Ok(Absent::RustDefault),
        (Kind::Plain("bool"), Value::Bool(false)) => return Ok(Absent::RustDefault),
        (Kind::Array(_), Value::Array(items)) if items.is_empty() => return Ok(Absent::RustDefault),
        (Kind::Plain("String"), Value::String(text)) => format!("{text:?}.to_owned()"),
        (Kind::Plain("bool"), Value::Bool(value)) => value.to_string(),
        (Kind::Plain("i32" | "i64"), Value::Number(number)) if number.is_i64() => number.to_string(),
        (Kind::Timestamp, Value::Number(number)) if number.is_i64() => {
            format!("::headwater_event::Timestamp::from_millis({number})")
        }
        (Kind::Named(name), Value::String(symbol)) => symbol_path(catalogue.get(name)?, symbol)?,
        (kind, value) => return Err(Error::new(format!("default {value} does not fit {kind:?}, or is not supported"))),
    };
    Ok(Absent::Expression(expression))
}

fn symbol_path(definition: &Definition, symbol: &str) -> Result<String, Error> {
    match &definition.body {
        Body::Enum(symbols) if symbols.iter().any(|known| known == symbol) => {
            Ok(format!("{}::{}", definition.path(), camel(symbol)))
        }
        _ => Err(Error::new(format!("default {symbol:?} is no symbol of {}", definition.full_name))),
    }
}

fn doc(text: &str) -> String {
    text.lines().map(|line| format!("/// {}\n", escaped(line))).collect()
}

/// Brackets in prose are no links.
fn escaped(line: &str) -> String {
    line.replace('[', "\\[").replace(']', "\\]")
}

fn identifier(name: &str) -> String {
    if KEYWORDS.contains(&name) { format!("r#{name}") } else { name.to_owned() }
}

/// `out_of_stock`, `orders.events` and `stock-replies` as `OutOfStock`, `OrdersEvents` and `StockReplies`.
pub fn camel(name: &str) -> String {
    let word = |word: &str| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().collect::<String>() + letters.as_str()).unwrap_or_default()
    };
    name.split(['.', '-', '_']).map(word).collect()
}

/// `OrderCreated` as `order_created`.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !out.is_empty() {
            out.push('_');
        }
        out.extend(letter.to_lowercase());
    }
    out
}
