#![allow(clippy::unwrap_used, clippy::expect_used)]
use proptest::prelude::*;

use super::*;

fn schema(json: &str) -> AvroSchema {
    AvroSchema::parse(json).unwrap_or_else(|e| panic!("{json}: {e}"))
}

fn record(fields: &str) -> AvroSchema {
    schema(&format!(r#"{{"type":"record","name":"n.R","fields":[{fields}]}}"#))
}

/// What the reader cannot read of the writer, as `RULE path`.
fn check_read(reader: &AvroSchema, writer: &AvroSchema, expected: &[&str]) {
    let found: Vec<_> = can_read(reader, writer).into_iter().map(|i| format!("{} {}", i.rule, i.path)).collect();
    assert_eq!(found, expected, "{} reads {}", reader.canonical(), writer.canonical());
}

#[test]
fn a_new_field_needs_a_default() {
    let old = record(r#"{"name":"a","type":"int"}"#);
    let without = record(r#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#);
    let with = record(r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":0}"#);
    check_read(&without, &old, &["READER_FIELD_MISSING_DEFAULT_VALUE /fields/1"]);
    check_read(&with, &old, &[]);
    check_read(&old, &without, &[]);
    let found = can_read(&without, &old).remove(0);
    assert_eq!(found.field, "b");
    assert_eq!(
        found.to_string(),
        "READER_FIELD_MISSING_DEFAULT_VALUE at /fields/1: field b of n.R is not in the writer's schema and has no default; give it a default"
    );
}

#[test]
fn promotions_go_one_way() {
    let all = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
    let readable = [
        ("int", "long"),
        ("int", "float"),
        ("int", "double"),
        ("long", "float"),
        ("long", "double"),
        ("float", "double"),
        ("bytes", "string"),
        ("string", "bytes"),
    ];
    for written in all {
        for read in all {
            let ok = written == read || readable.contains(&(written, read));
            let expected: &[&str] = if ok { &[] } else { &["TYPE_MISMATCH /"] };
            check_read(&schema(read), &schema(written), expected);
        }
    }
}

#[test]
fn names_count_by_their_last_part_or_an_alias() {
    let a = schema(r#"{"type":"record","name":"n.A","fields":[]}"#);
    let moved = schema(r#"{"type":"record","name":"m.A","fields":[]}"#);
    let b = schema(r#"{"type":"record","name":"n.B","fields":[]}"#);
    let aliased = schema(r#"{"type":"record","name":"n.B","aliases":["A"],"fields":[]}"#);
    check_read(&moved, &a, &[]);
    check_read(&b, &a, &["NAME_MISMATCH /name"]);
    check_read(&aliased, &a, &[]);
    check_read(&a, &aliased, &["NAME_MISMATCH /name"]);
}

#[test]
fn a_renamed_field_reads_by_its_alias() {
    let old = record(r#"{"name":"a","type":"int"}"#);
    let renamed = record(r#"{"name":"b","type":"long","aliases":["a"]}"#);
    check_read(&renamed, &old, &[]);
    check_read(&old, &renamed, &["READER_FIELD_MISSING_DEFAULT_VALUE /fields/0"]);
    let wrong = record(r#"{"name":"b","type":"string","aliases":["a"],"default":""}"#);
    check_read(&wrong, &old, &["TYPE_MISMATCH /fields/0/type"]);
}

#[test]
fn enums_need_all_symbols_or_a_default() {
    let of = |symbols: &str| schema(&format!(r#"{{"type":"enum","name":"E","symbols":{symbols}}}"#));
    let (ab, abc) = (of(r#"["A","B"]"#), of(r#"["A","B","C"]"#));
    check_read(&abc, &ab, &[]);
    check_read(&ab, &abc, &["MISSING_ENUM_SYMBOLS /symbols"]);
    let defaulted = schema(r#"{"type":"enum","name":"E","symbols":["A","B"],"default":"A"}"#);
    check_read(&defaulted, &abc, &[]);
    assert!(can_read(&ab, &abc)[0].message.contains("lacks the symbols C"));
}

#[test]
fn fixed_types_keep_their_size() {
    let of = |size| schema(&format!(r#"{{"type":"fixed","name":"F","size":{size}}}"#));
    check_read(&of(4), &of(4), &[]);
    check_read(&of(4), &of(8), &["FIXED_SIZE_MISMATCH /size"]);
}

#[test]
fn a_union_reads_each_branch_that_was_written() {
    let cases: &[(&str, &str, &[&str])] = &[
        (r#"["null","long"]"#, "long", &[]),
        (r#"["null","long"]"#, "int", &[]),
        (r#"["null","long"]"#, "string", &["MISSING_UNION_BRANCH /"]),
        (r#"["null","long"]"#, r#"["long","null"]"#, &[]),
        (r#"["null","long"]"#, r#"["null","int"]"#, &[]),
        (r#"["null","long"]"#, r#"["null","string"]"#, &["MISSING_UNION_BRANCH /1"]),
        ("long", r#"["int","long"]"#, &[]),
        ("long", r#"["null","long"]"#, &["TYPE_MISMATCH /"]),
        (r#"["null"]"#, "null", &[]),
    ];
    for (reader, writer, expected) in cases {
        check_read(&schema(reader), &schema(writer), expected);
    }
}

#[test]
fn a_command_union_says_which_field_of_which_command_is_wrong() {
    let union = |second: &str| {
        schema(&format!(
            r#"[{{"type":"record","name":"n.A","fields":[]}},{{"type":"record","name":"n.B","fields":[{second}]}}]"#
        ))
    };
    let old = union("");
    let new = union(r#"{"name":"x","type":"int"}"#);
    check_read(&new, &old, &["READER_FIELD_MISSING_DEFAULT_VALUE /1/fields/0"]);
    check_read(&old, &new, &[]);
    let fewer = schema(r#"[{"type":"record","name":"n.A","fields":[]}]"#);
    check_read(&fewer, &old, &["MISSING_UNION_BRANCH /1"]);
    check_read(&old, &fewer, &[]);
    // Records without common fields are not taken for one another.
    let other = schema(r#"[{"type":"record","name":"n.A","fields":[]},{"type":"record","name":"n.C","fields":[]}]"#);
    check_read(&other, &old, &["MISSING_UNION_BRANCH /1"]);
}

#[test]
fn recursive_types_are_compared_once() {
    let list = |kind: &str| record(&format!(r#"{{"name":"v","type":"{kind}"}},{{"name":"next","type":["null","R"]}}"#));
    check_read(&list("long"), &list("int"), &[]);
    check_read(&list("int"), &list("long"), &["TYPE_MISMATCH /fields/0/type"]);
}

#[test]
fn references_are_followed_not_taken_for_equal() {
    let of = |kind: &str| {
        record(&format!(
            r#"{{"name":"a","type":{{"type":"record","name":"M","fields":[{{"name":"x","type":"{kind}"}}]}}}},{{"name":"b","type":{{"type":"array","items":"M"}}}}"#
        ))
    };
    check_read(&of("int"), &of("long"), &["TYPE_MISMATCH /fields/0/type/fields/0/type"]);
    assert_eq!(can_read(&of("int"), &of("long"))[0].field, "a.x");
    // The second use alone is different: the first is not there in the reader.
    let tail = record(
        r#"{"name":"b","type":{"type":"array","items":{"type":"record","name":"M","fields":[{"name":"x","type":"int"}]}}}"#,
    );
    check_read(&tail, &of("long"), &["TYPE_MISMATCH /fields/0/type/items/fields/0/type"]);
}

#[test]
fn arrays_and_maps_compare_their_items() {
    let array = |kind: &str| schema(&format!(r#"{{"type":"array","items":"{kind}"}}"#));
    let map = |kind: &str| schema(&format!(r#"{{"type":"map","values":"{kind}"}}"#));
    check_read(&array("long"), &array("int"), &[]);
    check_read(&array("int"), &array("long"), &["TYPE_MISMATCH /items"]);
    check_read(&map("int"), &map("string"), &["TYPE_MISMATCH /values"]);
    check_read(&map("int"), &array("int"), &["TYPE_MISMATCH /"]);
}

#[test]
fn each_level_looks_where_it_says() {
    let v1 = record(r#"{"name":"a","type":"int"}"#);
    let v2 = record(r#"{"name":"a","type":"int"},{"name":"b","type":"int","default":0}"#);
    // Reads v2 but not v1, since v1 has no b.
    let v3 = record(r#"{"name":"a","type":"int"},{"name":"b","type":"int"}"#);
    // v2 reads it (b has a default), v1 does too; it reads both.
    let fine = record(r#"{"name":"a","type":"int"},{"name":"c","type":"int","default":0}"#);
    // Neither a is there: forward breaks, backward is fine.
    let bare = record(r#"{"name":"c","type":"int","default":0}"#);
    let earlier = [v1, v2];
    let verdicts = |new: &AvroSchema| Level::ALL.map(|level| check(level, new, &earlier).is_empty());
    //                             none  back   back_t forw   forw_t full   full_t
    assert_eq!(verdicts(&v3), [true, true, false, true, true, true, false]);
    assert_eq!(verdicts(&fine), [true, true, true, true, true, true, true]);
    assert_eq!(verdicts(&bare), [true, true, true, false, false, false, false]);
    let conflicts = check(Level::BackwardTransitive, &v3, &earlier);
    assert_eq!(conflicts.len(), 1);
    assert_eq!(conflicts[0].earlier_index, 0);
    assert_eq!(conflicts[0].direction, Direction::Backward);
    assert!(check(Level::FullTransitive, &v3, &[]).is_empty());
}

#[test]
fn level_words_come_back() {
    for level in Level::ALL {
        assert_eq!(level.word().parse::<Level>().unwrap(), level);
        let json = serde_json::to_string(&level).unwrap();
        assert_eq!(json, format!("\"{level}\""));
    }
    assert!("BACKWARDS".parse::<Level>().is_err());
}

/// Schemas without named types in unions, where `apache_avro`'s own check is exact.
fn any_plain(depth: u32) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("\"boolean\"".to_owned()),
        Just("\"int\"".to_owned()),
        Just("\"long\"".to_owned()),
        Just("\"float\"".to_owned()),
        Just("\"double\"".to_owned()),
        Just("\"string\"".to_owned()),
        Just("\"bytes\"".to_owned()),
        Just("\"null\"".to_owned()),
    ];
    leaf.prop_recursive(depth, 16, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|t| format!(r#"{{"type":"array","items":{t}}}"#)),
            inner.prop_map(|t| format!(r#"{{"type":"map","values":{t}}}"#)),
        ]
    })
    .boxed()
}

fn any_record() -> impl Strategy<Value = String> {
    let field = (any_plain(2), any::<bool>());
    proptest::collection::btree_map("[a-d]", field, 0..4).prop_map(|fields| {
        let fields: Vec<_> = fields
            .into_iter()
            .map(|(name, (kind, optional))| match (optional, kind.as_str()) {
                (true, kind) if kind != "\"null\"" => {
                    format!(r#"{{"name":"{name}","type":["null",{kind}],"default":null}}"#)
                }
                (_, kind) => format!(r#"{{"name":"{name}","type":{kind}}}"#),
            })
            .collect();
        format!(r#"{{"type":"record","name":"R","fields":[{}]}}"#, fields.join(","))
    })
}

proptest! {
    #[test]
    fn every_schema_reads_itself_at_every_level(text in any_record()) {
        let schema = schema(&text);
        for level in Level::ALL {
            prop_assert!(check(level, &schema, &[schema.clone(), schema.clone()]).is_empty());
        }
    }

    #[test]
    fn full_is_backward_and_forward(new in any_record(), old in any_record(), older in any_record()) {
        let (new, earlier) = (schema(&new), [schema(&older), schema(&old)]);
        let ok = |level| check(level, &new, &earlier).is_empty();
        prop_assert_eq!(ok(Level::Full), ok(Level::Backward) && ok(Level::Forward));
        prop_assert_eq!(ok(Level::FullTransitive), ok(Level::BackwardTransitive) && ok(Level::ForwardTransitive));
        for (strict, loose) in [(Level::FullTransitive, Level::Full), (Level::BackwardTransitive, Level::Backward), (Level::ForwardTransitive, Level::Forward)] {
            prop_assert!(!ok(strict) || ok(loose));
        }
        prop_assert_eq!(ok(Level::Backward), check(Level::Forward, &earlier[1], std::slice::from_ref(&new)).is_empty());
    }

    #[test]
    fn it_agrees_with_apache_avro_where_that_is_exact(reader in any_record(), writer in any_record()) {
        use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
        let parse = |text: &str| apache_avro::Schema::parse_str(text).unwrap();
        let theirs = SchemaCompatibility::can_read(&parse(&writer), &parse(&reader));
        let ours = can_read(&schema(&reader), &schema(&writer)).is_empty();
        prop_assert_eq!(ours, theirs == Ok(Compatibility::Full), "{} reads {}: {:?}", reader, writer, theirs);
    }
}
