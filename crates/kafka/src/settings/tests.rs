#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::ErrorKind;

fn environment(pairs: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
    move |name| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
}

#[test]
fn a_flag_wins_over_the_environment_and_that_over_the_default() {
    let check = |flag, pairs, expected: &str| {
        let settings = ConnectionSettings::from_flags(flag, None, &[], environment(pairs)).unwrap();
        assert_eq!(settings.bootstrap_servers(), expected);
    };
    check(Some("flag:1"), &[("KAFKA_BOOTSTRAP_SERVERS", "env:1")], "flag:1");
    check(None, &[("KAFKA_BOOTSTRAP_SERVERS", "env:1")], "env:1");
    check(None, &[("KAFKA_BOOTSTRAP_SERVERS", " ")], "localhost:9092");
    check(None, &[], "localhost:9092");
}

#[test]
fn properties_are_checked_before_anything_connects() {
    let check = |property: &str, expected: &str| {
        let error = ConnectionSettings::from_flags(None, None, &[property.to_owned()], environment(&[])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.to_string().contains(expected), "{error}");
    };
    check("no.such.property=1", "\"no.such.property\" is not known to librdkafka");
    check("fetch.wait.max.ms=soon", "fetch.wait.max.ms");
    check("security.protocol", "write it as name=value");
    check("enable.auto.commit=true", "decided by the platform");
    check("transactional.id=mine", "decided by the platform");
}

#[test]
fn tls_and_sasl_properties_pass_through() {
    let properties = ["security.protocol=SASL_SSL", "sasl.mechanisms=SCRAM-SHA-512", "sasl.username=u"];
    let properties: Vec<_> = properties.iter().map(|text| (*text).to_owned()).collect();
    let settings = ConnectionSettings::from_flags(None, None, &properties, environment(&[])).unwrap();
    assert_eq!(settings.property("sasl.mechanisms"), Some("SCRAM-SHA-512"));
    assert!(!settings.is_plaintext());
    assert!(ConnectionSettings::new("a:1").is_plaintext());
}

#[test]
fn the_brokers_may_come_as_a_property_too() {
    let properties = ["bootstrap.servers=x:1".to_owned()];
    let settings = ConnectionSettings::from_flags(None, None, &properties, environment(&[])).unwrap();
    assert_eq!(settings.bootstrap_servers(), "x:1");
}

#[test]
fn secrets_are_not_printed() {
    let settings = ConnectionSettings::new("a:1")
        .with_property("sasl.password", "hunter2")
        .and_then(|settings| settings.with_property("ssl.key.password", "hunter2"))
        .and_then(|settings| settings.with_property("sasl.username", "orders"))
        .unwrap();
    let printed = format!("{settings:?}");
    assert!(!printed.contains("hunter2") && printed.contains("orders"), "{printed}");
}

#[test]
fn a_prefix_must_make_legal_names() {
    let error = ConnectionSettings::from_flags(None, Some("a b"), &[], environment(&[])).unwrap_err();
    assert!(error.to_string().contains("topic prefix \"a b\""), "{error}");
    let lookup = environment(&[("KAFKA_TOPIC_PREFIX", "staging.")]);
    let settings = ConnectionSettings::from_flags(None, None, &[], lookup).unwrap();
    assert_eq!(settings.prefix().as_str(), "staging.");
    assert_eq!(settings.prefix().strip("staging.orders"), Some("orders"));
    assert_eq!(settings.prefix().strip("orders"), None);
}

#[test]
fn only_kafka_and_memory_carry_messages() {
    assert_eq!(MessageBroker::from_env(environment(&[])).unwrap(), MessageBroker::Kafka);
    assert_eq!(MessageBroker::from_env(environment(&[("MESSAGE_BROKER", "kafka")])).unwrap(), MessageBroker::Kafka);
    let memory = MessageBroker::from_env(environment(&[("MESSAGE_BROKER", "in_memory")])).unwrap();
    assert_eq!(memory, MessageBroker::InMemory);
    let error = MessageBroker::from_env(environment(&[("MESSAGE_BROKER", "rabbitmq")])).unwrap_err();
    assert!(error.to_string().contains("MESSAGE_BROKER=rabbitmq is not supported"), "{error}");
}
