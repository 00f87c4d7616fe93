#![allow(clippy::unwrap_used, clippy::expect_used)]

mod samples;

use std::collections::BTreeSet;

use apache_avro::reader::datum::GenericDatumReader;
use headwater_event::{Message, MessageSet};
use headwater_schema::json_command::CommandSet;
use headwater_schema::{ErrorKind, WriterSchema};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

use crate::orders::{Confirmation, PlaceOrder};
use crate::sets::OrdersCommands;
use crate::topics::ALL_TOPICS;

const SAMPLES: usize = 64;

/// Sees every message of every topic; the generator writes the calls.
pub(crate) trait Visitor {
    fn visit<M, S>(&mut self, topic: &'static str)
    where
        M: Message + PartialEq,
        S: MessageSet + From<M> + PartialEq + serde::Serialize + serde::de::DeserializeOwned;
}

/// Values of a message's schema, as JSON.
fn samples_of(schema: &str) -> Vec<Value> {
    let strategy = samples::of_schema(schema);
    let mut runner = TestRunner::deterministic();
    (0..SAMPLES).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

struct RoundTrip {
    messages: usize,
}

impl Visitor for RoundTrip {
    fn visit<M, S>(&mut self, topic: &'static str)
    where
        M: Message + PartialEq,
        S: MessageSet + From<M> + PartialEq + serde::Serialize + serde::de::DeserializeOwned,
    {
        self.messages += 1;
        let name = M::FULL_NAME;
        let schema = WriterSchema::compile(M::SCHEMA).expect(name);
        let reference = apache_avro::Schema::parse_str(M::SCHEMA).expect(name);
        let reader = GenericDatumReader::builder(&reference).build().expect(name);
        let declared = ALL_TOPICS.iter().find(|declared| declared.name == topic).unwrap();
        let union = declared.value_schema.map(|schema| WriterSchema::compile(schema).expect(topic));
        for json in samples_of(M::SCHEMA) {
            let message: M =
                serde_json::from_value(json.clone()).unwrap_or_else(|error| panic!("{name}: {error}: {json}"));
            assert_eq!(serde_json::to_value(&message).unwrap(), json, "{name} as JSON");
            assert!(json.as_object().unwrap().values().next().unwrap() == message.subject(), "{name}: subject");

            let mut body = Vec::new();
            schema.encode_body_into(&mut body, &message).expect(name);
            assert_eq!(schema.decode::<M>(&body).expect(name), message, "{name} as Avro");
            let read = reader.read_value(&mut body.as_slice()).expect(name);
            assert!(read.validate(&reference), "{name}: apache-avro reads something else");

            if let Some(union) = &union {
                let mut body = Vec::new();
                union.encode_body_into(&mut body, &message).expect(name);
                assert_eq!(union.record_name(&body).unwrap(), name);
                assert_eq!(union.decode::<M>(&body).expect(name), message, "{name} in the union of {topic}");
                assert_eq!(
                    union.decode::<S>(&body).expect(name),
                    S::from(message.clone()),
                    "{name} as a set of {topic}"
                );
                let mut body_of_set = Vec::new();
                union.encode_body_into(&mut body_of_set, &S::from(message)).expect(name);
                assert_eq!(body_of_set, body, "{name} written as a set of {topic}");
            }
        }
    }
}

#[test]
fn every_message_survives_json_avro_and_the_union_of_its_topic() {
    let mut round_trip = RoundTrip { messages: 0 };
    crate::sets::visit_all(&mut round_trip);
    assert_eq!(round_trip.messages, ALL_TOPICS.iter().map(|topic| topic.types.len()).sum::<usize>());
    assert!(round_trip.messages >= 40, "{}", round_trip.messages);
}

#[test]
fn full_names_are_unique() {
    let mut seen = BTreeSet::new();
    for message in ALL_TOPICS.iter().flat_map(|topic| topic.types) {
        assert!(seen.insert(message.full_name), "{} lies in two topics", message.full_name);
    }
}

#[test]
fn every_topic_with_schemas_is_in_the_table_under_its_typed_name() {
    let yaml: Value = serde_saphyr::from_str(include_str!("../../../topics.yaml")).unwrap();
    let topics = yaml.get("topics").and_then(Value::as_array).unwrap();
    let with_schemas: Vec<&str> = topics
        .iter()
        .filter(|topic| topic.get("schemas").is_some())
        .map(|topic| topic["name"].as_str().unwrap())
        .collect();
    assert_eq!(with_schemas, ALL_TOPICS.iter().map(|topic| topic.name).collect::<Vec<_>>());
    assert_eq!(crate::topics::ORDERS_EVENTS.name(), "orders.events");
    assert_eq!(crate::topics::ORDERS_EVENTS.domain(), crate::domains::ORDER);
    assert_eq!(crate::topics::INVENTORY_STOCK_COMMANDS.domain(), crate::domains::SKU);
    assert_eq!((crate::domains::ORDER.anchor, crate::domains::SKU.anchor), ("orders.events", "inventory.commands"));
    const { assert!(crate::sets::OrdersEvents::SUBJECT_PER_RECORD && !OrdersCommands::SUBJECT_PER_RECORD) };
}

#[test]
fn subjects_follow_the_strategy_of_their_topic() {
    let names = |topic: &str, installed: &str| -> Vec<String> {
        let declared = ALL_TOPICS.iter().find(|declared| declared.name == topic).unwrap();
        declared.subjects(installed).into_iter().map(|subject| subject.name).collect()
    };
    assert_eq!(names("orders.commands", "test.orders.commands"), ["test.orders.commands-value"]);
    assert_eq!(names("orders.replies", "orders.replies"), ["orders.replies-headwater.orders.CommandRejected"]);
    for subject in ALL_TOPICS.iter().flat_map(|topic| topic.subjects(topic.name)) {
        apache_avro::Schema::parse_str(subject.schema).unwrap_or_else(|error| panic!("{}: {error}", subject.name));
        let parsed = headwater_schema::avro::AvroSchema::parse(subject.schema).unwrap();
        assert_eq!(parsed.canonical(), subject.schema, "{} is not as a registry would keep it", subject.name);
    }
}

#[test]
fn an_order_as_people_type_it_takes_the_defaults() {
    let text = r#"{"order_id":"o-1","customer_id":"c-1","currency":"GBP","items":[{"sku":"84029E","quantity":6,"unit_price_minor":339},{"sku":"22423","quantity":1}]}"#;
    let order: PlaceOrder = serde_json::from_str(text).unwrap();
    assert_eq!(order.confirmation, Confirmation::Automatic);
    assert_eq!(order.placed_at, None);
    let prices: Vec<_> = order.items.iter().map(|line| line.unit_price_minor).collect();
    assert_eq!(prices, [Some(339), None]);
    assert_eq!(order.subject(), "o-1");

    // The same through the check that the command source makes.
    let schemas: Vec<&str> = OrdersCommands::TYPES.iter().map(|message| message.schema).collect();
    let commands = CommandSet::compile(&schemas).unwrap();
    let typed = text.replacen('{', r#"{"type":"PlaceOrder","#, 1);
    let checked = commands.check(typed.as_bytes()).unwrap();
    assert_eq!(serde_json::from_value::<PlaceOrder>(checked.value).unwrap(), order);
}

#[test]
fn what_breaks_the_rule_of_a_typed_field_is_an_error() {
    let order = |key: &str, value: Value| {
        let mut json = json!({"order_id":"o-1","customer_id":"c-1","currency":"GBP","items":[]});
        json[key] = value;
        serde_json::from_value::<PlaceOrder>(json)
    };
    order("order_id", json!("o-2")).unwrap();
    for (key, value) in [
        ("order_id", json!("")),
        ("order_id", json!(" padded")),
        ("order_id", Value::Null),
        ("currency", json!("gbp")),
        ("confirmation", json!("perhaps")),
        ("items", json!([{"sku": "a"}])),
        ("items", json!([{"sku": "a", "quantity": 1.5}])),
    ] {
        assert!(order(key, value.clone()).is_err(), "{key}: {value}");
    }
}

#[test]
fn avro_bytes_that_break_the_rule_of_a_typed_field_are_an_error() {
    let schema = WriterSchema::compile(crate::orders::ConfirmOrder::SCHEMA).unwrap();
    let error = schema.decode::<crate::orders::ConfirmOrder>(&[0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed, "an empty order id: {error}");
}

#[test]
fn a_value_written_before_a_field_was_added_takes_its_default() {
    let mut old: Value = serde_json::from_str(crate::orders::OrderCancelled::SCHEMA).unwrap();
    old["fields"].as_array_mut().unwrap().retain(|field| field["name"] != "detail");
    let old = WriterSchema::compile(&old.to_string()).unwrap();
    let mut body = Vec::new();
    old.encode_body_into(&mut body, &json!({"order_id": "o-1", "reason": "expired"})).unwrap();
    let read: crate::orders::OrderCancelled = old.decode(&body).unwrap();
    assert_eq!((read.reason.as_str(), read.detail.as_str()), ("expired", ""));
}
