//! Answers in the registry's content type.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::registry::{ApiError, SubjectVersion};

const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

/// What a handler gives: JSON or an error.
pub(super) type Answer = Result<Json, ApiError>;

/// A JSON answer of the registry.
pub(super) struct Json(pub(super) Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        respond(StatusCode::OK, self.0.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if status.is_server_error() {
            tracing::error!(error = %self, "schema registry request failed");
        }
        let body = json!({"error_code": self.code, "message": self.message});
        respond(status, body.to_string())
    }
}

fn respond(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response()
}

pub(super) async fn empty() -> Json {
    Json(json!({}))
}

pub(super) async fn no_route() -> ApiError {
    ApiError::new(404, "HTTP 404 Not Found")
}

pub(super) async fn no_method() -> ApiError {
    ApiError::new(405, "HTTP 405 Method Not Allowed")
}

/// A version as the API shows it.
pub(super) fn version(version: &SubjectVersion) -> Value {
    let value = &version.value;
    let mut shown = json!({
        "subject": value.subject,
        "version": value.version,
        "id": value.id,
        "schema": value.schema,
    });
    if let (Some(kind), Some(object)) = (&value.schema_type, shown.as_object_mut())
        && kind != "AVRO"
    {
        object.insert("schemaType".to_owned(), json!(kind));
    }
    shown
}
