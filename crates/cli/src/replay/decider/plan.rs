use headwater_kafka::TopicPrefix;
use headwater_log::TopicName;
use headwater_streams::Topology;
use serde::Serialize;

use super::Ranges;
use crate::Error;
use crate::output::Grid;

/// What the replay of a decider does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RebuildPlan {
    /// The processor.
    pub processor: String,
    /// Its application.
    pub application: String,
    /// Its own events, which are folded.
    pub events: TopicName,
    /// How many partitions.
    pub partitions: usize,
    /// How many offsets there are to read: events and transaction markers.
    pub records: u64,
    /// The topic that holds its state, in which what differs is put right.
    pub changelog: TopicName,
    /// What is compared: its stores, and its timers.
    pub stores: Vec<String>,
    /// Tasks whose local state is wiped, to be restored from the changelog.
    pub local_tasks: Vec<String>,
}

impl RebuildPlan {
    /// Works it out, but for how much there is to read.
    ///
    /// # Errors
    /// Failed for a topology that can't be rebuilt.
    pub fn of(
        topology: &Topology,
        application: &str,
        prefix: &TopicPrefix,
        local_tasks: Vec<String>,
    ) -> Result<Self, Error> {
        let real = |name: &str| Ok::<_, Error>(prefix.apply(&TopicName::new(name)?)?);
        let part = topology.rebuild().and_then(|rebuild| rebuild.subtopologies().first());
        let source = part.and_then(|part| part.sources.first());
        let (Some(part), Some(source)) = (part, source) else {
            return Err(Error::failed(format!("{} is no fold of its events", topology.name())));
        };
        let changelog = part.changelog.as_deref();
        let changelog = changelog.ok_or_else(|| Error::failed(format!("{} has no state", topology.name())))?;
        let stores = part.stores.iter().map(|store| store.name.clone()).chain(["timers".to_owned()]);
        Ok(Self {
            processor: topology.name().to_owned(),
            application: application.to_owned(),
            events: real(&source.topic)?,
            partitions: 0,
            records: 0,
            changelog: real(changelog)?,
            stores: stores.collect(),
            local_tasks,
        })
    }

    /// Says how much there is to read.
    pub fn measure(&mut self, ranges: &Ranges) {
        self.partitions = ranges.len();
        let offsets = ranges.values().map(|range| range.end.get() - range.beginning.get());
        self.records = offsets.map(|offsets| u64::try_from(offsets).unwrap_or(0)).sum();
    }

    /// For people.
    pub fn describe(&self) -> String {
        let mut grid = Grid::new(&["WHAT", "TOPIC", "HOW MUCH"]);
        let much = format!("{} offsets in {} partitions", self.records, self.partitions);
        grid.row(["folded", self.events.as_str(), &much]);
        let much = format!("what differs: {}", self.stores.join(", "));
        grid.row(["put right", self.changelog.as_str(), &much]);
        grid.row(["kept", "input positions", "no command is carried out again, no event is published"]);
        if !self.local_tasks.is_empty() {
            let much = format!("{} tasks, restored when they start", self.local_tasks.len());
            grid.row(["wiped", "local state", &much]);
        }
        format!("Replay of {} in application {}\n{}", self.processor, self.application, grid.to_text())
    }
}
