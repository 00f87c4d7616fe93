//! One SKU's stock: what there is of it, and what of it is held or sold for which order.

use headwater_event::{Currency, Money, Timestamp};
use serde::{Deserialize, Serialize};

mod catalogue;
mod holds;

pub use catalogue::{CatalogueCommand, CatalogueFact, DESCRIPTION_CHARS_MAX, NAME_CHARS_MAX, UNITS_MAX};
pub use holds::{Answer, Hold, HoldCommand};

/// A SKU's product and stock. Always `received + adjusted = on_hand + reserved + confirmed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Product {
    /// What people call it.
    pub name: String,
    /// What it is.
    pub description: String,
    /// The catalogue's price of one; None where only agreed prices sell it.
    pub price: Option<Money>,
    /// All units that ever arrived.
    pub received: i64,
    /// The sum of all corrections, in units.
    pub adjusted: i64,
    /// Units that can still be reserved.
    pub on_hand: i64,
    /// Units held for orders.
    pub reserved: i64,
    /// Units sold.
    pub confirmed: i64,
    /// The largest time of what changed it.
    pub updated_at: Timestamp,
    /// How many facts of the catalogue it has had; holds do not count.
    #[serde(default)]
    pub version: u64,
}

impl Product {
    /// A product of which nothing has arrived yet.
    #[must_use]
    pub fn named(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            description: String::new(),
            price: None,
            received: 0,
            adjusted: 0,
            on_hand: 0,
            reserved: 0,
            confirmed: 0,
            updated_at: Timestamp::default(),
            version: 0,
        }
    }

    /// Whether every unit is accounted for.
    #[must_use]
    pub fn is_balanced(&self) -> bool {
        let wide = |units: i64| i128::from(units);
        wide(self.received) + wide(self.adjusted) == wide(self.on_hand) + wide(self.reserved) + wide(self.confirmed)
    }

    /// The price of one unit for an order: the agreed one, else the catalogue's in the order's currency.
    fn price_for(&self, agreed_minor: Option<i64>, currency: Currency) -> Result<i64, &'static str> {
        match (agreed_minor, self.price) {
            (Some(minor), _) => Ok(minor),
            (None, None) => Err("price_unknown"),
            (None, Some(price)) if price.currency != currency => Err("currency_mismatch"),
            (None, Some(price)) => Ok(price.minor),
        }
    }
}

#[cfg(test)]
mod laws_tests;
#[cfg(test)]
mod tests;
