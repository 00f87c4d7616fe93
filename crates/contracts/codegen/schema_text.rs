//! Schemas that stand alone, written as Avro's own `Schema.toString` would: types are inlined where they are first met.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::Error;
use super::model::Catalogue;

/// The schema of one type with all types it needs.
///
/// # Errors
/// When a name leads nowhere.
pub fn of(catalogue: &Catalogue, full_name: &str) -> Result<String, Error> {
    Writer { catalogue, seen: BTreeSet::new() }.name(full_name, "").map(|schema| schema.to_string())
}

/// The union of several types, for a topic whose values may be any of them.
///
/// # Errors
/// When a name leads nowhere.
pub fn of_union(catalogue: &Catalogue, full_names: &[&str]) -> Result<String, Error> {
    let mut writer = Writer { catalogue, seen: BTreeSet::new() };
    let branches = full_names.iter().map(|name| writer.name(name, "")).collect::<Result<Vec<_>, _>>()?;
    Ok(Value::Array(branches).to_string())
}

struct Writer<'a> {
    catalogue: &'a Catalogue,
    seen: BTreeSet<String>,
}

impl Writer<'_> {
    /// A named type as seen from `namespace`: in full where it is first met, by name afterwards.
    fn name(&mut self, full_name: &str, namespace: &str) -> Result<Value, Error> {
        let definition = self.catalogue.get(full_name)?;
        let own = full_name.rsplit_once('.').map_or("", |(namespace, _)| namespace);
        if !self.seen.insert(full_name.to_owned()) {
            let name = if own == namespace { &definition.name } else { full_name };
            return Ok(json!(name));
        }
        let mut out = Map::new();
        copy(&mut out, &definition.json, "type");
        copy(&mut out, &definition.json, "name");
        if own != namespace {
            copy(&mut out, &definition.json, "namespace");
        }
        for key in ["doc", "symbols", "default"] {
            copy(&mut out, &definition.json, key);
        }
        if let Some(Value::Array(fields)) = definition.json.get("fields") {
            let fields = fields.iter().map(|field| self.field(field, own)).collect::<Result<Vec<_>, _>>()?;
            out.insert("fields".to_owned(), Value::Array(fields));
        }
        let standard = ["type", "name", "namespace", "doc", "symbols", "default", "fields"];
        copy_rest(&mut out, &definition.json, &standard);
        Ok(Value::Object(out))
    }

    fn field(&mut self, field: &Value, namespace: &str) -> Result<Value, Error> {
        let Value::Object(field) = field else {
            return Ok(field.clone());
        };
        let mut out = Map::new();
        copy(&mut out, field, "name");
        if let Some(kind) = field.get("type") {
            out.insert("type".to_owned(), self.kind(kind, namespace)?);
        }
        copy(&mut out, field, "doc");
        copy(&mut out, field, "default");
        copy_rest(&mut out, field, &["name", "type", "doc", "default"]);
        Ok(Value::Object(out))
    }

    fn kind(&mut self, kind: &Value, namespace: &str) -> Result<Value, Error> {
        match kind {
            Value::String(name) if name.contains('.') => self.name(name, namespace),
            Value::Array(branches) => branches.iter().map(|branch| self.kind(branch, namespace)).collect(),
            Value::Object(definition) => {
                let mut out = definition.clone();
                if let Some(items) = definition.get("items") {
                    out.insert("items".to_owned(), self.kind(items, namespace)?);
                }
                Ok(Value::Object(out))
            }
            other => Ok(other.clone()),
        }
    }
}

fn copy(out: &mut Map<String, Value>, from: &Map<String, Value>, key: &str) {
    if let Some(value) = from.get(key) {
        out.insert(key.to_owned(), value.clone());
    }
}

fn copy_rest(out: &mut Map<String, Value>, from: &Map<String, Value>, known: &[&str]) {
    for (key, value) in from.iter().filter(|(key, _)| !known.contains(&key.as_str())) {
        out.insert(key.clone(), value.clone());
    }
}
