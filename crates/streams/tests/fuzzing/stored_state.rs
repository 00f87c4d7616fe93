//! The stores of a task as a damaged changelog might leave them: entries of a store's number, a key and a value, the last
//! two each with its length in two bytes. Timers, calls, parked records and ids seen are read from them, or refused as state
//! that is none; what the task writes on top is read by the next one.

use std::num::NonZeroU32;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use headwater_event::{Envelope, EventId, Timestamp};
use headwater_log::{Headers, Offset, Partition, TopicName};
use headwater_streams::{
    Call, CallResult, Context, Effects, Failure, FailureKind, Input, InputState, KnownEnvelope, Limits, LocalSchemas,
    MemoryBase, Policy, Processor, Record, Step, StoreNumber, Task, TaskEnvironment, TimeKind, Timer, TopicFacts,
    Topology,
};
use uuid::Uuid;

const START_MS: i64 = 1_700_000_000_000;
const HOUR_MS: i64 = 3_600_000;
/// More than a task needs for what some kilobytes of state can hold.
const STEPS_MAX: usize = 300;

/// Sets timers of both kinds, calls, and fails where the value says so.
struct Everything;

impl Processor for Everything {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = input.key().unwrap_or_default().to_vec();
        let due = context.event_time().plus_millis(10);
        context.schedule("soon", &key, due, TimeKind::EventTime)?;
        context.schedule("by-clock", &key, due, TimeKind::WallClock)?;
        let call = Call { step: "ask", ordering_key: &key, idempotency_key: "once".to_owned(), request: b"5".to_vec() };
        context.call(call)?;
        if input.value() == Some(b"fail") { Err(Failure::retriable("closed")) } else { Ok(()) }
    }

    fn on_timer(&mut self, timer: &Timer, context: &mut Context<'_>) -> Result<(), Failure> {
        context.send_raw("out", Some(&timer.key), Some(timer.name.as_bytes()), Headers::new())
    }

    fn on_call_result(&mut self, result: &CallResult, context: &mut Context<'_>) -> Result<(), Failure> {
        context.send_raw("out", Some(&result.ordering_key), Some(&result.request), Headers::new())
    }
}

fn topology() -> Topology {
    let mut topology = Topology::named("fuzzed");
    let mut main = topology.subtopology("main", headwater_event::Domain::new("order", "lines"));
    main.raw("lines", "lines")
        .deduplicate(1_000)
        .policy(FailureKind::Process, Policy::ParkKey { attempts: 3, backoff_ms: 1_000 });
    main.raw_sink("out", "out");
    main.processor("everything", &["lines"], &[], || Everything);
    topology.build().expect("a topology")
}

static WORLD: LazyLock<(Topology, Arc<TaskEnvironment>)> = LazyLock::new(|| {
    let topology = topology();
    let facts = topology.topics().into_iter().map(|topic| TopicFacts {
        name: TopicName::new(&topic.name).expect("a name"),
        declared_name: topic.name,
        id: Uuid::nil(),
        partitions: NonZeroU32::MIN,
        record_bytes_max: 1 << 20,
    });
    let environment = TaskEnvironment::new(Arc::new(LocalSchemas::new()), "c", facts.collect(), Limits::default());
    (topology, Arc::new(environment.expect("an environment")))
});

pub fn target(bytes: &[u8]) {
    let mut base = entries(bytes);
    let mut task = task();
    if task.resume(&[None], Timestamp::from_millis(-1), &base).is_err() {
        return;
    }
    if run(&mut task, &mut base).is_none() {
        return;
    }
    let mut next = self::task();
    next.resume(&[None], Timestamp::from_millis(-1), &base).expect("calls that were read before, or written by a task");
    next.timers(1_000, &base).expect("timers that were read before, or written by a task");
}

fn task() -> Task {
    let (topology, environment) = &*WORLD;
    Task::new(topology, 0, Partition::new(0), Arc::clone(environment)).expect("a task")
}

/// Works off what there is and some records more, committing now and then. None: the state was refused.
fn run(task: &mut Task, base: &mut MemoryBase) -> Option<()> {
    task.timers(1_000, base).ok()?;
    let mut effects = Effects::default();
    let mut now_ms = START_MS;
    for (place, value) in [(0, "good"), (1, "fail"), (2, "good"), (3, "fail")] {
        task.offer(0, Arc::new(record(place, value)));
    }
    task.input_state(0, InputState::AtEnd { offset: offset(4) });
    for round in 0..STEPS_MAX {
        match task.step(Timestamp::from_millis(now_ms), base, &mut effects).ok()? {
            Step::NeedEnds => task.observed_ends(&[offset(4)]),
            Step::Processed => {}
            Step::Idle { .. } | Step::WaitForInput { .. } | Step::Backoff { .. } => now_ms += HOUR_MS,
        }
        if round % 3 == 0 {
            commit(task, base, &mut effects);
        }
    }
    commit(task, base, &mut effects);
    Some(())
}

fn commit(task: &mut Task, base: &mut MemoryBase, effects: &mut Effects) {
    task.prepare_commit(effects);
    let changelog: Vec<_> = task.changelog().map(|(key, _)| key.first().copied()).collect();
    assert!(changelog.iter().all(Option::is_some), "a changelog's key begins with its store");
    let started = task.committed(|store, key, value| base.write(store, key, value));
    for call in started {
        task.offer_call_result(CallResult::answer(call.id, *b"yes"));
    }
    effects.outputs.clear();
}

fn offset(offset: i64) -> Offset {
    Offset::new(offset).expect("not negative")
}

fn record(place: i64, value: &'static str) -> Record {
    let time = Timestamp::from_millis(START_MS + place * 100);
    let id = EventId::from_uuid(Uuid::from_u128(place as u128 % 3));
    let mut headers = Headers::new();
    Envelope::root(id, "/fuzzed", "a.Line", "k", time).write(&mut headers);
    let (key, value) = (Some(Bytes::from_static(b"k")), Some(Bytes::from_static(value.as_bytes())));
    Record { offset: offset(place), timestamp: time, key, value, headers, envelope: KnownEnvelope::default() }
}

fn entries(mut bytes: &[u8]) -> MemoryBase {
    let mut base = MemoryBase::new();
    while let Some((store, rest)) = bytes.split_first() {
        bytes = rest;
        let (key, value) = (part(&mut bytes), part(&mut bytes));
        base.write(StoreNumber(store % StoreNumber::SYSTEM.len() as u8), key, Some(value));
    }
    base
}

fn part<'a>(from: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = from.split_first_chunk::<2>() else {
        return std::mem::take(from);
    };
    let (part, rest) = rest.split_at(usize::from(u16::from_be_bytes(*length)).min(rest.len()));
    *from = rest;
    part
}
