//! The text a registry keeps: attributes in the order Avro's own `Schema.toString` writes them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::parse::{declared_name, full_name, is_primitive, namespace_of};

/// Which text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// Everything kept, custom attributes in the order they came.
    Canonical,
    /// Names in full and custom attributes sorted, so that two spellings of one schema agree.
    Normalized,
}

/// Writes a valid schema.
pub(crate) fn write(source: &Value, form: Form) -> String {
    let mut writer = Writer { form, seen: BTreeSet::new(), definitions: BTreeMap::new() };
    writer.schema(source, None).to_string()
}

/// Writes the schema of one named type of `source` with all types it needs.
pub(super) fn extract(source: &Value, name: &str) -> Option<String> {
    let mut definitions = BTreeMap::new();
    collect(source, None, &mut definitions);
    let (definition, enclosing) = definitions.get(name).cloned()?;
    let mut writer = Writer { form: Form::Canonical, seen: BTreeSet::new(), definitions };
    // The enclosing namespace is not there any more: write it out.
    let Value::Object(mut top) = definition else {
        return None;
    };
    if !top.contains_key("namespace")
        && let Some(namespace) = enclosing
    {
        top.insert("namespace".to_owned(), Value::String(namespace));
    }
    Some(writer.schema(&Value::Object(top), None).to_string())
}

type Definitions = BTreeMap<String, (Value, Option<String>)>;

fn collect(json: &Value, enclosing: Option<&str>, into: &mut Definitions) {
    match json {
        Value::Array(branches) => branches.iter().for_each(|b| collect(b, enclosing, into)),
        Value::Object(definition) => {
            let kind = definition.get("type").and_then(Value::as_str);
            let named = matches!(kind, Some("record" | "error" | "enum" | "fixed"));
            let name = named.then(|| declared_name(definition, enclosing)).flatten();
            if let Some(name) = &name {
                into.insert(name.clone(), (json.clone(), enclosing.map(str::to_owned)));
            }
            let inner = name.as_deref().map_or(enclosing, namespace_of);
            for key in ["type", "items", "values"] {
                if let Some(part) = definition.get(key) {
                    collect(part, inner, into);
                }
            }
            for field in definition.get("fields").and_then(Value::as_array).into_iter().flatten() {
                if let Some(part) = field.get("type") {
                    collect(part, inner, into);
                }
            }
        }
        _ => {}
    }
}

struct Writer {
    form: Form,
    seen: BTreeSet<String>,
    /// Definitions to write out where a name is met before it is defined (extraction only).
    definitions: Definitions,
}

impl Writer {
    fn schema(&mut self, json: &Value, namespace: Option<&str>) -> Value {
        match json {
            Value::String(word) if is_primitive(word) => json.clone(),
            Value::String(word) => self.reference(word, namespace),
            Value::Array(branches) => Value::Array(branches.iter().map(|b| self.schema(b, namespace)).collect()),
            Value::Object(definition) => self.definition(definition, namespace),
            other => other.clone(),
        }
    }

    fn reference(&mut self, word: &str, namespace: Option<&str>) -> Value {
        let full = full_name(word, namespace);
        if !self.seen.contains(&full)
            && let Some((Value::Object(definition), enclosing)) = self.definitions.get(&full).cloned()
        {
            // It is written as seen from here, with the namespace it had where it was defined.
            let mut moved = definition;
            if !moved.contains_key("namespace") {
                let space = enclosing.unwrap_or_default();
                moved.insert("namespace".to_owned(), Value::String(space));
            }
            return self.definition(&moved, namespace);
        }
        Value::String(self.name_from(&full, namespace))
    }

    /// The short name where the namespace is the same, otherwise the full one.
    fn name_from(&self, full: &str, namespace: Option<&str>) -> String {
        match (self.form, namespace_of(full)) {
            (Form::Canonical, space) if space == namespace => full.rsplit('.').next().unwrap_or(full).to_owned(),
            _ => full.to_owned(),
        }
    }

    fn definition(&mut self, definition: &Map<String, Value>, namespace: Option<&str>) -> Value {
        let Some(Value::String(kind)) = definition.get("type") else {
            // {"type": {...}} and {"type": [...]} are their inner type.
            return definition.get("type").map_or(Value::Null, |inner| self.schema(inner, namespace));
        };
        let mut out = Map::new();
        match kind.as_str() {
            "record" | "error" | "enum" | "fixed" => {
                return self.named(kind, definition, namespace);
            }
            "array" | "map" => {
                let key = if kind == "array" { "items" } else { "values" };
                out.insert("type".to_owned(), Value::String(kind.clone()));
                if let Some(inner) = definition.get(key) {
                    out.insert(key.to_owned(), self.schema(inner, namespace));
                }
                self.attributes(&mut out, definition, &["type", key]);
            }
            word if is_primitive(word) => {
                out.insert("type".to_owned(), Value::String(kind.clone()));
                self.attributes(&mut out, definition, &["type"]);
                if out.len() == 1 {
                    return Value::String(kind.clone());
                }
            }
            word => return self.reference(word, namespace),
        }
        Value::Object(out)
    }

    fn named(&mut self, kind: &str, definition: &Map<String, Value>, namespace: Option<&str>) -> Value {
        let Some(full) = declared_name(definition, namespace) else {
            return Value::Null;
        };
        if !self.seen.insert(full.clone()) {
            return Value::String(self.name_from(&full, namespace));
        }
        let inner = namespace_of(&full);
        let mut out = Map::new();
        out.insert("type".to_owned(), Value::String(kind.to_owned()));
        self.write_name(&mut out, &full, namespace);
        copy(&mut out, definition, "doc");
        match kind {
            "enum" => {
                copy(&mut out, definition, "symbols");
                copy(&mut out, definition, "default");
            }
            "fixed" => copy(&mut out, definition, "size"),
            _ => {
                let fields = definition.get("fields").and_then(Value::as_array);
                let fields = fields.into_iter().flatten().map(|f| self.field(f, inner));
                let fields = fields.collect();
                out.insert("fields".to_owned(), Value::Array(fields));
            }
        }
        let standard = ["type", "name", "namespace", "doc", "fields", "symbols", "size", "default", "aliases"];
        self.attributes(&mut out, definition, &standard);
        copy(&mut out, definition, "aliases");
        Value::Object(out)
    }

    fn write_name(&self, out: &mut Map<String, Value>, full: &str, namespace: Option<&str>) {
        if self.form == Form::Normalized {
            out.insert("name".to_owned(), Value::String(full.to_owned()));
            return;
        }
        let simple = full.rsplit('.').next().unwrap_or(full);
        out.insert("name".to_owned(), Value::String(simple.to_owned()));
        let space = namespace_of(full);
        if space != namespace {
            let space = space.unwrap_or_default().to_owned();
            out.insert("namespace".to_owned(), Value::String(space));
        }
    }

    fn field(&mut self, field: &Value, namespace: Option<&str>) -> Value {
        let Value::Object(field) = field else {
            return field.clone();
        };
        let mut out = Map::new();
        copy(&mut out, field, "name");
        if let Some(kind) = field.get("type") {
            out.insert("type".to_owned(), self.schema(kind, namespace));
        }
        copy(&mut out, field, "doc");
        copy(&mut out, field, "default");
        if field.get("order").is_some_and(|order| order != "ascending") {
            copy(&mut out, field, "order");
        }
        copy(&mut out, field, "aliases");
        let known = ["name", "type", "doc", "default", "order", "aliases"];
        self.attributes(&mut out, field, &known);
        Value::Object(out)
    }

    fn attributes(&self, out: &mut Map<String, Value>, from: &Map<String, Value>, known: &[&str]) {
        let mut rest: Vec<_> = from.iter().filter(|(key, _)| !known.contains(&key.as_str())).collect();
        if self.form == Form::Normalized {
            rest.sort_by_key(|(key, _)| key.as_str());
        }
        for (key, value) in rest {
            out.insert(key.clone(), value.clone());
        }
    }
}

fn copy(out: &mut Map<String, Value>, from: &Map<String, Value>, key: &str) {
    if let Some(value) = from.get(key) {
        out.insert(key.to_owned(), value.clone());
    }
}
