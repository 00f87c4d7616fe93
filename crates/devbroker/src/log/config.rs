//! What a topic's settings say about its log.

/// `cleanup.policy`: delete, compact, or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CleanupPolicy {
    /// Old segments go by `retention.ms` and `retention.bytes`.
    pub delete: bool,
    /// Of each key only the newest record stays.
    pub compact: bool,
}

/// `message.timestamp.type`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer's time stands.
    CreateTime,
    /// The broker writes its own time over it.
    LogAppendTime,
}

/// The topic settings that a log obeys. The default is Apache Kafka's.
#[derive(Debug, Clone, PartialEq)]
pub struct LogConfig {
    /// `cleanup.policy`.
    pub cleanup_policy: CleanupPolicy,
    /// `segment.bytes`: a segment that would grow beyond it is closed.
    pub segment_bytes: u64,
    /// `segment.ms`: a segment this old is closed.
    pub segment_ms: i64,
    /// `retention.ms`; `None` is -1, for ever.
    pub retention_ms: Option<i64>,
    /// `retention.bytes`; `None` is -1, without bound.
    pub retention_bytes: Option<u64>,
    /// `max.message.bytes`, over a whole batch as stored.
    pub max_message_bytes: usize,
    /// `message.timestamp.type`.
    pub timestamp_type: TimestampType,
    /// `message.timestamp.before.max.ms`: how far behind the broker's clock a producer's time may
    /// be; `None` is without bound.
    pub timestamp_before_max_ms: Option<i64>,
    /// `message.timestamp.after.max.ms`: how far ahead of it; `None` is without bound.
    pub timestamp_after_max_ms: Option<i64>,
    /// `min.cleanable.dirty.ratio`: compaction waits until this share of the log is new.
    pub min_cleanable_dirty_ratio: f64,
    /// `min.compaction.lag.ms`: records younger than this are left as they are.
    pub min_compaction_lag_ms: i64,
    /// `max.compaction.lag.ms`: records older than this are compacted however few they are; `None`
    /// is without bound.
    pub max_compaction_lag_ms: Option<i64>,
    /// `delete.retention.ms`: tombstones stay this long after they were first compacted.
    pub delete_retention_ms: i64,
    /// `producer.id.expiration.ms`: a producer silent for this long is forgotten.
    pub producer_id_expiration_ms: i64,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            cleanup_policy: CleanupPolicy { delete: true, compact: false },
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
            retention_ms: Some(7 * 24 * 3_600_000),
            retention_bytes: None,
            max_message_bytes: 1_048_588,
            timestamp_type: TimestampType::CreateTime,
            timestamp_before_max_ms: None,
            timestamp_after_max_ms: Some(3_600_000),
            min_cleanable_dirty_ratio: 0.5,
            min_compaction_lag_ms: 0,
            max_compaction_lag_ms: None,
            delete_retention_ms: 24 * 3_600_000,
            producer_id_expiration_ms: 24 * 3_600_000,
        }
    }
}
