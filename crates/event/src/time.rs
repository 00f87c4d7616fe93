use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
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

    /// The UTC day as `2011-08-31`; times beyond the years 0 to 9999 give the nearest day of them.
    #[must_use]
    pub fn utc_day(self) -> String {
        self.to_utc().format("%Y-%m-%d").to_string()
    }

    fn to_utc(self) -> DateTime<Utc> {
        let millis = self.0.clamp(*RFC3339_MILLIS.start(), *RFC3339_MILLIS.end());
        DateTime::from_timestamp_millis(millis).unwrap_or_default()
    }
}

/// RFC 3339 in UTC with milliseconds; times that it can't say are printed as the nearest that it can.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.to_utc().to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}
