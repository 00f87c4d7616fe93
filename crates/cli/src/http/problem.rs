use axum::Json;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::query::Failure;

/// An error as RFC 9457 has it: what is wrong in `title`, what to do in `detail`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// `about:blank`, or what names this kind of problem.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    status: u16,
    detail: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    missing_partitions: Option<Vec<u32>>,
}

impl Problem {
    fn new(status: StatusCode, kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self { kind, title, status: status.as_u16(), detail: detail.into(), missing_partitions: None }
    }

    /// There is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "urn:headwater:problem:not-found", "not found", detail)
    }

    /// A parameter can't be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "urn:headwater:problem:bad-request", "bad request", detail)
    }

    /// The application has not started yet.
    pub fn starting() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "urn:headwater:problem:starting",
            "starting",
            "the application is starting: ask again when /health answers 200",
        )
    }

    /// Something that should not be.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "urn:headwater:problem:internal", "internal error", detail)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Broken(why) => Self::internal(format!("{why}; the log of this instance says more")),
            Failure::Missing { partitions, why } => {
                let listed: Vec<String> = partitions.iter().map(u32::to_string).collect();
                let detail = format!("no answer for partitions {}: {why}", listed.join(", "));
                let mut problem = Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "urn:headwater:problem:partitions-missing",
                    "partitions are missing",
                    detail,
                );
                problem.missing_partitions = Some(partitions);
                problem
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        response
    }
}

/// Nothing is served at this path.
pub async fn no_route(uri: Uri) -> Problem {
    Problem::not_found(format!(
        "nothing is served at {}: there are /health, /metrics, /api/v1/orders, /api/v1/sagas, \
         /api/v1/inventory/products/SKU and /api/v1/analytics/orders/status-distribution and revenue-by-day",
        uri.path()
    ))
}

/// The path is served, but not by this method.
pub async fn no_method(uri: Uri) -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "urn:headwater:problem:method-not-allowed",
        "method not allowed",
        format!("{} is read with GET; to change something, send a command to its topic", uri.path()),
    )
}
