//! Keys that are set aside: their records wait in a store, in order, until the first of them succeeds or is given up.

use std::ops::Bound;

use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::{Headers, Offset};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use super::core::Core;
use super::stored::{after_prefix, from_json, push_part, take_part, to_json};
use crate::store::TableIndex;
use crate::{Failure, KnownEnvelope, Record, StateBase};

const NEXT_RECORD: &[u8] = b"next-parked";
const STATE: u8 = b's';
const RECORD: u8 = b'r';
const LOAD_PAGE: usize = 1_000;

/// What memory knows of parked keys; None: to be read from the store.
#[derive(Debug, Default)]
pub(crate) struct Parked {
    known: Option<Known>,
}

#[derive(Debug, Default)]
struct Known {
    keys: FxHashMap<Bytes, KeyState>,
    records: usize,
    next_due: Option<Timestamp>,
}

/// How a parked key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeyState {
    /// When its first record is tried again.
    pub(crate) due: Timestamp,
    /// How often it has been tried.
    pub(crate) attempts: u32,
    /// How many records wait.
    pub(crate) records: usize,
}

/// The first record of a parked key.
pub(crate) struct ParkedRecord {
    /// The topic of the source it came from (declared name).
    pub(crate) topic: String,
    pub(crate) record: Record,
    place: Bytes,
}

#[derive(Serialize, Deserialize)]
struct Head {
    topic: String,
    offset: i64,
    timestamp: Timestamp,
    /// Whether key and value are not null.
    has: (bool, bool),
}

impl Parked {
    pub(crate) fn forget(&mut self) {
        self.known = None;
    }
}

impl Known {
    fn refresh(&mut self) {
        self.records = self.keys.values().map(|state| state.records).sum();
        self.next_due = self.keys.values().map(|state| state.due).min();
    }
}

fn state_key(key: &[u8]) -> Vec<u8> {
    [&[STATE], key].concat()
}

fn record_prefix(key: &[u8]) -> Vec<u8> {
    let mut prefix = vec![RECORD];
    push_part(&mut prefix, key);
    prefix
}

impl Core {
    fn parked(&mut self, base: &dyn StateBase) -> Result<&mut Known, Failure> {
        if self.parked.known.is_none() {
            self.parked.known = Some(self.load_parked(base)?);
        }
        Ok(self.parked.known.get_or_insert_default())
    }

    fn load_parked(&self, base: &dyn StateBase) -> Result<Known, Failure> {
        let mut known = Known::default();
        let mut from = Bound::Included(Bytes::from_static(&[STATE]));
        loop {
            let to = [STATE + 1];
            let start = from.as_ref().map(Bytes::as_ref);
            let page = self.overlay.scan(TableIndex::PARKED, start, Bound::Excluded(&to), LOAD_PAGE, base)?;
            let Some((last, _)) = page.last() else { break };
            from = Bound::Excluded(last.clone());
            for (key, state) in page {
                known.keys.insert(key.slice(1..), from_json(&state)?);
            }
        }
        known.refresh();
        Ok(known)
    }

    pub(crate) fn parked_key(&mut self, key: &[u8], base: &dyn StateBase) -> Result<Option<KeyState>, Failure> {
        Ok(self.parked(base)?.keys.get(key).copied())
    }

    pub(crate) fn parked_records(&mut self, base: &dyn StateBase) -> Result<usize, Failure> {
        Ok(self.parked(base)?.records)
    }

    pub(crate) fn parked_next_due(&mut self, base: &dyn StateBase) -> Result<Option<Timestamp>, Failure> {
        Ok(self.parked(base)?.next_due)
    }

    /// A key whose first record is due to be tried again: the one due first, and of several the smallest.
    pub(crate) fn parked_due(
        &mut self,
        now: Timestamp,
        base: &dyn StateBase,
    ) -> Result<Option<(Bytes, KeyState)>, Failure> {
        let known = self.parked(base)?;
        if known.next_due.is_none_or(|due| due > now) {
            return Ok(None);
        }
        let first = known.keys.iter().min_by_key(|(key, state)| (state.due, (*key).clone()));
        Ok(first.map(|(key, state)| (key.clone(), *state)))
    }

    /// Sets a record aside, behind those of its key that wait already; the key's state becomes `state`, counted.
    pub(crate) fn park(
        &mut self,
        key: &[u8],
        topic: &str,
        record: &Record,
        state: KeyState,
        base: &dyn StateBase,
    ) -> Result<(), Failure> {
        let next = self.overlay.get(TableIndex::META, NEXT_RECORD, base)?;
        let number = next.as_deref().and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes);
        let used_up = || Failure::state("the store of parked records has used up its numbers");
        let next = number.checked_add(1).ok_or_else(used_up)?;
        self.overlay.put(TableIndex::META, NEXT_RECORD, Some(next.to_be_bytes().as_slice().into()));
        let mut place = record_prefix(key);
        place.extend_from_slice(&number.to_be_bytes());
        self.overlay.put(TableIndex::PARKED, &place, Some(to_bytes(topic, record)?.into()));
        self.set_parked(key, Some(KeyState { records: state.records + 1, ..state }), base)
    }

    /// Stages a key's state; None: nothing of it waits any more.
    pub(crate) fn set_parked(
        &mut self,
        key: &[u8],
        state: Option<KeyState>,
        base: &dyn StateBase,
    ) -> Result<(), Failure> {
        let state = state.filter(|state| state.records > 0);
        let value = state.as_ref().map(to_json).transpose()?;
        self.overlay.put(TableIndex::PARKED, &state_key(key), value.map(Into::into));
        let known = self.parked(base)?;
        match state {
            Some(state) => known.keys.insert(Bytes::copy_from_slice(key), state),
            None => known.keys.remove(key),
        };
        known.refresh();
        Ok(())
    }

    /// The record of a key that waits longest.
    pub(crate) fn first_parked(&self, key: &[u8], base: &dyn StateBase) -> Result<Option<ParkedRecord>, Failure> {
        let prefix = record_prefix(key);
        let end = after_prefix(&prefix);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let page = self.overlay.scan(TableIndex::PARKED, Bound::Included(&prefix), to, 1, base)?;
        let Some((place, value)) = page.into_iter().next() else {
            return Ok(None);
        };
        let (topic, record) = from_bytes(&value)?;
        Ok(Some(ParkedRecord { topic, record, place }))
    }

    /// Stages the end of a parked record.
    pub(crate) fn finish_parked(&mut self, parked: &ParkedRecord) {
        self.overlay.put(TableIndex::PARKED, &parked.place, None);
    }
}

fn to_bytes(topic: &str, record: &Record) -> Result<Vec<u8>, Failure> {
    let has = (record.key.is_some(), record.value.is_some());
    let head = Head { topic: topic.to_owned(), offset: record.offset.get(), timestamp: record.timestamp, has };
    let mut bytes = Vec::new();
    push_part(&mut bytes, &to_json(&head)?);
    push_part(&mut bytes, record.key.as_deref().unwrap_or_default());
    push_part(&mut bytes, record.value.as_deref().unwrap_or_default());
    for header in record.headers.iter() {
        push_part(&mut bytes, header.name.as_bytes());
        bytes.push(u8::from(header.value.is_some()));
        push_part(&mut bytes, header.value.unwrap_or_default());
    }
    Ok(bytes)
}

fn from_bytes(mut bytes: &[u8]) -> Result<(String, Record), Failure> {
    let broken = || Failure::state("the store of parked records holds an entry that is none");
    let head: Head = from_json(take_part(&mut bytes)?)?;
    let key = Bytes::copy_from_slice(take_part(&mut bytes)?);
    let value = Bytes::copy_from_slice(take_part(&mut bytes)?);
    let mut headers = Headers::new();
    while !bytes.is_empty() {
        let name = std::str::from_utf8(take_part(&mut bytes)?).map_err(|_| broken())?;
        let (some, rest) = bytes.split_first().ok_or_else(broken)?;
        bytes = rest;
        let value = take_part(&mut bytes)?;
        headers.push_nullable(name, (*some == 1).then_some(value));
    }
    let record = Record {
        offset: Offset::new(head.offset).map_err(|_| broken())?,
        timestamp: head.timestamp,
        key: head.has.0.then_some(key),
        value: head.has.1.then_some(value),
        headers,
        envelope: KnownEnvelope::default(),
    };
    Ok((head.topic, record))
}
