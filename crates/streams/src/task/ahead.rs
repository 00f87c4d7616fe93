//! Brings the slots of records that come next into the processor's cache, many at a time. A key's slot is at a random place
//! of a store's memory: looked up one after another, each is a wait for memory; looked up together, the waits overlap.

use crate::Record;
use crate::store::{Overlay, TableIndex};

/// Records that are looked up together.
const TOGETHER: usize = 16;
/// Lots that are passed over after one of which no key was known.
const PASSED_OVER: usize = 32;

/// When slots are looked up ahead for an input: by its records' own keys, in the stores of those who read it.
pub(super) struct Ahead {
    tables: Vec<TableIndex>,
    /// Records until the next look.
    left: usize,
}

impl Ahead {
    pub(super) fn new(mut tables: Vec<TableIndex>) -> Self {
        tables.sort_unstable_by_key(|table| table.0);
        tables.dedup();
        Self { tables, left: 0 }
    }

    /// One record was taken; `upcoming` are those behind it.
    pub(super) fn took<'r>(&mut self, upcoming: impl Iterator<Item = &'r Record>, overlay: &Overlay) {
        if self.left > 0 {
            self.left -= 1;
            return;
        }
        if self.tables.is_empty() {
            self.left = usize::MAX;
            return;
        }
        let (mut looked, mut found) = (0, 0);
        for record in upcoming.take(TOGETHER) {
            let Some(key) = &record.key else { continue };
            looked += 1;
            found += self.tables.iter().filter(|table| overlay.touch(**table, key)).count();
        }
        self.left = if found > 0 || looked == 0 { TOGETHER - 1 } else { TOGETHER * PASSED_OVER };
    }
}

#[cfg(test)]
mod tests;
