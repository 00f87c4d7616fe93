//! Outputs to compacted topics, held back until the commit: of one key only the last is written.

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::{Output, TopicRef};

/// The last output for each key, in the order in which the keys first came.
#[derive(Debug, Default)]
pub(crate) struct Folded {
    kept: Vec<Output>,
    /// Where in `kept` a key is.
    places: FxHashMap<(TopicRef, Bytes), usize>,
    /// Put out by the input at hand.
    at_hand: Vec<Output>,
    bytes: usize,
}

impl Folded {
    /// Takes an output of the input at hand; it has a key.
    pub(crate) fn put(&mut self, output: Output) {
        self.at_hand.push(output);
    }

    /// The input at hand is done.
    pub(crate) fn keep(&mut self) {
        for output in self.at_hand.drain(..) {
            let Some(key) = output.key.clone() else { continue };
            self.bytes += output.size_bytes();
            let next = self.kept.len();
            let place = *self.places.entry((output.topic, key)).or_insert(next);
            match self.kept.get_mut(place) {
                Some(kept) => {
                    self.bytes = self.bytes.saturating_sub(kept.size_bytes());
                    *kept = output;
                }
                None => self.kept.push(output),
            }
        }
    }

    /// The input at hand failed.
    pub(crate) fn undo(&mut self) {
        self.at_hand.clear();
    }

    /// The transaction is gone.
    pub(crate) fn clear(&mut self) {
        self.at_hand.clear();
        self.kept.clear();
        self.places.clear();
        self.bytes = 0;
    }

    /// What is held, in bytes.
    pub(crate) const fn size_bytes(&self) -> usize {
        self.bytes
    }

    /// Gives out what was kept.
    pub(crate) fn give_out(&mut self, outputs: &mut Vec<Output>) {
        outputs.append(&mut self.kept);
        self.places.clear();
        self.bytes = 0;
    }
}

#[cfg(test)]
mod tests;
