use std::sync::atomic::Ordering;
use std::time::Duration;

use headwater_event::Domain;
use headwater_kafka::admin::NewTopic;
use headwater_kafka::{Admin, ConnectionSettings, ErrorKind};
use headwater_log::{Headers, TopicName};
use headwater_streams::{Context, Failure, Input, Processor, SinkHandle, StoreHandle, StoreSpec, Topology};

use super::SEEN;

/// Names live as long as the process: the topology's domain wants them so.
fn domain(anchor: &str) -> Domain {
    Domain::new("bench", Box::leak(anchor.to_owned().into_boxed_str()))
}

/// Counts records by key; the count is eight bytes, as Java's.
#[derive(Default)]
struct Count {
    store: Option<StoreHandle>,
}

impl Processor for Count {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let store = match self.store {
            Some(store) => store,
            None => *self.store.insert(context.store("counts")?),
        };
        let key = input.key().unwrap_or_default();
        let number = |bytes: Option<&[u8]>| Some(u64::from_be_bytes(bytes?.try_into().ok()?));
        let count = context.read(store, key, number)?.unwrap_or(0);
        context.put(store, key, &(count + 1).to_be_bytes())?;
        SEEN.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Keeps the last value by key.
#[derive(Default)]
struct Table {
    store: Option<StoreHandle>,
}

impl Processor for Table {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let store = match self.store {
            Some(store) => store,
            None => *self.store.insert(context.store("view")?),
        };
        let key = input.key().unwrap_or_default();
        match input.value() {
            Some(value) => context.put(store, key, value)?,
            None => context.delete(store, key)?,
        }
        SEEN.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Changes one byte of each value.
#[derive(Default)]
struct Map {
    sink: Option<SinkHandle>,
    value: Vec<u8>,
}

impl Processor for Map {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let sink = match self.sink {
            Some(sink) => sink,
            None => *self.sink.insert(context.sink("out")?),
        };
        self.value.clear();
        self.value.extend_from_slice(input.value().unwrap_or_default());
        if let Some(first) = self.value.first_mut() {
            *first ^= 1;
        }
        context.send_raw(sink, input.key(), Some(&self.value), Headers::new())?;
        SEEN.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// Keeps the last value by key, in the store that the key's last byte names.
struct Spread {
    names: Vec<String>,
    stores: Vec<StoreHandle>,
}

impl Processor for Spread {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        if self.stores.is_empty() {
            self.stores = self.names.iter().map(|name| context.store(name)).collect::<Result<_, _>>()?;
        }
        let (key, value) = (input.key().unwrap_or_default(), input.value().unwrap_or_default());
        let number = usize::from(key.last().copied().unwrap_or_default()) % self.stores.len().max(1);
        if let Some(store) = self.stores.get(number) {
            context.put(*store, key, value)?;
        }
        SEEN.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// One of several services in a row: reads what it stored, stores, forwards.
#[derive(Default)]
struct Hop {
    handles: Option<(StoreHandle, SinkHandle)>,
}

impl Processor for Hop {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let (store, sink) = match self.handles {
            Some(handles) => handles,
            None => *self.handles.insert((context.store("state")?, context.sink("out")?)),
        };
        let (key, value) = (input.key().unwrap_or_default(), input.value().unwrap_or_default());
        context.get(store, key)?;
        context.put(store, key, value)?;
        context.send_raw(sink, Some(key), Some(value), Headers::new())
    }
}

pub fn count(topic: &str, application: &str) -> Result<Topology, headwater_streams::Error> {
    let mut topology = Topology::named(application);
    let mut part = topology.subtopology("main", domain(topic));
    part.raw("in", topic);
    part.store(StoreSpec::key_value("counts"));
    part.processor("count", &["in"], &["counts"], Count::default);
    topology.build()
}

pub fn table(topic: &str, application: &str) -> Result<Topology, headwater_streams::Error> {
    let mut topology = Topology::named(application);
    let mut part = topology.subtopology("main", domain(topic));
    part.raw("in", topic);
    part.store(StoreSpec::key_value("view"));
    part.processor("table", &["in"], &["view"], Table::default);
    topology.build()
}

/// A table whose changelog is its topic.
pub fn source_table(topic: &str, application: &str) -> Result<Topology, headwater_streams::Error> {
    let mut topology = Topology::named(application);
    topology.subtopology("main", domain(topic)).table("view", topic, StoreSpec::key_value("view"));
    topology.build()
}

pub fn map(topic: &str, application: &str) -> Result<Topology, headwater_streams::Error> {
    let mut topology = Topology::named(application);
    let mut part = topology.subtopology("main", domain(topic));
    part.raw("in", topic);
    part.raw_sink("out", &format!("{application}-out"));
    part.processor("map", &["in"], &[], Map::default);
    part.stateless();
    topology.build()
}

/// The last value by key, each key in one of so many stores.
pub fn stores(topic: &str, application: &str, stores: usize) -> Result<Topology, headwater_streams::Error> {
    let names: Vec<String> = (0..stores).map(|number| format!("view{number}")).collect();
    let names_given: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut topology = Topology::named(application);
    let mut part = topology.subtopology("main", domain(topic));
    part.raw("in", topic);
    for name in &names {
        part.store(StoreSpec::key_value(name));
    }
    let all = names.clone();
    part.processor("spread", &["in"], &names_given, move || Spread { names: all.clone(), stores: Vec::new() });
    topology.build()
}

/// A service of a chain, from `prefixN` to `prefixN+1`.
pub fn hop(prefix: &str, name: &str, number: usize) -> Result<Topology, headwater_streams::Error> {
    let mut topology = Topology::named(name);
    let mut part = topology.subtopology("main", domain(&format!("{prefix}0")));
    part.raw("in", &format!("{prefix}{number}"));
    part.store(StoreSpec::key_value("state"));
    part.raw_sink("out", &format!("{prefix}{}", number + 1));
    part.processor("hop", &["in"], &["state"], Hop::default);
    topology.build()
}

/// The services of a chain: each a topology of its own, from `prefix0` to `prefixN`.
pub fn chain(prefix: &str, application: &str, hops: usize) -> Result<Vec<Topology>, headwater_streams::Error> {
    (0..hops).map(|number| hop(prefix, &format!("{application}-hop{number}"), number)).collect()
}

/// Creates a topic unless it is there.
pub fn create(
    bootstrap: &str,
    name: &str,
    partitions: u32,
    configs: &[(&str, &str)],
) -> Result<(), headwater_kafka::Error> {
    let admin = Admin::new(&ConnectionSettings::new(bootstrap), Duration::from_secs(10))?;
    let topic = NewTopic {
        name: TopicName::new(name)?,
        partitions,
        replication_factor: -1,
        configs: configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    for (_, created) in admin.create_topics(&[topic])? {
        match created {
            Err(error) if error.kind() != ErrorKind::Exists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}
