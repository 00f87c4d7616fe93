#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

#[test]
fn times_are_written_as_rfc_3339_says() {
    let check = |millis: i64, text: &str| {
        let time = Timestamp::from_millis(millis);
        assert_eq!(time.to_string(), text);
        assert_eq!(time.utc_day(), &text[..10]);
        let chronos = DateTime::from_timestamp_millis(millis).unwrap();
        assert_eq!(text, chronos.to_rfc3339_opts(chrono::SecondsFormat::Millis, true));
        assert_eq!(Timestamp::parse_rfc3339(text), Some(time));
    };
    check(0, "1970-01-01T00:00:00.000Z");
    check(-1, "1969-12-31T23:59:59.999Z");
    check(951_782_400_000, "2000-02-29T00:00:00.000Z");
    check(1_763_725_444_540, "2025-11-21T11:44:04.540Z");
    check(*RFC3339_MILLIS.start(), "0000-01-01T00:00:00.000Z");
    check(*RFC3339_MILLIS.end(), "9999-12-31T23:59:59.999Z");
}

#[test]
fn times_beyond_are_the_nearest_that_can_be_written() {
    assert_eq!(Timestamp::from_millis(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    assert_eq!(Timestamp::from_millis(i64::MIN).to_string(), "0000-01-01T00:00:00.000Z");
}
