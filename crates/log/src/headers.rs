use std::ops::Range;

/// One record header: a name and a value, which Kafka allows to be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header<'a> {
    /// The header's name; names may repeat, the last one wins for readers.
    pub name: &'a str,
    /// The value, or null.
    pub value: Option<&'a [u8]>,
}

/// A record's headers in their order. All of them share one buffer: a record costs two allocations, not two a header.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Headers {
    /// Names and values, one after another.
    text: Vec<u8>,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Entry {
    name: Range<usize>,
    value: Option<Range<usize>>,
}

impl Headers {
    /// No headers.
    #[must_use]
    pub const fn new() -> Self {
        Self { text: Vec::new(), entries: Vec::new() }
    }

    /// Room for headers, to fill without growing.
    #[must_use]
    pub fn with_capacity(headers: usize, bytes: usize) -> Self {
        Self { text: Vec::with_capacity(bytes), entries: Vec::with_capacity(headers) }
    }

    /// Adds a header at the end.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) {
        self.push_nullable(name, Some(value.as_ref()));
    }

    /// Adds a header whose value may be null.
    pub fn push_nullable(&mut self, name: &str, value: Option<&[u8]>) {
        let name = self.append(name.as_bytes());
        let value = value.map(|value| self.append(value));
        self.entries.push(Entry { name, value });
    }

    fn append(&mut self, bytes: &[u8]) -> Range<usize> {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        start..self.text.len()
    }

    fn view(&self, entry: &Entry) -> Header<'_> {
        Header {
            name: self.text.get(entry.name.clone()).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default(),
            value: entry.value.clone().and_then(|range| self.text.get(range)),
        }
    }

    /// The value of the last header of that name; None when absent or null.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&[u8]> {
        let is_it = |entry: &&Entry| self.text.get(entry.name.clone()) == Some(name.as_bytes());
        let entry = self.entries.iter().rev().find(is_it)?;
        self.text.get(entry.value.clone()?)
    }

    /// The value of the last header of that name, if it is UTF-8.
    #[must_use]
    pub fn last_text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.last(name)?).ok()
    }

    /// Removes every header of that name and says whether there was one.
    pub fn remove(&mut self, name: &str) -> bool {
        let before = self.entries.len();
        let text = &self.text;
        self.entries.retain(|entry| text.get(entry.name.clone()) != Some(name.as_bytes()));
        self.entries.len() != before
    }

    /// All headers in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Header<'_>> {
        self.entries.iter().map(|entry| self.view(entry))
    }

    /// All headers in order, names as the bytes that they are.
    pub fn iter_bytes(&self) -> impl Iterator<Item = (&[u8], Option<&[u8]>)> {
        self.entries.iter().map(|entry| {
            let name = self.text.get(entry.name.clone()).unwrap_or_default();
            (name, entry.value.clone().and_then(|range| self.text.get(range)))
        })
    }

    /// Bytes of all names and values together; more where headers were removed.
    #[must_use]
    pub const fn size_bytes(&self) -> usize {
        self.text.len()
    }

    /// How many headers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'a> FromIterator<Header<'a>> for Headers {
    fn from_iter<I: IntoIterator<Item = Header<'a>>>(headers: I) -> Self {
        let mut all = Self::new();
        for header in headers {
            all.push_nullable(header.name, header.value);
        }
        all
    }
}

#[cfg(test)]
mod tests;
