#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::compatibility::Level;
use crate::{Error, ErrorKind};

fn request(schema: &str) -> RegisterRequest {
    RegisterRequest { schema: Some(schema.to_owned()), ..RegisterRequest::default() }
}

fn schema(fields: &str) -> String {
    format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#)
}

/// What Confluent's registry writes, byte for byte, and what it means.
fn check_record(key: &str, value: Option<&str>, record: Record) {
    let read = Record::read(key.as_bytes(), value.map(str::as_bytes)).unwrap();
    assert_eq!(read, record);
    assert_eq!(String::from_utf8(record.key()).unwrap(), key);
    let written = record.value().map(|value| String::from_utf8(value).unwrap());
    assert_eq!(written.as_deref(), value);
}

#[test]
fn records_are_confluents_json() {
    check_record(
        r#"{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}"#,
        Some(r#"{"subject":"s","version":1,"id":7,"schema":"\"string\"","deleted":false}"#),
        Record::Schema {
            subject: "s".to_owned(),
            version: 1,
            value: Some(SchemaValue {
                subject: "s".to_owned(),
                version: 1,
                id: 7,
                schema_type: None,
                references: Vec::new(),
                schema: "\"string\"".to_owned(),
                deleted: false,
            }),
        },
    );
    check_record(
        r#"{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}"#,
        None,
        Record::Schema { subject: "s".to_owned(), version: 1, value: None },
    );
    check_record(
        r#"{"keytype":"CONFIG","subject":null,"magic":0}"#,
        Some(r#"{"compatibilityLevel":"FULL"}"#),
        Record::Config { subject: None, level: Some(Level::Full) },
    );
    check_record(
        r#"{"keytype":"MODE","subject":"s","magic":0}"#,
        Some(r#"{"mode":"READONLY"}"#),
        Record::Mode { subject: Some("s".to_owned()), mode: Some(Mode::Readonly) },
    );
    check_record(
        r#"{"keytype":"DELETE_SUBJECT","subject":"s","magic":0}"#,
        Some(r#"{"subject":"s","version":3}"#),
        Record::DeleteSubject { subject: "s".to_owned(), version: Some(3) },
    );
    check_record(r#"{"keytype":"NOOP","magic":0}"#, None, Record::Noop);
}

#[test]
fn records_of_other_kinds_mean_nothing_and_broken_ones_are_errors() {
    let other = Record::read(br#"{"keytype":"CONTEXT","tenant":"x"}"#, Some(b"{}"));
    assert_eq!(other.unwrap(), Record::Noop);
    for (key, value) in [
        ("", None),
        ("{}", None),
        (r#"{"keytype":"SCHEMA"}"#, None),
        (r#"{"keytype":"SCHEMA","subject":"s","version":1}"#, Some("{")),
        (r#"{"keytype":"MODE","subject":null}"#, Some(r#"{"mode":"x"}"#)),
        (r#"{"keytype":"DELETE_SUBJECT","subject":"s"}"#, Some("{}")),
    ] {
        let read = Record::read(key.as_bytes(), value.map(str::as_bytes));
        assert!(read.is_err(), "{key} {value:?}");
    }
}

#[test]
fn what_the_log_does_not_take_is_not_applied() {
    struct Full;
    impl SchemaLog for Full {
        fn append(&self, _: &[u8], _: Option<&[u8]>) -> Result<(), Error> {
            Err(Error::new(ErrorKind::Unavailable, "no broker"))
        }
        fn replay(&self, _: &mut ReplayEach<'_>) -> Result<(), Error> {
            Ok(())
        }
    }
    let registry = Registry::open(Box::new(Full)).unwrap();
    let error = registry.register("s", &request("\"int\""), false).unwrap_err();
    assert_eq!((error.status, error.code), (500, 50001));
    assert!(registry.state().is_empty());
}

#[test]
fn a_refusal_names_the_field_the_rule_and_the_version() {
    let registry = Registry::in_memory();
    registry.register("s", &request(&schema("")), false).unwrap();
    let wrong = schema(r#"{"name":"note","type":"string"}"#);
    let error = registry.register("s", &request(&wrong), false).unwrap_err();
    assert_eq!(error.status, 409);
    assert_eq!(
        error.message,
        "Schema being registered is incompatible with an earlier schema for subject \"s\", details: [{errorType:'READER_FIELD_MISSING_DEFAULT_VALUE', description:'the new schema cannot read data of version 1 at path '/fields/0' (field 'note'): field note of R is not in the writer's schema and has no default; give it a default', additionalInfo:'note'}, {oldSchemaVersion: 1}, {oldSchema: '{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}'}, {compatibility: 'BACKWARD'}]"
    );
}

#[test]
fn references_are_refused_clearly() {
    let mut with = request("\"int\"");
    with.references = Some(vec![serde_json::json!({"name": "a", "subject": "b", "version": 1})]);
    let error = Registry::in_memory().register("s", &with, false).unwrap_err();
    assert_eq!(error.code, 42201);
    assert!(error.message.contains("references are not supported"), "{error}");
}

#[test]
fn a_schema_of_another_kind_in_the_log_is_kept_and_shown() {
    let log = MemoryLog::default();
    log.append(
        br#"{"keytype":"SCHEMA","subject":"s","version":1,"magic":1}"#,
        Some(br#"{"subject":"s","version":1,"id":3,"schemaType":"PROTOBUF","schema":"message A {}","deleted":false}"#),
    )
    .unwrap();
    let registry = Registry::open(Box::new(log)).unwrap();
    let state = registry.state();
    let version = state.version("s", 1).unwrap();
    assert!(version.schema.is_none());
    assert_eq!(version.value.schema_type.as_deref(), Some("PROTOBUF"));
    assert_eq!(state.next_id(), 4);
}

/// One act of a client.
#[derive(Debug, Clone)]
enum Act {
    Register(u8, u8),
    DeleteSubject(u8, bool),
    DeleteVersion(u8, u8, bool),
    Level(Option<u8>, Option<Level>),
    Mode(Option<u8>, Option<Mode>),
}

fn any_act() -> impl Strategy<Value = Act> {
    let subject = 0_u8..3;
    let level = prop::option::of(prop::sample::select(&Level::ALL[..]));
    let mode = prop::option::of(prop::sample::select(vec![Mode::Readwrite, Mode::Readonly]));
    prop_oneof![
        8 => (subject.clone(), 0_u8..6).prop_map(|(s, n)| Act::Register(s, n)),
        3 => (subject.clone(), any::<bool>()).prop_map(|(s, p)| Act::DeleteSubject(s, p)),
        4 => (subject.clone(), 1_u8..5, any::<bool>()).prop_map(|(s, v, p)| Act::DeleteVersion(s, v, p)),
        2 => (prop::option::of(subject.clone()), level).prop_map(|(s, l)| Act::Level(s, l)),
        1 => (prop::option::of(subject), mode).prop_map(|(s, m)| Act::Mode(s, m)),
    ]
}

fn play(registry: &Registry, act: &Act) {
    let name = |subject: u8| format!("s{subject}");
    let kind = |permanent| match permanent {
        true => DeleteKind::Permanent,
        false => DeleteKind::Soft,
    };
    // Refusals are part of the play.
    match act {
        Act::Register(subject, number) => {
            let text = schema(&format!(r#"{{"name":"f{number}","type":"int","default":0}}"#));
            let _ = registry.register(&name(*subject), &request(&text), false);
        }
        Act::DeleteSubject(subject, permanent) => {
            let _ = registry.delete_subject(&name(*subject), kind(*permanent));
        }
        Act::DeleteVersion(subject, version, permanent) => {
            let version = version.to_string();
            let _ = registry.delete_version(&name(*subject), &version, kind(*permanent));
        }
        Act::Level(subject, level) => {
            let _ = registry.set_level(subject.map(name).as_deref(), *level);
        }
        Act::Mode(subject, mode) => {
            let _ = registry.set_mode(subject.map(name).as_deref(), *mode, true);
        }
    }
}

/// What compaction leaves: the last record of each key, tombstones gone, in order.
fn compacted(log: &MemoryLog) -> MemoryLog {
    let mut last: BTreeMap<Vec<u8>, (usize, Option<Vec<u8>>)> = BTreeMap::new();
    let mut at = 0;
    log.replay(&mut |key, value| {
        last.insert(key.to_vec(), (at, value.map(<[u8]>::to_vec)));
        at += 1;
        Ok(())
    })
    .unwrap();
    let mut kept: Vec<_> = last.into_iter().map(|(key, (at, value))| (at, key, value)).collect();
    kept.sort();
    let compacted = MemoryLog::default();
    for (_, key, value) in kept {
        if value.is_some() {
            compacted.append(&key, value.as_deref()).unwrap();
        }
    }
    compacted
}

/// All that clients can see.
fn visible(state: &RegistryState) -> String {
    let subjects: Vec<_> = state.subjects(Deleted::Show).collect();
    let versions: Vec<_> = subjects
        .iter()
        .flat_map(|subject| state.versions(subject, Deleted::Show))
        .map(|version| &version.value)
        .collect();
    let settings: Vec<_> =
        (0..3).map(|s| format!("s{s}")).map(|s| (state.subject_level(&s), state.subject_mode(&s))).collect();
    format!("{:?} {:?} {versions:?} {settings:?}", state.level(), state.mode())
}

proptest! {
    #[test]
    fn a_restart_finds_what_was_there_compacted_or_not(acts in prop::collection::vec(any_act(), 0..40)) {
        let log = Arc::new(MemoryLog::default());
        let registry = Registry::open(Box::new(Arc::clone(&log))).unwrap();
        for act in &acts {
            play(&registry, act);
        }
        let reopened = Registry::open(Box::new(Arc::clone(&log))).unwrap();
        prop_assert_eq!(&*reopened.state(), &*registry.state());
        let after_compaction = Registry::open(Box::new(compacted(&log))).unwrap();
        prop_assert_eq!(visible(&after_compaction.state()), visible(&registry.state()));
    }

    #[test]
    fn one_text_has_one_id_and_one_id_one_text(acts in prop::collection::vec(any_act(), 0..40)) {
        let registry = Registry::in_memory();
        for act in &acts {
            play(&registry, act);
        }
        let state = registry.state();
        let mut texts: BTreeMap<u32, String> = BTreeMap::new();
        for subject in state.subjects(Deleted::Show) {
            for version in state.versions(subject, Deleted::Show) {
                let known = texts.entry(version.value.id).or_insert_with(|| version.value.schema.clone());
                prop_assert_eq!(known, &version.value.schema);
                prop_assert_eq!(state.id_of_text(&version.value.schema), Some(version.value.id));
            }
        }
    }
}

#[test]
fn a_book_can_stand_on_a_registry_of_the_same_process() {
    let registry = Arc::new(Registry::in_memory());
    let id = registry.register("t-R", &request(&schema("")), false).unwrap();
    let book = crate::SchemaBook::new(Box::new(Arc::clone(&registry)), crate::schema_book::BookSettings::default());
    let strategy = crate::SubjectStrategy::TopicRecordNameStrategy;
    assert_eq!(book.declare("t", strategy, &schema("")).unwrap().0, id);
    let missing = book.declare("u", strategy, &schema("")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(book.writer(crate::SchemaId(id)).is_ok());
}
