//! The newest batches, kept in memory: a reader that keeps up costs no call to the system.

use super::segment::select_in;
use crate::Error;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;

/// So much is kept …
const BYTES_MAX: usize = 128 * 1024;
/// … in so many pieces: a short list is walked faster than it is searched.
const PIECES_MAX: usize = 32;

/// What was appended last, without gaps up to the log's end.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    pieces: VecDeque<Piece>,
    bytes: usize,
}

#[derive(Debug)]
struct Piece {
    base_offset: i64,
    next_offset: i64,
    batches: Bytes,
}

impl Tail {
    pub(crate) fn push(&mut self, base_offset: i64, next_offset: i64, batches: Bytes) {
        self.bytes += batches.len();
        self.pieces.push_back(Piece { base_offset, next_offset, batches });
        while self.bytes > BYTES_MAX || self.pieces.len() > PIECES_MAX {
            match self.pieces.pop_front() {
                Some(piece) => self.bytes -= piece.batches.len(),
                None => break,
            }
        }
    }

    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }

    /// As `Segment::read`; `None` if the offset lies before what is kept.
    pub(crate) fn read(&self, offset: i64, bound: i64, max_bytes: usize) -> Result<Option<Bytes>, Error> {
        if self.pieces.front().is_none_or(|oldest| offset < oldest.base_offset) {
            return Ok(None);
        }
        let mut first = Bytes::new();
        let mut joined = BytesMut::new();
        for piece in self.pieces.iter().filter(|piece| piece.next_offset > offset) {
            let have = first.len() + joined.len();
            if have > 0 && (have >= max_bytes || piece.base_offset >= bound) {
                break;
            }
            let (batches, to_its_end) = select_in(&piece.batches, offset, bound, max_bytes.saturating_sub(have))?;
            // At least one batch comes out of `select_in`, which only the first piece may use.
            if have > 0 && have + batches.len() > max_bytes {
                break;
            }
            if have == 0 {
                first = batches;
            } else {
                if joined.is_empty() {
                    joined.reserve(max_bytes.min(self.bytes));
                    joined.extend_from_slice(&first);
                    first = Bytes::new();
                }
                joined.extend_from_slice(&batches);
            }
            if !to_its_end {
                break;
            }
        }
        Ok(Some(if joined.is_empty() { first } else { joined.freeze() }))
    }
}
