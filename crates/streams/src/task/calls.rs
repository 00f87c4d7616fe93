//! The async step: calls are stored with the input, started after the commit, and deleted with their answer.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;

use bytes::Bytes;
use headwater_event::Envelope;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::core::Core;
use super::stored::{StoredEnvelope, from_json, push_part, take_part, to_json};
use crate::store::TableIndex;
use crate::{Call, CallId, CallResult, CallToStart, Failure, StateBase};

const NEXT_CALL: &[u8] = b"next-call";
const LOAD_PAGE: usize = 1_000;

/// What memory knows of pending calls.
#[derive(Debug)]
pub(crate) struct Calls {
    in_flight_max: usize,
    in_flight: usize,
    /// Committed and not answered, or answered in the transaction under way.
    pending: BTreeMap<CallId, Pending>,
    /// By ordering key, oldest first; the first of each is in flight or ready.
    queues: FxHashMap<Bytes, VecDeque<CallId>>,
    /// First of their keys, not yet in flight.
    ready: VecDeque<CallId>,
    /// Stored by the input at hand.
    at_hand: Vec<(CallId, StoredCall)>,
    /// Stored by inputs that are done, in the transaction under way.
    stored: Vec<(CallId, StoredCall)>,
    /// Answers that the transaction under way has processed.
    answered: Vec<CallResult>,
    /// Answers that wait for their step.
    results: VecDeque<CallResult>,
}

#[derive(Debug)]
struct Pending {
    call: StoredCall,
    answered: bool,
}

/// A call as it lies in the store.
#[derive(Debug, Clone)]
pub(crate) struct StoredCall {
    pub(crate) node: String,
    pub(crate) step: String,
    pub(crate) idempotency_key: String,
    pub(crate) cause: Envelope,
    pub(crate) ordering_key: Bytes,
    pub(crate) request: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Head {
    node: String,
    step: String,
    idempotency_key: String,
    cause: StoredEnvelope,
}

impl StoredCall {
    fn to_bytes(&self) -> Result<Vec<u8>, Failure> {
        let head = Head {
            node: self.node.clone(),
            step: self.step.clone(),
            idempotency_key: self.idempotency_key.clone(),
            cause: (&self.cause).into(),
        };
        let mut bytes = Vec::new();
        push_part(&mut bytes, &to_json(&head)?);
        push_part(&mut bytes, &self.ordering_key);
        push_part(&mut bytes, &self.request);
        Ok(bytes)
    }

    fn from_bytes(mut bytes: &[u8]) -> Result<Self, Failure> {
        let head: Head = from_json(take_part(&mut bytes)?)?;
        Ok(Self {
            node: head.node,
            step: head.step,
            idempotency_key: head.idempotency_key,
            cause: head.cause.into(),
            ordering_key: Bytes::copy_from_slice(take_part(&mut bytes)?),
            request: Bytes::copy_from_slice(take_part(&mut bytes)?),
        })
    }
}

impl Calls {
    pub(crate) fn new(in_flight_max: usize) -> Self {
        Self {
            in_flight_max,
            in_flight: 0,
            pending: BTreeMap::new(),
            queues: FxHashMap::default(),
            ready: VecDeque::new(),
            at_hand: Vec::new(),
            stored: Vec::new(),
            answered: Vec::new(),
            results: VecDeque::new(),
        }
    }

    pub(crate) fn keep(&mut self) {
        self.stored.append(&mut self.at_hand);
    }

    pub(crate) fn undo(&mut self) {
        self.at_hand.clear();
    }

    pub(crate) fn rolled_back(&mut self) {
        self.at_hand.clear();
        self.stored.clear();
        for result in self.answered.drain(..).rev() {
            if let Some(pending) = self.pending.get_mut(&result.id) {
                pending.answered = false;
            }
            self.results.push_front(result);
        }
    }

    /// How many calls are stored and not answered.
    pub(crate) fn len(&self) -> usize {
        self.pending.len() + self.stored.len()
    }

    pub(crate) fn offer(&mut self, result: CallResult) {
        self.results.push_back(result);
    }

    pub(crate) fn next_result(&mut self) -> Option<CallResult> {
        self.results.pop_front()
    }

    pub(crate) fn put_back(&mut self, result: CallResult) {
        self.results.push_front(result);
    }

    /// The call that a result answers; None when it is not known, or answered already.
    pub(crate) fn waiting(&self, id: CallId) -> Option<&StoredCall> {
        self.pending.get(&id).filter(|pending| !pending.answered).map(|pending| &pending.call)
    }

    /// The result has been processed in the transaction under way.
    pub(crate) fn answered(&mut self, result: CallResult) {
        if let Some(pending) = self.pending.get_mut(&result.id) {
            pending.answered = true;
        }
        self.answered.push(result);
    }

    /// The transaction has committed; says which calls shall start.
    pub(crate) fn committed(&mut self) -> Vec<CallToStart> {
        for result in std::mem::take(&mut self.answered) {
            self.finish(result.id);
        }
        for (id, call) in std::mem::take(&mut self.stored) {
            self.enqueue(id, call);
        }
        self.start()
    }

    fn enqueue(&mut self, id: CallId, call: StoredCall) {
        let queue = self.queues.entry(call.ordering_key.clone()).or_default();
        queue.push_back(id);
        if queue.len() == 1 {
            self.ready.push_back(id);
        }
        self.pending.insert(id, Pending { call, answered: false });
    }

    fn finish(&mut self, id: CallId) {
        let Some(done) = self.pending.remove(&id) else { return };
        self.in_flight = self.in_flight.saturating_sub(1);
        let key = &done.call.ordering_key;
        if let Some(queue) = self.queues.get_mut(key) {
            queue.pop_front();
            match queue.front() {
                Some(next) => self.ready.push_back(*next),
                None => {
                    self.queues.remove(key);
                }
            }
        }
    }

    fn start(&mut self) -> Vec<CallToStart> {
        let mut starting = Vec::new();
        while self.in_flight < self.in_flight_max {
            let Some(id) = self.ready.pop_front() else { break };
            let Some(Pending { call, .. }) = self.pending.get(&id) else { continue };
            self.in_flight += 1;
            starting.push(CallToStart {
                id,
                step: call.step.clone(),
                ordering_key: call.ordering_key.clone(),
                idempotency_key: call.idempotency_key.clone(),
                request: call.request.clone(),
            });
        }
        starting
    }
}

impl Core {
    pub(crate) fn call(
        &mut self,
        node: &str,
        call: Call<'_>,
        cause: &Envelope,
        base: &dyn StateBase,
    ) -> Result<(), Failure> {
        let next = self.overlay.get(TableIndex::META, NEXT_CALL, base)?;
        let id = next.as_deref().and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
        let next = id.checked_add(1).ok_or_else(|| Failure::state("the store of calls has used up its numbers"))?;
        let stored = StoredCall {
            node: node.to_owned(),
            step: call.step.to_owned(),
            idempotency_key: call.idempotency_key,
            cause: cause.clone(),
            ordering_key: Bytes::copy_from_slice(call.ordering_key),
            request: call.request.into(),
        };
        self.overlay.put(TableIndex::META, NEXT_CALL, Some(next.to_be_bytes().as_slice().into()));
        self.overlay.put(TableIndex::CALLS, &id.to_be_bytes(), Some(stored.to_bytes()?.into()));
        self.calls.at_hand.push((CallId(id), stored));
        Ok(())
    }

    /// Stages the end of a call.
    pub(crate) fn finish_call(&mut self, id: CallId) {
        self.overlay.put(TableIndex::CALLS, &id.0.to_be_bytes(), None);
    }

    /// Reads the pending calls of a task that starts; says which shall start.
    pub(crate) fn load_calls(&mut self, base: &dyn StateBase) -> Result<Vec<CallToStart>, Failure> {
        self.calls = Calls::new(self.calls.in_flight_max);
        let mut last: Option<Bytes> = None;
        loop {
            let from = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
            let page = self.overlay.scan(TableIndex::CALLS, from, Bound::Unbounded, LOAD_PAGE, base)?;
            for (key, value) in &page {
                let id = key.as_ref().try_into().map(u64::from_be_bytes);
                let id = id.map_err(|_| Failure::state("the store of calls holds a key that is none"))?;
                self.calls.enqueue(CallId(id), StoredCall::from_bytes(value)?);
            }
            match page.into_iter().next_back() {
                Some((key, _)) => last = Some(key),
                None => return Ok(self.calls.start()),
            }
        }
    }
}
