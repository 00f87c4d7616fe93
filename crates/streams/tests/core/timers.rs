//! Wall-clock timers wait for the ends of the inputs; driven by hand, as a runtime drives a task.

use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Headers, Offset, Partition, TopicName};
use headwater_streams::{
    Context, Effects, Failure, Input, InputState, KnownEnvelope, Limits, LocalSchemas, MemoryBase, Processor, Record,
    Step, Task, TaskEnvironment, TimeKind, Timer, TopicFacts, Topology,
};

use crate::messages::CART;

/// `ask` sets a time-out of 100 ms of wall clock, `good` cancels it.
struct Waiter;

impl Processor for Waiter {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = input.key().unwrap_or_default().to_vec();
        match input.value() {
            Some(b"ask") => {
                let due = context.event_time().plus_millis(100);
                context.schedule("time-out", &key, due, TimeKind::WallClock)
            }
            _ => context.cancel("time-out", &key),
        }
    }

    fn on_timer(&mut self, timer: &Timer, context: &mut Context<'_>) -> Result<(), Failure> {
        context.send_raw("out", Some(&timer.key), Some(b"timed out"), Headers::new())
    }
}

struct World {
    task: Task,
    base: MemoryBase,
    effects: Effects,
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

fn offset(offset: i64) -> Offset {
    Offset::new(offset).unwrap()
}

impl World {
    fn new() -> Self {
        let mut topology = Topology::named("waiter");
        let mut main = topology.subtopology("main", CART);
        main.raw("one", "one");
        main.raw("two", "two");
        main.raw_sink("out", "out");
        main.processor("waiter", &["one", "two"], &[], || Waiter);
        let topology = topology.build().unwrap();
        let facts = topology.topics().into_iter().map(|topic| TopicFacts {
            name: TopicName::new(&topic.name).unwrap(),
            declared_name: topic.name,
            id: uuid::Uuid::nil(),
            partitions: NonZeroU32::MIN,
            record_bytes_max: 1 << 20,
        });
        let environment = TaskEnvironment::new(Arc::new(LocalSchemas::new()), "c", facts.collect(), Limits::default());
        let mut task = Task::new(&topology, 0, Partition::new(0), Arc::new(environment.unwrap())).unwrap();
        let base = MemoryBase::new();
        task.resume(&[None, None], at(-1), &base).unwrap();
        Self { task, base, effects: Effects::default() }
    }

    fn offer(&mut self, input: usize, place: i64, time: i64, value: &'static str) {
        let record = Record {
            offset: offset(place),
            timestamp: at(time),
            key: Some(Bytes::from_static(b"k")),
            value: Some(Bytes::from_static(value.as_bytes())),
            headers: Headers::new(),
            envelope: KnownEnvelope::default(),
        };
        self.task.offer(input, Arc::new(record));
    }

    fn step(&mut self, now: i64) -> Step {
        self.task.step(at(now), &self.base, &mut self.effects).unwrap()
    }

    fn at_end(&mut self, ends: [i64; 2]) {
        for (input, end) in ends.into_iter().enumerate() {
            self.task.input_state(input, InputState::AtEnd { offset: offset(end) });
        }
    }

    fn commit(&mut self) {
        let prepared = self.task.prepare_commit(&mut self.effects);
        let base = &mut self.base;
        self.task.committed(|store, key, value| base.write(store, key, value));
        drop(prepared);
    }
}

#[test]
fn after_an_outage_the_good_news_is_read_before_the_time_out() {
    let mut world = World::new();
    world.offer(0, 0, 1_000, "ask");
    world.at_end([1, 0]);
    assert_eq!(world.step(1_000), Step::Processed);
    world.commit();
    // Long after it was due; `good` lies in the other topic, not fetched yet.
    assert_eq!(world.step(9_000), Step::NeedEnds);
    assert!(matches!(world.step(9_000), Step::Idle { .. }), "it asks once, and does not fire before the answer");
    world.task.observed_ends(&[offset(1), offset(1)]);
    assert!(matches!(world.step(9_000), Step::WaitForInput { input: 1, .. }));
    world.offer(1, 0, 1_050, "good");
    assert_eq!(world.step(9_000), Step::Processed);
    assert_eq!(world.step(9_000), Step::Idle { wake_at: None });
    assert!(world.effects.outputs.is_empty(), "the good news came in time");
}

#[test]
fn without_news_the_time_out_fires_once_the_ends_are_reached() {
    let mut world = World::new();
    world.offer(0, 0, 1_000, "ask");
    world.at_end([1, 0]);
    world.step(1_000);
    assert_eq!(world.step(1_050), Step::Idle { wake_at: Some(at(1_100)) });
    assert_eq!(world.step(1_100), Step::NeedEnds);
    world.task.observed_ends(&[offset(1), offset(3)]);
    assert!(matches!(world.step(1_100), Step::WaitForInput { input: 1, .. }));
    // Only aborted records and markers lie there: the driver is at its end without a record.
    world.at_end([1, 3]);
    assert_eq!(world.step(1_100), Step::Processed);
    assert_eq!(world.effects.outputs.len(), 1);
    assert_eq!(world.step(1_100), Step::Idle { wake_at: None });
}

#[test]
fn an_answer_that_never_comes_is_asked_for_again() {
    let mut world = World::new();
    world.offer(0, 0, 0, "ask");
    world.at_end([1, 0]);
    world.step(0);
    assert_eq!(world.step(500), Step::NeedEnds);
    assert_eq!(world.step(900), Step::Idle { wake_at: Some(at(1_500)) });
    assert_eq!(world.step(1_500), Step::NeedEnds);
}

#[test]
fn records_are_taken_by_timestamp_over_the_inputs() {
    let mut world = World::new();
    world.offer(0, 0, 30, "ask");
    world.task.input_state(0, InputState::AtEnd { offset: offset(1) });
    let Step::WaitForInput { input: 1, until } = world.step(1_000) else { panic!("it waits for what has more coming") };
    assert_eq!(until, at(2_000));
    world.offer(1, 0, 20, "good");
    assert_eq!(world.step(1_000), Step::Processed);
    assert_eq!(world.task.positions(), [None, Some(offset(1))]);
    world.task.input_state(1, InputState::Paused);
    assert_eq!(world.step(1_000), Step::Processed, "a paused input is not waited for");
}

#[test]
fn an_input_that_has_more_coming_is_waited_for_only_so_long() {
    let mut world = World::new();
    world.offer(0, 0, 30, "good");
    assert!(matches!(world.step(1_000), Step::WaitForInput { input: 1, .. }));
    assert_eq!(world.step(2_000), Step::Processed);
    assert_eq!(world.effects.counters.out_of_order, 1);
}

#[test]
fn a_rewind_restores_positions_stream_time_and_timers() {
    let mut world = World::new();
    world.at_end([0, 0]);
    world.offer(0, 0, 1_000, "ask");
    world.step(1_000);
    world.commit();
    world.offer(0, 1, 2_000, "good");
    world.at_end([2, 0]);
    assert_eq!(world.step(1_050), Step::Processed);
    assert_eq!(world.task.stream_time(), at(2_000));
    assert!(world.task.timers(10, &world.base).unwrap().is_empty());
    world.task.rolled_back();
    assert_eq!(world.task.stream_time(), at(1_000));
    assert_eq!(world.task.timers(10, &world.base).unwrap().len(), 1);
    assert_eq!(world.task.positions()[0], Some(offset(1)));
    assert!(!world.task.has_staged());
    world.offer(0, 0, 1_000, "ask");
    assert_eq!(world.task.buffered(0), (0, 0), "what is before the position is ignored");
}
