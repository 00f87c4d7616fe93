#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;

const A: &str = r#"{"type":"record","name":"n.A","fields":[{"name":"x","type":"int"}]}"#;
const B: &str = r#"{"type":"record","name":"n.B","fields":[{"name":"x","type":"int"}]}"#;

/// A registry that knows A as 7 and counts what it is asked.
#[derive(Default)]
struct Counting {
    asked: AtomicU32,
    down: std::sync::atomic::AtomicBool,
}

impl SchemaSource for Arc<Counting> {
    fn schema(&self, id: SchemaId) -> Result<String, Error> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(Error::new(ErrorKind::Unavailable, "connection refused"));
        }
        match id {
            SchemaId(7) => Ok(A.to_owned()),
            _ => Err(Error::new(ErrorKind::NotFound, "Schema not found")),
        }
    }

    fn id_of(&self, _subject: &str, schema: &AvroSchema) -> Result<SchemaId, Error> {
        match schema.full_name() {
            Some("n.A") => Ok(SchemaId(7)),
            _ => Err(Error::new(ErrorKind::NotFound, "Schema not found")),
        }
    }
}

fn counting() -> (Arc<Counting>, SchemaBook, Arc<Mutex<Instant>>) {
    let source = Arc::new(Counting::default());
    let now = Arc::new(Mutex::new(Clock::system().now()));
    let clock = {
        let now = Arc::clone(&now);
        Clock::from_fn(move || *now.lock().unwrap())
    };
    let settings = BookSettings::default();
    let book = SchemaBook::with_clock(Box::new(Arc::clone(&source)), settings, clock);
    (source, book, now)
}

#[test]
fn a_local_book_gives_ids_in_order_and_the_same_schema_one_id() {
    let book = SchemaBook::local();
    let strategy = SubjectStrategy::TopicRecordNameStrategy;
    assert_eq!(book.declare("t", strategy, A).unwrap(), SchemaId(1));
    assert_eq!(book.declare("t", strategy, B).unwrap(), SchemaId(2));
    assert_eq!(book.declare("u", strategy, A).unwrap(), SchemaId(1));
    assert_eq!(book.id_for("t", strategy, "n.B").unwrap(), SchemaId(2));
    assert_eq!(book.writer(SchemaId(2)).unwrap().full_name(), Some("n.B"));
    assert_eq!(book.writer(SchemaId(3)).unwrap_err().kind(), ErrorKind::NotFound);
}

#[test]
fn a_command_topic_has_one_subject_for_its_union() {
    let book = SchemaBook::local();
    let strategy = SubjectStrategy::TopicNameStrategy;
    let id = book.declare("orders.commands", strategy, &format!("[{A},{B}]")).unwrap();
    assert_eq!(book.id_for("orders.commands", strategy, "n.A").unwrap(), id);
    assert_eq!(book.id_for("orders.commands", strategy, "n.B").unwrap(), id);
}

#[test]
fn what_was_not_declared_names_its_subject() {
    let error =
        SchemaBook::local().id_for("orders.events", SubjectStrategy::TopicRecordNameStrategy, "n.A").unwrap_err();
    assert_eq!(error.to_string(), "subject orders.events-n.A was not declared; declare its schema at start");
}

#[test]
fn a_schema_the_registry_lacks_says_how_to_register_it() {
    let (_, book, _) = counting();
    let error = book.declare("t", SubjectStrategy::TopicNameStrategy, B).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("headwater topics apply"), "{error}");
}

#[test]
fn an_id_is_asked_for_once() {
    let (source, book, _) = counting();
    let mut worker = book.worker();
    for _ in 0..3 {
        assert_eq!(worker.writer(SchemaId(7)).unwrap().full_name(), Some("n.A"));
        assert!(book.writer(SchemaId(7)).is_ok());
    }
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
}

#[test]
fn an_unknown_id_is_not_asked_for_again_until_its_time_has_passed() {
    let (source, book, now) = counting();
    for _ in 0..3 {
        let error = book.writer(SchemaId(9)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().starts_with("schema id 9 is not in the registry"));
    }
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    *now.lock().unwrap() += BookSettings::default().unknown_for;
    assert!(book.writer(SchemaId(9)).is_err());
    assert_eq!(source.asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_registry_that_is_down_is_asked_again_soon() {
    let (source, book, now) = counting();
    source.down.store(true, Ordering::SeqCst);
    for _ in 0..3 {
        let error = book.writer(SchemaId(7)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
    assert_eq!(source.asked.load(Ordering::SeqCst), 1);
    source.down.store(false, Ordering::SeqCst);
    *now.lock().unwrap() += BookSettings::default().unavailable_for;
    assert!(book.writer(SchemaId(7)).is_ok());
}

#[test]
fn failures_remembered_are_bounded() {
    let (_, book, _) = counting();
    for id in 100..100 + 3 * u32::try_from(FAILURES_MAX).unwrap() {
        assert!(book.writer(SchemaId(id)).is_err());
    }
    let failures = book.inner.failures.lock().unwrap();
    assert!(failures.len() <= FAILURES_MAX);
}
