//! A line of a console producer. A command that is accepted is accepted again as it is printed, and survives Avro.

use std::sync::LazyLock;

use headwater_schema::WriterSchema;
use headwater_schema::json_command::{CommandSet, peek_string};
use serde_json::Value;

const SCHEMAS: [&str; 3] = [
    r#"{"type":"record","name":"PlaceOrder","namespace":"headwater.orders","fields":[
      {"name":"order_id","type":{"type":"string","headwater.type":"OrderId"}},
      {"name":"customer_id","type":"string"},
      {"name":"currency","type":"string"},
      {"name":"items","type":{"type":"array","items":{"type":"record","name":"OrderLine","fields":[
        {"name":"sku","type":"string"},{"name":"quantity","type":"long"},
        {"name":"unit_price_minor","type":["null","long"],"default":null}]}}},
      {"name":"confirmation","type":{"type":"enum","name":"Confirmation","symbols":["automatic","manual"]},"default":"automatic"},
      {"name":"placed_at","type":["null",{"type":"long","logicalType":"timestamp-millis"}],"default":null}]}"#,
    r#"{"type":"record","name":"CancelOrder","namespace":"headwater.orders","fields":[
      {"name":"order_id","type":"string"},{"name":"reason","type":"string","default":"requested"}]}"#,
    r#"{"type":"record","name":"Odd","namespace":"headwater.tests","fields":[
      {"name":"i","type":"int","default":0},
      {"name":"d","type":"double","default":0.5},
      {"name":"b","type":"boolean","default":false},
      {"name":"m","type":{"type":"map","values":{"type":"array","items":"int"}},"default":{}},
      {"name":"t","type":{"type":"long","logicalType":"timestamp-millis"},"default":0},
      {"name":"u","type":["string","long","null"],"default":""},
      {"name":"x","type":{"type":"bytes"},"default":""},
      {"name":"f","type":{"type":"fixed","name":"Four","size":4},"default":"\u0000\u0001\u0002\u00ff"},
      {"name":"o","type":["null","headwater.tests.Odd"],"default":null},
      {"name":"n","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2},"default":"\u0000"},
      {"name":"w","type":{"type":"bytes","logicalType":"decimal","precision":60,"scale":12},"default":"\u0000"},
      {"name":"y","type":{"type":"fixed","name":"Price","size":4,"logicalType":"decimal","precision":9,"scale":2},"default":"\u0000\u0000\u0000\u0000"}]}"#,
];

static COMMANDS: LazyLock<CommandSet> = LazyLock::new(|| CommandSet::compile(&SCHEMAS).expect("schemas of commands"));
static WRITERS: LazyLock<Vec<WriterSchema>> =
    LazyLock::new(|| SCHEMAS.iter().map(|schema| WriterSchema::compile(schema).expect("a schema")).collect());

pub fn target(bytes: &[u8]) {
    let commands = &*COMMANDS;
    for field in ["order_id", "type", ""] {
        let _ = peek_string(bytes, field);
    }
    for name in commands.full_names() {
        if let Err(rejection) = commands.check_named(name, bytes) {
            assert!(!rejection.to_string().is_empty());
        }
    }
    let command = match commands.check(bytes) {
        Ok(command) => command,
        Err(rejection) => {
            assert!(!rejection.to_string().is_empty() && !rejection.problem.word().is_empty());
            return;
        }
    };
    let Value::Object(mut printed) = command.value.clone() else { panic!("{} is no object", command.value) };
    let named = commands.check_named(&command.full_name, Value::Object(printed.clone()).to_string().as_bytes());
    assert!(named.as_ref().is_ok_and(|named| is_same(&named.value, &command.value)), "{command:?} {named:?}");
    printed.insert("type".to_owned(), command.full_name.clone().into());
    let printed = Value::Object(printed).to_string();
    let again = commands.check(printed.as_bytes());
    assert!(again.as_ref().is_ok_and(|again| again.full_name == command.full_name), "{command:?} {again:?}");
    assert!(again.as_ref().is_ok_and(|again| is_same(&again.value, &command.value)), "{command:?} {again:?}");

    let writer = WRITERS.iter().find(|writer| writer.full_name() == Some(&command.full_name)).expect("its schema");
    let mut body = Vec::new();
    if let Err(error) = writer.encode_value_into(&mut body, None, &command.value) {
        panic!("{printed} was accepted, and is not encoded: {error}");
    }
    let decoded = writer.decode_value(&body).expect("what was encoded is decoded");
    assert_eq!(decoded, command.value);
}

/// Equal but for the last bit of a double: without its feature `float_roundtrip`, serde_json may read that wrong.
fn is_same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.keys().eq(other.keys()) && one.values().zip(other.values()).all(|(one, other)| is_same(one, other))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() && other.is_f64() => {
            let (one, other) = (one.as_f64().unwrap_or_default(), other.as_f64().unwrap_or_default());
            (one - other).abs() <= one.abs() * f64::EPSILON
        }
        _ => one == other,
    }
}
