use headwater_event::{CustomerId, EventId, Money, OrderId, PaymentId};
use serde::{Deserialize, Serialize};

use crate::{Answer, Request, Settings};

/// One order's charge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Payment {
    /// Nothing has been heard of the order.
    #[default]
    Absent,
    /// The order was cancelled before any charge: it is never charged.
    Barred,
    /// The provider was asked for the money.
    Charging {
        /// How much.
        amount: Money,
        /// The order was cancelled meanwhile: what is charged is paid back as soon as that is known.
        cancelled: Option<Cancelled>,
    },
    /// The money is here.
    Charged {
        /// How much.
        amount: Money,
    },
    /// The provider refused the charge.
    Declined,
    /// The provider was asked to pay it back.
    Refunding {
        /// How much.
        amount: Money,
        /// Why the order was cancelled.
        reason: String,
        /// How often it was asked.
        tries: u32,
        /// An answer is awaited; otherwise the wait before the next try.
        asked: bool,
    },
    /// The money was paid back.
    Refunded,
    /// The provider refused to pay it back, time and again. People must look at it.
    RefundFailed,
}

/// A cancellation that came while the charge was under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancelled {
    /// Why.
    pub reason: String,
    /// The refund waits behind the charge. It was asked for when the order was cancelled, so that this is its cause.
    pub refund_asked: bool,
}

/// What happens to a payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// `OrderConfirmed`.
    OrderConfirmed {
        /// Who pays.
        customer_id: CustomerId,
        /// How much.
        total: Money,
    },
    /// `OrderCancelled`.
    OrderCancelled {
        /// Why.
        reason: String,
    },
    /// The provider's answer to a charge.
    ChargeAnswered(Answer),
    /// The provider's answer to a refund.
    RefundAnswered {
        /// Which try it answers.
        tries: u32,
        /// The answer.
        answer: Answer,
    },
    /// The wait before the next try of a refund is over.
    RefundDue,
}

/// What a payment wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Ask the provider. Requests of one order are made one after another.
    Ask(Request),
    /// Come back with [`Input::RefundDue`].
    RetryRefundIn {
        /// After how many milliseconds.
        wait_ms: i64,
    },
    /// Say what happened.
    Emit(Fact),
}

/// What happened, for others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fact {
    /// `PaymentProcessed`.
    Processed {
        /// How much.
        amount: Money,
    },
    /// `PaymentFailed`.
    Failed {
        /// Why.
        reason: String,
    },
    /// `PaymentRefunded`.
    Refunded {
        /// How much.
        amount: Money,
        /// Why the order was cancelled.
        reason: String,
    },
    /// `RefundFailed`.
    RefundFailed {
        /// The provider's last word.
        reason: String,
    },
}

/// A payment after an input, and what it wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turn {
    /// The payment now.
    pub payment: Payment,
    /// What to do, in order.
    pub actions: Vec<Action>,
}

/// What an order's charge is called. It follows from the order's id: an order has one charge, whatever is repeated.
///
/// # Errors
/// Never with what is made here; the id type checks all the same.
pub fn payment_id(order_id: &OrderId) -> Result<PaymentId, headwater_event::Error> {
    PaymentId::new(&format!("pay-{}", EventId::of_text(&format!("payment for {order_id}"))))
}

impl Payment {
    /// What follows from an input. Inputs that come again, or too late to matter, change nothing.
    ///
    /// # Errors
    /// Never with the ids made here; the id types check all the same.
    pub fn on(self, order_id: &OrderId, input: Input, settings: &Settings) -> Result<Turn, headwater_event::Error> {
        let payment_id = payment_id(order_id)?;
        let turn = match (self, input) {
            (Self::Absent, Input::OrderConfirmed { customer_id, total }) => {
                charge(Request::Charge { payment_id, order_id: order_id.clone(), customer_id, amount: total }, total)
            }
            (Self::Absent, Input::OrderCancelled { .. }) => still(Self::Barred),
            (Self::Charging { amount, cancelled: None }, Input::OrderCancelled { reason }) => {
                let cancelled = Some(Cancelled { reason, refund_asked: true });
                let order_id = order_id.clone();
                let ask = Action::Ask(Request::Refund { payment_id, order_id, amount, tries: 1 });
                Turn { payment: Self::Charging { amount, cancelled }, actions: vec![ask] }
            }
            (Self::Charging { amount, cancelled }, Input::ChargeAnswered(answer)) => {
                charged(order_id, payment_id, amount, cancelled, answer)
            }
            // The refund was made before its charge, which should not be: it is asked for again after the charge.
            (Self::Charging { amount, cancelled: Some(cancelled) }, Input::RefundAnswered { .. }) => {
                let cancelled = Some(Cancelled { refund_asked: false, ..cancelled });
                still(Self::Charging { amount, cancelled })
            }
            (Self::Charged { amount }, Input::OrderCancelled { reason }) => {
                refund(order_id, payment_id, amount, reason, 1)
            }
            (
                Self::Refunding { amount, reason, tries, asked: true },
                Input::RefundAnswered { tries: answered, answer },
            ) if tries == answered => refund_answered(amount, reason, tries, answer, settings),
            (Self::Refunding { amount, reason, tries, asked: false }, Input::RefundDue) => {
                refund(order_id, payment_id, amount, reason, tries.saturating_add(1))
            }
            (payment, _) => still(payment),
        };
        Ok(turn)
    }
}

fn still(payment: Payment) -> Turn {
    Turn { payment, actions: Vec::new() }
}

fn emit(payment: Payment, fact: Fact) -> Turn {
    Turn { payment, actions: vec![Action::Emit(fact)] }
}

/// An order that costs nothing is paid by being confirmed: no provider takes a charge of nothing.
fn charge(request: Request, total: Money) -> Turn {
    match total.minor {
        ..0 => emit(Payment::Declined, Fact::Failed { reason: "negative_amount".to_owned() }),
        0 => emit(Payment::Charged { amount: total }, Fact::Processed { amount: total }),
        1.. => {
            Turn { payment: Payment::Charging { amount: total, cancelled: None }, actions: vec![Action::Ask(request)] }
        }
    }
}

fn charged(
    order_id: &OrderId,
    payment_id: PaymentId,
    amount: Money,
    cancelled: Option<Cancelled>,
    answer: Answer,
) -> Turn {
    let reason = match answer {
        Answer::Done => None,
        Answer::Refused { reason } => Some(reason),
        Answer::NothingCharged => Some("provider_error".to_owned()),
    };
    if let Some(reason) = reason {
        return emit(Payment::Declined, Fact::Failed { reason });
    }
    let processed = Action::Emit(Fact::Processed { amount });
    let mut turn = match cancelled {
        None => still(Payment::Charged { amount }),
        Some(Cancelled { reason, refund_asked: true }) => {
            still(Payment::Refunding { amount, reason, tries: 1, asked: true })
        }
        Some(Cancelled { reason, refund_asked: false }) => refund(order_id, payment_id, amount, reason, 2),
    };
    turn.actions.insert(0, processed);
    turn
}

fn refund(order_id: &OrderId, payment_id: PaymentId, amount: Money, reason: String, tries: u32) -> Turn {
    if amount.minor == 0 {
        return emit(Payment::Refunded, Fact::Refunded { amount, reason });
    }
    let ask = Action::Ask(Request::Refund { payment_id, order_id: order_id.clone(), amount, tries });
    Turn { payment: Payment::Refunding { amount, reason, tries, asked: true }, actions: vec![ask] }
}

fn refund_answered(amount: Money, reason: String, tries: u32, answer: Answer, settings: &Settings) -> Turn {
    let refusal = match answer {
        Answer::Done => return emit(Payment::Refunded, Fact::Refunded { amount, reason }),
        Answer::Refused { reason } => reason,
        Answer::NothingCharged => "nothing_charged".to_owned(),
    };
    if tries >= settings.refund_tries_max {
        return emit(Payment::RefundFailed, Fact::RefundFailed { reason: refusal });
    }
    let retry = Action::RetryRefundIn { wait_ms: settings.refund_wait_ms(tries) };
    Turn { payment: Payment::Refunding { amount, reason, tries, asked: false }, actions: vec![retry] }
}

#[cfg(test)]
mod laws_tests;
#[cfg(test)]
mod tests;
