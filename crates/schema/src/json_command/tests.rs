#![allow(clippy::unwrap_used, clippy::expect_used)]
use serde_json::json;

use super::*;

const COMMANDS: &[&str] = &[
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
      {"name":"n","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2},"default":"\u0000"}]}"#,
];

fn commands() -> CommandSet {
    CommandSet::compile(COMMANDS).unwrap()
}

fn accepts(text: &str, full_name: &str, expected: Value) {
    let command = commands().check(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
    assert_eq!(command.full_name, full_name);
    assert_eq!(command.value, expected);
}

fn rejects(text: impl AsRef<[u8]>, word: &str, path: &str, message: &str) {
    let text = text.as_ref();
    let shown = String::from_utf8_lossy(text).into_owned();
    let rejection = commands().check(text).expect_err(&shown);
    assert_eq!(rejection.problem.word(), word, "{shown}");
    assert_eq!(rejection.path, path, "{shown}");
    assert_eq!(rejection.to_string(), message, "{shown}");
}

#[test]
fn a_command_gets_its_defaults_in_the_order_of_the_schema() {
    accepts(
        r#"{"items":[{"quantity":6,"sku":"84029E","unit_price_minor":339},{"sku":"A","quantity":1}],
           "type":"PlaceOrder","order_id":"o-1","customer_id":"c-1","currency":"GBP"}"#,
        "headwater.orders.PlaceOrder",
        json!({"order_id":"o-1","customer_id":"c-1","currency":"GBP",
          "items":[{"sku":"84029E","quantity":6,"unit_price_minor":339},{"sku":"A","quantity":1,"unit_price_minor":null}],
          "confirmation":"automatic","placed_at":null}),
    );
    let command = commands().check(br#"{"type":"CancelOrder","reason":"x","order_id":"o"}"#).unwrap();
    assert_eq!(command.value.to_string(), r#"{"order_id":"o","reason":"x"}"#);
}

#[test]
fn the_type_may_be_short_or_full_or_come_from_outside() {
    let expected = json!({"order_id":"o","reason":"requested"});
    accepts(
        r#"{"type":"headwater.orders.CancelOrder","order_id":"o"}"#,
        "headwater.orders.CancelOrder",
        expected.clone(),
    );
    let set = commands();
    for text in [r#"{"order_id":"o"}"#, r#"{"type":"CancelOrder","order_id":"o"}"#] {
        let command = set.check_named("headwater.orders.CancelOrder", text.as_bytes());
        assert_eq!(command.unwrap().value, expected);
    }
    let contradicted = set.check_named("PlaceOrder", br#"{"type":"CancelOrder","order_id":"o"}"#).unwrap_err();
    assert_eq!(
        contradicted.to_string(),
        "type: \"CancelOrder\" contradicts the type headwater.orders.PlaceOrder of the header; make them agree or drop one"
    );
    assert!(set.check_named("Nothing", b"{}").is_err());
    assert_eq!(set.resolve("PlaceOrder"), Some("headwater.orders.PlaceOrder"));
}

#[test]
fn times_are_text_or_milliseconds() {
    for (typed, ms) in [
        (r#""2026-01-31T12:00:00Z""#, 1_769_860_800_000_i64),
        (r#""2026-01-31T13:00:00.250+01:00""#, 1_769_860_800_250),
        ("1769860800000", 1_769_860_800_000),
        ("-1", -1),
    ] {
        let text = format!(r#"{{"type":"Odd","t":{typed}}}"#);
        assert_eq!(commands().check(text.as_bytes()).unwrap().value["t"], ms);
    }
}

#[test]
fn unions_take_what_one_of_their_branches_takes() {
    for (typed, expected) in [("\"x\"", json!("x")), ("5", json!(5)), ("null", json!(null))] {
        let text = format!(r#"{{"type":"Odd","u":{typed}}}"#);
        assert_eq!(commands().check(text.as_bytes()).unwrap().value["u"], expected);
    }
    rejects(
        r#"{"type":"Odd","u":true}"#,
        "wrong_type",
        "u",
        "Odd: u: expected a string or an integer (long) or null, found boolean true",
    );
}

#[test]
fn what_cannot_be_read_says_where() {
    rejects("", "empty", "", "empty value; send an object such as {\"type\":\"PlaceOrder\",...}");
    rejects(" \n", "empty", "", "empty value; send an object such as {\"type\":\"PlaceOrder\",...}");
    rejects("{\"type\":\n\"PlaceOrder\",}", "not_json", "", "not JSON at line 2 column 14: trailing comma");
    rejects("hello", "not_json", "", "not JSON at line 1 column 1: expected value");
    rejects("{} {}", "not_json", "", "not JSON at line 1 column 4: trailing characters");
    rejects("{\"type\"", "not_json", "", "not JSON at line 1 column 7: EOF while parsing an object");
    rejects(b"{\"type\":\"\xff\"}", "not_utf8", "", "not UTF-8 from byte 9 on; send the text as UTF-8");
    for text in ["[]", "5", "null", "\"PlaceOrder\"", "true"] {
        let rejection = commands().check(text.as_bytes()).unwrap_err();
        assert_eq!(rejection.problem.word(), "not_an_object", "{text}");
        assert!(rejection.problem.is_unreadable());
    }
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for depth in [40, 200, 100_000] {
            let text = format!("{{\"type\":\"Odd\",\"m\":{}1{}}}", open.repeat(depth), close.repeat(depth));
            rejects(text, "too_deep", "", "nested deeper than 32 levels; flatten it");
        }
    }
}

#[test]
fn a_command_that_is_not_known_lists_those_that_are() {
    rejects(
        r#"{"type":"PlaceOrders"}"#,
        "unknown_command",
        "type",
        "type: unknown command \"PlaceOrders\"; this topic takes PlaceOrder, CancelOrder, Odd",
    );
    rejects(
        r#"{"order_id":"o"}"#,
        "missing_type",
        "type",
        "type: no \"type\"; add \"type\" with one of PlaceOrder, CancelOrder, Odd",
    );
    rejects(
        r#"{"type":7}"#,
        "wrong_type",
        "type",
        "type: expected one of PlaceOrder, CancelOrder, Odd, found number 7",
    );
    rejects(r#"{"type":"Odd","type":"Odd"}"#, "duplicate_field", "type", "type: given twice; keep one");
}

#[test]
fn every_wrong_field_is_named_with_its_path() {
    let order = |items: &str| {
        format!(r#"{{"type":"PlaceOrder","order_id":"o","customer_id":"c","currency":"GBP","items":{items}}}"#)
    };
    rejects(
        order(r#"[{"sku":"a","quantity":1},{"sku":"a","quantity":1},{"sku":"a","quantity":"six"}]"#),
        "wrong_type",
        "items[2].quantity",
        "PlaceOrder: items[2].quantity: expected an integer (long), found string \"six\"",
    );
    rejects(
        order(r#"[{"sku":"a","quantity":1.5}]"#),
        "wrong_type",
        "items[0].quantity",
        "PlaceOrder: items[0].quantity: expected an integer (long), found number 1.5",
    );
    rejects(
        order(r#"[{"sku":"a","quantity":99999999999999999999}]"#),
        "out_of_range",
        "items[0].quantity",
        "PlaceOrder: items[0].quantity: 1e20 does not fit long; give -9223372036854775808 to 9223372036854775807",
    );
    rejects(
        order(r#"[{"sku":"a","quantity":9223372036854775808}]"#),
        "out_of_range",
        "items[0].quantity",
        "PlaceOrder: items[0].quantity: 9223372036854775808 does not fit long; give -9223372036854775808 to 9223372036854775807",
    );
    rejects(
        order(r#"[{"sku":"a","quantity":null}]"#),
        "null_not_allowed",
        "items[0].quantity",
        "PlaceOrder: items[0].quantity: null is not allowed; give an integer (long)",
    );
    rejects(
        order(r#"[{"sku":"a","qty":1}]"#),
        "unknown_field",
        "items[0].qty",
        "PlaceOrder: items[0].qty: unknown field; the fields are sku, quantity, unit_price_minor",
    );
    rejects(
        order(r#"[{"sku":"a"}]"#),
        "missing_field",
        "items[0].quantity",
        "PlaceOrder: items[0].quantity: missing; add it as an integer (long)",
    );
    rejects(
        order(r#"[{"sku":"a","sku":"b","quantity":1}]"#),
        "duplicate_field",
        "items[0].sku",
        "PlaceOrder: items[0].sku: given twice; keep one",
    );
    rejects(order("{}"), "wrong_type", "items", "PlaceOrder: items: expected an array, found an object");
    rejects(
        order(r#"[],"confirmation":"Manual""#),
        "unknown_symbol",
        "confirmation",
        "PlaceOrder: confirmation: \"Manual\" is none of automatic, manual",
    );
    rejects(
        order(r#"[],"placed_at":"yesterday""#),
        "not_a_time",
        "placed_at",
        "PlaceOrder: placed_at: \"yesterday\" is no time; give RFC 3339 such as 2026-01-31T12:00:00Z, or integer milliseconds since 1970",
    );
    rejects(
        r#"{"type":"Odd","i":2147483648}"#,
        "out_of_range",
        "i",
        "Odd: i: 2147483648 does not fit int; give -2147483648 to 2147483647",
    );
    rejects(
        r#"{"type":"Odd","m":{"k":[1,"x"]}}"#,
        "wrong_type",
        "m.k[1]",
        "Odd: m.k[1]: expected an integer (int), found string \"x\"",
    );
    rejects(
        r#"{"type":"Odd","n":"1.234"}"#,
        "wrong_type",
        "n",
        "Odd: n: expected a string of a number with 2 decimals, of 9 digits at most, found string \"1.234\"",
    );
}

#[test]
fn schemas_that_make_no_commands_are_refused() {
    for schemas in [
        vec![],
        vec!["\"string\""],
        vec![r#"["null",{"type":"record","name":"A","fields":[]}]"#],
        vec![r#"{"type":"record","name":"A","fields":[{"name":"type","type":"string"}]}"#],
        vec![r#"{"type":"record","name":"A","fields":[]}"#, r#"{"type":"record","name":"A","fields":[]}"#],
        vec![r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int","default":"seven"}]}"#],
    ] {
        let error = CommandSet::compile(&schemas).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidSchema, "{schemas:?}");
    }
}

#[test]
fn a_union_gives_the_commands_of_its_branches() {
    let set = CommandSet::compile(&[
        r#"[{"type":"record","name":"n.A","fields":[]},{"type":"record","name":"n.B","fields":[]}]"#,
    ])
    .unwrap();
    assert_eq!(set.full_names().collect::<Vec<_>>(), ["n.A", "n.B"]);
    assert!(set.check(br#"{"type":"B"}"#).is_ok());
}

#[test]
fn recursive_commands_compile_and_check() {
    let set = CommandSet::compile(&[
        r#"{"type":"record","name":"T","fields":[{"name":"child","type":["null","T"],"default":null}]}"#,
    ])
    .unwrap();
    let command = set.check(br#"{"type":"T","child":{"child":{}}}"#).unwrap();
    assert_eq!(command.value, json!({"child":{"child":{"child":null}}}));
    let wrong = set.check(br#"{"type":"T","child":{"child":{"x":1}}}"#).unwrap_err();
    assert_eq!(wrong.path, "child.child.x");
}

#[test]
fn a_field_can_be_peeked_at_in_a_rejected_command() {
    assert_eq!(peek_string(br#"{"type":"Nope","order_id":"o-\u0031"}"#, "order_id").as_deref(), Some("o-1"));
    assert_eq!(peek_string(br#"{"order_id":5}"#, "order_id"), None);
    assert_eq!(peek_string(b"{", "order_id"), None);
}

proptest::proptest! {
    #[test]
    fn noise_never_panics(text: Vec<u8>) {
        let _ = commands().check(&text);
    }

    #[test]
    fn broken_commands_never_panic(at: proptest::sample::Index, byte: u8) {
        let mut text = br#"{"type":"PlaceOrder","order_id":"o","customer_id":"c","currency":"GBP","items":[{"sku":"a","quantity":1}]}"#.to_vec();
        let at = at.index(text.len());
        text[at] = byte;
        let _ = commands().check(&text);
    }

    #[test]
    fn a_checked_command_can_be_encoded_and_comes_back(order_id: String, reason: String, millis: i64, count: i32) {
        let union = format!("[{}]", COMMANDS.join(","));
        let schema = crate::WriterSchema::compile(&union).unwrap();
        for command in [
            json!({"type":"CancelOrder","order_id":order_id,"reason":reason}),
            json!({"type":"Odd","t":millis,"i":count,"n":"12.50"}),
        ] {
            let checked = commands().check(command.to_string().as_bytes()).unwrap();
            let mut body = Vec::new();
            schema.encode_value_into(&mut body, Some(&checked.full_name), &checked.value).unwrap();
            proptest::prop_assert_eq!(schema.record_name(&body).unwrap(), &checked.full_name);
            proptest::prop_assert_eq!(schema.decode_value(&body).unwrap(), checked.value);
        }
    }
}
#[test]
#[ignore = "a measurement, run by hand in a quiet machine"]
fn how_long_a_command_of_three_lines_takes() {
    let set = commands();
    let text = br#"{"type":"PlaceOrder","order_id":"o-1","customer_id":"c-1","currency":"GBP","items":[{"sku":"84029E","quantity":6,"unit_price_minor":339},{"sku":"85123A","quantity":6,"unit_price_minor":255},{"sku":"71053","quantity":8}]}"#;
    let clock = crate::schema_book::Clock::system();
    let rounds = 100_000;
    let start = clock.now();
    for _ in 0..rounds {
        assert!(set.check(std::hint::black_box(text)).is_ok());
    }
    println!("check: {:?} each", (clock.now() - start) / rounds);
}
