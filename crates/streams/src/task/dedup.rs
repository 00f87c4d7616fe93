//! Ids seen within a window of stream time.

use std::ops::Bound;

use headwater_event::EventId;

use super::core::Core;
use super::stored::{ordered_time, time_of};
use crate::store::TableIndex;
use crate::{Failure, StateBase};

const BY_ID: u8 = b'i';
const BY_EXPIRY: u8 = b't';
/// How many expired ids one new id takes away at most, so that the work is spread.
const EXPIRED_MAX: usize = 2;

impl Core {
    /// Whether an id is remembered; if not, stages that it is, for a window of stream time in milliseconds.
    pub(crate) fn seen(&mut self, id: EventId, window_ms: i64, base: &dyn StateBase) -> Result<bool, Failure> {
        let by_id = [&[BY_ID], id.as_uuid().as_bytes().as_slice()].concat();
        let found = self.overlay.get(TableIndex::DEDUP, &by_id, base)?;
        let remembered_until = found.as_deref().and_then(time_of);
        if remembered_until.is_some_and(|until| self.stream_time <= until) {
            return Ok(true);
        }
        if let Some(until) = remembered_until {
            self.overlay.put(TableIndex::DEDUP, &by_expiry(until.as_millis(), &by_id), None);
        }
        self.expire(base)?;
        let until = self.stream_time.plus_millis(window_ms);
        self.dedup_oldest = Some(self.dedup_oldest.map_or(until, |oldest| oldest.min(until)));
        self.overlay.put(TableIndex::DEDUP, &by_id, Some(ordered_time(until).as_slice().into()));
        self.overlay.put(TableIndex::DEDUP, &by_expiry(until.as_millis(), &by_id), Some([].as_slice().into()));
        Ok(false)
    }

    fn expire(&mut self, base: &dyn StateBase) -> Result<(), Failure> {
        if self.dedup_oldest.is_some_and(|oldest| oldest >= self.stream_time) {
            return Ok(());
        }
        let (from, to) = ([BY_EXPIRY], [BY_EXPIRY + 1]);
        let (from, to) = (Bound::Included(from.as_slice()), Bound::Excluded(to.as_slice()));
        let page = self.overlay.scan(TableIndex::DEDUP, from, to, EXPIRED_MAX, base)?;
        let mut oldest = None;
        for (key, _) in &page {
            let until = key.get(1..).and_then(time_of).unwrap_or_default();
            oldest = Some(until);
            if until >= self.stream_time {
                break;
            }
            let by_id = [&[BY_ID], key.get(9..).unwrap_or_default()].concat();
            self.overlay.put(TableIndex::DEDUP, &by_id, None);
            self.overlay.put(TableIndex::DEDUP, key, None);
        }
        self.dedup_oldest = oldest;
        Ok(())
    }
}

fn by_expiry(until_ms: i64, by_id: &[u8]) -> Vec<u8> {
    let time = ordered_time(headwater_event::Timestamp::from_millis(until_ms));
    [&[BY_EXPIRY], time.as_slice(), by_id.get(1..).unwrap_or_default()].concat()
}
