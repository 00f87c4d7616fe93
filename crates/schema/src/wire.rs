//! Confluent's wire format: `0x00`, the schema id as u32 big endian, the Avro body.
//!
//! Source: Confluent "Wire format" of Schema Registry, magic byte 0.

use crate::SchemaId;

/// The first byte of every framed value.
pub const MAGIC: u8 = 0x00;
/// Bytes before the body: the magic byte and the id.
pub const HEADER_BYTES: usize = 5;

/// Why bytes are not in the wire format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// Fewer bytes than a header has.
    #[error(
        "value of {actual_bytes} bytes is shorter than the {HEADER_BYTES} byte header of the wire format; write it with a schema registry serializer"
    )]
    TooShort {
        /// How many bytes there were.
        actual_bytes: usize,
    },
    /// The first byte is not [`MAGIC`].
    #[error(
        "first byte is 0x{found:02x}, the wire format starts with 0x00; write it with a schema registry serializer"
    )]
    WrongMagic {
        /// The byte that was there instead.
        found: u8,
    },
}

/// Splits a framed value into its schema id and the Avro body.
///
/// # Errors
/// [`WireError::TooShort`] and [`WireError::WrongMagic`].
pub fn decode(framed: &[u8]) -> Result<(SchemaId, &[u8]), WireError> {
    match framed.first() {
        Some(&found) if found != MAGIC => return Err(WireError::WrongMagic { found }),
        _ => {}
    }
    let Some((header, body)) = framed.split_first_chunk::<HEADER_BYTES>() else {
        return Err(WireError::TooShort { actual_bytes: framed.len() });
    };
    let [_, a, b, c, d] = *header;
    Ok((SchemaId(u32::from_be_bytes([a, b, c, d])), body))
}

/// Appends the header for `id` to `buffer`; the body follows it.
pub fn encode_header_into(buffer: &mut Vec<u8>, id: SchemaId) {
    buffer.push(MAGIC);
    buffer.extend_from_slice(&id.0.to_be_bytes());
}

/// True if the bytes start as framed Avro and not as text, which never starts with a zero byte.
#[must_use]
pub fn is_framed(value: &[u8]) -> bool {
    value.first() == Some(&MAGIC)
}

#[cfg(test)]
mod tests;
