//! JSON values that fit an Avro schema, as a proptest strategy.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Values of the schema's type.
pub fn of_schema(schema: &str) -> BoxedStrategy<Value> {
    of(&serde_json::from_str(schema).unwrap(), "", &mut BTreeMap::new())
}

fn of(schema: &Value, namespace: &str, known: &mut BTreeMap<String, BoxedStrategy<Value>>) -> BoxedStrategy<Value> {
    match schema {
        Value::String(name) => primitive(name).unwrap_or_else(|| {
            let full = if name.contains('.') { name.clone() } else { format!("{namespace}.{name}") };
            known.get(&full).unwrap_or_else(|| panic!("{full} is used before it is defined")).clone()
        }),
        Value::Array(branches) => {
            let branches: Vec<_> = branches.iter().map(|branch| of(branch, namespace, known)).collect();
            proptest::strategy::Union::new(branches).boxed()
        }
        Value::Object(definition) => defined(definition, namespace, known),
        other => panic!("no schema: {other}"),
    }
}

fn defined(
    definition: &Map<String, Value>,
    namespace: &str,
    known: &mut BTreeMap<String, BoxedStrategy<Value>>,
) -> BoxedStrategy<Value> {
    let word = |key: &str| definition.get(key).and_then(Value::as_str);
    match (word("type").unwrap(), word("headwater.type")) {
        ("string", Some("Currency")) => "[A-Z]{3}".prop_map(Value::from).boxed(),
        ("string", Some(_)) => "[a-zA-Z0-9é./-]{1,40}".prop_map(Value::from).boxed(),
        ("array", _) => vec(of(&definition["items"], namespace, known), 0..4).prop_map(Value::from).boxed(),
        ("enum", _) => {
            let symbols = definition["symbols"].as_array().unwrap().clone();
            remember(definition, namespace, known, proptest::sample::select(symbols).boxed())
        }
        ("record", _) => {
            let inner = word("namespace").unwrap_or(namespace);
            let fields = definition["fields"].as_array().unwrap();
            let names: Vec<String> = fields.iter().map(|field| field["name"].as_str().unwrap().to_owned()).collect();
            let values: Vec<_> = fields.iter().map(|field| of(&field["type"], inner, known)).collect();
            let record = values.prop_map(move |values| names.iter().cloned().zip(values).collect::<Map<_, _>>().into());
            remember(definition, namespace, known, record.boxed())
        }
        (name, _) => primitive(name).unwrap_or_else(|| panic!("no sample for {definition:?}")),
    }
}

fn remember(
    definition: &Map<String, Value>,
    namespace: &str,
    known: &mut BTreeMap<String, BoxedStrategy<Value>>,
    strategy: BoxedStrategy<Value>,
) -> BoxedStrategy<Value> {
    let word = |key: &str| definition.get(key).and_then(Value::as_str);
    let namespace = word("namespace").unwrap_or(namespace);
    known.insert(format!("{namespace}.{}", word("name").unwrap()), strategy.clone());
    strategy
}

fn primitive(name: &str) -> Option<BoxedStrategy<Value>> {
    Some(match name {
        "null" => Just(Value::Null).boxed(),
        "boolean" => any::<bool>().prop_map(Value::from).boxed(),
        "int" => any::<i32>().prop_map(Value::from).boxed(),
        "long" => prop_oneof![any::<i64>(), -3..300i64].prop_map(|number| json!(number)).boxed(),
        "string" => ".{0,30}".prop_map(Value::from).boxed(),
        _ => return None,
    })
}
