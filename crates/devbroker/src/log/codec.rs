//! Compressed bodies, for the few places that must look inside: compaction, offsets by time, and
//! the check of what goes into a compacted topic. What comes out is bounded, against bombs.

use crate::{Error, ErrorKind};
use std::borrow::Cow;
use std::io::{Read, Write as _};

/// A body may unfold to this much.
pub(crate) const UNCOMPRESSED_BYTES_MAX: usize = 128 << 20;

const NONE: i16 = 0;
const GZIP: i16 = 1;
const SNAPPY: i16 = 2;
const LZ4: i16 = 3;
const ZSTD: i16 = 4;

/// The frame that the Java clients put around snappy blocks.
const XERIAL_MAGIC: &[u8] = b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01";
const XERIAL_BLOCK_BYTES: usize = 32 * 1024;

/// Whether Kafka defines this codec number.
pub(crate) fn is_known(compression: i16) -> bool {
    (NONE..=ZSTD).contains(&compression)
}

/// Unfolds a body.
///
/// # Errors
/// `InvalidRecord` if it is not what the codec writes, or too large unfolded.
pub(crate) fn decompress(compression: i16, body: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    match compression {
        NONE => Ok(Cow::Borrowed(body)),
        GZIP => read_bounded(flate2::read::MultiGzDecoder::new(body)),
        SNAPPY => unsnap(body),
        LZ4 => read_bounded(lz4::Decoder::new(body).map_err(unreadable)?),
        ZSTD => read_bounded(zstd::stream::read::Decoder::with_buffer(body).map_err(unreadable)?),
        other => Err(Error::new(ErrorKind::UnsupportedCompressionType, format!("unknown codec number {other}"))),
    }
}

/// Folds a body with the same codec that its batch had.
///
/// # Errors
/// `Io` if the codec's library fails.
pub(crate) fn compress(compression: i16, body: &[u8]) -> Result<Cow<'_, [u8]>, Error> {
    let failed = |e| Error::io("cannot compress a batch", e);
    match compression {
        GZIP => {
            let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
            encoder.write_all(body).map_err(failed)?;
            encoder.finish().map(Cow::Owned).map_err(failed)
        }
        SNAPPY => snap(body).map(Cow::Owned),
        LZ4 => {
            let mut encoder =
                lz4::EncoderBuilder::new().block_mode(lz4::BlockMode::Independent).build(Vec::new()).map_err(failed)?;
            encoder.write_all(body).map_err(failed)?;
            let (folded, done) = encoder.finish();
            done.map_err(failed)?;
            Ok(Cow::Owned(folded))
        }
        ZSTD => zstd::stream::encode_all(body, 0).map(Cow::Owned).map_err(failed),
        _ => Ok(Cow::Borrowed(body)),
    }
}

fn read_bounded(reader: impl Read) -> Result<Cow<'static, [u8]>, Error> {
    let mut unfolded = Vec::new();
    reader.take(UNCOMPRESSED_BYTES_MAX as u64 + 1).read_to_end(&mut unfolded).map_err(unreadable)?;
    if unfolded.len() > UNCOMPRESSED_BYTES_MAX {
        return Err(too_large());
    }
    Ok(Cow::Owned(unfolded))
}

fn unsnap(body: &[u8]) -> Result<Cow<'static, [u8]>, Error> {
    let mut unfolded = Vec::new();
    match body.strip_prefix(XERIAL_MAGIC) {
        None => unsnap_block(body, &mut unfolded)?,
        Some(mut rest) => {
            while !rest.is_empty() {
                let block = rest
                    .split_first_chunk::<4>()
                    .and_then(|(len, after)| after.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?));
                let Some((block, after)) = block else { return Err(unreadable("a snappy block is cut off")) };
                unsnap_block(block, &mut unfolded)?;
                rest = after;
            }
        }
    }
    Ok(Cow::Owned(unfolded))
}

fn unsnap_block(block: &[u8], unfolded: &mut Vec<u8>) -> Result<(), Error> {
    let claimed = snap::raw::decompress_len(block).map_err(unreadable)?;
    let start = unfolded.len();
    // Snappy makes 64 bytes of 3 at best: a claim beyond that is a lie, and costs no memory here.
    if claimed > block.len().saturating_mul(32) || start.saturating_add(claimed) > UNCOMPRESSED_BYTES_MAX {
        return Err(too_large());
    }
    unfolded.resize(start + claimed, 0);
    let Some(room) = unfolded.get_mut(start..) else { return Err(too_large()) };
    snap::raw::Decoder::new().decompress(block, room).map_err(unreadable)?;
    Ok(())
}

fn snap(body: &[u8]) -> Result<Vec<u8>, Error> {
    let mut folded = XERIAL_MAGIC.to_vec();
    for block in body.chunks(XERIAL_BLOCK_BYTES) {
        let block = snap::raw::Encoder::new()
            .compress_vec(block)
            .map_err(|e| Error::io("cannot compress a batch", std::io::Error::other(e)))?;
        folded.extend_from_slice(&u32::try_from(block.len()).unwrap_or(u32::MAX).to_be_bytes());
        folded.extend_from_slice(&block);
    }
    Ok(folded)
}

fn unreadable(e: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::InvalidRecord, format!("a compressed batch is not readable: {e}"))
}

fn too_large() -> Error {
    Error::new(ErrorKind::InvalidRecord, format!("a batch unfolds to more than {UNCOMPRESSED_BYTES_MAX} bytes"))
}
