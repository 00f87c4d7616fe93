//! What the core costs a record: `cargo test --release -p headwater-streams -- --ignored --nocapture counting`.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Headers, Offset, Partition, TopicName};
use headwater_streams::{
    Context, Effects, Failure, Input, InputState, Limits, LocalSchemas, MemoryBase, Processor, Record, StateBase, Step,
    StoreHandle, StoreNumber, StoreSpec, Task, TaskEnvironment, TopicFacts, Topology,
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
        let count = context.get(store, key)?.and_then(|v| v.as_ref().try_into().ok()).map_or(0, u64::from_be_bytes);
        context.put(store, key, &(count + 1).to_be_bytes())
    }
}

fn count(records: i64, keys: i64, commit_every: i64) -> (MemoryBase, std::time::Duration) {
    let mut topology = Topology::named("count");
    let mut main = topology.subtopology("main", CART);
    main.raw("lines", "lines");
    main.store(StoreSpec::key_value("counts"));
    main.processor("count", &["lines"], &["counts"], Count::default);
    let topology = topology.build().unwrap();
    let facts = topology.topics().into_iter().map(|topic| TopicFacts {
        name: TopicName::new(&topic.name).unwrap(),
        declared_name: topic.name,
        id: uuid::Uuid::nil(),
        partitions: NonZeroU32::MIN,
        record_bytes_max: 1 << 20,
    });
    let limits = Limits { cache_bytes_max: 64 << 20, ..Limits::default() };
    let environment = TaskEnvironment::new(Arc::new(LocalSchemas::new()), "c", facts.collect(), limits).unwrap();
    let mut task = Task::new(&topology, 0, Partition::new(0), Arc::new(environment)).unwrap();
    let mut base = MemoryBase::new();
    task.resume(&[None], Timestamp::from_millis(-1), &base).unwrap();
    let mut effects = Effects::default();
    let mut spent = std::time::Duration::ZERO;
    let mut changelog_bytes = 0;
    let mut next = 0;
    while next < records {
        let batch: Vec<Arc<Record>> = (next..(next + commit_every).min(records))
            .map(|at| {
                Arc::new(Record {
                    offset: Offset::new(at).unwrap(),
                    timestamp: Timestamp::from_millis(at / 1_000),
                    key: Some(Bytes::from(format!("key-{:08}", at.wrapping_mul(7_919) % keys))),
                    value: Some(Bytes::from_static(&[b'x'; 100])),
                    headers: Headers::new(),
                })
            })
            .collect();
        next += batch.len() as i64;
        #[allow(clippy::disallowed_methods, reason = "it measures")]
        let begin = std::time::Instant::now();
        for record in batch {
            task.offer(0, record);
        }
        task.input_state(0, InputState::AtEnd { offset: Offset::new(next).unwrap() });
        while task.step(Timestamp::from_millis(0), &base, &mut effects).unwrap() == Step::Processed {}
        task.prepare_commit(&mut effects);
        changelog_bytes += task.changelog().map(|(key, value)| key.len() + value.map_or(0, <[u8]>::len)).sum::<usize>();
        let mut writes = 0;
        spent += begin.elapsed();
        task.committed(|store, key, value| {
            writes += 1;
            base.write(store, key, value);
        });
        assert!(writes > 0);
    }
    assert!(changelog_bytes > 0);
    (base, spent)
}

#[test]
fn counts_are_right() {
    let (base, _) = count(10_000, 100, 777);
    for key in 0..100 {
        let value = base.get(StoreNumber::FIRST_USER, format!("key-{key:08}").as_bytes()).unwrap().unwrap();
        assert_eq!(u64::from_be_bytes(value.as_ref().try_into().unwrap()), 100);
    }
}

#[test]
#[ignore = "it measures: 5M records"]
fn counting_costs_a_record() {
    let records = 5_000_000;
    let (_, spent) = count(records, 100_000, 100_000);
    println!("{} ns a record (steps and changelog, without the base's writes)", spent.as_nanos() / records as u128);
}
