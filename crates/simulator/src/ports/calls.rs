use std::sync::Arc;

use bytes::Bytes;
use headwater_streams::{CallId, CallResult, CallToStart, StoreNumber};
use headwater_worker::Error;
use headwater_worker::ports::{Calls, Returned};

use crate::baton::{Baton, Micros};
use crate::work::Work;
use crate::world::{Event, World};

/// An answer on its way: what the outside world says to a request, which hangs on nothing but its idempotency key.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    id: CallId,
    ordering_key: Bytes,
    answer: Vec<u8>,
}

impl Answer {
    pub(crate) fn ordering_key(&self) -> Bytes {
        self.ordering_key.clone()
    }

    pub(crate) fn returned(self, task: usize, epoch: u64) -> Returned {
        Returned { task, epoch, result: CallResult::answer(self.id, self.answer) }
    }
}

/// The outside world, as one worker calls it.
pub(crate) struct SimCalls {
    pub(crate) baton: Baton,
    pub(crate) worker: usize,
    pub(crate) work: Arc<dyn Work>,
}

impl Calls for SimCalls {
    fn start(&mut self, processor: &str, task: usize, epoch: u64, call: &CallToStart) -> Result<(), Error> {
        let (process, worker) = (self.baton.process(), self.worker);
        let ordering_key = call.ordering_key.clone();
        let under_way = (process, worker, task, epoch, ordering_key.clone());
        let answer = Answer { id: call.id, ordering_key, answer: self.work.answer(call) };
        self.baton.with(|world| {
            if !is_recorded(world, processor, &call.idempotency_key) {
                let key = &call.idempotency_key;
                world.fail(format!("call {key} of {processor} was made before its intent was committed"));
            }
            if !world.in_flight.insert(under_way) {
                let key = &call.idempotency_key;
                world.fail(format!("call {key} of {processor} was made before the one before it was answered"));
            }
            world.note(format_args!("process {process}: call {}", call.idempotency_key));
            let latency = latency(world);
            world.after(latency, Event::Call { process, task, epoch, worker, call: answer });
        });
        Ok(())
    }

    fn next(&mut self) -> Option<Returned> {
        let at = (self.baton.process(), self.worker);
        self.baton.with(|world| world.answers.get_mut(&at)?.pop_front())
    }
}

/// Some answers come at once, some after seconds, a few after everything has changed.
fn latency(world: &mut World) -> Micros {
    let is_calm = world.now >= world.calm_from;
    match world.chance.between(0, 12) {
        0 if !is_calm => world.chance.between(1_000_000, 20_000_000),
        1..=5 if !is_calm => world.chance.between(1, 6_000_000),
        6 => world.chance.between(1, 1_000_000),
        _ => world.chance.between(100, 50_000),
    }
}

/// Whether a transaction that is decided holds the intent to make a call.
fn is_recorded(world: &World, processor: &str, key: &str) -> bool {
    use crate::cluster::log::Fate;
    use crate::cluster::transactions::Phase;
    let decided = |producer: u64| {
        let mut all = world.cluster.transactions.by_id.values();
        all.any(|found| found.producer == producer && matches!(found.phase, Phase::Ending { commit: true }))
    };
    let holds = |value: &[u8]| value.windows(key.len()).any(|window| window == key.as_bytes());
    let logs = world.cluster.logs.iter().filter(|(partition, _)| {
        let topic = partition.topic.as_str();
        topic.starts_with(processor) && topic.ends_with("-changelog")
    });
    logs.flat_map(|(_, log)| &log.entries).any(|entry| {
        let counts = match entry.fate {
            Fate::Committed => true,
            Fate::Open(producer) => decided(producer),
            Fate::Aborted | Fate::Marker => false,
        };
        let is_call = entry.record.key.as_ref().and_then(|key| key.first()) == Some(&StoreNumber::CALLS.0);
        counts && is_call && entry.record.value.as_deref().is_some_and(holds)
    })
}
