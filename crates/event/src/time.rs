use std::fmt;

use chrono::{DateTime, Datelike, Timelike};
use serde::{Deserialize, Serialize};

/// UTC milliseconds since 1970, as Kafka's timestamps and Avro's `timestamp-millis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Timestamp(i64);

/// The first and last millisecond that RFC 3339 can say, in UTC: of the years 0 and 9999.
const RFC3339_MILLIS: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

impl Timestamp {
    /// From milliseconds since 1970.
    #[must_use]
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// This time and some milliseconds more; stays at the end of the range instead of overflowing.
    #[must_use]
    pub const fn plus_millis(self, millis: i64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this time.
    #[must_use]
    pub const fn since_ms(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// From RFC 3339 text; None when it is none, or when an offset takes it out of the years 0 to 9999 in UTC, where it
    /// could not be written again.
    #[must_use]
    pub fn parse_rfc3339(text: &str) -> Option<Self> {
        let millis = DateTime::parse_from_rfc3339(text).ok()?.timestamp_millis();
        RFC3339_MILLIS.contains(&millis).then_some(Self(millis))
    }

    /// RFC 3339 in UTC with milliseconds, as [`Display`](fmt::Display) prints it, written into a buffer: it is made for
    /// every event.
    pub(crate) fn rfc3339(self, buffer: &mut [u8; 24]) -> &str {
        let millis = self.0.clamp(*RFC3339_MILLIS.start(), *RFC3339_MILLIS.end());
        let time = DateTime::from_timestamp_millis(millis).unwrap_or_default();
        let fields = [
            (0, 4, time.year().unsigned_abs()),
            (5, 2, time.month()),
            (8, 2, time.day()),
            (11, 2, time.hour()),
            (14, 2, time.minute()),
            (17, 2, time.second()),
            (20, 3, time.timestamp_subsec_millis()),
        ];
        *buffer = *b"0000-00-00T00:00:00.000Z";
        for (start, digits, mut value) in fields {
            for place in (start..start + digits).rev() {
                if let (Some(byte), Ok(digit)) = (buffer.get_mut(place), u8::try_from(value % 10)) {
                    *byte = b'0' + digit;
                }
                value /= 10;
            }
        }
        std::str::from_utf8(buffer).unwrap_or_default()
    }

    /// The UTC day as `2011-08-31`; times beyond the years 0 to 9999 give the nearest day of them.
    #[must_use]
    pub fn utc_day(self) -> String {
        self.rfc3339(&mut [0; 24]).get(..10).unwrap_or_default().to_owned()
    }
}

/// RFC 3339 in UTC with milliseconds; times that it can't say are printed as the nearest that it can.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.rfc3339(&mut [0; 24]))
    }
}

#[cfg(test)]
mod tests;
