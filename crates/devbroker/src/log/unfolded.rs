//! A batch's records taken out and put back, for fuzzing: what compaction does, with every record kept.

use super::batch::{self, BatchHeader};
use super::codec;
use super::record::records;
use crate::Error;
use bytes::Bytes;

type Unfolded = (i32, i64, Option<Bytes>, Option<Bytes>);

/// The records of a whole batch.
pub(crate) fn read_records(whole: &[u8]) -> Result<Vec<Unfolded>, Error> {
    let header = BatchHeader::read(whole)?;
    let body = codec::decompress(header.compression(), batch::body(&header, whole))?;
    let copied = |bytes: Option<&[u8]>| bytes.map(Bytes::copy_from_slice);
    records(&body)
        .map(|record| {
            let record = record?;
            Ok((record.offset_delta, record.timestamp_delta_ms, copied(record.key), copied(record.value)))
        })
        .collect()
}

/// The batch written anew, its body unfolded and folded again.
pub(crate) fn rewrite(whole: &[u8]) -> Result<Bytes, Error> {
    let header = BatchHeader::read(whole)?;
    let body = codec::decompress(header.compression(), batch::body(&header, whole))?;
    let kept: Vec<u8> = records(&body).filter_map(Result::ok).flat_map(|record| record.bytes).copied().collect();
    let folded = codec::compress(header.compression(), &kept)?;
    Ok(batch::with_records(whole, &header, &folded, header.record_count, header.max_timestamp_ms))
}
