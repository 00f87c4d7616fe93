//! Errors as Confluent's registry answers them: an HTTP status, a code, a message.

use crate::{Error, ErrorKind};

/// An error answer. Codes and words are those of Confluent's `Errors` class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (error code {code})")]
pub struct ApiError {
    /// The HTTP status.
    pub status: u16,
    /// `error_code`; the status followed by two digits, or the status alone.
    pub code: u32,
    /// `message`.
    pub message: String,
}

impl ApiError {
    /// An error of a code; the status is its first three digits.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        let status = if code >= 1000 { code / 100 } else { code };
        Self { status: u16::try_from(status).unwrap_or(500), code, message: message.into() }
    }

    pub(super) fn subject_not_found(subject: &str) -> Self {
        Self::new(40401, format!("Subject '{subject}' not found."))
    }

    pub(super) fn version_not_found(version: impl std::fmt::Display) -> Self {
        Self::new(40402, format!("Version {version} not found."))
    }

    pub(super) fn schema_not_found() -> Self {
        Self::new(40403, "Schema not found")
    }

    pub(super) fn schema_id_not_found(id: u32) -> Self {
        Self::new(40403, format!("Schema {id} not found"))
    }

    pub(super) fn subject_soft_deleted(subject: &str) -> Self {
        Self::new(40404, format!("Subject '{subject}' was soft deleted. Set permanent=true to delete permanently"))
    }

    pub(super) fn subject_not_soft_deleted(subject: &str) -> Self {
        Self::new(40405, format!("Subject '{subject}' was not deleted first before being permanently deleted"))
    }

    pub(super) fn version_soft_deleted(subject: &str, version: u32) -> Self {
        Self::new(
            40406,
            format!("Subject '{subject}' Version {version} was soft deleted. Set permanent=true to delete permanently"),
        )
    }

    pub(super) fn version_not_soft_deleted(subject: &str, version: u32) -> Self {
        Self::new(
            40407,
            format!("Subject '{subject}' Version {version} was not deleted first before being permanently deleted"),
        )
    }

    pub(super) fn no_subject_level(subject: &str) -> Self {
        Self::new(40408, format!("Subject '{subject}' does not have subject-level compatibility configured"))
    }

    pub(super) fn no_subject_mode(subject: &str) -> Self {
        Self::new(40409, format!("Subject '{subject}' does not have subject-level mode configured"))
    }

    pub(super) fn invalid_schema(detail: impl std::fmt::Display) -> Self {
        Self::new(42201, format!("Invalid schema: {detail}"))
    }

    pub(super) fn invalid_version(version: &str) -> Self {
        Self::new(
            42202,
            format!(
                "The specified version '{version}' is not a valid version id. Allowed values are between [1, 2^31-1] and the string \"latest\""
            ),
        )
    }

    pub(super) fn invalid_level() -> Self {
        Self::new(
            42203,
            "Invalid compatibility level. Valid values are none, backward, forward, full, backward_transitive, forward_transitive, and full_transitive",
        )
    }

    pub(super) fn invalid_mode() -> Self {
        Self::new(42204, "Invalid mode. Valid values are READWRITE, READONLY, READONLY_OVERRIDE, and IMPORT")
    }

    pub(super) fn not_permitted(detail: impl Into<String>) -> Self {
        Self::new(42205, detail)
    }

    pub(super) fn incompatible(detail: impl Into<String>) -> Self {
        Self::new(409, detail)
    }

    pub(super) fn store(error: &Error) -> Self {
        Self::new(50001, format!("Error in the backend data store: {error}"))
    }
}

impl From<ApiError> for Error {
    fn from(error: ApiError) -> Self {
        let kind = match error.status {
            404 => ErrorKind::NotFound,
            422 if error.code == 42201 => ErrorKind::InvalidSchema,
            500.. => ErrorKind::Unavailable,
            _ => ErrorKind::Refused,
        };
        let code = error.code;
        Self::new(kind, error.message).with_code(code)
    }
}
