//! The fluent level: one stream of messages of one type, thin over [`Processor`].

use std::marker::PhantomData;
use std::sync::Arc;

use headwater_event::{Domain, Message, MessageSet, Topic};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Context, Error, Failure, Input, Processor, StoreSpec, Topology};

const SOURCE: &str = "source";
const SINK: &str = "sink";

type Keep<M> = Arc<dyn Fn(&M) -> bool + Send + Sync>;
type KeyOf<M> = Arc<dyn Fn(&M) -> String + Send + Sync>;
/// The message and its key; stages what follows.
type Fold<M> = Arc<dyn Fn(&M, &str, &mut Context<'_>) -> Result<(), Failure> + Send + Sync>;

/// Starts a flow, which is a processor of this name.
#[must_use]
pub fn flow(name: &str) -> FlowName {
    FlowName { name: name.to_owned() }
}

/// A flow that has no source yet.
pub struct FlowName {
    name: String,
}

impl FlowName {
    /// Reads a topic.
    #[must_use]
    pub fn from<S: MessageSet>(self, topic: Topic<S>) -> FlowSource<S> {
        FlowSource { name: self.name, topic }
    }
}

/// A flow from a topic.
pub struct FlowSource<S> {
    name: String,
    topic: Topic<S>,
}

impl<S: MessageSet> FlowSource<S> {
    /// Wants only this type; what is skipped is never decoded.
    #[must_use]
    pub fn only<M: Message>(self) -> Flow<S, M> {
        Flow { name: self.name, topic: self.topic, keep: Vec::new(), rekey: None }
    }
}

/// A flow of messages of one type.
pub struct Flow<S, M> {
    name: String,
    topic: Topic<S>,
    keep: Vec<Keep<M>>,
    rekey: Option<(String, Domain, KeyOf<M>)>,
}

impl<S: MessageSet, M: Message> Flow<S, M> {
    /// Keeps the messages that a predicate holds for.
    #[must_use]
    pub fn filter(mut self, keep: impl Fn(&M) -> bool + Send + Sync + 'static) -> Self {
        self.keep.push(Arc::new(keep));
        self
    }

    /// Groups by another key, through the internal topic `<flow>-<name>-repartition` of a domain.
    #[must_use]
    pub fn rekey(mut self, name: &str, domain: Domain, key: impl Fn(&M) -> String + Send + Sync + 'static) -> Self {
        self.rekey = Some((name.to_owned(), domain, Arc::new(key)));
        self
    }

    /// Turns each message into another.
    #[must_use]
    pub fn map<N: Message>(self, map: impl Fn(&M) -> N + Send + Sync + 'static) -> Outflow<S, M, N> {
        let fold: Fold<M> = Arc::new(move |message, _key, context| context.send(SINK, &map(message)));
        Outflow { flow: self, store: None, fold, output: PhantomData }
    }

    /// Folds the messages of each key into a value that is kept in a store as JSON, and sends what it is after each.
    #[must_use]
    pub fn aggregate<A, N>(
        self,
        store: &str,
        init: impl Fn(&str) -> A + Send + Sync + 'static,
        add: impl Fn(A, &M) -> A + Send + Sync + 'static,
        view: impl Fn(&A) -> N + Send + Sync + 'static,
    ) -> Outflow<S, M, N>
    where
        A: Serialize + DeserializeOwned + 'static,
        N: Message,
    {
        let name = store.to_owned();
        let fold: Fold<M> = Arc::new(move |message, key, context| {
            let before: Option<A> = context.get_json(name.as_str(), key.as_bytes())?;
            let after = add(before.unwrap_or_else(|| init(key)), message);
            context.put_json(name.as_str(), key.as_bytes(), &after)?;
            context.send_keyed(SINK, key, &view(&after))
        });
        Outflow { flow: self, store: Some(store.to_owned()), fold, output: PhantomData }
    }
}

/// A flow that knows what it sends.
pub struct Outflow<S, M, N> {
    flow: Flow<S, M>,
    store: Option<String>,
    fold: Fold<M>,
    output: PhantomData<fn() -> N>,
}

impl<S: MessageSet, M: Message, N: Message> Outflow<S, M, N> {
    /// Where it goes; the topology.
    ///
    /// # Errors
    /// As [`crate::TopologyBuilder::build`].
    pub fn to<T: MessageSet>(self, topic: Topic<T>) -> Result<Topology, Error> {
        let Flow { name, topic: from, keep, rekey } = self.flow;
        let mut topology = Topology::named(&name);
        let (fold, store) = (self.fold, self.store);
        let source = rekey.as_ref().map_or_else(|| SOURCE.to_owned(), |(through, ..)| through.clone());
        let domain = rekey.as_ref().map_or_else(|| from.domain(), |(_, domain, _)| *domain);
        if let Some((through, domain, key)) = rekey {
            let mut first = topology.subtopology("rekey", from.domain());
            first.stateless();
            first.events(SOURCE, from).only::<M>();
            first.repartition(&through, domain);
            let keep = keep.clone();
            first.processor("rekey", &[SOURCE], &[], move || Rekey {
                through: through.clone(),
                keep: keep.clone(),
                key: Arc::clone(&key),
            });
        }
        let mut main = topology.subtopology("main", domain);
        if source == SOURCE {
            main.events(&source, from).only::<M>();
        } else {
            main.repartitioned_events(&source, from).only::<M>();
        }
        main.sink(SINK, topic);
        match &store {
            Some(store) => main.store(StoreSpec::key_value(store)),
            None => main.stateless(),
        }
        let stores: Vec<&str> = store.iter().map(String::as_str).collect();
        main.processor("main", &[&source], &stores, move || Main { keep: keep.clone(), fold: Arc::clone(&fold) });
        topology.build()
    }
}

struct Rekey<M> {
    through: String,
    keep: Vec<Keep<M>>,
    key: KeyOf<M>,
}

impl<M: Message> Processor for Rekey<M> {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let message: M = input.decode()?;
        if self.keep.iter().all(|keep| keep(&message)) {
            context.forward(self.through.as_str(), (self.key)(&message).as_bytes())?;
        }
        Ok(())
    }
}

struct Main<M> {
    keep: Vec<Keep<M>>,
    fold: Fold<M>,
}

impl<M: Message> Processor for Main<M> {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let message: M = input.decode()?;
        if self.keep.iter().all(|keep| keep(&message)) {
            (self.fold)(&message, input.key_text()?, context)?;
        }
        Ok(())
    }
}
