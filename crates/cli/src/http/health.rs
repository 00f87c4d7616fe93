use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use prometheus::{Encoder, TextEncoder};

use super::{Api, Problem};

/// 200 once everything serves, 503 before and when it has failed.
pub async fn health(State(api): State<Api>) -> Response {
    let health = api.service.health();
    let status = if health.status == "serving" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(health)).into_response()
}

/// Prometheus' text.
pub async fn metrics(State(api): State<Api>) -> Result<Response, Problem> {
    let service = api.service.clone();
    let text = tokio::task::spawn_blocking(move || {
        service.refresh_metrics();
        let mut text = Vec::new();
        TextEncoder::new().encode(&service.metrics().gather(), &mut text).map(|()| text)
    });
    match text.await {
        Ok(Ok(text)) => Ok(([(header::CONTENT_TYPE, prometheus::TEXT_FORMAT)], text).into_response()),
        Ok(Err(error)) => Err(Problem::internal(format!("metrics can't be written: {error}"))),
        Err(error) => Err(Problem::internal(format!("metrics can't be gathered: {error}"))),
    }
}
