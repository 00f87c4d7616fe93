//! Requests to the registry, with a zero byte between; each a line `METHOD path`, then a body. Every one gets a status
//! that is not the server's fault, and JSON; and the log that they leave is the state that they left.

use std::sync::{Arc, LazyLock};
use std::task::{Context, Waker};

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, Uri};
use headwater_schema::registry::{MemoryLog, Registry, router};
use tokio::runtime::{Builder, Runtime};
use tower_service::Service;

/// More than any answer to inputs of some kilobytes.
const ANSWER_BYTES_MAX: usize = 16 << 20;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().max_blocking_threads(1).build().expect("a runtime"));

pub fn target(bytes: &[u8]) {
    let log = Arc::new(MemoryLog::default());
    let registry = Arc::new(Registry::open(Box::new(Arc::clone(&log))).expect("an empty log"));
    for request in bytes.split(|byte| *byte == 0).take(20) {
        exchange(&registry, request);
    }
    let again = Registry::open(Box::new(log)).expect("a log that the registry wrote");
    assert!(*again.state() == *registry.state(), "the state is a fold of the log");
}

fn exchange(registry: &Arc<Registry>, request: &[u8]) {
    let line = request.iter().position(|byte| *byte == b'\n').unwrap_or(request.len());
    let (line, body) = request.split_at(line);
    let mut words = line.splitn(2, |byte| *byte == b' ');
    let (Some(method), Some(path)) = (words.next(), words.next()) else { return };
    let (Ok(method), Ok(path)) = (Method::from_bytes(method), Uri::try_from(path)) else { return };
    // The answer to HEAD has no body, whatever it would be.
    let is_head = method == Method::HEAD;
    let request = Request::builder().method(method).uri(path).body(Body::from(body.to_vec()));
    let Ok(request) = request else { return };
    let mut routes = router(Arc::clone(registry));
    let (status, answer) = RUNTIME.block_on(async {
        let ready = <_ as Service<Request<Body>>>::poll_ready(&mut routes, &mut Context::from_waker(Waker::noop()));
        assert!(ready.is_ready());
        let response = routes.call(request).await.expect("an answer");
        (response.status(), to_bytes(response.into_body(), ANSWER_BYTES_MAX).await.expect("a body"))
    });
    assert!(!status.is_server_error() && !status.is_informational(), "{status} {answer:?}");
    let json: Result<serde_json::Value, _> = serde_json::from_slice(&answer);
    assert!(is_head || json.is_ok(), "{status} {answer:?}");
    if !status.is_success() && !is_head {
        let json = json.unwrap_or_default();
        assert!(json["error_code"].is_u64() && json["message"].is_string(), "{status} {json}");
    }
}
