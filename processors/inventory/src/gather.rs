//! One order's stock: asks each SKU's ledger, and decides only once every one of them has answered.

use std::collections::BTreeMap;

use headwater_event::{Currency, Money, Sku};
use serde::{Deserialize, Serialize};

use crate::ledger::{Answer, HoldCommand};

/// How far an order's stock has come.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gathering {
    /// What it is at.
    pub phase: Phase,
    /// The order is confirmed: its hold does not expire any more.
    #[serde(default)]
    pub pinned: bool,
    /// The order's lines; none once everything has been given back.
    #[serde(default)]
    pub lines: Vec<Line>,
    /// Each SKU of the order once, with how it stands.
    #[serde(default)]
    pub skus: BTreeMap<String, Standing>,
}

/// What an order's stock is at.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// The order has not been seen.
    #[default]
    Unknown,
    /// Some SKU has not said yet whether it is held.
    Reserving {
        /// The order's currency.
        currency: Currency,
    },
    /// All is held.
    Reserved,
    /// Not all could be held, and what was is being given back.
    Refused,
    /// Some SKU has not said yet whether it is sold.
    Confirming,
    /// All is sold.
    Confirmed,
    /// Not all could be sold.
    ConfirmationFailed,
    /// The order is cancelled; some SKU has not given back yet.
    Releasing {
        /// Why the order was cancelled.
        reason: String,
    },
    /// The order is cancelled, and nothing is held for it: the end.
    Released,
}

/// One line of the order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// What.
    pub sku: Sku,
    /// Units.
    pub quantity: i64,
    /// An agreed price; None takes the catalogue's.
    pub unit_price_minor: Option<i64>,
}

/// How one SKU of the order stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Asked to be reserved.
    Asked,
    /// Held, at this price where the line has none of its own.
    Held(i64),
    /// Not to be had.
    Rejected(String),
    /// Asked to be confirmed.
    Confirming,
    /// Sold.
    Confirmed,
    /// Could not be sold.
    Unconfirmed(String),
    /// Asked to be given back.
    Releasing,
    /// Given back.
    Released,
}

/// What the gathering is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// `OrderCreated`.
    Created {
        /// The order's currency.
        currency: Currency,
        /// Its lines.
        lines: Vec<Line>,
    },
    /// `OrderConfirmed`.
    Confirmed,
    /// `OrderPaid`.
    Paid,
    /// `OrderCancelled`.
    Cancelled {
        /// Why.
        reason: String,
    },
    /// A SKU's answer.
    Answered {
        /// Which SKU.
        sku: Sku,
        /// What it says.
        answer: Answer,
    },
    /// The hold has lasted as long as it may.
    Expired,
}

/// What the gathering says: to a SKU's ledger, or to everybody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Saying {
    /// A request to a SKU's ledger.
    Ask {
        /// Which SKU.
        sku: Sku,
        /// What.
        command: HoldCommand,
    },
    /// `InventoryReserved`.
    Reserved {
        /// The order's lines, each with its price.
        lines: Vec<PricedLine>,
        /// What they come to.
        total: Money,
    },
    /// `InventoryReservationFailed`.
    ReservationFailed {
        /// A stable word.
        reason: String,
        /// The SKUs that can't be had, with the reason of each.
        rejected: Vec<(Sku, String)>,
    },
    /// `InventoryConfirmed`.
    Confirmed,
    /// `InventoryConfirmationFailed`.
    ConfirmationFailed {
        /// A stable word.
        reason: String,
    },
    /// `InventoryReleased`.
    Released {
        /// Why the order was cancelled.
        reason: String,
    },
    /// `ReservationExpiryDue`.
    ExpiryDue,
}

/// One line of the order with the price that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PricedLine {
    /// What.
    pub sku: Sku,
    /// Units.
    pub quantity: i64,
    /// Minor units for one.
    pub unit_price_minor: i64,
}

impl Gathering {
    /// Whether the hold's expiry is to be watched: all is held, and the order not confirmed.
    #[must_use]
    pub fn may_expire(&self) -> bool {
        self.phase == Phase::Reserved && !self.pinned
    }

    /// Takes in what it is told, and says what follows. News that comes twice or too late changes nothing.
    pub fn hear(&mut self, news: News) -> Vec<Saying> {
        match news {
            News::Created { currency, lines } => self.created(currency, lines),
            News::Confirmed => {
                self.pinned = true;
                Vec::new()
            }
            News::Paid => self.paid(),
            News::Cancelled { reason } => self.cancelled(reason),
            News::Answered { sku, answer } => self.answered(&sku, answer),
            News::Expired if self.may_expire() => vec![Saying::ExpiryDue],
            News::Expired => Vec::new(),
        }
    }

    fn created(&mut self, currency: Currency, lines: Vec<Line>) -> Vec<Saying> {
        if self.phase != Phase::Unknown {
            return Vec::new();
        }
        self.phase = Phase::Reserving { currency };
        self.skus = lines.iter().map(|line| (line.sku.to_string(), Standing::Asked)).collect();
        let sayings = merged(&lines).into_iter().map(|(sku, quantity, unit_price_minor)| Saying::Ask {
            sku,
            command: HoldCommand::Reserve { quantity, currency, unit_price_minor },
        });
        let sayings = sayings.collect();
        self.lines = lines;
        sayings
    }

    fn paid(&mut self) -> Vec<Saying> {
        match self.phase {
            Phase::Reserved => {
                self.phase = Phase::Confirming;
                self.ask(HoldCommand::Confirm, |standing| {
                    matches!(standing, Standing::Held(_)).then_some(Standing::Confirming)
                })
            }
            Phase::Unknown | Phase::Reserving { .. } | Phase::Refused => {
                vec![Saying::ConfirmationFailed { reason: "not_reserved".into() }]
            }
            _ => Vec::new(),
        }
    }

    fn cancelled(&mut self, reason: String) -> Vec<Saying> {
        if matches!(self.phase, Phase::Releasing { .. } | Phase::Released) {
            return Vec::new();
        }
        self.phase = Phase::Releasing { reason };
        // Also what has not answered: a ledger takes requests of one order in turn, or finds a tombstone.
        let mut sayings = self.ask(HoldCommand::Release, |standing| match standing {
            Standing::Rejected(_) | Standing::Releasing | Standing::Released => None,
            _ => Some(Standing::Releasing),
        });
        sayings.extend(self.decide());
        sayings
    }

    fn answered(&mut self, sku: &Sku, answer: Answer) -> Vec<Saying> {
        let Some(standing) = self.skus.get_mut(sku.as_str()) else {
            return Vec::new();
        };
        let next = match (&*standing, answer) {
            (Standing::Asked, Answer::Reserved { unit_price_minor, .. }) => Standing::Held(unit_price_minor),
            (Standing::Asked, Answer::Rejected { reason }) => Standing::Rejected(reason),
            (Standing::Confirming, Answer::Confirmed { .. }) => Standing::Confirmed,
            (Standing::Confirming, Answer::ConfirmationFailed { reason }) => Standing::Unconfirmed(reason),
            (Standing::Releasing, Answer::Released { .. }) => Standing::Released,
            _ => return Vec::new(),
        };
        *standing = next;
        self.decide()
    }

    /// Decides if nothing is waited for any more.
    fn decide(&mut self) -> Vec<Saying> {
        let waits_for = |wanted: &Standing| self.skus.values().any(|standing| standing == wanted);
        match self.phase.clone() {
            Phase::Reserving { currency } if !waits_for(&Standing::Asked) => self.reserved_or_refused(currency),
            Phase::Confirming if !waits_for(&Standing::Confirming) => vec![self.confirmed_or_failed()],
            Phase::Releasing { reason } if !waits_for(&Standing::Releasing) => {
                *self = Self { phase: Phase::Released, ..Self::default() };
                vec![Saying::Released { reason }]
            }
            _ => Vec::new(),
        }
    }

    fn reserved_or_refused(&mut self, currency: Currency) -> Vec<Saying> {
        let rejected = self.rejected();
        let refusal = match rejected.first() {
            Some((_, reason)) => reason.clone(),
            None => match self.priced(currency) {
                Some((lines, total)) => {
                    self.phase = Phase::Reserved;
                    return vec![Saying::Reserved { lines, total }];
                }
                None => "total_too_large".to_owned(),
            },
        };
        self.phase = Phase::Refused;
        let mut sayings = self
            .ask(HoldCommand::Release, |standing| matches!(standing, Standing::Held(_)).then_some(Standing::Releasing));
        sayings.push(Saying::ReservationFailed { reason: refusal, rejected });
        sayings
    }

    fn confirmed_or_failed(&mut self) -> Saying {
        let reason = self.skus.values().find_map(|standing| match standing {
            Standing::Unconfirmed(reason) => Some(reason.clone()),
            _ => None,
        });
        match reason {
            None => {
                self.phase = Phase::Confirmed;
                Saying::Confirmed
            }
            Some(reason) => {
                self.phase = Phase::ConfirmationFailed;
                Saying::ConfirmationFailed { reason }
            }
        }
    }

    /// The order's lines with their prices, and the total; None when it overflows.
    fn priced(&self, currency: Currency) -> Option<(Vec<PricedLine>, Money)> {
        let mut total = Money::zero(currency);
        let mut lines = Vec::with_capacity(self.lines.len());
        for Line { sku, quantity, unit_price_minor } in &self.lines {
            let found = match self.skus.get(sku.as_str()) {
                Some(Standing::Held(minor)) => *minor,
                _ => return None,
            };
            let unit_price_minor = unit_price_minor.unwrap_or(found);
            total = total.plus(Money::new(unit_price_minor, currency).times(*quantity).ok()?).ok()?;
            lines.push(PricedLine { sku: sku.clone(), quantity: *quantity, unit_price_minor });
        }
        Some((lines, total))
    }

    /// The SKUs that can't be had, in the order of the lines.
    fn rejected(&self) -> Vec<(Sku, String)> {
        let mut rejected: Vec<(Sku, String)> = Vec::new();
        for line in &self.lines {
            if let Some(Standing::Rejected(reason)) = self.skus.get(line.sku.as_str())
                && !rejected.iter().any(|(sku, _)| *sku == line.sku)
            {
                rejected.push((line.sku.clone(), reason.clone()));
            }
        }
        rejected
    }

    /// Asks every SKU whose standing `next` changes, in the order of the lines.
    fn ask(&mut self, command: HoldCommand, next: impl Fn(&Standing) -> Option<Standing>) -> Vec<Saying> {
        let mut sayings = Vec::new();
        for line in &self.lines {
            if let Some(standing) = self.skus.get_mut(line.sku.as_str())
                && let Some(changed) = next(standing)
            {
                *standing = changed;
                sayings.push(Saying::Ask { sku: line.sku.clone(), command });
            }
        }
        sayings
    }
}

/// Each SKU once, in the order of the lines, with the sum of its quantities. An agreed price is passed on only where
/// all its lines have one: otherwise the ledger has to find the catalogue's for those that have none.
fn merged(lines: &[Line]) -> Vec<(Sku, i64, Option<i64>)> {
    let mut merged: Vec<(Sku, i64, Option<i64>)> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for line in lines {
        match places.get(line.sku.as_str()).and_then(|place| merged.get_mut(*place)) {
            None => {
                places.insert(line.sku.as_str(), merged.len());
                merged.push((line.sku.clone(), line.quantity, line.unit_price_minor));
            }
            Some((_, quantity, price)) => {
                *quantity = quantity.saturating_add(line.quantity);
                *price = price.and(line.unit_price_minor).and(*price);
            }
        }
    }
    merged
}

#[cfg(test)]
mod laws_tests;
#[cfg(test)]
mod tests;
