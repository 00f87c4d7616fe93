//! Timers: one store ordered by due time, one by name; those that are due next are kept in memory.

use std::collections::BTreeMap;
use std::ops::Bound;

use bytes::Bytes;
use headwater_event::{Envelope, Timestamp};
use serde::{Deserialize, Serialize};

use super::core::Core;
use super::stored::{StoredEnvelope, from_json, ordered_time, push_part, take_part, time_of, to_json};
use crate::store::TableIndex;
use crate::{Failure, StateBase, TimeKind, Timer};

/// How many timers of a kind are read at a time.
const AHEAD_READ: usize = 64;
/// How many are kept in memory.
const AHEAD_MAX: usize = 256;

/// What memory knows of the timers.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// By kind; None: not known.
    ahead: [Option<Ahead>; 2],
}

/// The timers of a kind that are due first, as they are with the staged writes.
#[derive(Debug, Default)]
struct Ahead {
    /// Place and value of every timer up to `until`.
    entries: BTreeMap<Bytes, Bytes>,
    /// Beyond this place nothing is known; None: `entries` are all there are.
    until: Option<Bytes>,
}

impl Ahead {
    fn scheduled(&mut self, place: Bytes, value: Bytes) {
        if self.until.as_ref().is_some_and(|until| place > *until) {
            return;
        }
        self.entries.insert(place, value);
        if self.entries.len() > AHEAD_MAX {
            self.entries.pop_last();
            self.until = self.entries.last_key_value().map(|(place, _)| place.clone());
        }
    }

    /// When the first is due; beyond what is known, a time before which none is. Err: that time has come.
    fn next_due(&self, now: Timestamp) -> Result<Option<Timestamp>, ()> {
        let due_of = |place: &Bytes| place.get(1..).and_then(time_of);
        if let Some((place, _)) = self.entries.first_key_value() {
            return Ok(due_of(place));
        }
        match &self.until {
            None => Ok(None),
            Some(until) => due_of(until).filter(|due| *due > now).map(Some).ok_or(()),
        }
    }
}

/// The value of a timer.
#[derive(Serialize, Deserialize)]
struct Stored {
    cause: StoredEnvelope,
}

/// A timer as it lies in the store.
#[derive(Debug, Clone)]
pub(crate) struct DueTimer {
    pub(crate) node: String,
    pub(crate) timer: Timer,
    pub(crate) cause: Envelope,
    /// Its key in [`TableIndex::TIMERS`].
    pub(crate) place: Bytes,
}

const fn kind_byte(kind: TimeKind) -> u8 {
    match kind {
        TimeKind::EventTime => 0,
        TimeKind::WallClock => 1,
    }
}

impl Timers {
    /// What memory knows may be wrong.
    pub(crate) fn forget(&mut self) {
        self.ahead = [None, None];
    }

    fn slot(&mut self, kind: TimeKind) -> &mut Option<Ahead> {
        let [event_time, wall_clock] = &mut self.ahead;
        match kind {
            TimeKind::EventTime => event_time,
            TimeKind::WallClock => wall_clock,
        }
    }

    fn taken_away(&mut self, place: &[u8]) {
        for ahead in self.ahead.iter_mut().flatten() {
            ahead.entries.remove(place);
        }
    }
}

fn name_key(node: &str, name: &str, key: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(node.len() + name.len() + key.len() + 12);
    push_part(&mut whole, node.as_bytes());
    push_part(&mut whole, name.as_bytes());
    push_part(&mut whole, key);
    whole
}

fn place_of(kind: u8, due: [u8; 8], name_key: &[u8]) -> Vec<u8> {
    let mut place = Vec::with_capacity(9 + name_key.len());
    place.push(kind);
    place.extend_from_slice(&due);
    place.extend_from_slice(name_key);
    place
}

impl Core {
    #[expect(clippy::too_many_arguments, reason = "a timer has that many parts, and they come from two places")]
    pub(crate) fn schedule(
        &mut self,
        node: &str,
        name: &str,
        key: &[u8],
        due: Timestamp,
        kind: TimeKind,
        cause: &Envelope,
        base: &dyn StateBase,
    ) -> Result<(), Failure> {
        let name_key = name_key(node, name, key);
        self.take_away(&name_key, base)?;
        let (kind_number, due_bytes) = (kind_byte(kind), ordered_time(due));
        let mut by_name = vec![kind_number];
        by_name.extend_from_slice(&due_bytes);
        let value = Bytes::from(to_json(&Stored { cause: cause.into() })?);
        let place = Bytes::from(place_of(kind_number, due_bytes, &name_key));
        self.overlay.put(TableIndex::TIMERS, &place, Some(value.as_ref().into()));
        self.overlay.put(TableIndex::TIMER_NAMES, &name_key, Some(by_name.into()));
        if let Some(ahead) = self.timers.slot(kind) {
            ahead.scheduled(place, value);
        }
        Ok(())
    }

    pub(crate) fn cancel(&mut self, node: &str, name: &str, key: &[u8], base: &dyn StateBase) -> Result<(), Failure> {
        self.take_away(&name_key(node, name, key), base)
    }

    pub(crate) fn scheduled(
        &mut self,
        node: &str,
        name: &str,
        key: &[u8],
        base: &dyn StateBase,
    ) -> Result<Option<(Timestamp, TimeKind)>, Failure> {
        let found = self.overlay.get(TableIndex::TIMER_NAMES, &name_key(node, name, key), base)?;
        Ok(found.as_deref().and_then(|by_name| {
            let (kind, due) = by_name.split_first()?;
            let kind = if *kind == kind_byte(TimeKind::EventTime) { TimeKind::EventTime } else { TimeKind::WallClock };
            Some((time_of(due)?, kind))
        }))
    }

    fn take_away(&mut self, name_key: &[u8], base: &dyn StateBase) -> Result<(), Failure> {
        let Some(by_name) = self.overlay.get(TableIndex::TIMER_NAMES, name_key, base)? else {
            return Ok(());
        };
        let mut place = by_name.to_vec();
        place.extend_from_slice(name_key);
        self.overlay.put(TableIndex::TIMERS, &place, None);
        self.overlay.put(TableIndex::TIMER_NAMES, name_key, None);
        self.timers.taken_away(&place);
        Ok(())
    }

    /// When the next timer of a kind is due, or a time after `now` before which none is. The store is looked at only
    /// when that time has come.
    pub(crate) fn next_due(
        &mut self,
        kind: TimeKind,
        now: Timestamp,
        base: &dyn StateBase,
    ) -> Result<Option<Timestamp>, Failure> {
        if let Some(Ok(due)) = self.timers.slot(kind).as_ref().map(|ahead| ahead.next_due(now)) {
            return Ok(due);
        }
        let ahead = self.read_ahead(kind, base)?;
        let due = ahead.next_due(now).unwrap_or_default();
        *self.timers.slot(kind) = Some(ahead);
        Ok(due)
    }

    fn read_ahead(&self, kind: TimeKind, base: &dyn StateBase) -> Result<Ahead, Failure> {
        let (from, to) = ([kind_byte(kind)], [kind_byte(kind) + 1]);
        let range = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
        let page = self.overlay.scan(TableIndex::TIMERS, range.0, range.1, AHEAD_READ, base)?;
        let until = if page.len() < AHEAD_READ { None } else { page.last().map(|(place, _)| place.clone()) };
        Ok(Ahead { entries: page.into_iter().collect(), until })
    }

    /// The timer of a kind that is due first, by `now`.
    pub(crate) fn first_timer(
        &mut self,
        kind: TimeKind,
        now: Timestamp,
        base: &dyn StateBase,
    ) -> Result<Option<DueTimer>, Failure> {
        if self.next_due(kind, now, base)?.is_none_or(|due| due > now) {
            return Ok(None);
        }
        let first = self.timers.slot(kind).as_ref().and_then(|ahead| ahead.entries.first_key_value());
        first.map(|(place, value)| read(kind, place.clone(), value)).transpose()
    }

    /// Up to `limit` timers, those by event time first, in order of their due times.
    pub(crate) fn all_timers(&self, limit: usize, base: &dyn StateBase) -> Result<Vec<Timer>, Failure> {
        let entries = self.overlay.scan(TableIndex::TIMERS, Bound::Unbounded, Bound::Unbounded, limit, base)?;
        let timers = entries.into_iter().map(|(place, value)| {
            let is_event_time = place.first() == Some(&kind_byte(TimeKind::EventTime));
            let kind = if is_event_time { TimeKind::EventTime } else { TimeKind::WallClock };
            read(kind, place, &value).map(|due| due.timer)
        });
        timers.collect()
    }

    /// Stages the end of a timer that fires.
    pub(crate) fn finish_timer(&mut self, due: &DueTimer) {
        self.overlay.put(TableIndex::TIMERS, &due.place, None);
        self.overlay.put(TableIndex::TIMER_NAMES, due.place.get(9..).unwrap_or_default(), None);
        self.timers.taken_away(&due.place);
    }
}

fn read(kind: TimeKind, place: Bytes, value: &[u8]) -> Result<DueTimer, Failure> {
    let broken = || Failure::state("the store of timers holds an entry that is none");
    let due = place.get(1..).and_then(time_of).ok_or_else(broken)?;
    let mut rest = place.get(9..).ok_or_else(broken)?;
    let text = |bytes: &[u8]| std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| broken());
    let node = text(take_part(&mut rest)?)?;
    let name = text(take_part(&mut rest)?)?;
    let key = Bytes::copy_from_slice(take_part(&mut rest)?);
    let stored: Stored = from_json(value)?;
    Ok(DueTimer { node, timer: Timer { name, key, due, kind }, cause: stored.cause.into(), place })
}

#[cfg(test)]
mod tests;
