//! Frames on the wire: a length of four bytes, then a header and a body.

use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::{ApiKey, RequestHeader};
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, StrBytes};
use tokio::io::{AsyncRead, AsyncReadExt};

use super::outlines::{SERVED, ServedApi, served_api};
use super::shape::{self, Malformed};

/// Bytes that one request may have (Kafka's `socket.request.max.bytes`).
pub(crate) const REQUEST_BYTES_MAX: usize = 100 * 1024 * 1024;

/// Memory that is taken before a frame's bytes have arrived: a length alone must not cost 100 MiB.
const READ_AHEAD_BYTES: usize = 64 * 1024;

/// Why a connection is closed; every one of these is the client's doing or the network's.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the frame is {0} bytes, outside 8 to {REQUEST_BYTES_MAX}; is this a Kafka client without TLS?")]
    Length(i64),
    #[error("API key {0} is not served")]
    UnknownApi(i16),
    #[error("version {version} of {api:?} is not served ({min} to {max} are)")]
    UnsupportedVersion { api: ApiKey, version: i16, min: i16, max: i16 },
    #[error("malformed {api:?} request of version {version}: {reason}")]
    Malformed { api: ApiKey, version: i16, reason: Malformed },
    #[error("the codec refuses a {api:?} request of version {version}: {reason}")]
    Codec { api: ApiKey, version: i16, reason: String },
    #[error("the {api:?} response of version {version} cannot be encoded: {reason}")]
    Encode { api: ApiKey, version: i16, reason: String },
    #[error("connection: {0}")]
    Io(#[from] std::io::Error),
}

/// A request whose header is read and whose body fits the outline of its API.
#[derive(Debug)]
pub(crate) struct RequestFrame {
    /// The API and the versions served.
    pub(crate) api: &'static ServedApi,
    /// The version of the request and of its response.
    pub(crate) version: i16,
    /// Comes back in the response.
    pub(crate) correlation_id: i32,
    /// What the client calls itself.
    pub(crate) client_id: StrBytes,
    /// The encoded body.
    pub(crate) body: Bytes,
    /// ApiVersions in a version that is not known here: answered in version 0 with UNSUPPORTED_VERSION (KIP-511).
    pub(crate) unsupported_api_versions: bool,
}

/// Reads one frame. `None` at a clean end between frames.
pub(crate) async fn read_frame<R: AsyncRead + Unpin>(reader: &mut R) -> Result<Option<Bytes>, FrameError> {
    let mut length_bytes = [0u8; 4];
    match reader.read_exact(&mut length_bytes).await {
        Ok(_) => {}
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let announced = i32::from_be_bytes(length_bytes);
    let length = usize::try_from(announced)
        .ok()
        .filter(|length| (8..=REQUEST_BYTES_MAX).contains(length))
        .ok_or(FrameError::Length(i64::from(announced)))?;
    let mut frame = BytesMut::with_capacity(length.min(READ_AHEAD_BYTES));
    let mut limited = reader.take(length as u64);
    while frame.len() < length {
        if limited.read_buf(&mut frame).await? == 0 {
            return Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into());
        }
    }
    Ok(Some(frame.freeze()))
}

/// Reads the header and checks the body against the outline of its API.
pub(crate) fn parse_frame(mut frame: Bytes) -> Result<RequestFrame, FrameError> {
    let [k0, k1, v0, v1] = *frame.first_chunk::<4>().ok_or(FrameError::Length(frame.len() as i64))?;
    let key = i16::from_be_bytes([k0, k1]);
    let version = i16::from_be_bytes([v0, v1]);
    let api_key = ApiKey::try_from(key).map_err(|()| FrameError::UnknownApi(key))?;
    let api = served_api(api_key).ok_or(FrameError::UnknownApi(key))?;
    if !(api.min_version..=api.max_version).contains(&version) {
        if matches!(api_key, ApiKey::ApiVersions) {
            return Ok(unsupported_api_versions(api, &frame));
        }
        return Err(FrameError::UnsupportedVersion {
            api: api_key,
            version,
            min: api.min_version,
            max: api.max_version,
        });
    }
    let malformed = |reason| FrameError::Malformed { api: api_key, version, reason };
    let header_version = api_key.request_header_version(version);
    let header_bytes = header_length(&frame, header_version >= 2).map_err(malformed)?;
    let mut header_frame = frame.split_to(header_bytes);
    let header = RequestHeader::decode(&mut header_frame, header_version).map_err(|error| FrameError::Codec {
        api: api_key,
        version,
        reason: error.to_string(),
    })?;
    shape::check(&api.shape, version, &frame).map_err(malformed)?;
    Ok(RequestFrame {
        api,
        version,
        correlation_id: header.correlation_id,
        client_id: header.client_id.unwrap_or_default(),
        body: frame,
        unsupported_api_versions: false,
    })
}

fn unsupported_api_versions(api: &'static ServedApi, frame: &Bytes) -> RequestFrame {
    let correlation_id =
        frame.get(4..8).and_then(|bytes| bytes.first_chunk::<4>()).map_or(0, |bytes| i32::from_be_bytes(*bytes));
    RequestFrame {
        api,
        version: 0,
        correlation_id,
        client_id: StrBytes::new(),
        body: Bytes::new(),
        unsupported_api_versions: true,
    }
}

/// Bytes of the header: key, version, correlation id, client id (always with an i16 length), tagged fields.
fn header_length(frame: &[u8], tagged: bool) -> Result<usize, Malformed> {
    let mut at = 8;
    let client_id_bytes = frame.get(at..).and_then(|rest| rest.first_chunk::<2>()).ok_or(Malformed::Truncated)?;
    at += 2;
    match i16::from_be_bytes(*client_id_bytes) {
        -1 => {}
        length => at += usize::try_from(length).map_err(|_| Malformed::NegativeLength)?,
    }
    if tagged {
        let rest = frame.get(at..).ok_or(Malformed::Truncated)?;
        at += shape::tagged_fields_length(rest)?;
    }
    if at > frame.len() { Err(Malformed::Truncated) } else { Ok(at) }
}

/// Decodes a body whose outline has been checked.
pub(crate) fn decode_body<T: Decodable>(frame: &RequestFrame) -> Result<T, FrameError> {
    let mut body = frame.body.clone();
    let version = frame.version;
    let codec = |reason: String| FrameError::Codec { api: frame.api.key, version, reason };
    // The codec has paths that panic on bytes it does not expect; that must cost this connection only.
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| T::decode(&mut body, version)))
        .map_err(|_| codec("the codec panicked".to_owned()))?
        .map_err(|error| codec(error.to_string()))
}

/// Encodes a response with its length and header.
pub(crate) fn encode_response<T: Encodable + HeaderVersion>(
    frame: &RequestFrame,
    response: &T,
) -> Result<Bytes, FrameError> {
    let refuse = |reason: String| FrameError::Encode { api: frame.api.key, version: frame.version, reason };
    let size = response.compute_size(frame.version).map_err(|error| refuse(error.to_string()))?;
    let mut buffer = BytesMut::with_capacity(size + 16);
    buffer.extend_from_slice(&[0; 4]);
    buffer.extend_from_slice(&frame.correlation_id.to_be_bytes());
    if T::header_version(frame.version) >= 1 {
        buffer.extend_from_slice(&[0]);
    }
    response.encode(&mut buffer, frame.version).map_err(|error| refuse(error.to_string()))?;
    let length = i32::try_from(buffer.len() - 4).map_err(|error| refuse(error.to_string()))?;
    if let Some(prefix) = buffer.first_chunk_mut::<4>() {
        *prefix = length.to_be_bytes();
    }
    Ok(buffer.freeze())
}

/// The APIs served, for ApiVersions.
pub(crate) fn served_apis() -> &'static [ServedApi] {
    SERVED
}

#[cfg(test)]
mod tests;
