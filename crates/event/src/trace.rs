use std::fmt;

use crate::Error;
use crate::error::shortened;

/// A W3C `traceparent` of version 00: `00-<trace id>-<parent id>-<flags>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent(String);

impl TraceParent {
    /// Checks and wraps a header's value (W3C Trace Context, section 3.2).
    ///
    /// # Errors
    /// [`Error::InvalidHeader`] when it is not of version 00's form or an id is all zeros.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let hex = |part: &str, length: usize| {
            part.len() == length && part.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let some = |part: &str| part.bytes().any(|b| b != b'0');
        let parts: Vec<&str> = text.split('-').collect();
        match parts.as_slice() {
            ["00", trace, parent, flags]
                if hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && some(trace) && some(parent) =>
            {
                Ok(Self(text.to_owned()))
            }
            _ => Err(Error::InvalidHeader {
                header: "traceparent",
                value: shortened(text),
                expected: "00-<32 hex digits>-<16 hex digits>-<2 hex digits>",
            }),
        }
    }

    /// The header's value.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
