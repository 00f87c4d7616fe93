#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;

fn environment(pairs: &[(&str, &str)]) -> Environment {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn brokers(of: &str) -> FileSettings {
    FileSettings { brokers: Some(of.to_owned()), ..FileSettings::default() }
}

#[test]
fn the_nearer_layer_wins() {
    let check =
        |flag: Option<&str>, variable: Option<&str>, file: Option<&str>, profile: Option<&str>, expected: &str| {
            let variables: Vec<_> = variable.map(|value| ("KAFKA_BOOTSTRAP_SERVERS", value)).into_iter().collect();
            let settings = Settings::of_layers(
                environment(&variables),
                file.map(brokers).unwrap_or_default(),
                profile.map(brokers).unwrap_or_default(),
            );
            let arguments = ConnectionArgs { brokers: flag.map(str::to_owned), ..ConnectionArgs::default() };
            assert_eq!(settings.connection(&arguments).unwrap().bootstrap_servers(), expected);
        };
    check(Some("flag:1"), Some("env:1"), Some("file:1"), Some("profile:1"), "flag:1");
    check(None, Some("env:1"), Some("file:1"), Some("profile:1"), "env:1");
    check(None, None, Some("file:1"), Some("profile:1"), "file:1");
    check(None, None, None, Some("profile:1"), "profile:1");
    check(None, None, None, None, "localhost:9092");
    check(None, Some(" "), Some("file:1"), None, "file:1");
}

#[test]
fn numbers_follow_the_same_order_and_say_what_is_wrong() {
    let file = FileSettings { http_port: Some(3), ..FileSettings::default() };
    let settings = |text: &str| Settings::of_layers(environment(&[("PORT", text)]), file.clone(), file.clone());
    let value = |text: &str, flag| settings(text).value(flag, "PORT", |file| file.http_port);
    assert_eq!(value("2", Some(1)).unwrap(), Some(1));
    assert_eq!(value("2", None).unwrap(), Some(2));
    assert_eq!(value("", None).unwrap(), Some(3));
    let error = value("many", None).unwrap_err();
    assert_eq!((error.exit_code(), error.to_string().as_str()), (2, "PORT=many can't be understood"));
}

#[test]
fn properties_of_all_layers_count() {
    let file = FileSettings::parse("properties: {client.rack: file, socket.keepalive.enable: 'true'}").unwrap();
    let profile = FileSettings::parse("properties: {client.rack: profile, linger.ms: '7'}").unwrap();
    let settings = Settings::of_layers(Environment::new(), file, profile);
    let arguments = ConnectionArgs { properties: vec!["linger.ms=9".into()], ..ConnectionArgs::default() };
    let connection = settings.connection(&arguments).unwrap();
    assert_eq!(connection.property("client.rack"), Some("file"));
    assert_eq!(connection.property("linger.ms"), Some("9"));
    assert_eq!(connection.property("socket.keepalive.enable"), Some("true"));
}

#[test]
fn a_typo_in_a_file_is_no_default() {
    let error = FileSettings::parse("broker: localhost:9092\n").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("broker"), "{error}");
    assert_eq!(FileSettings::parse("# nothing yet\n\n").unwrap(), FileSettings::default());
}

#[test]
fn other_message_brokers_are_refused_with_the_reason() {
    let of = |value: &str| Settings::of_layers(environment(&[("MESSAGE_BROKER", value)]), brokers(""), brokers(""));
    assert_eq!(of("kafka").message_broker().unwrap(), MessageBroker::Kafka);
    assert_eq!(of("in_memory").message_broker().unwrap(), MessageBroker::InMemory);
    let error = of("rabbitmq").message_broker().unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("rabbitmq"), "{error}");
}

#[test]
fn data_lies_where_the_user_keeps_data() {
    let check = |pairs: &[(&str, &str)], expected: Option<&str>| {
        let settings = Settings::of_layers(environment(pairs), FileSettings::default(), FileSettings::default());
        let folder = settings.folder(None, |file| file.data_dir.clone(), &["dev"]).ok();
        assert_eq!(folder, expected.map(PathBuf::from));
    };
    check(&[("XDG_DATA_HOME", "/data"), ("HOME", "/users/x")], Some("/data/headwater/dev"));
    check(&[("HOME", "/users/x")], Some("/users/x/.local/share/headwater/dev"));
    check(&[("XDG_DATA_HOME", "relative"), ("HOME", "/users/x")], Some("/users/x/.local/share/headwater/dev"));
    check(&[], None);
}

#[test]
fn a_profile_is_a_name_and_no_path() {
    let home = environment(&[("HOME", "/users/x")]);
    let path = defaults::profile_path(&home, "staging").unwrap();
    assert_eq!(path, PathBuf::from("/users/x/.config/headwater/profiles/staging.yaml"));
    for name in ["", "../secrets", "a/b", ".hidden"] {
        assert!(defaults::profile_path(&home, name).is_err(), "{name}");
    }
}
