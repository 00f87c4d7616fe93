use headwater_event::Currency;
use serde::{Deserialize, Serialize};

use super::Product;

/// What one order has of one SKU. It only moves forward: absent -> held | rejected -> released | confirmed -> restocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hold", rename_all = "snake_case")]
pub enum Hold {
    /// Reserved.
    Held {
        /// Units.
        quantity: i64,
        /// The price that was found, so that a repeated request is answered alike.
        unit_price_minor: i64,
    },
    /// Not to be had.
    Rejected {
        /// A stable word.
        reason: String,
    },
    /// Given back, or asked to be before it was reserved: a late reserve finds this tombstone.
    Released {
        /// Units given back; 0 where nothing was held.
        quantity: i64,
    },
    /// Sold.
    Confirmed {
        /// Units.
        quantity: i64,
    },
    /// Sold, and come back.
    Restocked {
        /// Units.
        quantity: i64,
    },
}

/// What the order's gathering task asks of a SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HoldCommand {
    /// `ReserveStock`.
    Reserve {
        /// Units.
        quantity: i64,
        /// The order's currency.
        currency: Currency,
        /// An agreed price; None takes the catalogue's.
        unit_price_minor: Option<i64>,
    },
    /// `ReleaseStock`.
    Release,
    /// `ConfirmStock`.
    Confirm,
}

/// What the SKU answers. A repeated request gets the same answer and moves nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// `StockReserved`.
    Reserved {
        /// Units.
        quantity: i64,
        /// Minor units for one.
        unit_price_minor: i64,
    },
    /// `StockRejected`.
    Rejected {
        /// A stable word.
        reason: String,
    },
    /// `StockReleased`.
    Released {
        /// Units given back.
        quantity: i64,
    },
    /// `StockConfirmed`.
    Confirmed {
        /// Units.
        quantity: i64,
    },
    /// `StockConfirmationFailed`.
    ConfirmationFailed {
        /// A stable word.
        reason: String,
    },
}

impl HoldCommand {
    /// Carries the command out: the product (None for an unknown SKU) and the order's hold (None when absent) change
    /// together.
    pub fn apply(self, product: &mut Option<Product>, hold: &mut Option<Hold>) -> Answer {
        match self {
            Self::Reserve { quantity, currency, unit_price_minor } => {
                reserve(product.as_mut(), hold, quantity, currency, unit_price_minor)
            }
            Self::Release => release(product.as_mut(), hold),
            Self::Confirm => confirm(product.as_mut(), hold),
        }
    }
}

fn reserve(
    product: Option<&mut Product>,
    hold: &mut Option<Hold>,
    quantity: i64,
    currency: Currency,
    agreed_minor: Option<i64>,
) -> Answer {
    match hold {
        None => {}
        Some(Hold::Held { quantity, unit_price_minor }) => {
            return Answer::Reserved { quantity: *quantity, unit_price_minor: *unit_price_minor };
        }
        Some(Hold::Rejected { reason }) => return Answer::Rejected { reason: reason.clone() },
        Some(Hold::Released { .. } | Hold::Restocked { .. }) => return Answer::Rejected { reason: "released".into() },
        Some(Hold::Confirmed { .. }) => return Answer::Rejected { reason: "confirmed".into() },
    }
    let (next, answer) = match try_reserve(product, quantity, currency, agreed_minor) {
        Ok(unit_price_minor) => {
            (Hold::Held { quantity, unit_price_minor }, Answer::Reserved { quantity, unit_price_minor })
        }
        Err(reason) => (Hold::Rejected { reason: reason.into() }, Answer::Rejected { reason: reason.into() }),
    };
    *hold = Some(next);
    answer
}

fn try_reserve(
    product: Option<&mut Product>,
    quantity: i64,
    currency: Currency,
    agreed_minor: Option<i64>,
) -> Result<i64, &'static str> {
    let product = product.ok_or("unknown_product")?;
    let unit_price_minor = product.price_for(agreed_minor, currency)?;
    if quantity <= 0 {
        return Err("quantity_not_positive");
    }
    if product.on_hand < quantity {
        return Err("out_of_stock");
    }
    product.on_hand -= quantity;
    product.reserved += quantity;
    Ok(unit_price_minor)
}

fn release(product: Option<&mut Product>, hold: &mut Option<Hold>) -> Answer {
    let (next, quantity) = match (hold.take(), product) {
        (Some(Hold::Held { quantity, .. }), Some(product)) => {
            product.reserved -= quantity;
            product.on_hand += quantity;
            (Hold::Released { quantity }, quantity)
        }
        (Some(Hold::Confirmed { quantity }), Some(product)) => {
            product.confirmed -= quantity;
            product.on_hand += quantity;
            (Hold::Restocked { quantity }, quantity)
        }
        (Some(Hold::Restocked { quantity }), _) => (Hold::Restocked { quantity }, quantity),
        (Some(Hold::Released { quantity }), _) => (Hold::Released { quantity }, quantity),
        // Nothing is held, or of a product that does not exist, which is nothing too.
        (_, _) => (Hold::Released { quantity: 0 }, 0),
    };
    *hold = Some(next);
    Answer::Released { quantity }
}

fn confirm(product: Option<&mut Product>, hold: &mut Option<Hold>) -> Answer {
    let reason = match (&*hold, product) {
        (Some(Hold::Held { quantity, .. }), Some(product)) => {
            let quantity = *quantity;
            product.reserved -= quantity;
            product.confirmed += quantity;
            *hold = Some(Hold::Confirmed { quantity });
            return Answer::Confirmed { quantity };
        }
        (Some(Hold::Confirmed { quantity }), _) => return Answer::Confirmed { quantity: *quantity },
        (Some(Hold::Released { .. } | Hold::Restocked { .. }), _) => "released",
        (Some(Hold::Rejected { .. }), _) => "rejected",
        (Some(Hold::Held { .. }) | None, _) => "not_held",
    };
    Answer::ConfirmationFailed { reason: reason.into() }
}
