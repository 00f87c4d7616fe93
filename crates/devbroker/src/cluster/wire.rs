//! The encoding inside Kafka's internal topics: big-endian numbers, strings with a two-byte length.

use bytes::{BufMut, Bytes, BytesMut};

/// Writes the fields of one internal record.
#[derive(Debug, Default)]
pub(crate) struct Writer(BytesMut);

impl Writer {
    pub(crate) fn i8(mut self, value: i8) -> Self {
        self.0.put_i8(value);
        self
    }
    pub(crate) fn i16(mut self, value: i16) -> Self {
        self.0.put_i16(value);
        self
    }
    pub(crate) fn i32(mut self, value: i32) -> Self {
        self.0.put_i32(value);
        self
    }
    pub(crate) fn i64(mut self, value: i64) -> Self {
        self.0.put_i64(value);
        self
    }
    /// A string; one that does not fit its length field is cut, which no caller's input can reach.
    pub(crate) fn text(mut self, value: &str) -> Self {
        let bytes = value.as_bytes();
        let kept = bytes.len().min(i16::MAX as usize);
        self.0.put_i16(kept as i16);
        self.0.extend_from_slice(&bytes[..kept]);
        self
    }
    pub(crate) fn optional_text(self, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.text(value),
            None => self.i16(-1),
        }
    }
    pub(crate) fn blob(mut self, value: &[u8]) -> Self {
        self.0.put_i32(i32::try_from(value.len()).unwrap_or(0));
        self.0.extend_from_slice(value);
        self
    }
    pub(crate) fn finish(self) -> Bytes {
        self.0.freeze()
    }
}

/// Reads the fields of one internal record; `None` where the bytes end too early.
#[derive(Debug)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }
    pub(crate) fn i8(&mut self) -> Option<i8> {
        self.take().map(i8::from_be_bytes)
    }
    pub(crate) fn i16(&mut self) -> Option<i16> {
        self.take().map(i16::from_be_bytes)
    }
    pub(crate) fn i32(&mut self) -> Option<i32> {
        self.take().map(i32::from_be_bytes)
    }
    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.take().map(i64::from_be_bytes)
    }
    fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }
    pub(crate) fn text(&mut self) -> Option<String> {
        self.optional_text()?
    }
    pub(crate) fn optional_text(&mut self) -> Option<Option<String>> {
        match self.i16()? {
            -1 => Some(None),
            length => {
                let bytes = self.bytes(usize::try_from(length).ok()?)?;
                Some(Some(String::from_utf8(bytes.to_vec()).ok()?))
            }
        }
    }
    pub(crate) fn blob(&mut self) -> Option<Bytes> {
        let length = usize::try_from(self.i32()?).ok()?;
        self.bytes(length).map(Bytes::copy_from_slice)
    }
}
