//! A subtopology compiled for one task: names resolved to indexes.

use std::sync::Arc;

use bytes::Bytes;
use headwater_event::{MessageType, Timestamp};
use headwater_log::{Headers, Partition};
use headwater_schema::json_command::CommandSet;

use crate::context::Access;
use crate::record::size_bytes;
use crate::schemas::Naming;
use crate::store::{Overlay, TableIndex};
use crate::topology::{Refusals, Source, SourceKind, Subtopology};
use crate::{
    Error, Failure, InputTopic, KnownEnvelope, Output, Policies, StoreNumber, TaskEnvironment, TopicRef, Topology,
};

pub(crate) struct Plan {
    pub(crate) topology: Topology,
    pub(crate) subtopology: usize,
    pub(crate) processor: String,
    pub(crate) partition: Partition,
    pub(crate) environment: Arc<TaskEnvironment>,
    pub(crate) sources: Vec<SourcePlan>,
    pub(crate) sinks: Vec<SinkPlan>,
    pub(crate) nodes: Vec<NodePlan>,
    /// For timers and results of calls.
    pub(crate) policies: Policies,
    pub(crate) changelog: Option<TopicRef>,
    pub(crate) holds_timers: bool,
}

pub(crate) struct SourcePlan {
    pub(crate) name: String,
    pub(crate) topic: TopicRef,
    pub(crate) declared_topic: String,
    pub(crate) kind: SourceKind,
    pub(crate) types: &'static [MessageType],
    pub(crate) only: Vec<&'static str>,
    pub(crate) policies: Policies,
    pub(crate) dedup_window_ms: Option<i64>,
    pub(crate) grace_ms: Option<i64>,
    pub(crate) forward_to: Option<TopicRef>,
    pub(crate) dead_letters: Option<TopicRef>,
    pub(crate) nodes: Vec<usize>,
    pub(crate) commands: Option<CommandSet>,
    pub(crate) refusals: Option<Refusals>,
    /// It is a table's: a restore takes its records as they come, so nothing else may hold one back.
    pub(crate) is_table: bool,
}

pub(crate) struct SinkPlan {
    pub(crate) name: String,
    pub(crate) topic: TopicRef,
    pub(crate) declared_topic: String,
    pub(crate) types: &'static [MessageType],
    pub(crate) naming: Naming,
    pub(crate) folds: bool,
}

pub(crate) struct NodePlan {
    pub(crate) name: String,
    pub(crate) stores: Vec<(String, TableIndex, Access)>,
}

impl Plan {
    pub(crate) fn compile(
        topology: &Topology,
        subtopology: usize,
        partition: Partition,
        environment: Arc<TaskEnvironment>,
    ) -> Result<Self, Error> {
        let subject = || format!("task {}/{subtopology}/{partition}", topology.name());
        let declared = topology.subtopologies().get(subtopology);
        let declared = declared.ok_or_else(|| Error::new(subject(), "the topology has no such subtopology"))?;
        let mut resolve = Resolve { environment: &environment, problems: Vec::new() };
        let sources = declared.sources.iter().map(|source| source_plan(&mut resolve, declared, source)).collect();
        let sinks = declared.sinks.iter().map(|sink| SinkPlan {
            name: sink.name.clone(),
            topic: resolve.topic(&sink.topic),
            declared_topic: sink.topic.clone(),
            types: sink.types,
            naming: sink.naming,
            folds: sink.folds,
        });
        let sinks = sinks.collect();
        let changelog = declared.changelog.as_deref().map(|name| resolve.topic(name));
        resolve.co_partitioned(declared, partition);
        if !resolve.problems.is_empty() {
            return Err(Error { subject: subject(), problems: resolve.problems });
        }
        let table_of = |name: &String| {
            let at = declared.stores.iter().position(|store| store.name == *name)?;
            let access = if declared.stores.get(at)?.source.is_some() { Access::Table } else { Access::Own };
            Some((name.clone(), TableIndex(u16::try_from(StoreNumber::SYSTEM.len() + at).ok()?), access))
        };
        let nodes = declared.processors.iter().map(|node| NodePlan {
            name: node.name.clone(),
            stores: node.stores.iter().filter_map(table_of).collect(),
        });
        Ok(Self {
            topology: topology.clone(),
            subtopology,
            processor: topology.name().to_owned(),
            partition,
            sources,
            sinks,
            nodes: nodes.collect(),
            policies: declared.policies,
            changelog,
            holds_timers: declared.holds_timers,
            environment,
        })
    }

    pub(crate) fn declared(&self) -> Option<&Subtopology> {
        self.topology.subtopologies().get(self.subtopology)
    }

    pub(crate) fn overlay(&self) -> Overlay {
        let stores = self.declared().into_iter().flat_map(|declared| &declared.stores);
        let stores = stores.map(|store| (store.number, store.ordered, store.changelog));
        Overlay::new(stores, self.environment.limits.cache_bytes_max)
    }

    /// The stores of those who read a source.
    pub(crate) fn stores_of(&self, source: &SourcePlan) -> Vec<TableIndex> {
        let nodes = source.nodes.iter().filter_map(|node| self.nodes.get(*node));
        nodes.flat_map(|node| &node.stores).map(|(_, table, _)| *table).collect()
    }

    pub(crate) fn inputs(&self) -> Vec<InputTopic> {
        let facts = self.sources.iter().filter_map(|source| {
            let name = self.environment.topic(source.topic)?.name.clone();
            Some(InputTopic { topic: source.topic, name, partition: self.partition })
        });
        facts.collect()
    }

    /// A record for a topic, if the topic takes one of that size.
    pub(crate) fn output(
        &self,
        topic: TopicRef,
        key: Option<Bytes>,
        value: Option<Bytes>,
        headers: Headers,
        timestamp: Timestamp,
    ) -> Result<Output, Failure> {
        let size = size_bytes(key.as_deref(), value.as_deref(), &headers);
        let size_max = self.environment.record_bytes_max(topic);
        if size > size_max {
            let name = self.environment.topic(topic).map_or("?", |facts| facts.name.as_str());
            return Err(Failure::produce(format!(
                "record of {size} bytes is larger than {name} takes ({size_max}): make it smaller or raise max.message.bytes"
            )));
        }
        let partition = key.as_deref().and_then(|key| self.environment.partition_of(topic, key));
        Ok(Output { topic, partition, key, value, headers, envelope: KnownEnvelope::default(), timestamp })
    }
}

fn source_plan(resolve: &mut Resolve<'_>, declared: &Subtopology, source: &Source) -> SourcePlan {
    let reads =
        |(at, node): (usize, &crate::topology::ProcessorNode)| node.sources.contains(&source.name).then_some(at);
    let is_commands = matches!(source.kind, SourceKind::Commands | SourceKind::ForwardedCommands);
    SourcePlan {
        name: source.name.clone(),
        topic: resolve.topic(&source.topic),
        declared_topic: source.topic.clone(),
        kind: source.kind,
        types: source.types,
        only: source.only.clone(),
        policies: source.policies.unwrap_or(declared.policies),
        dedup_window_ms: source.dedup_window_ms,
        grace_ms: source.grace_ms,
        forward_to: source.forward_to.as_deref().map(|name| resolve.topic(name)),
        dead_letters: resolve.environment.find(&source.dead_letters),
        nodes: declared.processors.iter().enumerate().filter_map(reads).collect(),
        commands: if is_commands { resolve.commands(source) } else { None },
        refusals: source.refusals.clone(),
        is_table: declared.stores.iter().any(|store| store.source.as_deref() == Some(source.topic.as_str())),
    }
}

struct Resolve<'a> {
    environment: &'a TaskEnvironment,
    problems: Vec<String>,
}

impl Resolve<'_> {
    fn topic(&mut self, declared_name: &str) -> TopicRef {
        self.environment.find(declared_name).unwrap_or_else(|| {
            self.problems.push(format!("topic {declared_name} is not there: create it"));
            TopicRef(u32::MAX)
        })
    }

    fn commands(&mut self, source: &Source) -> Option<CommandSet> {
        let schemas: Vec<&str> = source.types.iter().map(|message| message.schema).collect();
        match CommandSet::compile(&schemas) {
            Ok(commands) => Some(commands),
            Err(error) => {
                self.problems.push(format!("commands of {}: {error}", source.topic));
                None
            }
        }
    }

    fn co_partitioned(&mut self, declared: &Subtopology, partition: Partition) {
        let count = |name: &str| Some(self.environment.topic(self.environment.find(name)?)?.partitions.get());
        let topics = declared.sources.iter().map(|source| source.topic.as_str());
        let counts: Vec<(&str, u32)> = topics.filter_map(|name| Some((name, count(name)?))).collect();
        let Some((first, expected)) = counts.first() else { return };
        for (name, found) in &counts {
            if found != expected {
                self.problems
                    .push(format!("{name} has {found} partitions, {first} has {expected}: they are read together"));
            }
        }
        if partition.get() >= *expected {
            self.problems.push(format!("{first} has no partition {partition}"));
        }
    }
}
