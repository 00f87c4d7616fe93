//! Keys that sort orders newest first, and what changes among them when a document does.

use headwater_event::{Currency, OrderId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::document::{Created, Document, Status};

/// Ends a customer's id or a state inside a key; neither can hold it.
const END: u8 = 0;

/// Which orders a list is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope<'a> {
    /// All of them.
    All,
    /// One customer's.
    Customer(&'a str),
    /// Those in one state.
    Status(Status),
}

impl Scope<'_> {
    fn prefix(self) -> Vec<u8> {
        let (kind, name) = match self {
            Self::All => return vec![b't'],
            Self::Customer(customer) => (b'c', customer),
            Self::Status(status) => (b's', status.word()),
        };
        let mut prefix = Vec::with_capacity(name.len() + 42);
        prefix.push(kind);
        prefix.extend_from_slice(name.as_bytes());
        prefix.push(END);
        prefix
    }

    /// The key of an order placed at a time: newer ones sort first.
    #[must_use]
    pub fn key(self, placed_at: Timestamp, order_id: &OrderId) -> Vec<u8> {
        let mut key = self.prefix();
        key.extend_from_slice(&newest_first(placed_at));
        key.extend_from_slice(order_id.as_str().as_bytes());
        key
    }

    /// The first key and the end (exclusive) of the orders placed at `from` or later and before `to`.
    #[must_use]
    pub fn range(self, from: Option<Timestamp>, to: Option<Timestamp>) -> (Vec<u8>, Vec<u8>) {
        let mut first = self.prefix();
        let mut end = self.prefix();
        if let Some(to) = to {
            // Keys of `to` itself sort before what is older; the first that counts is one millisecond older.
            first.extend_from_slice(&newest_first(to.plus_millis(-1)));
        }
        match from {
            // One past the last key of `from`: no id starts with the byte 0xff.
            Some(from) => {
                end.extend_from_slice(&newest_first(from));
                end.push(0xff);
            }
            None => end.extend_from_slice(&[0xff; 9]),
        }
        (first, end)
    }
}

/// The order's id and its time in a key of a scope; None for a key of something else.
#[must_use]
pub fn order_of(key: &[u8]) -> Option<(Timestamp, OrderId)> {
    let name_bytes = match key.first()? {
        b't' => 0,
        _ => key.iter().position(|byte| *byte == END)?,
    };
    let (time, id) = key.get(name_bytes + 1..)?.split_at_checked(8)?;
    let time = u64::from_be_bytes(time.try_into().ok()?);
    let placed_at = Timestamp::from_millis((!time ^ SIGN).cast_signed());
    Some((placed_at, OrderId::new(std::str::from_utf8(id).ok()?).ok()?))
}

const SIGN: u64 = 1 << 63;

fn newest_first(time: Timestamp) -> [u8; 8] {
    (!(time.as_millis().cast_unsigned() ^ SIGN)).to_be_bytes()
}

/// The key of a day's revenue in one currency; days sort oldest first.
#[must_use]
pub fn revenue_key(placed_at: Timestamp, currency: Currency) -> String {
    format!("{} {currency}", placed_at.utc_day())
}

/// A sum over orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Tally {
    /// How many.
    pub orders: i64,
    /// What they come to, in minor units.
    pub minor: i128,
}

impl Tally {
    /// This and some more.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { orders: self.orders.saturating_add(other.orders), minor: self.minor.saturating_add(other.minor) }
    }
}

/// What follows for indexes and sums from a document's change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// Index keys to add.
    pub added: Vec<Vec<u8>>,
    /// Index keys to take away.
    pub removed: Vec<Vec<u8>>,
    /// What to add to the number of orders of a state.
    pub counts: Vec<(Status, i64)>,
    /// What to add to a day's revenue, by [`revenue_key`].
    pub revenue: Vec<(String, Tally)>,
}

impl Difference {
    /// From one state of a document to the next.
    #[must_use]
    pub fn between(order_id: &OrderId, before: &Document, after: &Document) -> Self {
        let mut difference = Self::default();
        let (old, new) = (entries(order_id, before), entries(order_id, after));
        difference.removed = old.iter().filter(|key| !new.contains(key)).cloned().collect();
        difference.added = new.into_iter().filter(|key| !old.contains(key)).collect();
        let status = |document: &Document| document.created.as_ref().map(|_| document.status);
        if status(before) != status(after) {
            difference.counts.extend(status(before).map(|status| (status, -1)));
            difference.counts.extend(status(after).map(|status| (status, 1)));
        }
        let (old, new) = (revenue(before), revenue(after));
        if old != new {
            let taken = old.map(|(key, minor)| (key, Tally { orders: -1, minor: -i128::from(minor) }));
            let given = new.map(|(key, minor)| (key, Tally { orders: 1, minor: minor.into() }));
            difference.revenue.extend(taken.into_iter().chain(given));
        }
        difference
    }
}

fn entries(order_id: &OrderId, document: &Document) -> Vec<Vec<u8>> {
    let Some(Created { customer_id, placed_at, .. }) = &document.created else {
        return Vec::new();
    };
    [Scope::All, Scope::Customer(customer_id.as_str()), Scope::Status(document.status)]
        .map(|scope| scope.key(*placed_at, order_id))
        .to_vec()
}

fn revenue(document: &Document) -> Option<(String, i64)> {
    let created = document.created.as_ref()?;
    Some((revenue_key(created.placed_at, created.currency), document.revenue_minor()?))
}

#[cfg(test)]
mod tests;
