//! The records inside a batch, read in place. Source: Kafka's protocol guide, "Record".

use crate::{Error, ErrorKind};

/// One record; the slices borrow from the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RecordRef<'a> {
    /// All of its bytes with the length before them.
    pub(crate) bytes: &'a [u8],
    pub(crate) timestamp_delta_ms: i64,
    pub(crate) offset_delta: i32,
    pub(crate) key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub(crate) value: Option<&'a [u8]>,
}

/// The records of an uncompressed body, in order; ends after the first error.
pub(crate) fn records(body: &[u8]) -> Records<'_> {
    Records { rest: body }
}

#[derive(Debug, Clone)]
pub(crate) struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<RecordRef<'a>, Error>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let Some((record, rest)) = read(self.rest) else {
            self.rest = &[];
            return Some(Err(Error::new(ErrorKind::InvalidRecord, "a record that contradicts its own lengths")));
        };
        self.rest = rest;
        Some(Ok(record))
    }
}

fn read(input: &[u8]) -> Option<(RecordRef<'_>, &[u8])> {
    let mut cursor = Cursor(input);
    let length = usize::try_from(cursor.varint()?).ok()?;
    let mut inside = Cursor(cursor.take(length)?);
    inside.take(1)?;
    let timestamp_delta_ms = inside.varlong()?;
    let offset_delta = inside.varint()?;
    let key = inside.nullable()?;
    let value = inside.nullable()?;
    let headers = inside.varint()?;
    if headers < 0 {
        return None;
    }
    for _ in 0..headers {
        let name = usize::try_from(inside.varint()?).ok()?;
        inside.take(name)?;
        inside.nullable()?;
    }
    if !inside.0.is_empty() {
        return None;
    }
    let bytes = input.get(..input.len() - cursor.0.len())?;
    Some((RecordRef { bytes, timestamp_delta_ms, offset_delta, key, value }, cursor.0))
}

struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    /// Bytes behind their length; a length of -1 is null.
    #[allow(clippy::option_option, reason = "outside: not readable; inside: null")]
    fn nullable(&mut self) -> Option<Option<&'a [u8]>> {
        match self.varint()? {
            -1 => Some(None),
            len => self.take(usize::try_from(len).ok()?).map(Some),
        }
    }

    fn varint(&mut self) -> Option<i32> {
        i32::try_from(self.varlong()?).ok()
    }

    fn varlong(&mut self) -> Option<i64> {
        let mut raw = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            raw |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed());
            }
        }
        None
    }
}
