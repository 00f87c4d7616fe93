#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::args::ConnectionArgs;
use crate::settings::FileSettings;

fn resolve(arguments: DevArgs, variables: &[(&str, &str)]) -> Result<DevOptions, Error> {
    let mut environment = crate::settings::Environment::from([("HOME".to_owned(), "/users/x".to_owned())]);
    environment.extend(variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let none = FileSettings::default();
    DevOptions::resolve(&arguments, &Settings::of_layers(environment, none.clone(), none))
}

fn brokers(brokers: &str) -> DevArgs {
    let connection = ConnectionArgs { brokers: Some(brokers.to_owned()), ..ConnectionArgs::default() };
    DevArgs { connection, ..DevArgs::default() }
}

#[test]
fn without_flags_everything_is_embedded_on_the_known_ports() {
    let options = resolve(DevArgs::default(), &[]).unwrap();
    assert!(matches!(options.broker, BrokerChoice::Disk { port: 9092 }));
    assert_eq!(options.registry, RegistryChoice::Embedded("127.0.0.1:8081".parse().unwrap()));
    assert_eq!(options.http, "127.0.0.1:8080".parse().unwrap());
    assert_eq!(options.data_dir, PathBuf::from("/users/x/.local/share/headwater/dev"));
}

#[test]
fn the_broker_can_live_in_memory_or_be_a_real_one_and_not_both() {
    let memory = [("MESSAGE_BROKER", "in_memory")];
    let options = resolve(DevArgs { kafka_port: Some(0), ..DevArgs::default() }, &memory).unwrap();
    assert!(matches!(options.broker, BrokerChoice::Memory { port: 0 }));
    let options = resolve(brokers("kafka:9092"), &[]).unwrap();
    assert!(matches!(&options.broker, BrokerChoice::External(c) if c.bootstrap_servers() == "kafka:9092"));
    assert_eq!(resolve(brokers("kafka:9092"), &memory).unwrap_err().exit_code(), 2);
    assert_eq!(resolve(DevArgs::default(), &[("MESSAGE_BROKER", "nats")]).unwrap_err().exit_code(), 2);
}

#[test]
fn a_real_kafka_has_the_embedded_registry_unless_another_is_named() {
    let registry = [("SCHEMA_REGISTRY_URL", "http://registry:8081")];
    let embedded = RegistryChoice::Embedded("127.0.0.1:8081".parse().unwrap());
    assert_eq!(resolve(brokers("kafka:9092"), &[]).unwrap().registry, embedded);
    let external = RegistryChoice::External("http://registry:8081".to_owned());
    assert_eq!(resolve(brokers("kafka:9092"), &registry).unwrap().registry, external);
    assert_eq!(resolve(DevArgs::default(), &registry).unwrap().registry, embedded);
}
