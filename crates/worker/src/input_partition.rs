use headwater_log::Offset;
use headwater_streams::TopicRef;

use crate::placement::AnchorPartition;
use crate::ports::StartOffset;
use crate::positions::Positions;

/// A partition that this worker fetches, for all tasks that read it.
pub struct InputPartition {
    /// The anchor's partition that brought it here.
    pub anchor: AnchorPartition,
    /// The tasks that read it: place of the task, number of its input.
    pub readers: Vec<(usize, usize)>,
    /// What is committed for it, by reader.
    pub committed: Positions,
    /// The offset after the last record that was handed out; None before the first, or after a seek.
    pub fetched: Option<Offset>,
    /// The end, while nothing has come after it: the consumer's position behind markers.
    pub end: Option<Offset>,
    /// Whether its end was reached once since it was assigned: what follows is live, and the past is not being read any
    /// more.
    pub live: bool,
    /// The topic, while this worker alone writes the partition, as far as the application knows.
    pub(crate) fusible: Option<TopicRef>,
    /// Its place among the fused partitions, if it is one.
    pub(crate) fused: Option<usize>,
    /// Whether the consumer holds it back.
    pub paused: bool,
    /// Where it must be fetched from before any task may have its records; None when it is.
    pub seek_to: Option<StartOffset>,
}

impl InputPartition {
    /// A partition with what the group has committed for it.
    #[must_use]
    pub const fn new(anchor: AnchorPartition, committed: Positions) -> Self {
        Self {
            anchor,
            readers: Vec::new(),
            committed,
            fetched: None,
            end: None,
            live: false,
            fusible: None,
            fused: None,
            paused: false,
            seek_to: None,
        }
    }
}
