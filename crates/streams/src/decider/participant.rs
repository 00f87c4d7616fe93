use std::marker::PhantomData;
use std::sync::Arc;

use headwater_event::{Domain, Message, MessageSet, MessageType, Timestamp, Topic};

use super::Decider;
use super::fold::FoldProcessor;
use super::processor::{DeciderProcessor, Table};
use crate::choreography::Step;
use crate::{
    Context, Error, Failure, FailureKind, Input, Policy, Reaction, Rejected, SinkHandle, StoreSpec, SubtopologyBuilder,
    Topology, TopologyBuilder,
};

pub(super) const EVENTS: &str = "events";
pub(super) const REPLIES: &str = "replies";
const COMMANDS: &str = "commands";
const MAIN: &str = "main";

pub(super) type ToCommand<D> = Arc<dyn Fn(&Input<'_>) -> Result<<D as Decider>::Command, Failure> + Send + Sync>;
pub(super) type ToMessages<D> =
    Arc<dyn Fn(&<D as Decider>::Event, &mut Emitter<'_, '_>) -> Result<(), Failure> + Send + Sync>;
pub(super) type ToEvent<D> = Arc<dyn Fn(&Input<'_>) -> Result<<D as Decider>::Event, Failure> + Send + Sync>;
pub(super) type ToReply = Arc<dyn Fn(&Rejected, &mut Context<'_>) -> Result<(), Failure> + Send + Sync>;

type Declare = Box<dyn FnOnce(&mut SubtopologyBuilder<'_>)>;

/// A decider with topics around it: commands in, events out, replies to what is rejected, reactions to others' events.
pub struct Participant<D: Decider> {
    topology: TopologyBuilder,
    name: String,
    domain: Domain,
    command_source: Option<Declare>,
    sinks: Vec<Declare>,
    sources: Vec<(&'static str, Declare, Vec<&'static str>)>,
    table: Table<D>,
    policies: Vec<(FailureKind, Policy)>,
    problems: Vec<String>,
    /// Reads its own topic of events, to rebuild; with what that may hold.
    own_events: Option<(Declare, &'static [MessageType])>,
    decider: PhantomData<fn() -> D>,
}

/// Sends the messages of an event.
pub struct Emitter<'a, 'b> {
    pub(super) context: &'a mut Context<'b>,
    pub(super) sink: SinkHandle,
    /// How many messages were sent.
    pub(super) sent: usize,
}

impl Emitter<'_, '_> {
    /// Sends a message to the participant's topic of events.
    ///
    /// # Errors
    /// As [`Context::send`].
    pub fn send<M: Message>(&mut self, message: &M) -> Result<(), Failure> {
        self.sent += 1;
        self.context.send(self.sink, message)
    }

    /// For what a message needs beyond the event: times, correlation.
    #[must_use]
    pub fn context(&self) -> &Context<'_> {
        self.context
    }
}

impl<D: Decider> Participant<D> {
    /// A participant; the name is the processor's and the store's. Records are keyed by the aggregate's id.
    #[must_use]
    pub fn named(name: &str, domain: Domain) -> Self {
        Self {
            topology: Topology::named(name),
            name: name.to_owned(),
            domain,
            command_source: None,
            sinks: Vec::new(),
            sources: Vec::new(),
            table: Table::new(name),
            policies: Vec::new(),
            problems: Vec::new(),
            own_events: None,
            decider: PhantomData,
        }
    }

    /// Takes commands from a topic, JSON or Avro. Those of no type that `command` names are rejected.
    #[must_use]
    pub fn commands<S: MessageSet>(mut self, topic: Topic<S>) -> Self {
        self.note_twice("commands", self.command_source.is_some());
        self.command_source = Some(Box::new(move |subtopology| {
            subtopology.commands(COMMANDS, topic);
        }));
        self
    }

    /// What a command message asks.
    #[must_use]
    pub fn command<M: Message>(mut self, to_command: impl Fn(M) -> D::Command + Send + Sync + 'static) -> Self {
        self.table.commands.push((M::FULL_NAME, Arc::new(move |input| input.decode::<M>().map(&to_command))));
        self
    }

    /// Where events go, and as which messages.
    #[must_use]
    pub fn events_to<S: MessageSet>(
        mut self,
        topic: Topic<S>,
        to_messages: impl Fn(&D::Event, &mut Emitter<'_, '_>) -> Result<(), Failure> + Send + Sync + 'static,
    ) -> Self {
        self.note_twice("events_to", self.table.to_messages.is_some());
        self.sinks.push(Box::new(move |subtopology| subtopology.sink(EVENTS, topic)));
        let declare: Declare = Box::new(move |subtopology| {
            subtopology.events(EVENTS, topic);
        });
        self.own_events = Some((declare, S::TYPES));
        self.table.to_messages = Some(Arc::new(to_messages));
        self
    }

    /// Which event a message of the topic of events was, and when it happened ([`super::Moment::now`] of its decision): the
    /// inverse of [`Participant::events_to`]. With this for every type of the topic the state can be rebuilt from it by
    /// [`crate::Rebuild`], and each event has to become one message.
    #[must_use]
    pub fn event<M: Message>(mut self, to_event: impl Fn(M, Timestamp) -> D::Event + Send + Sync + 'static) -> Self {
        let of: ToEvent<D> = Arc::new(move |input| Ok(to_event(input.decode::<M>()?, input.envelope().time)));
        self.table.events.push((M::FULL_NAME, of));
        self
    }

    /// Where the senders of rejected commands look, and what they find.
    #[must_use]
    pub fn replies<S: MessageSet, M: Message>(
        mut self,
        topic: Topic<S>,
        to_reply: impl Fn(&Rejected) -> M + Send + Sync + 'static,
    ) -> Self {
        self.note_twice("replies", self.table.reply.is_some());
        self.sinks.push(Box::new(move |subtopology| subtopology.sink(REPLIES, topic)));
        self.table.reply = Some(Arc::new(move |refused, context| context.send(REPLIES, &to_reply(refused))));
        self
    }

    /// Reacts to an event of others that is keyed by the aggregate's id; several for one topic.
    #[must_use]
    pub fn on<S: MessageSet, M: Message>(
        mut self,
        topic: Topic<S>,
        to_command: impl Fn(M) -> D::Command + Send + Sync + 'static,
    ) -> Self {
        let name = topic.name();
        match self.sources.iter_mut().find(|(known, _, _)| *known == name) {
            Some((_, _, types)) => types.push(M::FULL_NAME),
            None => {
                let declare: Declare = Box::new(move |subtopology| {
                    subtopology.events(topic.name(), topic);
                });
                self.sources.push((name, declare, vec![M::FULL_NAME]));
            }
        }
        self.topology.reaction(Reaction {
            processor: self.name.clone(),
            topic: name.to_owned(),
            message_type: M::FULL_NAME,
            command: short_name::<D::Command>(),
        });
        self.table.reactions.push((name, M::FULL_NAME, Arc::new(move |input| input.decode::<M>().map(&to_command))));
        self
    }

    /// The policy at an edge, for all of its sources, timers too.
    #[must_use]
    pub fn policy(mut self, edge: FailureKind, policy: Policy) -> Self {
        self.policies.push((edge, policy));
        self
    }

    /// Declares the steps of the choreography that it owns.
    #[must_use]
    pub fn choreography(mut self, steps: impl IntoIterator<Item = Step>) -> Self {
        self.topology.choreography(steps);
        self
    }

    fn note_twice(&mut self, what: &str, twice: bool) {
        if twice {
            self.problems.push(format!("{what} is said twice"));
        }
    }

    /// The topology.
    ///
    /// # Errors
    /// As [`TopologyBuilder::build`]; or no topic for events.
    pub fn build(mut self) -> Result<Topology, Error> {
        if self.table.to_messages.is_none() {
            self.problems.push("events go nowhere: say events_to(topic, …)".to_owned());
        }
        if !self.table.commands.is_empty() && self.command_source.is_none() {
            self.problems.push("commands come from nowhere: say commands(topic)".to_owned());
        }
        if self.command_source.is_some() && self.table.reply.is_none() {
            self.problems.push("rejected commands get no reply: say replies(topic, …)".to_owned());
        }
        let own_events = self.own_events.take().filter(|_| !self.table.events.is_empty());
        if let Some((_, types)) = &own_events {
            let known = |name: &str| self.table.events.iter().any(|(known, _)| *known == name);
            let missing = types.iter().map(|message| message.full_name).filter(|name| !known(name));
            self.problems
                .extend(missing.map(|name| format!("state can't be rebuilt from {name}: say event::<{name}>(…)")));
        }
        if !self.problems.is_empty() {
            return Err(Error { subject: format!("participant {}", self.name), problems: self.problems });
        }
        let table = Arc::new(self.table);
        if let Some((declare, _)) = own_events {
            let rebuild = rebuild(&self.name, self.domain, declare, &table)?;
            self.topology.rebuilt_by(rebuild);
        }
        let mut subtopology = self.topology.subtopology(MAIN, self.domain);
        for (edge, policy) in self.policies {
            subtopology.policy(edge, policy);
        }
        let mut names: Vec<&str> = Vec::new();
        if let Some(declare) = self.command_source {
            declare(&mut subtopology);
            if let Some(reply) = &table.reply {
                subtopology.refuse_with(COMMANDS, Arc::clone(reply));
            }
            names.push(COMMANDS);
        }
        for (name, declare, types) in self.sources {
            declare(&mut subtopology);
            subtopology.want_only(name, types);
            names.push(name);
        }
        for declare in self.sinks {
            declare(&mut subtopology);
        }
        subtopology.store(StoreSpec::key_value(&self.name));
        subtopology.processor(&self.name, &names, &[&self.name], move || DeciderProcessor::new(Arc::clone(&table)));
        self.topology.build()
    }
}

/// The same store, changelog and timers, with the participant's own events as the only source. Nothing is skipped: a
/// record that can't be folded ends it.
fn rebuild<D: Decider>(name: &str, domain: Domain, events: Declare, table: &Arc<Table<D>>) -> Result<Topology, Error> {
    let mut topology = Topology::named(name);
    let mut main = topology.subtopology(MAIN, domain);
    for edge in
        [FailureKind::Decode, FailureKind::Process, FailureKind::Produce, FailureKind::Timeout, FailureKind::State]
    {
        main.policy(edge, Policy::Stop);
    }
    events(&mut main);
    main.hold_timers();
    main.store(StoreSpec::key_value(name));
    let table = Arc::clone(table);
    main.processor(name, &[EVENTS], &[name], move || FoldProcessor::new(Arc::clone(&table)));
    topology.build()
}

/// The last part of a type's path, without its generics.
fn short_name<T>() -> &'static str {
    let whole = std::any::type_name::<T>();
    let path = whole.split('<').next().unwrap_or(whole);
    path.rsplit("::").next().unwrap_or(path)
}
