//! What the core costs a record: `cargo test --release -p headwater-streams -- --ignored --nocapture counting`.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Headers, Offset, Partition, TopicName};
use headwater_streams::{
    Context, Effects, Failure, Input, InputState, KnownEnvelope, Limits, LocalSchemas, MemoryBase, Processor, Record,
    StateBase, Step, StoreHandle, StoreNumber, StoreSpec, Task, TaskEnvironment, TopicFacts, Topology,
};

use crate::messages::CART;

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
        let number = |value: Option<&[u8]>| value.and_then(|v| v.try_into().ok()).map_or(0, u64::from_be_bytes);
        let count = context.read(store, key, number)?;
        context.put(store, key, &(count + 1).to_be_bytes())
    }
}

fn environment(topology: &Topology) -> Arc<TaskEnvironment> {
    let facts = topology.topics().into_iter().map(|topic| TopicFacts {
        name: TopicName::new(&topic.name).unwrap(),
        declared_name: topic.name,
        id: uuid::Uuid::nil(),
        partitions: NonZeroU32::MIN,
        record_bytes_max: 1 << 20,
    });
    let limits = Limits { cache_bytes_max: 64 << 20, ..Limits::default() };
    Arc::new(TaskEnvironment::new(Arc::new(LocalSchemas::new()), "c", facts.collect(), limits).unwrap())
}

/// Time on the processor, in nanoseconds: the machine may have other work.
fn cpu_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|first| first.parse().ok()).unwrap_or(0)
}

/// Counts records over keys; the state, and the nanoseconds that steps and changelog took.
fn count(records: i64, keys: i64, fetch: i64, commit_every: i64) -> (MemoryBase, u64) {
    let mut topology = Topology::named("count");
    let mut main = topology.subtopology("main", CART);
    main.raw("lines", "lines");
    main.store(StoreSpec::key_value("counts"));
    main.processor("count", &["lines"], &["counts"], Count::default);
    let topology = topology.build().unwrap();
    let mut task = Task::new(&topology, 0, Partition::new(0), environment(&topology)).unwrap();
    let mut base = MemoryBase::new();
    task.resume(&[None], Timestamp::from_millis(-1), &base).unwrap();
    let mut effects = Effects::default();
    let (mut spent, mut changelog_bytes, mut next) = (0, 0, 0);
    while next < records {
        let batch: Vec<Arc<Record>> = (next..(next + fetch).min(records)).map(|at| record(at, keys)).collect();
        next += batch.len() as i64;
        let begin = cpu_ns();
        for record in batch {
            task.offer(0, record);
        }
        task.input_state(0, InputState::AtEnd { offset: Offset::new(next).unwrap() });
        while task.step(Timestamp::from_millis(0), &base, &mut effects).unwrap() == Step::Processed {}
        spent += cpu_ns() - begin;
        if next % commit_every == 0 || next == records {
            let begin = cpu_ns();
            task.prepare_commit(&mut effects);
            changelog_bytes +=
                task.changelog().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum::<usize>();
            spent += cpu_ns() - begin;
            task.committed(|store, key, value| base.write(store, key, value));
        }
    }
    assert!(changelog_bytes > 0);
    (base, spent)
}

fn record(at: i64, keys: i64) -> Arc<Record> {
    Arc::new(Record {
        offset: Offset::new(at).unwrap(),
        timestamp: Timestamp::from_millis(at / 1_000),
        key: Some(Bytes::from(format!("key-{:08}", at.wrapping_mul(7_919) % keys))),
        value: Some(Bytes::from_static(&[b'x'; 100])),
        headers: Headers::new(),
        envelope: KnownEnvelope::default(),
    })
}

#[test]
fn counts_are_right() {
    let (base, _) = count(10_000, 100, 500, 2_500);
    for key in 0..100 {
        let value = base.get(StoreNumber::FIRST_USER, format!("key-{key:08}").as_bytes()).unwrap().unwrap();
        assert_eq!(u64::from_be_bytes(value.as_ref().try_into().unwrap()), 100);
    }
}

#[test]
#[ignore = "it measures: 5M records"]
fn counting_costs_a_record() {
    let records = 5_000_000;
    let (_, spent) = count(records, 100_000, 1_000, 100_000);
    println!("{} ns a record (steps and changelog, without the base's writes)", spent / records as u64);
}
