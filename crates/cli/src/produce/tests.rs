#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::lines::Line;
use super::*;

const ORDER: &str = r#"{"type":"PlaceOrder","order_id":"o-1","customer_id":"c-1","currency":"GBP","items":[{"sku":"84029E","quantity":6}]}"#;

fn reader(key: KeyOf, check: bool) -> LineReader {
    LineReader::new("orders.commands", key, check).unwrap()
}

fn key_of(reader: &LineReader, line: &str) -> Result<Option<String>, String> {
    match reader.read(line.as_bytes()) {
        Reading::Record(Line { key, .. }) => Ok(key.map(|key| String::from_utf8(key).unwrap())),
        Reading::Refused(reason) => Err(reason),
        Reading::Blank => Err("blank".to_owned()),
    }
}

#[test]
fn a_command_is_keyed_by_its_aggregate_and_sent_as_it_was_typed() {
    let line = format!("  {ORDER}\r\n");
    match reader(KeyOf::Aggregate, true).read(line.as_bytes()) {
        Reading::Record(Line { key, value }) => {
            assert_eq!(key.as_deref(), Some(b"o-1".as_slice()));
            assert_eq!(value, ORDER.as_bytes());
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_key_is_what_was_asked_for() {
    let check = |key: KeyOf, expected: Option<&str>| {
        assert_eq!(key_of(&reader(key, true), ORDER).unwrap().as_deref(), expected);
    };
    check(KeyOf::Aggregate, Some("o-1"));
    check(KeyOf::Fixed("k".to_owned()), Some("k"));
    check(KeyOf::Field("customer_id".to_owned()), Some("c-1"));
    check(KeyOf::None, None);
}

#[test]
fn a_line_that_does_not_fit_is_refused_with_the_field() {
    let check = |line: &str, word: &str| {
        let reason = key_of(&reader(KeyOf::Aggregate, true), line).unwrap_err();
        assert!(reason.contains(word), "{line}: {reason}");
    };
    check("not json", "not JSON");
    check(r#"{"order_id":"o-1"}"#, "type");
    check(r#"{"type":"Explode","order_id":"o-1"}"#, "Explode");
    check(r#"{"type":"ConfirmOrder"}"#, "order_id");
    check(r#"{"type":"ConfirmOrder","order_id":7}"#, "order_id");
    check(r#"{"type":"ConfirmOrder","order_id":" "}"#, "empty");
    check(r#"{"type":"ConfirmOrder","order_id":"o-1","colour":"red"}"#, "colour");
}

#[test]
fn unchecked_lines_are_sent_with_the_key_that_can_be_found() {
    let unchecked = reader(KeyOf::Aggregate, false);
    assert_eq!(key_of(&unchecked, ORDER).unwrap().as_deref(), Some("o-1"));
    assert_eq!(key_of(&unchecked, "not json").unwrap(), None);
    assert!(key_of(&reader(KeyOf::Field("id".to_owned()), false), "{}").is_err());
}

#[test]
fn blank_lines_are_no_records() {
    assert_eq!(reader(KeyOf::Aggregate, true).read(b" \t\r\n"), Reading::Blank);
}

#[test]
fn a_topic_without_commands_needs_to_be_told_what_to_do() {
    let error = |key, check| LineReader::new("orders.events", key, check).err().map(|error| error.exit_code());
    assert_eq!(error(KeyOf::None, true), Some(2));
    assert_eq!(error(KeyOf::Aggregate, false), Some(2));
    assert_eq!(error(KeyOf::None, false), None);
}

#[test]
fn headers_are_name_and_value() {
    let given = ["ce_correlationid=batch=7".to_owned()];
    assert_eq!(headers(&given).unwrap().last_text("ce_correlationid"), Some("batch=7"));
    for wrong in ["novalue", "=x"] {
        assert_eq!(headers(&[wrong.to_owned()]).unwrap_err().exit_code(), 2, "{wrong}");
    }
}

#[test]
fn lines_are_read_one_by_one_to_the_end() {
    let mut input: &[u8] = b"one\ntwo\n\nlast";
    let mut seen = Vec::new();
    loop {
        let mut line = Vec::new();
        if lines::next(&mut input, &mut line).unwrap() == 0 {
            break;
        }
        seen.push(String::from_utf8(line).unwrap());
    }
    assert_eq!(seen, ["one\n", "two\n", "\n", "last"]);
}
