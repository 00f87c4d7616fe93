//! A cluster with TLS and passwords (SASL_SSL, SCRAM-SHA-512): an order ends there, and whoever is not let in is told why.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeSet;
use std::time::Duration;

use headwater_tests::ended::Ended;
use headwater_tests::headwater::{Headwater, Place, place_order, receive_stock, run};
use headwater_tests::platform::{Platform, needed};

const PATIENCE: Duration = Duration::from_secs(60);

/// How to reach the secured listener.
struct Access {
    bootstrap: String,
    user: String,
    password: String,
    ca: String,
}

impl Access {
    fn find(scenario: &str) -> Option<Self> {
        Some(Self {
            bootstrap: needed(scenario, "HEADWATER_TEST_SECURED_BOOTSTRAP")?,
            user: needed(scenario, "HEADWATER_TEST_SECURED_USER")?,
            password: needed(scenario, "HEADWATER_TEST_SECURED_PASSWORD")?,
            ca: needed(scenario, "HEADWATER_TEST_SECURED_CA")?,
        })
    }

    /// `-X` options, as the README gives them.
    fn properties(&self, password: &str) -> Vec<String> {
        let properties = [
            "security.protocol=SASL_SSL".to_owned(),
            "sasl.mechanism=SCRAM-SHA-512".to_owned(),
            format!("sasl.username={}", self.user),
            format!("sasl.password={password}"),
            format!("ssl.ca.location={}", self.ca),
        ];
        properties.into_iter().flat_map(|property| ["-X".to_owned(), property]).collect()
    }
}

fn as_texts(arguments: &[String]) -> Vec<&str> {
    arguments.iter().map(String::as_str).collect()
}

#[test]
fn an_order_ends_behind_tls_and_a_password() {
    let Some(access) = Access::find("secured") else { return };
    let Some(platform) = Platform::apache_kafka("secured") else { return };
    let ended = Ended::follow(&platform);
    let secured = Platform { bootstrap: access.bootstrap.clone(), ..platform.clone() };
    let properties = access.properties(&access.password);
    let folder = tempfile::tempdir().unwrap();
    let (place, log) = (Place::new("a", folder.path()), folder.path().join("run.log"));
    let mut process = Headwater::run_all(&secured, &place, &as_texts(&properties), &log);
    process.wait_healthy(&format!("{}/health", place.url()), PATIENCE);

    let produce = |topic: &str, line: &str| {
        let target = ["produce", "-t", topic, "-b", &secured.bootstrap, "--topic-prefix", &secured.prefix];
        let arguments = [&target[..], &["--registry", &secured.registry_url], &as_texts(&properties)].concat();
        let (code, output, errors) = run(&arguments, &[], &format!("{line}\n"));
        assert_eq!(code, 0, "{output}{errors}");
    };
    produce("inventory.commands", &receive_stock("mug", 10));
    produce("orders.commands", &place_order("o-1", "mug", 2));
    let orders = BTreeSet::from(["o-1".to_owned()]);
    ended.wait_for_all(&orders, PATIENCE, || process.check().unwrap()).unwrap();

    process.signal_and_wait("INT", Duration::from_secs(30));
    let told = std::fs::read_to_string(&log).unwrap();
    assert!(!told.contains(&access.password), "the password is in the log:\n{told}");
    platform.remove();
}

#[test]
fn who_is_not_let_in_is_told_why_at_once() {
    let Some(access) = Access::find("secured: refused") else { return };
    let check = |case: &str, properties: &[String], expected: &str| {
        let arguments = [&["topics", "list", "-b", &access.bootstrap][..], &as_texts(properties)].concat();
        let (code, output, errors) = run(&arguments, &[], "");
        assert_ne!(code, 0, "{case}: {output}{errors}");
        assert!(errors.contains(expected), "{case}: {errors}");
        assert!(!errors.contains(&access.password), "{case}: the password is shown: {errors}");
    };
    let mut without_ca = access.properties(&access.password);
    without_ca.truncate(without_ca.len() - 2);
    check("wrong password", &access.properties("wrong"), "check security.protocol and the properties sasl.* and ssl.*");
    check("unknown authority", &without_ca, "certificate");
    check("no protocol", &[], "security.protocol");
}
