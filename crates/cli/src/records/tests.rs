#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_log::{Headers, Offset, Partition};
use headwater_schema::avro::AvroSchema;
use headwater_schema::schema_book::SchemaSource;
use headwater_schema::{Error, ErrorKind, SchemaId, WriterSchema, encode_into};
use serde_json::{Value, json};

use super::*;

const SCHEMA: &str =
    r#"{"type":"record","name":"headwater.orders.ConfirmOrder","fields":[{"name":"order_id","type":"string"}]}"#;

struct OneSchema;

impl SchemaSource for OneSchema {
    fn schema(&self, id: SchemaId) -> Result<String, Error> {
        match id.0 {
            7 => Ok(SCHEMA.to_owned()),
            8 => Err(Error::new(ErrorKind::Unavailable, "the registry is away")),
            _ => Err(Error::new(ErrorKind::NotFound, "no such schema")),
        }
    }

    fn id_of(&self, _: &str, _: &AvroSchema) -> Result<SchemaId, Error> {
        Err(Error::new(ErrorKind::NotFound, "not asked for"))
    }
}

fn avro(id: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(&mut bytes, SchemaId(id), &WriterSchema::compile(SCHEMA).unwrap(), &json!({"order_id": "o-1"}))
        .unwrap();
    bytes
}

fn seen(value: Option<Vec<u8>>) -> Seen {
    let mut headers = Headers::new();
    headers.push("ce_type", "headwater.orders.ConfirmOrder");
    headers.push_nullable("empty", None);
    Seen {
        topic: "orders.commands".to_owned(),
        partition: Partition::new(3),
        offset: Offset::new(17).unwrap(),
        timestamp_ms: 1_000,
        key: Some(b"o-1".to_vec()),
        value,
        headers,
    }
}

#[test]
fn values_are_shown_as_what_they_are() {
    let check = |value: Option<Vec<u8>>, expected: Value, problem: Option<&str>| {
        let shown = ShownRecord::of(&seen(value), &mut Decoder::new(OneSchema));
        assert_eq!(shown.value, expected);
        assert_eq!(shown.problem.is_some(), problem.is_some(), "{:?}", shown.problem);
        if let Some(word) = problem {
            assert!(shown.problem.unwrap().contains(word));
        }
    };
    check(Some(avro(7)), json!({"order_id": "o-1"}), None);
    check(Some(br#"{"a": 1}"#.to_vec()), json!({"a": 1}), None);
    check(Some(b"plain text".to_vec()), json!("plain text"), None);
    check(Some(vec![0xff, 0x01]), json!({"hex": "ff01"}), None);
    check(None, Value::Null, None);
    check(Some(avro(9)), json!({"hex": text_of(&avro(9))}), Some("no such schema"));
    check(Some(avro(8)), json!({"hex": text_of(&avro(8))}), Some("--registry"));
    check(Some(vec![0, 0]), json!({"hex": "0000"}), Some("shorter"));
    let mut cut = avro(7);
    cut.truncate(6);
    check(Some(cut.clone()), json!({"hex": text_of(&cut)}), Some("ConfirmOrder"));
}

#[test]
fn a_record_in_json_has_its_place_its_headers_and_its_value() {
    let shown = ShownRecord::of(&seen(Some(avro(7))), &mut Decoder::new(OneSchema));
    assert_eq!(shown.short_type(), "ConfirmOrder");
    assert_eq!(
        serde_json::to_value(&shown).unwrap(),
        json!({
            "topic": "orders.commands", "partition": 3, "offset": 17, "timestamp": "1970-01-01T00:00:01.000Z",
            "key": "o-1", "headers": {"ce_type": "headwater.orders.ConfirmOrder", "empty": null},
            "schema_id": 7, "value": {"order_id": "o-1"}
        })
    );
}
