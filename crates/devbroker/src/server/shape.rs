//! The outline of a request: enough to walk its bytes and check every length before anything is allocated.
//!
//! The codec trusts array lengths and allocates for them at once, so four bytes on the wire could ask for
//! gigabytes and end the process. Every request is walked here first, in place and without allocating.

/// One field of a request, with the versions that carry it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field {
    kind: Kind,
    since: i16,
    until: i16,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// A number of bytes that is always the same.
    Fixed(usize),
    /// A string, null or not.
    Text,
    /// A byte sequence, null or not.
    Blob,
    /// An array of numbers, each of so many bytes.
    Numbers(usize),
    /// An array of strings.
    Texts,
    /// An array of structs.
    Each(&'static [Field]),
    /// A struct that may be null: a byte says so.
    Maybe(&'static [Field]),
}

/// A request's fields, and the first version that uses the flexible (tagged) encoding.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    /// First version with compact lengths and tagged fields (KIP-482).
    pub(crate) flexible_since: i16,
    /// The fields in the order of the wire.
    pub(crate) fields: &'static [Field],
}

impl Field {
    const fn new(kind: Kind) -> Self {
        Self { kind, since: 0, until: i16::MAX }
    }
    /// The field exists from this version on.
    pub(crate) const fn since(mut self, version: i16) -> Self {
        self.since = version;
        self
    }
    /// The field exists up to this version.
    pub(crate) const fn until(mut self, version: i16) -> Self {
        self.until = version;
        self
    }
}

/// A number or flag of so many bytes.
pub(crate) const fn fixed(bytes: usize) -> Field {
    Field::new(Kind::Fixed(bytes))
}
/// A string.
pub(crate) const fn text() -> Field {
    Field::new(Kind::Text)
}
/// A byte sequence.
pub(crate) const fn blob() -> Field {
    Field::new(Kind::Blob)
}
/// An array of numbers, each of so many bytes.
pub(crate) const fn numbers(bytes: usize) -> Field {
    Field::new(Kind::Numbers(bytes))
}
/// An array of strings.
pub(crate) const fn texts() -> Field {
    Field::new(Kind::Texts)
}
/// An array of structs.
pub(crate) const fn each(fields: &'static [Field]) -> Field {
    Field::new(Kind::Each(fields))
}
/// A struct that may be null.
pub(crate) const fn maybe(fields: &'static [Field]) -> Field {
    Field::new(Kind::Maybe(fields))
}

/// What is wrong with a request's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("the request ends in the middle of a field")]
    Truncated,
    #[error("a length is negative")]
    NegativeLength,
    #[error("a variable-length number does not end")]
    BadVarint,
    #[error("the request holds more than {ELEMENTS_MAX} array elements")]
    TooManyElements,
}

/// Array elements that one request may hold; each costs memory far beyond its bytes.
const ELEMENTS_MAX: usize = 1_000_000;

/// Checks that `bytes` can be a request of this shape and version. Nothing is allocated.
pub(crate) fn check(shape: &Shape, version: i16, bytes: &[u8]) -> Result<(), Malformed> {
    let mut walk =
        Walk { rest: bytes, flexible: version >= shape.flexible_since, version, elements_left: ELEMENTS_MAX };
    walk.fields(shape.fields)
}

/// The length of a tagged-fields section at the start of `bytes`.
pub(crate) fn tagged_fields_length(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut walk = Walk { rest: bytes, flexible: true, version: 0, elements_left: ELEMENTS_MAX };
    walk.tagged_fields()?;
    Ok(bytes.len() - walk.rest.len())
}

struct Walk<'a> {
    rest: &'a [u8],
    flexible: bool,
    version: i16,
    elements_left: usize,
}

impl Walk<'_> {
    fn fields(&mut self, fields: &'static [Field]) -> Result<(), Malformed> {
        for field in fields {
            if self.version < field.since || self.version > field.until {
                continue;
            }
            match field.kind {
                Kind::Fixed(bytes) => self.skip(bytes)?,
                Kind::Text => {
                    let length = self.text_length()?;
                    self.skip(length)?;
                }
                Kind::Blob => {
                    let length = self.long_length()?;
                    self.skip(length)?;
                }
                Kind::Numbers(bytes) => {
                    let count = self.count()?;
                    self.skip(count.saturating_mul(bytes))?;
                }
                Kind::Texts => {
                    for _ in 0..self.count()? {
                        let length = self.text_length()?;
                        self.skip(length)?;
                    }
                }
                Kind::Each(inner) => {
                    for _ in 0..self.count()? {
                        self.fields(inner)?;
                    }
                }
                Kind::Maybe(inner) => {
                    if self.byte()? != 0xff {
                        self.fields(inner)?;
                    }
                }
            }
        }
        if self.flexible { self.tagged_fields() } else { Ok(()) }
    }

    fn tagged_fields(&mut self) -> Result<(), Malformed> {
        for _ in 0..self.varint()? {
            self.varint()?;
            let length = self.varint()?;
            self.skip(length as usize)?;
        }
        Ok(())
    }

    fn skip(&mut self, bytes: usize) -> Result<(), Malformed> {
        self.rest = self.rest.get(bytes..).ok_or(Malformed::Truncated)?;
        Ok(())
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        Ok(*first)
    }

    fn varint(&mut self) -> Result<u32, Malformed> {
        let mut value = 0u32;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed::BadVarint)
    }

    fn compact_length(&mut self) -> Result<usize, Malformed> {
        Ok((self.varint()? as usize).saturating_sub(1))
    }

    fn text_length(&mut self) -> Result<usize, Malformed> {
        if self.flexible {
            return self.compact_length();
        }
        let (bytes, rest) = self.rest.split_first_chunk::<2>().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        length_or_null(i64::from(i16::from_be_bytes(*bytes)))
    }

    fn long_length(&mut self) -> Result<usize, Malformed> {
        if self.flexible {
            return self.compact_length();
        }
        let (bytes, rest) = self.rest.split_first_chunk::<4>().ok_or(Malformed::Truncated)?;
        self.rest = rest;
        length_or_null(i64::from(i32::from_be_bytes(*bytes)))
    }

    /// The element count of an array; each element takes a byte at least, so a larger count is a lie.
    fn count(&mut self) -> Result<usize, Malformed> {
        let count = self.long_length()?;
        if count > self.rest.len() {
            return Err(Malformed::Truncated);
        }
        self.elements_left = self.elements_left.checked_sub(count).ok_or(Malformed::TooManyElements)?;
        Ok(count)
    }
}

fn length_or_null(length: i64) -> Result<usize, Malformed> {
    match length {
        -1 => Ok(0),
        length => usize::try_from(length).map_err(|_| Malformed::NegativeLength),
    }
}

#[cfg(test)]
mod tests;
