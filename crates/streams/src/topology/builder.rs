use std::sync::Arc;

use headwater_event::{Domain, MessageSet, Topic};

use super::checks;
use super::{
    Parts, ProcessorNode, Reaction, Refusals, Sink, Source, SourceBuilder, SourceKind, Store, Subtopology, Topology,
};
use crate::choreography::Step;
use crate::schemas::Naming;
use crate::{Error, FailureKind, Policies, Policy, Processor, StoreNumber, StoreSpec};

/// How long ids of commands are remembered unless the source says otherwise: 7 days.
const COMMAND_DEDUP_MS: i64 = 7 * 24 * 3_600_000;

/// A topology under construction. Everything that is wrong is reported at once, by [`TopologyBuilder::build`].
pub struct TopologyBuilder {
    name: String,
    subtopologies: Vec<Subtopology>,
    reactions: Vec<Reaction>,
    choreography: Vec<Step>,
    rebuild: Option<Topology>,
    unpublished: Option<String>,
}

impl TopologyBuilder {
    pub(super) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            subtopologies: Vec::new(),
            reactions: Vec::new(),
            choreography: Vec::new(),
            rebuild: None,
            unpublished: None,
        }
    }

    /// Adds a subtopology: its tasks are (processor, subtopology, partition), and all its inputs are of one domain.
    pub fn subtopology(&mut self, name: &str, domain: Domain) -> SubtopologyBuilder<'_> {
        let changelog = Some(format!("{}-{name}-changelog", self.name));
        self.subtopologies.push(Subtopology {
            name: name.to_owned(),
            domain,
            sources: Vec::new(),
            sinks: Vec::new(),
            stores: Vec::new(),
            processors: Vec::new(),
            policies: Policies::default(),
            changelog,
            holds_timers: false,
        });
        let at = self.subtopologies.len() - 1;
        SubtopologyBuilder { processor: &self.name, subtopology: &mut self.subtopologies[at] }
    }

    /// Declares what it reacts to, as data.
    pub fn reaction(&mut self, reaction: Reaction) {
        self.reactions.push(reaction);
    }

    /// Declares the steps of the choreography that it owns.
    pub fn choreography(&mut self, steps: impl IntoIterator<Item = Step>) {
        self.choreography.extend(steps);
    }

    /// Says what its state holds that no topic of events does, as the end of a sentence: why it can't be rebuilt from
    /// events.
    pub fn unpublished(&mut self, what: &str) {
        self.unpublished = Some(what.to_owned());
    }

    pub(crate) fn rebuilt_by(&mut self, rebuild: Topology) {
        self.rebuild = Some(rebuild);
    }

    /// Checks the whole and makes it immutable.
    ///
    /// # Errors
    /// Every problem: names, unknown sources and stores, mixed domains, nodes that nothing reaches.
    pub fn build(mut self) -> Result<Topology, Error> {
        for subtopology in &mut self.subtopologies {
            if subtopology.has_only_tables() {
                subtopology.changelog = None;
            }
            let forwarded: Vec<Source> = subtopology.sources.iter().filter_map(forwarded).collect();
            subtopology.sources.extend(forwarded);
        }
        let parts = Parts {
            name: self.name,
            subtopologies: self.subtopologies,
            reactions: self.reactions,
            choreography: self.choreography,
            rebuild: self.rebuild,
            unpublished: self.unpublished,
        };
        let problems = checks::problems(&parts);
        if problems.is_empty() {
            Ok(Topology::from_parts(parts))
        } else {
            Err(Error { subject: format!("topology {}", parts.name), problems })
        }
    }
}

/// A subtopology under construction.
pub struct SubtopologyBuilder<'a> {
    processor: &'a str,
    pub(super) subtopology: &'a mut Subtopology,
}

impl SubtopologyBuilder<'_> {
    pub(super) fn source(&mut self, source: Source) -> SourceBuilder<'_> {
        let policies = self.subtopology.policies;
        self.subtopology.sources.push(source);
        let at = self.subtopology.sources.len() - 1;
        SourceBuilder { source: &mut self.subtopology.sources[at], policies }
    }

    /// Reads messages of a topic: Avro, with an envelope, keyed by subject.
    pub fn events<S: MessageSet>(&mut self, name: &str, topic: Topic<S>) -> SourceBuilder<'_> {
        let domain = Some(topic.domain());
        self.source(Source { types: S::TYPES, domain, ..source(name, topic.name().to_owned(), SourceKind::Events) })
    }

    /// Reads commands of a topic: Avro or JSON, checked against the schemas. Misplaced ones go through
    /// `<processor>-<name>-repartition`; ids are remembered for 7 days unless said otherwise.
    pub fn commands<S: MessageSet>(&mut self, name: &str, topic: Topic<S>) -> SourceBuilder<'_> {
        let forward_to = format!("{}-{name}-repartition", self.processor);
        let commands = source(name, topic.name().to_owned(), SourceKind::Commands);
        self.source(Source {
            types: S::TYPES,
            domain: Some(topic.domain()),
            dedup_window_ms: Some(COMMAND_DEDUP_MS),
            forward_to: Some(forward_to),
            ..commands
        })
    }

    /// Reads bytes of a topic (declared name), which must have the domain's partition count.
    pub fn raw(&mut self, name: &str, topic: &str) -> SourceBuilder<'_> {
        self.source(source(name, topic.to_owned(), SourceKind::Raw))
    }

    /// Reads, as bytes, what a subtopology of this processor wrote to [`SubtopologyBuilder::repartition`].
    pub fn repartitioned(&mut self, name: &str) -> SourceBuilder<'_> {
        let topic = format!("{}-{name}-repartition", self.processor);
        self.source(Source { repartition: true, ..source(name, topic, SourceKind::Raw) })
    }

    /// Reads, as messages, what was forwarded to [`SubtopologyBuilder::repartition`] from a topic with these messages.
    pub fn repartitioned_events<S: MessageSet>(&mut self, name: &str, _original: Topic<S>) -> SourceBuilder<'_> {
        let topic = format!("{}-{name}-repartition", self.processor);
        self.source(Source { types: S::TYPES, repartition: true, ..source(name, topic, SourceKind::Events) })
    }

    /// As [`SourceBuilder::refusals`], for a source declared before.
    pub(crate) fn refuse_with(&mut self, source: &str, refusals: Refusals) {
        for source in self.subtopology.sources.iter_mut().filter(|known| known.name == source) {
            source.refusals = Some(Arc::clone(&refusals));
        }
    }

    /// As [`SourceBuilder::only`], for a source declared before.
    pub(crate) fn want_only(&mut self, source: &str, types: Vec<&'static str>) {
        if let Some(source) = self.subtopology.sources.iter_mut().find(|known| known.name == source) {
            source.only = types;
        }
    }

    /// Adds a store.
    pub fn store(&mut self, spec: StoreSpec) {
        let number = spec.number.unwrap_or_else(|| {
            let highest = self.subtopology.stores.iter().map(|store| store.number.0).max();
            highest.map_or(StoreNumber::FIRST_USER.0, |highest| highest.saturating_add(1))
        });
        self.subtopology.stores.push(Store {
            name: spec.name,
            number: StoreNumber(number),
            in_memory: spec.in_memory,
            changelog: spec.changelog,
            ordered: spec.ordered,
            source: None,
        });
    }

    /// Writes messages to a topic, which may be of another domain.
    pub fn sink<S: MessageSet>(&mut self, name: &str, topic: Topic<S>) {
        self.message_sink(name, topic, false);
    }

    /// Writes messages to a compacted topic: of several of one key in a transaction only the last is written, as readers
    /// of such a topic want no more (Kafka Streams' record cache does the same).
    pub fn compacted_sink<S: MessageSet>(&mut self, name: &str, topic: Topic<S>) {
        self.message_sink(name, topic, true);
    }

    fn message_sink<S: MessageSet>(&mut self, name: &str, topic: Topic<S>, folds: bool) {
        let naming = if S::SUBJECT_PER_RECORD { Naming::PerRecord } else { Naming::Union(S::TYPES) };
        self.subtopology.sinks.push(Sink {
            name: name.to_owned(),
            topic: topic.name().to_owned(),
            domain: Some(topic.domain()),
            types: S::TYPES,
            naming,
            repartition: false,
            folds,
        });
    }

    /// Writes bytes to a topic (declared name).
    pub fn raw_sink(&mut self, name: &str, topic: &str) {
        self.subtopology.sinks.push(raw_sink(name, topic.to_owned(), None, false));
    }

    /// Writes to the internal topic `<processor>-<name>-repartition`, partitioned as a domain. The name is the sink's.
    pub fn repartition(&mut self, name: &str, domain: Domain) {
        let topic = format!("{}-{name}-repartition", self.processor);
        self.subtopology.sinks.push(raw_sink(name, topic, Some(domain), true));
    }

    /// Adds a processor: the sources it works on, the stores it may use, and what makes one for each task.
    pub fn processor<P: Processor + 'static>(
        &mut self,
        name: &str,
        sources: &[&str],
        stores: &[&str],
        factory: impl Fn() -> P + Send + Sync + 'static,
    ) {
        self.subtopology.processors.push(ProcessorNode {
            name: name.to_owned(),
            sources: sources.iter().map(|&name| name.to_owned()).collect(),
            stores: stores.iter().map(|&name| name.to_owned()).collect(),
            is_table: false,
            factory: Arc::new(move || Box::new(factory())),
        });
    }

    /// The policy at an edge for timers, results of calls, and sources declared after this that say nothing else.
    pub fn policy(&mut self, edge: FailureKind, policy: Policy) {
        self.subtopology.policies.set(edge, policy);
    }

    /// Timers are kept and never fire.
    pub(crate) const fn hold_timers(&mut self) {
        self.subtopology.holds_timers = true;
    }

    /// No state of its own: no stores but [tables](Self::table), timers, calls, deduplication or parking, and so no changelog.
    pub fn stateless(&mut self) {
        self.subtopology.changelog = None;
    }
}

pub(super) fn source(name: &str, topic: String, kind: SourceKind) -> Source {
    Source {
        name: name.to_owned(),
        dead_letters: format!("{topic}.dlq"),
        topic,
        domain: None,
        repartition: false,
        kind,
        types: &[],
        only: Vec::new(),
        policies: None,
        dedup_window_ms: None,
        grace_ms: None,
        forward_to: None,
        refusals: None,
    }
}

/// The second source of a command source: what was forwarded to it by other tasks.
fn forwarded(commands: &Source) -> Option<Source> {
    Some(Source {
        kind: SourceKind::ForwardedCommands,
        types: commands.types,
        only: commands.only.clone(),
        policies: commands.policies,
        dedup_window_ms: commands.dedup_window_ms,
        grace_ms: commands.grace_ms,
        refusals: commands.refusals.clone(),
        dead_letters: commands.dead_letters.clone(),
        domain: commands.domain,
        repartition: true,
        ..source(&commands.name, commands.forward_to.clone()?, SourceKind::ForwardedCommands)
    })
}

fn raw_sink(name: &str, topic: String, domain: Option<Domain>, repartition: bool) -> Sink {
    Sink { name: name.to_owned(), topic, domain, types: &[], naming: Naming::PerRecord, repartition, folds: false }
}
