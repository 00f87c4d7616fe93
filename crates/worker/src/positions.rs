//! Several tasks of one application read the same partition, each at its own pace. The group's committed offset is the
//! least of them, and the offset's metadata carries them all: `hw1;orders/main=1000;order-views/main=998`.

use std::collections::BTreeMap;

use headwater_log::Offset;

const MARK: &str = "hw1";

/// The positions in one partition, by reader (`processor/subtopology`). Readers that this application does not run
/// stay in it untouched, so that a processor finds its place again when it comes back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Positions {
    readers: BTreeMap<String, Offset>,
}

impl Positions {
    /// Reads what the group has committed. Without our metadata the offset was set by other means, and holds for all
    /// of `expected`; a reader that the metadata does not name has never read here and gets no position.
    #[must_use]
    pub fn parse(committed: Option<(Offset, &str)>, expected: &[&str]) -> Self {
        let Some((offset, metadata)) = committed else {
            return Self::default();
        };
        let mut parts = metadata.split(';');
        if parts.next() != Some(MARK) {
            return Self { readers: expected.iter().map(|reader| ((*reader).to_owned(), offset)).collect() };
        }
        let entry = |part: &str| {
            let (reader, position) = part.rsplit_once('=')?;
            Some((reader.to_owned(), Offset::new(position.parse().ok()?).ok()?))
        };
        Self { readers: parts.filter_map(entry).collect() }
    }

    /// Where a reader goes on; None when it has never read here.
    #[must_use]
    pub fn of(&self, reader: &str) -> Option<Offset> {
        self.readers.get(reader).copied()
    }

    /// Moves a reader; says whether that changed anything.
    pub fn set(&mut self, reader: &str, position: Offset) -> bool {
        match self.readers.get_mut(reader) {
            Some(current) if *current == position => false,
            Some(current) => {
                *current = position;
                true
            }
            None => {
                self.readers.insert(reader.to_owned(), position);
                true
            }
        }
    }

    /// Takes a reader out, as when its processor moves to another application.
    pub fn remove(&mut self, reader: &str) -> Option<Offset> {
        self.readers.remove(reader)
    }

    /// All readers with their positions.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Offset)> {
        self.readers.iter().map(|(reader, position)| (reader.as_str(), *position))
    }

    /// The offset to commit: the least of all readers; 0 when there is none.
    #[must_use]
    pub fn least(&self) -> Offset {
        self.readers.values().copied().min().unwrap_or(Offset::ZERO)
    }

    /// The metadata to commit with it.
    #[must_use]
    pub fn metadata(&self) -> String {
        let mut text = MARK.to_owned();
        for (reader, position) in &self.readers {
            text.push(';');
            text.push_str(reader);
            text.push('=');
            text.push_str(&position.to_string());
        }
        text
    }
}

#[cfg(test)]
mod tests;
