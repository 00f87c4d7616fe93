//! One request to a registry, over its URLs in order, and what its failures mean.

use reqwest::{Method, StatusCode};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::RawError;
use serde::Deserialize;
use serde_json::Value;

use super::{Auth, ClientSettings};
use crate::{Error, ErrorKind};

const CONTENT_TYPE: &str = "application/vnd.schemaregistry.v1+json";

#[derive(Deserialize)]
struct ErrorBody {
    error_code: u32,
    message: String,
}

/// Sends to each URL in turn until one answers; a server that refuses has answered.
pub(super) async fn send(
    http: &reqwest::Client,
    settings: &ClientSettings,
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> Result<Value, Error> {
    let mut last = unavailable("no schema registry URL is set; set SCHEMA_REGISTRY_URL");
    for url in &settings.urls {
        let mut request = http
            .request(method.clone(), format!("{url}{path}"))
            .header("Accept", format!("{CONTENT_TYPE}, application/json"));
        request = match &settings.auth {
            Auth::None => request,
            Auth::Basic { user, password } => request.basic_auth(user, Some(password.reveal())),
            Auth::Bearer(token) => request.bearer_auth(token.reveal()),
        };
        if let Some(body) = body {
            request = request.header("Content-Type", CONTENT_TYPE).body(body.to_string());
        }
        match answer(url, request).await {
            Err(error) if error.kind() == ErrorKind::Unavailable => last = error,
            done => return done,
        }
    }
    Err(last)
}

async fn answer(url: &str, request: reqwest::RequestBuilder) -> Result<Value, Error> {
    let gone =
        |error: reqwest::Error| unavailable(format!("schema registry {url} cannot be reached: {}", causes(&error)));
    let response = request.send().await.map_err(gone)?;
    let status = response.status();
    let text = response.text().await.map_err(gone)?;
    if !status.is_success() {
        let (code, message) = match serde_json::from_str::<ErrorBody>(&text) {
            Ok(body) => (body.error_code, body.message),
            Err(_) => (0, format!("HTTP {status} without a registry's error; is the URL right?")),
        };
        return Err(refusal(url, status.as_u16(), code, &message));
    }
    if text.trim().is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_str(&text).map_err(|error| {
        Error::new(ErrorKind::Refused, format!("schema registry {url} answered no JSON ({error}); is the URL right?"))
    })
}

/// The error's own text is short; its causes say what happened.
fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        cause = inner.source();
    }
    text
}

pub(super) fn unavailable(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unavailable, message)
}

fn refusal(url: &str, status: u16, code: u32, message: &str) -> Error {
    let kind = match (status, code) {
        (_, 40401..=40409) => ErrorKind::NotFound,
        (_, 42201) => ErrorKind::InvalidSchema,
        (401 | 403, _) => {
            return Error::new(
                ErrorKind::Refused,
                format!("schema registry {url} refused the credentials (HTTP {status}): {message}"),
            )
            .with_code(code);
        }
        (429 | 500.., _) => ErrorKind::Unavailable,
        _ => ErrorKind::Refused,
    };
    Error::new(kind, format!("schema registry {url}: {message}")).with_code(code)
}

/// What an error of `schema_registry_converter` means.
pub(super) fn converted(urls: &[String], error: &SRCError) -> Error {
    let url = urls.join(",");
    let source = std::error::Error::source(error);
    if let Some(raw) = source.and_then(|source| source.downcast_ref::<RawError>()) {
        let status = StatusCode::from_u16(status_in(&error.error)).map_or(500, |s| s.as_u16());
        return refusal(&url, status, raw.error_code, &raw.message);
    }
    let detail = source.map_or_else(|| error.error.clone(), causes);
    let kind = match error.retriable {
        true => ErrorKind::Unavailable,
        false => ErrorKind::Refused,
    };
    Error::new(kind, format!("schema registry {url}: {detail}"))
}

/// The status is in the text only: `... failed with status 404 Not Found`.
fn status_in(text: &str) -> u16 {
    text.split_once("status ").and_then(|(_, rest)| rest.get(..3)).and_then(|digits| digits.parse().ok()).unwrap_or(500)
}
