#![allow(clippy::unwrap_used, clippy::expect_used)]
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

const ORDER: &str = r#"{"type":"record","name":"OrderCreated","namespace":"t","fields":[
  {"name":"order_id","type":"string"},
  {"name":"items","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
     {"name":"sku","type":"string"},{"name":"quantity","type":"long"},
     {"name":"unit_price_minor","type":["null","long"],"default":null}]}}},
  {"name":"confirmation","type":{"type":"enum","name":"Confirmation","symbols":["automatic","manual"]}},
  {"name":"tags","type":{"type":"map","values":"int"}},
  {"name":"placed_at","type":{"type":"long","logicalType":"timestamp-millis"}}]}"#;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OrderCreated {
    order_id: String,
    items: Vec<Line>,
    confirmation: Confirmation,
    tags: std::collections::BTreeMap<String, i32>,
    placed_at: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Line {
    sku: String,
    quantity: i64,
    #[serde(default)]
    unit_price_minor: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Confirmation {
    Automatic,
    Manual,
}

fn order_schema() -> WriterSchema {
    WriterSchema::compile(ORDER).unwrap()
}

fn an_order() -> OrderCreated {
    OrderCreated {
        order_id: "o-1".to_owned(),
        items: vec![Line { sku: "84029E".to_owned(), quantity: 6, unit_price_minor: Some(339) }],
        confirmation: Confirmation::Manual,
        tags: [("a".to_owned(), -1)].into(),
        placed_at: 1_700_000_000_000,
    }
}

fn body_of(order: &OrderCreated) -> Vec<u8> {
    let mut body = Vec::new();
    order_schema().encode_body_into(&mut body, order).unwrap();
    body
}

#[test]
fn a_framed_value_comes_back_and_the_buffer_is_reused() {
    let schema = order_schema();
    let mut buffer = Vec::new();
    for id in [7, 8] {
        buffer.clear();
        encode_into(&mut buffer, SchemaId(id), &schema, &an_order()).unwrap();
        let (found, body) = wire::decode(&buffer).unwrap();
        assert_eq!(found, SchemaId(id));
        assert_eq!(schema.decode::<OrderCreated>(body).unwrap(), an_order());
    }
}

#[test]
fn a_reader_skips_what_it_does_not_have_and_defaults_what_is_not_there() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Newer {
        placed_at: i64,
        #[serde(default)]
        note: String,
    }
    let newer: Newer = order_schema().decode(&body_of(&an_order())).unwrap();
    assert_eq!(newer.placed_at, 1_700_000_000_000);
    assert_eq!(newer.note, "");

    #[derive(Debug, Deserialize)]
    struct Strict {
        #[allow(dead_code)]
        note: String,
    }
    let error = order_schema().decode::<Strict>(&body_of(&an_order())).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.to_string().contains("note"), "{error}");
}

#[test]
fn bytes_after_the_value_are_an_error() {
    let mut body = body_of(&an_order());
    body.push(0);
    for error in
        [order_schema().decode::<OrderCreated>(&body).unwrap_err(), order_schema().decode_value(&body).unwrap_err()]
    {
        assert_eq!(error.to_string(), "t.OrderCreated: 1 bytes left after the value");
    }
}

#[test]
fn every_truncation_is_an_error() {
    let body = body_of(&an_order());
    for length in 0..body.len() {
        let cut = &body[..length];
        assert!(order_schema().decode::<OrderCreated>(cut).is_err(), "{length}");
        assert!(order_schema().decode_value(cut).is_err(), "{length}");
    }
}

#[test]
fn a_value_that_does_not_fit_leaves_the_buffer_as_it_was() {
    let mut buffer = vec![1, 2, 3];
    let error = encode_into(&mut buffer, SchemaId(1), &order_schema(), &json!({"order_id": 5})).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unencodable);
    assert_eq!(buffer, [1, 2, 3]);
    let error = order_schema()
        .encode_value_into(&mut buffer, None, &json!({"order_id": "x", "items": [{"sku": 1}]}))
        .unwrap_err();
    assert_eq!(error.to_string(), "t.OrderCreated: items: [0]: sku: string expected, found number 1");
    assert_eq!(buffer, [1, 2, 3]);
}

#[test]
fn a_hostile_length_is_an_error_and_allocates_nothing() {
    let huge = |length: i64, rest: &[u8]| {
        let mut body = Vec::new();
        encode_value::write_long(&mut body, length);
        body.extend_from_slice(rest);
        body
    };
    let lengths = [i64::MAX, i64::MIN, i64::MIN + 1, -1, 1 << 40, 1 << 31, 5];
    for length in lengths {
        let text = WriterSchema::compile("\"string\"").unwrap();
        assert!(text.decode::<String>(&huge(length, b"abc")).is_err());
        assert!(text.decode_value(&huge(length, b"abc")).is_err());
        let list = WriterSchema::compile(r#"{"type":"array","items":"int"}"#).unwrap();
        assert!(list.decode::<Vec<i32>>(&huge(length, &[2, 2])).is_err(), "{length}");
        assert!(list.decode_value(&huge(length, &[2, 2])).is_err(), "{length}");
        assert!(list.decode::<serde::de::IgnoredAny>(&huge(length, &[2, 2])).is_err());
    }
}

#[test]
fn schemas_under_which_few_bytes_mean_unbounded_work_are_refused() {
    // Each record holds the next one twice: the first use defines it, the second names it.
    let doubling = (0..40).rev().fold(r#"{"type":"record","name":"R40","fields":[]}"#.to_owned(), |inner, n| {
        format!(
            r#"{{"type":"record","name":"R{n}","fields":[{{"name":"a","type":{inner}}},{{"name":"b","type":"R{}"}}]}}"#,
            n + 1
        )
    });
    for schema in [
        r#"{"type":"array","items":"null"}"#,
        r#"{"type":"array","items":{"type":"record","name":"E","fields":[]}}"#,
        r#"{"type":"record","name":"Loop","fields":[{"name":"again","type":"Loop"}]}"#,
        doubling.as_str(),
    ] {
        let error = WriterSchema::compile(schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSchema, "{schema}");
    }
}

#[test]
fn deep_recursion_in_the_bytes_is_an_error() {
    let tree =
        WriterSchema::compile(r#"{"type":"record","name":"Tree","fields":[{"name":"child","type":["null","Tree"]}]}"#)
            .unwrap();
    #[derive(Deserialize)]
    struct Tree {
        #[allow(dead_code)]
        child: Option<Box<Tree>>,
    }
    let deep = vec![2; 1_000_000];
    assert!(tree.decode::<Tree>(&deep).is_err());
    assert!(tree.decode_value(&deep).is_err());
    assert!(tree.decode::<Tree>(&[2, 2, 0]).is_ok());
    assert!(tree.decode_value(&[2, 2, 0]).is_ok());
}

#[test]
fn the_record_in_a_union_is_named() {
    let union = WriterSchema::compile(
        r#"[{"type":"record","name":"A","namespace":"n","fields":[{"name":"x","type":"int"}]},
            {"type":"record","name":"B","namespace":"n","fields":[{"name":"y","type":"int"}]}]"#,
    )
    .unwrap();
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct B {
        y: i32,
    }
    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    enum Either {
        #[serde(rename = "n.A")]
        A { x: i32 },
        #[serde(rename = "n.B")]
        B(B),
    }
    let mut body = Vec::new();
    union.encode_body_into(&mut body, &B { y: 5 }).unwrap();
    assert_eq!(union.record_name(&body).unwrap(), "n.B");
    assert_eq!(union.decode::<B>(&body).unwrap(), B { y: 5 });
    assert_eq!(union.decode::<Either>(&body).unwrap(), Either::B(B { y: 5 }));
    assert_eq!(union.decode_value(&body).unwrap(), json!({"y": 5}));

    let mut again = Vec::new();
    union.encode_body_into(&mut again, &Either::B(B { y: 5 })).unwrap();
    assert_eq!(again, body);
    let mut by_value = Vec::new();
    union.encode_value_into(&mut by_value, Some("n.B"), &json!({"y": 5})).unwrap();
    assert_eq!(by_value, body);

    assert!(union.record_name(&[]).is_err());
    assert!(union.record_name(&[9, 1]).is_err());
    assert_eq!(order_schema().record_name(&[]).unwrap(), "t.OrderCreated");
}

#[test]
fn promoted_types_read_as_the_wider_one() {
    #[derive(Debug, PartialEq, Deserialize)]
    struct Wide {
        a: i64,
        b: f64,
        c: Option<i64>,
    }
    let narrow = WriterSchema::compile(
        r#"{"type":"record","name":"N","fields":[{"name":"a","type":"int"},{"name":"b","type":"float"},{"name":"c","type":"long"}]}"#,
    )
    .unwrap();
    let mut body = Vec::new();
    narrow.encode_value_into(&mut body, None, &json!({"a": 3, "b": 1.5, "c": 4})).unwrap();
    assert_eq!(narrow.decode::<Wide>(&body).unwrap(), Wide { a: 3, b: 1.5, c: Some(4) });
}

#[test]
fn bytes_fixed_and_decimals_are_readable_in_json() {
    let schema = WriterSchema::compile(
        r#"{"type":"record","name":"D","fields":[
          {"name":"b","type":"bytes"},
          {"name":"f","type":{"type":"fixed","name":"F","size":2}},
          {"name":"d","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}}]}"#,
    )
    .unwrap();
    for decimal in ["-0.05", "0.00", "12.34", "-128.00", "1.28", "9999999.99"] {
        let value = json!({"b": "\u{0}\u{ff}", "f": "ab", "d": decimal});
        let mut body = Vec::new();
        schema.encode_value_into(&mut body, None, &value).unwrap();
        assert_eq!(schema.decode_value(&body).unwrap(), value);
    }
}

fn any_order() -> impl Strategy<Value = OrderCreated> {
    let line = (".*", any::<i64>(), any::<Option<i64>>()).prop_map(|(sku, quantity, price)| Line {
        sku,
        quantity,
        unit_price_minor: price,
    });
    let tags = proptest::collection::btree_map(".{0,4}", any::<i32>(), 0..4);
    (
        ".*",
        proptest::collection::vec(line, 0..5),
        prop_oneof![Just(Confirmation::Automatic), Just(Confirmation::Manual)],
        tags,
        any::<i64>(),
    )
        .prop_map(|(order_id, items, confirmation, tags, placed_at)| OrderCreated {
            order_id,
            items,
            confirmation,
            tags,
            placed_at,
        })
}

proptest! {
    #[test]
    fn typed_and_json_encodings_agree_and_come_back(order in any_order()) {
        let schema = order_schema();
        let body = body_of(&order);
        prop_assert_eq!(&schema.decode::<OrderCreated>(&body).unwrap(), &order);
        let value = schema.decode_value(&body).unwrap();
        prop_assert_eq!(&value, &serde_json::to_value(&order).unwrap());
        let mut by_value = Vec::new();
        schema.encode_value_into(&mut by_value, None, &value).unwrap();
        prop_assert_eq!(by_value, body);
    }

    #[test]
    fn flipped_bits_never_panic_nor_grow(order in any_order(), flips in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..6)) {
        let schema = order_schema();
        let mut body = body_of(&order);
        for (at, bit) in flips {
            let at = at.index(body.len());
            body[at] ^= 1 << bit;
        }
        // Both readers agree on what is readable, and what they read is no larger than the bytes.
        let typed = schema.decode::<OrderCreated>(&body);
        if let Ok(value) = schema.decode_value(&body) {
            let items = value["items"].as_array().unwrap().len();
            prop_assert!(items <= body.len());
        }
        if let Ok(order) = typed {
            prop_assert!(order.items.len() <= body.len());
            prop_assert!(schema.decode_value(&body).is_ok());
        }
        let _ = schema.decode::<serde::de::IgnoredAny>(&body);
    }

    #[test]
    fn noise_never_panics(body: Vec<u8>) {
        let schema = order_schema();
        let _ = schema.decode::<OrderCreated>(&body);
        let _ = schema.decode_value(&body);
        let _ = schema.record_name(&body);
    }

    #[test]
    fn longs_come_back(value: i64) {
        let mut bytes = Vec::new();
        encode_value::write_long(&mut bytes, value);
        prop_assert_eq!(decode_value::read_long(&bytes), Some((value, bytes.len())));
    }
}

#[test]
#[ignore = "a measurement, run by hand on a quiet machine"]
fn how_long_an_order_of_three_lines_takes() {
    let schema = order_schema();
    let mut order = an_order();
    order.items = vec![order.items[0].clone(), order.items[0].clone(), order.items[0].clone()];
    let clock = crate::schema_book::Clock::system();
    let rounds = 1_000_000;
    let mut buffer = Vec::new();
    let start = clock.now();
    for _ in 0..rounds {
        buffer.clear();
        encode_into(&mut buffer, SchemaId(1), &schema, std::hint::black_box(&order)).unwrap();
    }
    let encoded = clock.now();
    for _ in 0..rounds {
        let (_, body) = wire::decode(std::hint::black_box(&buffer)).unwrap();
        schema.decode::<OrderCreated>(body).unwrap();
    }
    println!("encode: {:?}, decode: {:?} each", (encoded - start) / rounds, (clock.now() - encoded) / rounds);
}
