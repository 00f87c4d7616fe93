//! Buffers of a task's inputs, their positions, and the choice among them by timestamp (KIP-353, KIP-695).

use std::collections::VecDeque;
use std::sync::Arc;

use headwater_event::Timestamp;
use headwater_log::Offset;

use crate::Record;

/// What the driver knows of an input whose buffer is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputState {
    /// Everything before `offset` has been offered, and there was no more when the driver looked.
    AtEnd {
        /// The consumer's position, after transaction markers.
        offset: Offset,
    },
    /// There is more that has not been fetched yet, or it is not known.
    MoreComing,
    /// Nobody fetches it now: it is not waited for.
    Paused,
}

pub(super) struct Inputs {
    buffers: Vec<Buffer>,
    idle_ms_max: i64,
    /// Since when an input is waited for while others have records.
    waiting_since: Option<Timestamp>,
}

struct Buffer {
    records: VecDeque<Arc<Record>>,
    bytes: usize,
    /// The next offset to process; None before anything is known.
    position: Option<Offset>,
    committed: Option<Offset>,
    /// The next offset to buffer.
    expected: Option<Offset>,
    state: InputState,
}

/// Which input is next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// This one; `out_of_order` when another was waited for too long.
    Take { input: usize, out_of_order: bool },
    /// This one is empty and has more coming; wait until then.
    Wait { input: usize, until: Timestamp },
    /// No input has a record.
    Nothing,
}

impl Inputs {
    pub(super) fn new(count: usize, idle_ms_max: i64) -> Self {
        let empty = || Buffer {
            records: VecDeque::new(),
            bytes: 0,
            position: None,
            committed: None,
            expected: None,
            state: InputState::MoreComing,
        };
        Self { buffers: std::iter::repeat_with(empty).take(count).collect(), idle_ms_max, waiting_since: None }
    }

    pub(super) fn len(&self) -> usize {
        self.buffers.len()
    }

    pub(super) fn resume(&mut self, positions: &[Option<Offset>]) {
        for (at, buffer) in self.buffers.iter_mut().enumerate() {
            let position = positions.get(at).copied().flatten();
            buffer.restart(position);
            buffer.committed = position;
        }
        self.waiting_since = None;
    }

    pub(super) fn offer(&mut self, input: usize, record: Arc<Record>) {
        let Some(buffer) = self.buffers.get_mut(input) else { return };
        if buffer.expected.is_some_and(|expected| record.offset < expected) {
            return;
        }
        buffer.expected = Some(record.offset.next());
        buffer.bytes += record.size_bytes();
        buffer.records.push_back(record);
    }

    pub(super) fn buffered(&self, input: usize) -> (usize, usize) {
        self.buffers.get(input).map_or((0, 0), |buffer| (buffer.records.len(), buffer.bytes))
    }

    pub(super) fn set_state(&mut self, input: usize, state: InputState) {
        if let Some(buffer) = self.buffers.get_mut(input) {
            buffer.state = state;
            buffer.pass_end();
        }
    }

    /// The input whose first record has the smallest timestamp; of equal ones the first.
    pub(super) fn choose(&mut self, now: Timestamp) -> Choice {
        let mut best: Option<(usize, Timestamp)> = None;
        let mut missing = None;
        for (input, buffer) in self.buffers.iter().enumerate() {
            match buffer.records.front() {
                Some(record) if best.is_none_or(|(_, time)| record.timestamp < time) => {
                    best = Some((input, record.timestamp));
                }
                Some(_) => {}
                None if buffer.state == InputState::MoreComing => missing = missing.or(Some(input)),
                None => {}
            }
        }
        let Some((input, _)) = best else {
            self.waiting_since = None;
            return Choice::Nothing;
        };
        let Some(missing) = missing else {
            self.waiting_since = None;
            return Choice::Take { input, out_of_order: false };
        };
        let until = self.waiting_since.get_or_insert(now).plus_millis(self.idle_ms_max);
        if now < until { Choice::Wait { input: missing, until } } else { Choice::Take { input, out_of_order: true } }
    }

    pub(super) fn take(&mut self, input: usize) -> Option<Arc<Record>> {
        let buffer = self.buffers.get_mut(input)?;
        let record = buffer.records.pop_front()?;
        buffer.bytes = buffer.bytes.saturating_sub(record.size_bytes());
        Some(record)
    }

    /// What is buffered, in order.
    pub(super) fn upcoming(&self, input: usize) -> impl Iterator<Item = &Record> {
        self.buffers.get(input).into_iter().flat_map(|buffer| &buffer.records).map(Arc::as_ref)
    }

    /// The record will be taken again.
    pub(super) fn put_back(&mut self, input: usize, record: Arc<Record>) {
        if let Some(buffer) = self.buffers.get_mut(input) {
            buffer.bytes += record.size_bytes();
            buffer.records.push_front(record);
        }
    }

    /// The record has been dealt with.
    pub(super) fn advance(&mut self, input: usize, offset: Offset) {
        if let Some(buffer) = self.buffers.get_mut(input) {
            buffer.position = Some(offset.next());
            buffer.pass_end();
        }
    }

    pub(super) fn positions(&self) -> Vec<Option<Offset>> {
        self.buffers.iter().map(|buffer| buffer.position).collect()
    }

    pub(super) fn committed(&mut self) {
        for buffer in &mut self.buffers {
            buffer.committed = buffer.position;
        }
    }

    /// Back to the last commit; the driver offers everything from there again.
    pub(super) fn rolled_back(&mut self) {
        for buffer in &mut self.buffers {
            buffer.restart(buffer.committed);
        }
        self.waiting_since = None;
    }

    /// The first input that has not reached its end.
    pub(super) fn first_before(&self, ends: &[Offset]) -> Option<usize> {
        let behind = |(buffer, end): (&Buffer, &Offset)| buffer.position.unwrap_or(Offset::ZERO) < *end;
        self.buffers.iter().zip(ends).position(behind)
    }
}

impl Buffer {
    fn restart(&mut self, position: Option<Offset>) {
        self.records.clear();
        self.bytes = 0;
        self.position = position;
        self.expected = position;
        self.state = InputState::MoreComing;
    }

    /// An empty input at its end stands behind the transaction markers.
    fn pass_end(&mut self) {
        if let InputState::AtEnd { offset } = self.state {
            let is_behind = self.position.is_none_or(|position| position < offset);
            if self.records.is_empty() && is_behind {
                self.position = Some(offset);
                self.expected = self.expected.max(Some(offset));
            }
        }
    }
}
