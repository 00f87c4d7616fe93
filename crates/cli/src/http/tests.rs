#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::num::NonZeroU32;

use serde_json::Value;

use super::*;

/// The API of a service whose application has not started.
async fn serve(with_asker: bool) -> String {
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)), "--http-port").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = Service::new(prometheus::Registry::new(), url.clone());
    let api = Api::new(service.clone());
    if with_asker {
        let six = NonZeroU32::new(6).unwrap();
        api.answer_by(Asker::new(service, BTreeMap::from([("order", six), ("sku", six)])).unwrap());
    }
    tokio::spawn(async move { axum::serve(listener, router(api)).await });
    url
}

async fn get(url: &str) -> (u16, String, Value) {
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let answer = http.get(url).send().await.unwrap();
    let kind = answer.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    (answer.status().as_u16(), kind, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn health_says_that_it_is_starting() {
    let url = serve(false).await;
    let (status, _, health) = get(&format!("{url}/health")).await;
    assert_eq!((status, health["status"].as_str()), (503, Some("starting")));
    let (status, kind, problem) = get(&format!("{url}/api/v1/orders/o-1")).await;
    assert_eq!((status, kind.as_str()), (503, "application/problem+json"));
    assert_eq!(problem["title"], "starting");
}

#[tokio::test]
async fn parameters_that_make_no_sense_are_named() {
    let url = serve(true).await;
    let check = async |path: &str, word: &str| {
        let (status, kind, problem) = get(&format!("{url}{path}")).await;
        assert_eq!((status, kind.as_str()), (400, "application/problem+json"), "{path}: {problem}");
        assert!(problem["detail"].as_str().unwrap().contains(word), "{path}: {problem}");
        assert_eq!(problem["status"], 400);
    };
    check("/api/v1/orders?limit=-1", "limit").await;
    check("/api/v1/orders?limit=5000", "1000").await;
    check("/api/v1/orders?offset=x", "offset").await;
    check("/api/v1/orders?status=lost", "lost").await;
    check("/api/v1/orders?date_from=31/08/2011", "date_from").await;
    check("/api/v1/orders/%20padded", "order id").await;
    check("/api/v1/inventory/products/%09", "sku").await;
}

#[tokio::test]
async fn what_is_missing_is_named() {
    let url = serve(true).await;
    let (status, _, problem) = get(&format!("{url}/api/v1/analytics/orders/revenue-by-day")).await;
    assert_eq!(status, 503);
    assert_eq!(problem["missing_partitions"], serde_json::json!([0, 1, 2, 3, 4, 5]));
    assert!(problem["detail"].as_str().unwrap().contains("order-views"), "{problem}");
    let (status, _, problem) = get(&format!("{url}/api/v1/orders/o-1")).await;
    assert_eq!((status, problem["missing_partitions"].as_array().unwrap().len()), (503, 1));
}

#[tokio::test]
async fn an_unknown_path_says_what_there_is() {
    let url = serve(true).await;
    let (status, kind, problem) = get(&format!("{url}/api/v2/orders")).await;
    assert_eq!((status, kind.as_str()), (404, "application/problem+json"));
    assert!(problem["detail"].as_str().unwrap().contains("/api/v1/orders"), "{problem}");
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    assert_eq!(http.post(format!("{url}/api/v1/orders")).send().await.unwrap().status().as_u16(), 405);
}
