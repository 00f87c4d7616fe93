use super::{Engine, ProducerEngine, TransactionalProducer, TransactionalProducerSettings};
use crate::ConnectionSettings;

#[track_caller]
fn check(properties: &[(&str, &str)], engine: ProducerEngine, direct: Option<bool>) {
    let mut connection = ConnectionSettings::new("127.0.0.1:1");
    for (name, value) in properties {
        connection = connection.with_property(name, value).unwrap();
    }
    let settings = TransactionalProducerSettings { engine, ..TransactionalProducerSettings::new("x") };
    let made = TransactionalProducer::new(&connection, &settings);
    assert_eq!(made.ok().map(|made| matches!(made.engine, Engine::Direct(_))), direct, "{properties:?} {engine:?}");
}

#[test]
fn plain_connections_are_spoken_to_directly_and_what_only_librdkafka_knows_by_it() {
    use ProducerEngine::{Auto, Direct, Librdkafka};
    check(&[], Auto, Some(true));
    check(&[("client.id", "orders"), ("fetch.wait.max.ms", "10")], Auto, Some(true));
    check(&[("security.protocol", "PLAINTEXT")], Auto, Some(true));
    check(&[("security.protocol", "SSL")], Auto, Some(false));
    check(&[("compression.type", "lz4")], Auto, Some(false));
    check(&[], Librdkafka, Some(false));
    check(&[], Direct, Some(true));
    check(&[("security.protocol", "SSL")], Direct, None);
    check(&[("compression.type", "lz4")], Direct, None);
}

#[test]
fn engines_have_names() {
    assert_eq!(ProducerEngine::parse("auto").unwrap(), ProducerEngine::Auto);
    assert_eq!(ProducerEngine::parse("direct").unwrap(), ProducerEngine::Direct);
    assert_eq!(ProducerEngine::parse("librdkafka").unwrap(), ProducerEngine::Librdkafka);
    let error = ProducerEngine::parse("java").unwrap_err();
    assert_eq!(error.to_string(), "producer engine \"java\": use auto, direct or librdkafka");
}
