use std::collections::BTreeMap;

use headwater_kafka::topics::Declaration;
use headwater_kafka::{CommittedOffset, ConnectionSettings, OffsetToCommit};
use headwater_log::{TopicName, TopicPartition};
use headwater_runtime::{Positions, internal_topics};
use headwater_streams::{SourceKind, TopicRole, Topology};
use serde::Serialize;

use crate::Error;
use crate::application::moving::{Readers, commit_of};
use crate::output::Grid;
use crate::records::Ends;

/// Why a processor can't be replayed as a projection; None for one. Whoever produces facts would produce them again: a
/// projection folds what is there into views, which are the same whenever they are written.
pub fn refusal(topology: &Topology, declared: &Declaration) -> Option<String> {
    let name = topology.name();
    let why = |what: String| {
        let unpublished = topology.unpublished();
        let unpublished = unpublished.map(|what| format!(", and its events do not hold what it knows: {what}"));
        Some(format!(
            "{name} can't be replayed: {what}{}. Replay is for projections, such as order-views and sagas, and for deciders \
             that publish all they know, such as orders. State of {name} that is lost comes back by itself, from its \
             changelog, when it starts",
            unpublished.unwrap_or_default()
        ))
    };
    for part in topology.subtopologies() {
        if let Some(source) = part.sources.iter().find(|source| source.kind == SourceKind::Commands) {
            return why(format!("it would carry out the commands of {} again", source.topic));
        }
        if let Some(source) = part.sources.iter().find(|source| source.repartition) {
            return why(format!("{} would get its records twice", source.topic));
        }
        let is_view = |topic: &str| {
            let policy = declared.topic(topic).and_then(|topic| topic.configs.get("cleanup.policy"));
            policy.is_some_and(|policy| policy.contains("compact"))
        };
        if let Some(sink) = part.sinks.iter().find(|sink| !is_view(&sink.topic)) {
            return why(format!("it would produce again what others have acted on in {}", sink.topic));
        }
    }
    None
}

/// What a replay does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReplayPlan {
    /// The processor.
    pub processor: String,
    /// Its application.
    pub application: String,
    /// The topics that are read again.
    pub inputs: Vec<InputTopic>,
    /// The topics that are emptied: its state.
    pub changelogs: Vec<TopicName>,
    /// The topics that are written again.
    pub views: Vec<TopicName>,
    /// Tasks whose local state is wiped.
    pub local_tasks: Vec<String>,
    /// What the application commits, so that the processor begins anew and the others go on.
    #[serde(skip)]
    pub rewound: Vec<OffsetToCommit>,
    /// Where each input begins and ends now.
    #[serde(skip)]
    pub ranges: BTreeMap<TopicPartition, Ends>,
    /// Its readers of each topic.
    #[serde(skip)]
    pub readers: Readers,
}

/// A topic that is read again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct InputTopic {
    /// Its name on the cluster.
    pub topic: TopicName,
    /// How many partitions.
    pub partitions: usize,
    /// How many offsets there are to read: records and transaction markers.
    pub records: u64,
}

impl ReplayPlan {
    /// Works it out.
    ///
    /// # Errors
    /// Failed, when the application has never run the processor.
    pub fn make(
        topology: &Topology,
        application: &str,
        connection: &ConnectionSettings,
        ranges: BTreeMap<TopicPartition, Ends>,
        committed: &[CommittedOffset],
        readers: &Readers,
    ) -> Result<Self, Error> {
        let real = |name: &str| Ok::<_, Error>(connection.prefix().apply(&TopicName::new(name)?)?);
        let mut rewound = Vec::with_capacity(ranges.len());
        let mut known = false;
        for (partition, range) in &ranges {
            let before = committed.iter().find(|committed| committed.partition == *partition);
            let mut positions = before.map(|before| readers.positions(before)).unwrap_or_default();
            known |= rewind(&mut positions, partition, *range, readers);
            rewound.push(commit_of(partition, &positions));
        }
        if !known {
            return Err(Error::failed(format!(
                "application {application} has never run {}: name the one that has with --application",
                topology.name()
            )));
        }
        let mut inputs: BTreeMap<&TopicName, InputTopic> = BTreeMap::new();
        for (partition, range) in &ranges {
            let topic = partition.topic.clone();
            let input = inputs.entry(&partition.topic).or_insert(InputTopic { topic, partitions: 0, records: 0 });
            input.partitions += 1;
            input.records += offsets_in(*range);
        }
        let inputs = inputs.into_values().collect();
        let changelogs = internal_topics(std::slice::from_ref(topology)).into_iter();
        let changelogs = changelogs.filter(|used| used.role == TopicRole::Changelog).map(|used| real(&used.name));
        let sinks = topology.subtopologies().iter().flat_map(|part| &part.sinks);
        let mut views = sinks.map(|sink| real(&sink.topic)).collect::<Result<Vec<_>, _>>()?;
        views.sort();
        views.dedup();
        Ok(Self {
            processor: topology.name().to_owned(),
            application: application.to_owned(),
            inputs,
            changelogs: changelogs.collect::<Result<_, _>>()?,
            views,
            local_tasks: Vec::new(),
            rewound,
            ranges,
            readers: readers.clone(),
        })
    }

    /// The same, with tasks that have local state.
    pub fn with_local_tasks(mut self, local_tasks: Vec<String>) -> Self {
        self.local_tasks = local_tasks;
        self
    }

    /// Offsets to read in all.
    pub fn records(&self) -> u64 {
        self.inputs.iter().map(|input| input.records).sum()
    }

    /// For people.
    pub fn describe(&self) -> String {
        let mut grid = Grid::new(&["WHAT", "TOPIC", "HOW MUCH"]);
        for input in &self.inputs {
            let much = format!("{} offsets in {} partitions", input.records, input.partitions);
            grid.row(["read again", input.topic.as_str(), &much]);
        }
        for changelog in &self.changelogs {
            grid.row(["made anew", changelog.as_str(), "everything in it"]);
        }
        for view in &self.views {
            grid.row(["written again", view.as_str(), "the same views"]);
        }
        if !self.local_tasks.is_empty() {
            grid.row(["wiped", "local state", &format!("{} tasks", self.local_tasks.len())]);
        }
        format!("Replay of {} in application {}\n{}", self.processor, self.application, grid.to_text())
    }

    /// How many offsets are behind the readers, and which partitions are not done.
    pub fn progress(&self, committed: &[CommittedOffset]) -> (u64, BTreeMap<TopicPartition, Ends>) {
        let mut done = 0;
        let mut behind = BTreeMap::new();
        for (partition, range) in &self.ranges {
            let found = committed.iter().find(|committed| committed.partition == *partition);
            let positions = found.map(|found| self.readers.positions(found)).unwrap_or_default();
            let own = self.readers.iter().filter(|(topic, _)| **topic == partition.topic).flat_map(|(_, names)| names);
            let slowest = own.map(|reader| positions.of(reader).unwrap_or(range.beginning)).min();
            let at = slowest.unwrap_or(range.beginning).max(range.beginning).min(range.end);
            done += offsets_in(Ends { beginning: range.beginning, end: at });
            if at < range.end {
                behind.insert(partition.clone(), Ends { beginning: at, end: range.end });
            }
        }
        (done, behind)
    }
}

/// Sets a processor's readers of a partition to its beginning; says whether one of them had a position.
fn rewind(positions: &mut Positions, partition: &TopicPartition, range: Ends, readers: &Readers) -> bool {
    let own = readers.iter().filter(|(topic, _)| **topic == partition.topic).flat_map(|(_, names)| names);
    let mut known = false;
    for reader in own {
        known |= positions.of(reader).is_some();
        positions.set(reader, range.beginning);
    }
    known
}

fn offsets_in(range: Ends) -> u64 {
    u64::try_from(range.end.get() - range.beginning.get()).unwrap_or(0)
}
