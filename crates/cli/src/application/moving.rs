use std::collections::{BTreeMap, BTreeSet};

use headwater_kafka::{CommittedOffset, OffsetToCommit, TopicPrefix};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use headwater_runtime::Positions;
use headwater_streams::Topology;
use serde::Serialize;

use crate::Error;

/// Who reads a topic, `processor/subtopology`, by the topic's name on the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readers(BTreeMap<TopicName, BTreeSet<String>>);

impl Readers {
    /// The readers in topologies.
    ///
    /// # Errors
    /// When a topic's name grows too long with the prefix.
    pub fn of(topologies: &[Topology], prefix: &TopicPrefix) -> Result<Self, Error> {
        let mut readers: BTreeMap<TopicName, BTreeSet<String>> = BTreeMap::new();
        for topology in topologies {
            for part in topology.subtopologies() {
                for source in &part.sources {
                    let topic = prefix.apply(&TopicName::new(&source.topic)?)?;
                    readers.entry(topic).or_default().insert(format!("{}/{}", topology.name(), part.name));
                }
            }
        }
        Ok(Self(readers))
    }

    /// The topics, each with its readers.
    pub fn iter(&self) -> impl Iterator<Item = (&TopicName, &BTreeSet<String>)> {
        self.0.iter()
    }

    /// What a group has committed for a partition; offsets that were set by other means hold for all who may read there.
    pub fn positions(&self, committed: &CommittedOffset) -> Positions {
        let expected: Vec<&str> =
            self.0.get(&committed.partition.topic).into_iter().flatten().map(String::as_str).collect();
        Positions::parse(committed.offset.map(|offset| (offset, committed.metadata.as_str())), &expected)
    }
}

/// The commit that says these positions.
pub fn commit_of(partition: &TopicPartition, positions: &Positions) -> OffsetToCommit {
    OffsetToCommit { partition: partition.clone(), offset: positions.least(), metadata: positions.metadata() }
}

/// Whether a reader belongs to a processor.
pub fn is_of(reader: &str, processor: &str) -> bool {
    reader.split_once('/').is_some_and(|(owner, _)| owner == processor)
}

/// A processor's positions on their way from one application to another.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct MovePlan {
    /// Each position that moves.
    pub steps: Vec<MoveStep>,
    /// What the new application commits.
    #[serde(skip)]
    pub to: Vec<OffsetToCommit>,
    /// What the old application keeps, for other processors.
    #[serde(skip)]
    pub from: Vec<OffsetToCommit>,
    /// Partitions that nobody of the old application reads any more.
    #[serde(skip)]
    pub emptied: Vec<TopicPartition>,
}

/// One position that moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MoveStep {
    /// The topic on the cluster.
    pub topic: TopicName,
    /// Its partition.
    pub partition: Partition,
    /// `processor/subtopology`.
    pub reader: String,
    /// The offset of what it reads next.
    pub position: Offset,
    /// Another position that the new application has of it.
    pub replaces: Option<Offset>,
}

impl MovePlan {
    /// Works out what both groups commit; other processors' positions stay as they are.
    pub fn make(processor: &str, from: &[CommittedOffset], to: &[CommittedOffset], readers: &Readers) -> Self {
        let mut plan = Self::default();
        for committed in from {
            let mut old = readers.positions(committed);
            let moving: Vec<(String, Offset)> = old
                .iter()
                .filter(|(reader, _)| is_of(reader, processor))
                .map(|(reader, position)| (reader.to_owned(), position))
                .collect();
            if moving.is_empty() {
                continue;
            }
            let there = to.iter().find(|other| other.partition == committed.partition);
            let mut new = there.map(|there| readers.positions(there)).unwrap_or_default();
            for (reader, position) in moving {
                old.remove(&reader);
                let before = new.of(&reader).filter(|before| *before != position);
                new.set(&reader, position);
                plan.steps.push(MoveStep {
                    topic: committed.partition.topic.clone(),
                    partition: committed.partition.partition,
                    reader,
                    position,
                    replaces: before,
                });
            }
            plan.to.push(commit_of(&committed.partition, &new));
            if old.iter().next().is_some() {
                plan.from.push(commit_of(&committed.partition, &old));
            } else {
                plan.emptied.push(committed.partition.clone());
            }
        }
        plan.steps.sort_by(|one, other| {
            (&one.topic, one.partition, &one.reader).cmp(&(&other.topic, other.partition, &other.reader))
        });
        plan
    }

    /// Whether the new application has other positions of it.
    pub fn replaces(&self) -> bool {
        self.steps.iter().any(|step| step.replaces.is_some())
    }
}
