//! Timers: one store ordered by due time, one by name; the next due times are kept in memory.

use std::ops::Bound;

use bytes::Bytes;
use headwater_event::{Envelope, Timestamp};
use serde::{Deserialize, Serialize};

use super::core::Core;
use super::stored::{StoredEnvelope, from_json, ordered_time, push_part, take_part, time_of, to_json};
use crate::store::TableIndex;
use crate::{Failure, StateBase, TimeKind, Timer};

/// What memory knows of the timers.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    /// By kind; None: not known.
    next: [Option<Next>; 2],
}

/// No timer of a kind is due before this. Taking the first timer away leaves the bound where it was, since most timers
/// are taken away long before they are due, and finding the new first costs a look at the store.
#[derive(Debug, Clone, Copy)]
struct Next {
    /// None: there is no timer.
    due: Option<Timestamp>,
    /// Whether a timer is due just then.
    is_exact: bool,
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
    pub(crate) fn forget(&mut self) {
        self.next = [None, None];
    }

    /// Something was taken away, or put back: the times known are bounds.
    pub(crate) fn blur(&mut self) {
        for next in self.next.iter_mut().flatten() {
            next.is_exact = false;
        }
    }

    fn slot(&mut self, kind: TimeKind) -> &mut Option<Next> {
        let [event_time, wall_clock] = &mut self.next;
        match kind {
            TimeKind::EventTime => event_time,
            TimeKind::WallClock => wall_clock,
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
        let value = to_json(&Stored { cause: cause.into() })?;
        self.overlay.put(TableIndex::TIMERS, &place_of(kind_number, due_bytes, &name_key), Some(value.into()));
        self.overlay.put(TableIndex::TIMER_NAMES, &name_key, Some(by_name.into()));
        if let Some(next) = self.timers.slot(kind)
            && next.due.is_none_or(|first| due <= first)
        {
            *next = Next { due: Some(due), is_exact: true };
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
        self.timers.blur();
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
        if let Some(known) = *self.timers.slot(kind)
            && (known.is_exact || known.due.is_none_or(|due| due > now))
        {
            return Ok(known.due);
        }
        let due = self.first_place(kind, base)?.and_then(|(place, _)| time_of(place.get(1..)?));
        *self.timers.slot(kind) = Some(Next { due, is_exact: true });
        Ok(due)
    }

    fn first_place(&self, kind: TimeKind, base: &dyn StateBase) -> Result<Option<(Bytes, Bytes)>, Failure> {
        let (from, to) = ([kind_byte(kind)], [kind_byte(kind) + 1]);
        let range = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
        Ok(self.overlay.scan(TableIndex::TIMERS, range.0, range.1, 1, base)?.pop())
    }

    /// The timer of a kind that is due first.
    pub(crate) fn first_timer(&self, kind: TimeKind, base: &dyn StateBase) -> Result<Option<DueTimer>, Failure> {
        self.first_place(kind, base)?.map(|(place, value)| read(kind, place, &value)).transpose()
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
        self.timers.blur();
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
