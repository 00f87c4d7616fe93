//! A world of topics and tasks in which everything happens in an order that a seed decides: what is fetched, committed,
//! aborted, answered, and when a process dies.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::Arc;

use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Headers, Offset, Partition, TopicName};
use headwater_streams::{
    CallResult, CallToStart, Effects, InputState, KnownEnvelope, Limits, LocalSchemas, MemoryBase, Record, Schemas,
    Step, Task, TaskEnvironment, TopicFacts, TopicRole, Topology,
};
use uuid::Uuid;

pub const START: Timestamp = Timestamp::from_millis(1_735_689_600_000);
const PARTITIONS: u32 = 3;
/// Far more steps than any seed needs: a world that does not come to rest is a failure.
const TURNS_MAX: usize = 400_000;

/// SplitMix64: small, and the same everywhere.
pub struct Dice(u64);

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end.max(1) as u64) as usize
    }

    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}

#[derive(Clone, Default)]
struct Log {
    records: Vec<Arc<Record>>,
    end: i64,
}

struct Node {
    task: Task,
    base: MemoryBase,
    effects: Effects,
    positions: Vec<Option<Offset>>,
    fetch: Vec<Offset>,
    calls: Vec<(CallToStart, Timestamp)>,
    wake_at: Option<Timestamp>,
}

/// What an outside party answers to a call, and how many milliseconds that takes.
pub type Outside = dyn FnMut(&CallToStart) -> (Result<Vec<u8>, String>, i64);

pub struct World {
    pub dice: Dice,
    pub now: Timestamp,
    schemas: Arc<LocalSchemas>,
    environment: Arc<TaskEnvironment>,
    logs: Vec<Vec<Log>>,
    nodes: Vec<Node>,
    /// By idempotency key: the same answer however often it is asked.
    answers: BTreeMap<String, (Result<Vec<u8>, String>, i64)>,
    outside: Box<Outside>,
}

/// A record as a reader sees it.
pub struct Seen {
    pub event: String,
    pub key: String,
    pub value: serde_json::Value,
    pub bytes: Option<Bytes>,
}

impl World {
    pub fn new(topologies: &[Topology], seed: u64, outside: Box<Outside>) -> Self {
        Self::with(Arc::new(LocalSchemas::new()), topologies, seed, outside)
    }

    /// A world of projections that have seen nothing yet, with all events of this one, which they read in another order.
    pub fn replay(&self, topologies: &[Topology], seed: u64) -> Self {
        let outside = Box::new(|call: &CallToStart| panic!("a projection calls {}", call.step));
        let mut fresh = Self::with(Arc::clone(&self.schemas), topologies, seed, outside);
        for (at, facts) in fresh.environment.topics().iter().enumerate() {
            let known = self.environment.find(&facts.declared_name).unwrap();
            if facts.declared_name.ends_with(".events") {
                fresh.logs[at].clone_from(&self.logs[known.index()]);
            }
        }
        fresh.come_to_rest();
        fresh
    }

    fn with(schemas: Arc<LocalSchemas>, topologies: &[Topology], seed: u64, outside: Box<Outside>) -> Self {
        let mut roles = BTreeMap::new();
        for topic in topologies.iter().flat_map(Topology::topics) {
            roles.entry(topic.name).or_insert(topic.role);
        }
        let facts = roles.into_iter().map(|(name, role)| TopicFacts {
            name: TopicName::new(&name).unwrap(),
            id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            declared_name: name,
            partitions: NonZeroU32::new(PARTITIONS).unwrap(),
            record_bytes_max: if role == TopicRole::DeadLetters { 2 << 20 } else { 1 << 20 },
        });
        let facts: Vec<TopicFacts> = facts.collect();
        let logs = facts.iter().map(|_| (0..PARTITIONS).map(|_| Log::default()).collect()).collect();
        let shared: Arc<dyn Schemas> = schemas.clone();
        let environment = Arc::new(TaskEnvironment::new(shared, "world", facts, Limits::default()).unwrap());
        let mut nodes = Vec::new();
        for topology in topologies {
            for number in 0..topology.subtopologies().len() {
                for partition in (0..PARTITIONS).map(Partition::new) {
                    let task = Task::new(topology, number, partition, Arc::clone(&environment)).unwrap();
                    nodes.push(Node::start(task));
                }
            }
        }
        let answers = BTreeMap::new();
        Self { dice: Dice::new(seed), now: START, schemas, environment, logs, nodes, answers, outside }
    }

    /// Appends a command as a console would: text, with a key or to any partition.
    pub fn command(&mut self, topic: &str, key: Option<&str>, text: &str) {
        let topic = self.environment.find(topic).unwrap().index();
        let any = self.dice.below(PARTITIONS as usize);
        let count = NonZeroU32::new(PARTITIONS).unwrap();
        let partition = key.map_or(any, |key| headwater_log::partition_of_key(key.as_bytes(), count).get() as usize);
        let record = Record {
            offset: Offset::ZERO,
            timestamp: self.now,
            key: key.map(|key| Bytes::copy_from_slice(key.as_bytes())),
            value: Some(Bytes::copy_from_slice(text.as_bytes())),
            headers: Headers::new(),
            envelope: KnownEnvelope::default(),
        };
        self.logs[topic][partition].append(record);
    }

    /// Does one thing that the dice choose; false when there is nothing to do before the clock moves.
    fn turn(&mut self) -> bool {
        let node = self.dice.below(self.nodes.len());
        match self.dice.below(100) {
            0..60 => self.work(node),
            60..80 => self.commit(node),
            80..84 => self.abort(node),
            84 => self.crash(node),
            85..97 => self.answer(node),
            _ => self.now = self.now.plus_millis(self.dice.below(2_000) as i64),
        }
        !self.is_quiet()
    }

    /// Some turns, with work still left after them.
    pub fn turns(&mut self, count: usize) {
        for _ in 0..count {
            self.turn();
        }
    }

    /// Works everything through, also what waits for time to pass.
    pub fn come_to_rest(&mut self) {
        for _ in 0..TURNS_MAX {
            if self.turn() {
                continue;
            }
            let wakes = self.nodes.iter().filter_map(|node| node.wake_at);
            let answers = self.nodes.iter().flat_map(|node| node.calls.iter().map(|(_, due)| *due));
            let Some(next) = wakes.chain(answers).min() else {
                return;
            };
            self.now = self.now.max(next).plus_millis(1);
        }
        let behind = self.nodes.iter().find(|node| node.has_work(&self.logs, self.now)).map(|node| node.task.id());
        panic!("the world does not come to rest: {behind:?}");
    }

    fn is_quiet(&self) -> bool {
        self.nodes.iter().all(|node| !node.has_work(&self.logs, self.now))
    }

    fn work(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let inputs = node.task.inputs().to_vec();
        let chosen = self.dice.below(inputs.len());
        for (input, place) in inputs.iter().enumerate() {
            let log = &self.logs[place.topic.index()][place.partition.get() as usize];
            if input == chosen {
                for record in log.from(node.fetch[input]).iter().take(1 + self.dice.below(3)) {
                    node.fetch[input] = Offset::new(record.offset.get() + 1).unwrap();
                    node.task.offer(input, Arc::clone(record));
                }
            }
            let at_end = log.from(node.fetch[input]).is_empty();
            let end = InputState::AtEnd { offset: Offset::new(log.end).unwrap() };
            node.task.input_state(input, if at_end { end } else { InputState::Paused });
        }
        for _ in 0..1 + self.dice.below(6) {
            match node.task.step(self.now, &node.base, &mut node.effects).unwrap() {
                Step::Processed => {}
                Step::NeedEnds => {
                    let end = |place: &headwater_streams::InputTopic| {
                        Offset::new(self.logs[place.topic.index()][place.partition.get() as usize].end).unwrap()
                    };
                    node.task.observed_ends(&inputs.iter().map(end).collect::<Vec<_>>());
                }
                Step::Idle { wake_at } => {
                    node.wake_at = wake_at;
                    return;
                }
                Step::WaitForInput { until, .. } | Step::Backoff { until } => {
                    node.wake_at = Some(until);
                    return;
                }
            }
            // Until it says that it is idle, it has more to do.
            node.wake_at = Some(self.now);
        }
    }

    fn commit(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let prepared = node.task.prepare_commit(&mut node.effects);
        let outputs = std::mem::take(&mut node.effects.outputs);
        let base = &mut node.base;
        let started = node.task.committed(|store, key, value| base.write(store, key, value));
        node.positions = prepared.positions;
        for call in started {
            self.start(at, call);
        }
        let mut touched = Vec::new();
        for output in outputs {
            let (topic, partition) = (output.topic.index(), output.partition.unwrap().get() as usize);
            let headwater_streams::Output { key, value, headers, envelope, timestamp, .. } = output;
            let record = Record { offset: Offset::ZERO, timestamp, key, value, headers, envelope };
            self.logs[topic][partition].append(record);
            touched.push((topic, partition));
        }
        touched.sort_unstable();
        touched.dedup();
        // The transaction's marker takes an offset too.
        for (topic, partition) in touched {
            self.logs[topic][partition].end += 1;
        }
    }

    fn start(&mut self, at: usize, call: CallToStart) {
        let outside = &mut self.outside;
        let known = self.answers.entry(call.idempotency_key.clone()).or_insert_with(|| outside(&call));
        let due = self.now.plus_millis(known.1);
        self.nodes[at].calls.push((call, due));
    }

    fn abort(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        node.effects.outputs.clear();
        node.task.rolled_back();
        node.rewind(self.now);
    }

    fn crash(&mut self, at: usize) {
        let node = &mut self.nodes[at];
        let calls = node.task.resume(&node.positions, Timestamp::from_millis(-1), &node.base).unwrap();
        node.effects.outputs.clear();
        node.calls.clear();
        node.rewind(self.now);
        for call in calls {
            self.start(at, call);
        }
    }

    fn answer(&mut self, at: usize) {
        let now = self.now;
        let due: Vec<usize> =
            (0..self.nodes[at].calls.len()).filter(|place| self.nodes[at].calls[*place].1 <= now).collect();
        // Calls of one ordering key are answered in turn: an earlier one that is open goes first.
        let Some(place) = due.get(self.dice.below(due.len())).copied() else { return };
        let node = &mut self.nodes[at];
        let key = node.calls[place].0.ordering_key.clone();
        let first = node.calls.iter().position(|(call, _)| call.ordering_key == key).unwrap_or(place);
        if node.calls[first].1 > now {
            return;
        }
        let (call, _) = node.calls.remove(first);
        let result = match self.answers[&call.idempotency_key].0.clone() {
            Ok(answer) => CallResult::answer(call.id, answer),
            Err(reason) => CallResult::refusal(call.id, reason),
        };
        node.task.offer_call_result(result);
        node.wake_at = Some(now);
    }

    /// All records of a topic, in the order of each partition.
    pub fn read(&self, topic: &str) -> Vec<Seen> {
        let topic = self.environment.find(topic).unwrap().index();
        self.logs[topic].iter().flat_map(|log| &log.records).map(|record| self.seen(record)).collect()
    }

    fn seen(&self, record: &Record) -> Seen {
        let value = record.value.as_deref().unwrap_or_default();
        let decoded = headwater_schema::wire::decode(value)
            .ok()
            .and_then(|(id, body)| self.schemas.writer(id).ok()?.decode_value(body).ok());
        Seen {
            event: record.headers.last_text("ce_type").unwrap_or_default().rsplit('.').next().unwrap().to_owned(),
            key: String::from_utf8(record.key.as_deref().unwrap_or_default().to_vec()).unwrap(),
            bytes: record.value.clone(),
            value: decoded.unwrap_or_else(|| String::from_utf8_lossy(value).into_owned().into()),
        }
    }

    /// The committed state of every task of a subtopology.
    pub fn states(&self, processor: &str, subtopology: &str) -> Vec<&MemoryBase> {
        let is_it = |node: &&Node| {
            let id = node.task.id();
            id.processor == processor && id.subtopology == subtopology
        };
        self.nodes.iter().filter(is_it).map(|node| &node.base).collect()
    }
}

impl Node {
    fn start(task: Task) -> Self {
        let inputs = task.inputs().len();
        let mut node = Self {
            task,
            base: MemoryBase::new(),
            effects: Effects::default(),
            positions: vec![None; inputs],
            fetch: vec![Offset::ZERO; inputs],
            calls: Vec::new(),
            wake_at: None,
        };
        node.task.resume(&node.positions, Timestamp::from_millis(-1), &node.base).unwrap();
        node
    }

    fn rewind(&mut self, now: Timestamp) {
        self.fetch = self.positions.iter().map(|position| position.unwrap_or(Offset::ZERO)).collect();
        self.wake_at = Some(now);
    }

    fn has_work(&self, logs: &[Vec<Log>], now: Timestamp) -> bool {
        let behind = |(input, place): (usize, &headwater_streams::InputTopic)| {
            !logs[place.topic.index()][place.partition.get() as usize].from(self.fetch[input]).is_empty()
                || self.task.buffered(input).0 > 0
        };
        self.task.has_staged()
            || self.task.inputs().iter().enumerate().any(behind)
            || self.wake_at.is_some_and(|wake| wake <= now)
            || self.calls.iter().any(|(_, due)| *due <= now)
    }
}

impl Log {
    fn append(&mut self, record: Record) {
        self.records.push(Arc::new(Record { offset: Offset::new(self.end).unwrap(), ..record }));
        self.end += 1;
    }

    fn from(&self, offset: Offset) -> &[Arc<Record>] {
        &self.records[self.records.partition_point(|record| record.offset < offset)..]
    }
}
