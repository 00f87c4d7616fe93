//! axum's extractors, with their refusals in the registry's JSON: clients read every error as that.

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::registry::ApiError;

/// The parts of the path.
pub(super) struct Path<T>(pub(super) T);

/// The query parameters.
pub(super) struct Query<T>(pub(super) T);

/// The body, up to axum's limit.
pub(super) struct Body(pub(super) Bytes);

fn refused(status: StatusCode, why: impl Into<String>) -> ApiError {
    ApiError::new(u32::from(status.as_u16()), why)
}

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found = axum::extract::Path::from_request_parts(parts, state).await;
        found.map(|path| Self(path.0)).map_err(|why| refused(why.status(), why.body_text()))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let found = axum::extract::Query::from_request_parts(parts, state).await;
        found.map(|query| Self(query.0)).map_err(|why| refused(why.status(), why.body_text()))
    }
}

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        let read = Bytes::from_request(request, state).await;
        read.map(Self).map_err(|why| refused(why.status(), why.body_text()))
    }
}
