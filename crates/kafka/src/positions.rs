use headwater_log::{Offset, TopicPartition};

/// Where fetching of a partition begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartOffset {
    /// At this offset, or the next one that still exists.
    At(Offset),
    /// At the first record that exists.
    Beginning,
    /// After the last record that exists now.
    End,
}

impl StartOffset {
    pub(crate) fn to_wire(self) -> i64 {
        match self {
            Self::At(offset) => offset.get(),
            Self::Beginning => i64::from(rdkafka_sys::RD_KAFKA_OFFSET_BEGINNING),
            Self::End => i64::from(rdkafka_sys::RD_KAFKA_OFFSET_END),
        }
    }
}

/// A partition to fetch, and from where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartAt {
    /// Which partition.
    pub partition: TopicPartition,
    /// From where.
    pub offset: StartOffset,
}

/// A position to commit: the offset of the next record to process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OffsetToCommit {
    /// Which partition.
    pub partition: TopicPartition,
    /// The offset of the next record to process.
    pub offset: Offset,
    /// Free text that is kept with the offset; at most `offset.metadata.max.bytes` of the broker (4096).
    pub metadata: String,
}

/// What a group has committed for a partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommittedOffset {
    /// Which partition.
    pub partition: TopicPartition,
    /// The offset of the next record to process; None when nothing was committed, or it has expired.
    pub offset: Option<Offset>,
    /// The text that was committed with it; empty when there was none.
    pub metadata: String,
}

/// Which records count: all that are written, or only those of committed transactions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Isolation {
    /// All that is written; a partition's end is its high watermark.
    ReadUncommitted,
    /// Only what is committed; a partition's end is its last stable offset.
    #[default]
    ReadCommitted,
}

impl Isolation {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ReadUncommitted => "read_uncommitted",
            Self::ReadCommitted => "read_committed",
        }
    }
}
