//! The topic settings of Apache Kafka 4: names, types, defaults, and what the log makes of them.

use std::collections::BTreeMap;

use crate::log::{CleanupPolicy, LogConfig, TimestampType};

/// A setting's type, as DescribeConfigs numbers it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ConfigType {
    Boolean = 1,
    Text = 2,
    Int = 3,
    Long = 5,
    Double = 6,
    List = 7,
}

/// One setting: its name, type, default, and least value where it is a number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Definition {
    pub(crate) name: &'static str,
    pub(crate) kind: ConfigType,
    pub(crate) default: &'static str,
    min: f64,
}

const fn define(name: &'static str, kind: ConfigType, default: &'static str, min: f64) -> Definition {
    Definition { name, kind, default, min }
}

use ConfigType::{Boolean, Double, Int, List, Long, Text};

const ANY: f64 = f64::NEG_INFINITY;
const MAX_LONG: &str = "9223372036854775807";

/// Every topic setting, by name.
pub(crate) const DEFINITIONS: &[Definition] = &[
    define("cleanup.policy", List, "delete", ANY),
    define("compression.gzip.level", Int, "-1", ANY),
    define("compression.lz4.level", Int, "9", 1.0),
    define("compression.type", Text, "producer", ANY),
    define("compression.zstd.level", Int, "3", ANY),
    define("delete.retention.ms", Long, "86400000", 0.0),
    define("file.delete.delay.ms", Long, "60000", 0.0),
    define("flush.messages", Long, MAX_LONG, 1.0),
    define("flush.ms", Long, MAX_LONG, 0.0),
    define("follower.replication.throttled.replicas", List, "", ANY),
    define("index.interval.bytes", Int, "4096", 0.0),
    define("leader.replication.throttled.replicas", List, "", ANY),
    define("local.retention.bytes", Long, "-2", -2.0),
    define("local.retention.ms", Long, "-2", -2.0),
    define("max.compaction.lag.ms", Long, MAX_LONG, 1.0),
    define("max.message.bytes", Int, "1048588", 0.0),
    define("message.timestamp.after.max.ms", Long, "3600000", 0.0),
    define("message.timestamp.before.max.ms", Long, MAX_LONG, 0.0),
    define("message.timestamp.type", Text, "CreateTime", ANY),
    define("min.cleanable.dirty.ratio", Double, "0.5", 0.0),
    define("min.compaction.lag.ms", Long, "0", 0.0),
    define("min.insync.replicas", Int, "1", 1.0),
    define("preallocate", Boolean, "false", ANY),
    define("remote.log.copy.disable", Boolean, "false", ANY),
    define("remote.log.delete.on.disable", Boolean, "false", ANY),
    define("remote.storage.enable", Boolean, "false", ANY),
    define("retention.bytes", Long, "-1", ANY),
    define("retention.ms", Long, "604800000", -1.0),
    define("segment.bytes", Int, "1073741824", 1024.0),
    define("segment.index.bytes", Int, "10485760", 4.0),
    define("segment.jitter.ms", Long, "0", 0.0),
    define("segment.ms", Long, "604800000", 1.0),
    define("unclean.leader.election.enable", Boolean, "false", ANY),
];

/// The definition of a setting.
pub(crate) fn definition(name: &str) -> Option<&'static Definition> {
    DEFINITIONS.iter().find(|definition| definition.name == name)
}

/// Checks one setting; the error names it and what it takes.
pub(crate) fn check(name: &str, value: &str) -> Result<(), String> {
    let definition = definition(name).ok_or_else(|| format!("unknown topic config name: {name}"))?;
    let invalid = |why: &str| Err(format!("invalid value {value:?} for configuration {name}: {why}"));
    let number = match definition.kind {
        Boolean if matches!(value.to_ascii_lowercase().as_str(), "true" | "false") => None,
        Boolean => return invalid("true or false is expected"),
        Int => match value.trim().parse::<i32>() {
            Ok(number) => Some(f64::from(number)),
            Err(_) => return invalid("a 32-bit integer is expected"),
        },
        Long => match value.trim().parse::<i64>() {
            Ok(number) => Some(number as f64),
            Err(_) => return invalid("a 64-bit integer is expected"),
        },
        Double => match value.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Some(number),
            _ => return invalid("a number is expected"),
        },
        Text | List => None,
    };
    if number.is_some_and(|number| number < definition.min) {
        return invalid(&format!("it must be at least {}", definition.min));
    }
    let words = |allowed: &[&str]| list(value).all(|word| allowed.contains(&word));
    match name {
        "cleanup.policy" if !words(&["delete", "compact"]) || list(value).next().is_none() => {
            invalid("delete, compact, or both are expected")
        }
        "compression.type" if !words(&["producer", "uncompressed", "zstd", "lz4", "snappy", "gzip"]) => {
            invalid("producer, uncompressed, zstd, lz4, snappy or gzip is expected")
        }
        "message.timestamp.type" if !words(&["CreateTime", "LogAppendTime"]) => {
            invalid("CreateTime or LogAppendTime is expected")
        }
        "min.cleanable.dirty.ratio" if number.is_some_and(|ratio| ratio > 1.0) => invalid("it must be at most 1"),
        _ => Ok(()),
    }
}

/// The words of a list setting.
pub(crate) fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|word| !word.is_empty())
}

/// What the log needs to know of a topic's settings; each has been checked before.
pub(crate) fn log_config(configs: &BTreeMap<String, String>) -> LogConfig {
    let text = |name: &str| {
        configs.get(name).map_or_else(|| definition(name).map_or("", |d| d.default), String::as_str).trim()
    };
    let long = |name: &str| text(name).parse::<i64>().unwrap_or_default();
    let policy: Vec<&str> = list(text("cleanup.policy")).collect();
    LogConfig {
        cleanup_policy: CleanupPolicy { delete: policy.contains(&"delete"), compact: policy.contains(&"compact") },
        segment_bytes: long("segment.bytes").unsigned_abs(),
        segment_ms: long("segment.ms"),
        retention_ms: Some(long("retention.ms")).filter(|ms| *ms >= 0),
        retention_bytes: u64::try_from(long("retention.bytes")).ok(),
        max_message_bytes: usize::try_from(long("max.message.bytes")).unwrap_or_default(),
        timestamp_type: match text("message.timestamp.type") {
            "LogAppendTime" => TimestampType::LogAppendTime,
            _ => TimestampType::CreateTime,
        },
        min_cleanable_dirty_ratio: text("min.cleanable.dirty.ratio").parse().unwrap_or(0.5),
        min_compaction_lag_ms: long("min.compaction.lag.ms"),
        delete_retention_ms: long("delete.retention.ms"),
        ..LogConfig::default()
    }
}

#[cfg(test)]
mod tests;
