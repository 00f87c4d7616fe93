#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

fn canonical(json: &str) -> String {
    AvroSchema::parse(json).unwrap().canonical().to_owned()
}

#[test]
fn white_space_and_attribute_order_do_not_matter() {
    let spaced = r#" { "name":"A", "fields":[ {"type":{"type":"string"}, "name":"x"} ],
        "namespace":"n", "type":"record" } "#;
    let expected = r#"{"type":"record","name":"A","namespace":"n","fields":[{"name":"x","type":"string"}]}"#;
    assert_eq!(canonical(spaced), expected);
}

#[test]
fn a_bare_primitive_name_is_a_schema() {
    assert_eq!(canonical("string"), "\"string\"");
    assert_eq!(canonical("\"string\""), "\"string\"");
    assert_eq!(canonical(r#"{"type":"string"}"#), "\"string\"");
}

#[test]
fn docs_defaults_aliases_and_custom_attributes_are_kept() {
    let text = r#"{"type":"record","name":"A","doc":"d","fields":[{"name":"x","type":{"type":"string","headwater.type":"Sku"},"default":"q","aliases":["y"]}],"aliases":["B"]}"#;
    assert_eq!(canonical(text), text);
}

#[test]
fn a_second_use_of_a_named_type_is_a_reference() {
    let schema = AvroSchema::parse(
        r#"{"type":"record","name":"n.A","fields":[
            {"name":"x","type":{"type":"fixed","name":"F","size":2}},
            {"name":"y","type":"n.F"}, {"name":"z","type":["null","A"]}]}"#,
    )
    .unwrap();
    assert_eq!(
        schema.canonical(),
        r#"{"type":"record","name":"A","namespace":"n","fields":[{"name":"x","type":{"type":"fixed","name":"F","size":2}},{"name":"y","type":"F"},{"name":"z","type":["null","A"]}]}"#
    );
    assert_eq!(schema.named("n.A"), Some(schema.root()));
}

#[test]
fn normalized_text_agrees_where_only_spelling_differs() {
    let a = AvroSchema::parse(r#"{"type":"record","name":"n.A","b":1,"a":2,"fields":[]}"#).unwrap();
    let b = AvroSchema::parse(r#"{"type":"record","name":"A","namespace":"n","a":2,"b":1,"fields":[]}"#).unwrap();
    assert_ne!(a.canonical(), b.canonical());
    assert_eq!(a.normalized(), b.normalized());
}

#[test]
fn canonical_text_parses_to_itself() {
    for text in [
        r#"["null",{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}]"#,
        r#"{"type":"map","values":{"type":"array","items":"long"}}"#,
        r#"{"type":"record","name":"A","namespace":"n","fields":[{"name":"b","type":{"type":"record","name":"B","namespace":"m","fields":[{"name":"a","type":["null","n.A"]}]}}]}"#,
    ] {
        let once = canonical(text);
        assert_eq!(canonical(&once), once);
        assert_eq!(once, text);
    }
}

#[test]
fn a_branch_can_stand_alone_with_the_types_it_needs() {
    let union = AvroSchema::parse(
        r#"[{"type":"record","name":"A","namespace":"n","fields":[{"name":"m","type":{"type":"record","name":"Money","namespace":"k","fields":[{"name":"e","type":{"type":"enum","name":"E","symbols":["X"]}}]}}]},
            {"type":"record","name":"B","namespace":"n","fields":[{"name":"m","type":"k.Money"},{"name":"again","type":"k.Money"},{"name":"e","type":"k.E"}]}]"#,
    )
    .unwrap();
    let b = union.extract("n.B").unwrap();
    assert_eq!(b.full_name(), Some("n.B"));
    assert!(b.named("k.Money").is_some());
    assert!(union.extract("n.C").is_err());
    let money = union.extract("k.Money").unwrap();
    assert_eq!(money.full_name(), Some("k.Money"));
    assert!(money.named("k.E").is_some());
}

#[test]
fn what_is_no_schema_is_an_error_and_no_panic() {
    let deep = format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(60), "}".repeat(60));
    for text in [
        "",
        "{",
        "42",
        "nonsense",
        r#"{"type":"record"}"#,
        r#"{"type":"record","name":"A"}"#,
        r#"{"type":"record","name":"A","fields":{}}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"x"}]}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"x","type":"B"}]}"#,
        r#"{"type":"record","name":"A","fields":[{"name":"x","type":"int"},{"name":"x","type":"int"}]}"#,
        r#"{"type":"record","name":"A-B","fields":[]}"#,
        r#"{"type":"enum","name":"E","symbols":["A","A"]}"#,
        r#"{"type":"enum","name":"E","symbols":["A"],"default":"B"}"#,
        r#"{"type":"fixed","name":"F","size":-1}"#,
        r#"["int","int"]"#,
        r#"["int",["null"]]"#,
        r#"{"type":"array"}"#,
        deep.as_str(),
    ] {
        let error = AvroSchema::parse(text).expect_err(text);
        assert_eq!(error.kind(), ErrorKind::InvalidSchema, "{text}");
    }
}
