#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

#[test]
fn settings_are_checked() {
    let cases = [
        ("cleanup.policy", "compact", true),
        ("cleanup.policy", "compact,delete", true),
        ("cleanup.policy", "", false),
        ("cleanup.policy", "shred", false),
        ("retention.ms", "-1", true),
        ("retention.ms", "-2", false),
        ("retention.ms", "a week", false),
        ("segment.bytes", "99999999999", false),
        ("min.cleanable.dirty.ratio", "0.01", true),
        ("min.cleanable.dirty.ratio", "1.5", false),
        ("min.cleanable.dirty.ratio", "NaN", false),
        ("message.timestamp.type", "LogAppendTime", true),
        ("message.timestamp.type", "never", false),
        ("preallocate", "yes", false),
        ("no.such.setting", "1", false),
    ];
    for (name, value, valid) in cases {
        assert_eq!(check(name, value).is_ok(), valid, "{name}={value}");
    }
}

#[test]
fn every_default_is_valid_and_is_what_the_log_takes() {
    for definition in DEFINITIONS {
        assert_eq!(check(definition.name, definition.default), Ok(()));
    }
    assert_eq!(log_config(&BTreeMap::new()), LogConfig::default());
}
