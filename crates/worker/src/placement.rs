//! Which tasks come with an anchor's partition: every subtopology of the anchor's domain has one task for it.
//!
//! Domains whose anchors have as many partitions as each other share the first of these anchors. The group hands out
//! partitions by their count, so each member's share of every such domain is even; with an anchor for each, one member
//! could get all partitions of a busy domain and another all of an idle one.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use headwater_log::{Partition, TopicName};
use headwater_streams::{TaskEnvironment, Topology};

use crate::Error;

/// One subtopology of one of the application's topologies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubtopologyIndex {
    /// Which topology.
    pub topology: usize,
    /// Which of its subtopologies.
    pub subtopology: usize,
}

/// The application's subtopologies by anchor.
#[derive(Debug, Clone)]
pub struct Placement {
    anchors: BTreeMap<TopicName, Vec<SubtopologyIndex>>,
}

impl Placement {
    /// Groups the subtopologies by the real name of their domain's anchor.
    ///
    /// # Errors
    /// [`Error::Configuration`] when an anchor is no topic of the environment.
    pub fn new(topologies: &[Topology], environment: &TaskEnvironment) -> Result<Self, Error> {
        let mut domains: BTreeMap<(NonZeroU32, TopicName), Vec<SubtopologyIndex>> = BTreeMap::new();
        for (topology, declared) in topologies.iter().enumerate() {
            for (subtopology, part) in declared.subtopologies().iter().enumerate() {
                let domain = part.domain;
                let found = environment.find(domain.anchor).and_then(|topic| environment.topic(topic));
                let anchor = found.ok_or_else(|| {
                    Error::Configuration(format!(
                        "topic {}, the anchor of domain {}, is not there: run `headwater topics apply`",
                        domain.anchor, domain.name
                    ))
                })?;
                let domain = domains.entry((anchor.partitions, anchor.name.clone())).or_default();
                domain.push(SubtopologyIndex { topology, subtopology });
            }
        }
        let mut anchors: BTreeMap<TopicName, Vec<SubtopologyIndex>> = BTreeMap::new();
        let mut shared: Option<(NonZeroU32, TopicName)> = None;
        for ((partitions, anchor), parts) in domains {
            let anchor = match &shared {
                Some((of, first)) if *of == partitions => first.clone(),
                _ => shared.insert((partitions, anchor)).1.clone(),
            };
            anchors.entry(anchor).or_default().extend(parts);
        }
        Ok(Self { anchors })
    }

    /// The topics that the group subscribes to.
    pub fn subscription(&self) -> impl Iterator<Item = &TopicName> {
        self.anchors.keys()
    }

    /// The subtopologies that have a task for each partition of an anchor.
    #[must_use]
    pub fn subtopologies_of(&self, anchor: &TopicName) -> &[SubtopologyIndex] {
        self.anchors.get(anchor).map_or(&[], Vec::as_slice)
    }
}

/// An anchor's partition, the unit that the group hands out.
pub type AnchorPartition = (TopicName, Partition);

#[cfg(test)]
mod tests;
