//! ApiVersions.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::ApiVersionsResponse;
use kafka_protocol::messages::api_versions_response::ApiVersion;

use crate::server::frame::{RequestFrame, served_apis};

/// What is served. A version of this request that is not known is answered in version 0 (KIP-511).
/// No finalised features: clients then use the transaction protocol before KIP-890's second part.
pub(super) fn api_versions(frame: &RequestFrame) -> ApiVersionsResponse {
    let keys = served_apis().iter().map(|api| {
        ApiVersion::default()
            .with_api_key(api.key as i16)
            .with_min_version(api.min_version)
            .with_max_version(api.max_version)
    });
    let error = frame.unsupported_api_versions.then_some(ResponseError::UnsupportedVersion);
    ApiVersionsResponse::default().with_error_code(super::answers::code_of(error)).with_api_keys(keys.collect())
}
