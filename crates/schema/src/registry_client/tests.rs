#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use tokio::net::TcpListener;

use super::*;
use crate::avro::AvroSchema;
use crate::compatibility::Level;
use crate::registry::{Registry, router};
use crate::schema_book::{BookSettings, Declaration};
use crate::{ErrorKind, SchemaBook, SchemaId, SubjectStrategy, Version};

const A: &str = r#"{"type":"record","name":"n.A","fields":[{"name":"x","type":"int"}]}"#;
const A2: &str = r#"{"type":"record","name":"n.A","fields":[{"name":"x","type":"int"},{"name":"y","type":"int"}]}"#;

fn avro(text: &str) -> AvroSchema {
    AvroSchema::parse(text).unwrap()
}

async fn serve(app: Router) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    format!("http://{address}")
}

async fn embedded() -> String {
    serve(router(Arc::new(Registry::in_memory()))).await
}

fn settings(urls: &str) -> ClientSettings {
    let mut settings = ClientSettings::from_urls(urls).unwrap();
    settings.no_proxy = true;
    settings.backoff.delay_first = Duration::from_millis(1);
    settings
}

fn client(urls: &str) -> RegistryClient {
    RegistryClient::new(settings(urls)).unwrap()
}

/// An address where nobody listens.
async fn dead() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn every_call_works_on_the_embedded_registry() {
    let client = client(&embedded().await);
    let missing = client.id_of("a b/c", &avro(A)).await.unwrap_err();
    assert_eq!((missing.kind(), missing.code()), (ErrorKind::NotFound, Some(40401)));
    assert!(client.check_compatibility("a b/c", &avro(A)).await.unwrap().is_empty());

    let id = client.register("a b/c", &avro(A)).await.unwrap();
    assert_eq!(client.register("a b/c", &avro(A)).await.unwrap(), id);
    assert_eq!(client.id_of("a b/c", &avro(A)).await.unwrap(), id);
    assert_eq!(&*client.schema(id).await.unwrap(), avro(A).canonical());
    assert_eq!(client.subjects().await.unwrap(), ["a b/c"]);
    assert_eq!(client.versions("a b/c").await.unwrap(), [Version(1)]);
    let newest = client.version("a b/c", None).await.unwrap();
    assert_eq!((newest.version, newest.id), (Version(1), id));

    let messages = client.check_compatibility("a b/c", &avro(A2)).await.unwrap();
    assert!(messages[0].contains("READER_FIELD_MISSING_DEFAULT_VALUE"), "{messages:?}");
    let refused = client.register("a b/c", &avro(A2)).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Refused, Some(409)));
    assert!(refused.to_string().contains("field y"), "{refused}");

    assert_eq!(client.level(Some("a b/c")).await.unwrap(), None);
    assert_eq!(client.level(None).await.unwrap(), Some(Level::Backward));
    client.set_level(Some("a b/c"), Level::None).await.unwrap();
    assert_eq!(client.level(Some("a b/c")).await.unwrap(), Some(Level::None));
    client.register("a b/c", &avro(A2)).await.unwrap();

    let unknown = client.schema(SchemaId(99)).await.unwrap_err();
    assert_eq!((unknown.kind(), unknown.code()), (ErrorKind::NotFound, Some(40403)));
    assert_eq!(client.delete_version("a b/c", Version(2), false).await.unwrap(), Version(2));
    assert_eq!(client.delete_subject("a b/c", false).await.unwrap(), [Version(1)]);
    let twice = client.delete_subject("a b/c", false).await.unwrap_err();
    assert_eq!(twice.code(), Some(40404));
    let all = client.delete_subject("a b/c", true).await.unwrap();
    assert_eq!(all, [Version(1), Version(2)]);
    // What was deleted is not remembered as registered.
    assert!(client.id_of("a b/c", &avro(A)).await.is_err());
}

#[tokio::test]
async fn the_next_url_is_tried_where_one_is_dead() {
    let urls = format!("{},{}", dead().await, embedded().await);
    let client = client(&urls);
    let id = client.register("s", &avro(A)).await.unwrap();
    assert_eq!(client.versions("s").await.unwrap(), [Version(1)]);
    assert!(client.schema(id).await.is_ok());
}

#[tokio::test]
async fn a_registry_that_is_down_is_unavailable_after_bounded_tries() {
    let url = dead().await;
    for error in [client(&url).schema(SchemaId(1)).await.unwrap_err(), client(&url).versions("s").await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    }
}

#[tokio::test]
async fn overload_is_tried_again_and_refusals_are_not() {
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let app = Router::new()
        .route(
            "/subjects/busy/versions",
            get(async move || match counted.fetch_add(1, Ordering::SeqCst) {
                0 | 1 => (StatusCode::SERVICE_UNAVAILABLE, "{}".to_owned()),
                _ => (StatusCode::OK, "[1]".to_owned()),
            }),
        )
        .route("/subjects/odd/versions", get(async || "not json"));
    let client = client(&serve(app).await);
    assert_eq!(client.versions("busy").await.unwrap(), [Version(1)]);
    assert_eq!(calls.load(Ordering::SeqCst), 3);
    let odd = client.versions("odd").await.unwrap_err();
    assert_eq!(odd.kind(), ErrorKind::Refused);
}

#[tokio::test]
async fn credentials_are_sent_and_never_shown() {
    let app = Router::new().fallback(async |headers: HeaderMap| {
        let sent = headers.get("authorization").and_then(|value| value.to_str().ok());
        match sent {
            // user:p@ss
            Some("Basic dXNlcjpwQHNz" | "Bearer s3cret") => (StatusCode::OK, "[1]"),
            _ => (StatusCode::UNAUTHORIZED, r#"{"error_code":401,"message":"Unauthorized"}"#),
        }
    });
    let url = serve(app).await;
    let anonymous = client(&url);
    let refused = anonymous.versions("s").await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Refused);
    assert!(refused.to_string().contains("refused the credentials"), "{refused}");
    let refused = anonymous.schema(SchemaId(1)).await.unwrap_err();
    assert!(refused.to_string().contains("refused the credentials"), "{refused}");

    let with_user = url.replace("http://", "http://user:p%40ss@");
    let basic = client(&with_user);
    assert_eq!(basic.versions("s").await.unwrap(), [Version(1)]);
    let mut bearer = settings(&url);
    bearer.auth = Auth::Bearer(Secret::new("s3cret"));
    let bearer = RegistryClient::new(bearer).unwrap();
    assert_eq!(bearer.versions("s").await.unwrap(), [Version(1)]);
    for shown in [format!("{basic:?}"), format!("{bearer:?}"), format!("{:?}", settings(&with_user))] {
        assert!(!shown.contains("p@ss") && !shown.contains("p%40ss"), "{shown}");
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}

#[test]
fn urls_that_are_none_are_refused_without_repeating_them() {
    for list in ["", "localhost:8081", "ftp://user:hunter2@host", "http://", "http://ok,hunter2"] {
        let error = ClientSettings::from_urls(list).unwrap_err();
        assert!(!error.to_string().contains("hunter2"), "{error}");
    }
    let settings = ClientSettings::from_urls("http://a:8081/, https://b/x/").unwrap();
    assert_eq!(settings.urls, ["http://a:8081", "https://b/x"]);
}

#[test]
fn a_certificate_or_proxy_that_is_none_is_refused() {
    let mut bad = settings("http://a");
    bad.proxy = Some("::".to_owned());
    assert_eq!(RegistryClient::new(bad).unwrap_err().kind(), ErrorKind::Refused);
    let mut bad = settings("http://a");
    bad.ca_pem = Some(b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n".to_vec());
    assert_eq!(RegistryClient::new(bad).unwrap_err().kind(), ErrorKind::Refused);
}

#[test]
fn waits_double_up_to_their_bound_and_end() {
    let backoff =
        Backoff { attempts_max: 5, delay_first: Duration::from_millis(100), delay_max: Duration::from_millis(300) };
    let delays: Vec<_> = (1..=5).map(|n| backoff.delay_after(n).map(|d| d.as_millis())).collect();
    assert_eq!(delays, [Some(100), Some(200), Some(300), Some(300), None]);
    assert!(Backoff { attempts_max: u32::MAX, ..backoff }.delay_after(1_000_000).is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_book_over_a_registry_prefetches_and_looks_up() {
    let url = embedded().await;
    let id = client(&url).register("t-n.A", &avro(A)).await.unwrap();
    // Blocking calls from inside a runtime work, and so does dropping the client there.
    let registry = BlockingRegistry::new(settings(&url)).unwrap();
    let strategy = SubjectStrategy::TopicRecordNameStrategy;
    let book = SchemaBook::new(Box::new(registry.clone()), BookSettings::default());
    let declared = |schema: &str| Declaration { topic: "t".to_owned(), strategy, schema: schema.to_owned() };
    book.prefetch(&[declared(A)]).unwrap();
    assert_eq!(book.id_for("t", strategy, "n.A").unwrap(), id);
    let missing = book.prefetch(&[declared(A2)]).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);

    let fresh = SchemaBook::new(Box::new(registry.clone()), BookSettings::default());
    assert_eq!(fresh.writer(id).unwrap().full_name(), Some("n.A"));
    assert_eq!(fresh.writer(SchemaId(77)).unwrap_err().kind(), ErrorKind::NotFound);
    drop((book, fresh, registry));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_registry_that_does_not_answer_holds_a_worker_for_a_bounded_time() {
    let app = Router::new().fallback(async || std::future::pending::<()>().await);
    let mut slow = settings(&serve(app).await);
    slow.call_timeout = Duration::from_millis(50);
    let registry = BlockingRegistry::new(slow).unwrap();
    let error = registry.wait(|client| async move { client.schema(SchemaId(1)).await }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(error.to_string().contains("within 50 ms"), "{error}");
}
