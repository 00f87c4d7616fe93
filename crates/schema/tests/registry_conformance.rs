//! One list of cases for every Confluent-compatible registry: always run against the embedded one,
//! and against a real one where `SCHEMA_REGISTRY_URL` is set.
//!
//! Apicurio differs from Confluent in places; each such step says how and why, and is checked to
//! differ in just that way, so that a mark cannot outlive its reason.

#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "registry_conformance/cases.rs"]
mod cases;
#[path = "registry_conformance/script.rs"]
mod script;

use std::sync::Arc;

use headwater_schema::registry::{Registry, serve};

#[tokio::test]
async fn the_embedded_registry_conforms() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, Arc::new(Registry::in_memory())));
    let failures = script::run(&format!("http://{address}"), &cases::all()).await;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[tokio::test]
async fn a_real_registry_conforms() {
    let Ok(url) = std::env::var("SCHEMA_REGISTRY_URL") else {
        eprintln!("SCHEMA_REGISTRY_URL is not set: only the embedded registry was checked");
        return;
    };
    let failures = script::run(url.trim_end_matches('/'), &cases::all()).await;
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}
