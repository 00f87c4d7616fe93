use headwater_event::Timestamp;

use crate::command::Decision;
use crate::order::{OpenOrder, Reservation, Step};
use crate::place::place;
use crate::time_limits::is_current;
use crate::{Confirmation, Fact, Moment, Order, OrderCommand, Refusal};

/// The longest reason that `CancelOrder` may give, in characters.
pub const REASON_CHARS_MAX: usize = 200;

/// What follows from a command, given all that has happened to the order.
///
/// # Errors
/// [`Refusal`] when the move is not legal now; a reaction that comes too late to matter is refused like a command.
pub fn decide(order: &Order, command: OrderCommand, moment: Moment) -> Decision {
    match (order, command) {
        (Order::Absent, OrderCommand::Place(placement)) => Ok(vec![place(*placement, moment)?]),
        (Order::Absent, _) => Err(Refusal::new("unknown_order", "there is no such order: place it first")),
        (_, OrderCommand::Place(_)) => Err(Refusal::of_field(
            "already_exists",
            "order_id",
            "an order of this id was placed before: choose another id",
        )),
        (Order::Open(open), command) => decide_open(open, command, moment),
        (Order::Delivered, _) => Err(Refusal::new("already_delivered", "the order has been delivered")),
        (Order::Cancelled { reason }, _) => {
            Err(Refusal::new("already_cancelled", format!("the order has been cancelled: {reason}")))
        }
    }
}

fn decide_open(open: &OpenOrder, command: OrderCommand, moment: Moment) -> Decision {
    match command {
        OrderCommand::Place(_) => Err(out_of_step(open, "a second placement")),
        OrderCommand::Confirm => confirm(open, moment),
        OrderCommand::Cancel { reason } => cancel(open, reason),
        OrderCommand::StockHeld(held) => stock_held(open, held, moment),
        OrderCommand::StockRefused { reason, detail } => match open.step {
            Step::Reservation { .. } => Ok(vec![cancelled(open, reason, detail)]),
            _ => Err(out_of_step(open, "a refused reservation")),
        },
        OrderCommand::ExpireReservation => match open.step {
            Step::Reservation { .. } | Step::Confirmation { .. } => {
                Ok(vec![cancelled(open, "expired", "its stock was held for as long as it may be")])
            }
            _ => Err(out_of_step(open, "an expiry of its reservation")),
        },
        OrderCommand::PaymentSucceeded { payment_id } => match &open.step {
            // The charge is undone by whoever made it, as for every cancelled order.
            Step::Payment { .. } if open.cancellation.is_some() => Ok(vec![cancelled(open, "requested", "")]),
            Step::Payment { total } => Ok(vec![Fact::Paid { payment_id, total: *total }]),
            _ => Err(out_of_step(open, "a payment")),
        },
        OrderCommand::PaymentRefused { reason } => match open.step {
            Step::Payment { .. } => Ok(vec![cancelled(open, "payment_declined", reason)]),
            _ => Err(out_of_step(open, "a refused payment")),
        },
        OrderCommand::StockNotConfirmed { reason } => match open.step {
            Step::Dispatch { .. } => Ok(vec![cancelled(open, "confirmation_failed", reason)]),
            _ => Err(out_of_step(open, "a failed confirmation of its stock")),
        },
        OrderCommand::Dispatched { shipment_id } => match open.step {
            Step::Dispatch { .. } => Ok(vec![Fact::Shipped { shipment_id }]),
            _ => Err(out_of_step(open, "a dispatch")),
        },
        OrderCommand::ShipmentFailed { reason } => match open.step {
            Step::Dispatch { .. } | Step::Delivery { .. } => Ok(vec![cancelled(open, "shipment_failed", reason)]),
            _ => Err(out_of_step(open, "a failed shipment")),
        },
        OrderCommand::Delivered { shipment_id, delivered_at } => delivered(open, shipment_id, delivered_at),
        OrderCommand::Recalled => match open.step {
            Step::Dispatch { .. } | Step::Delivery { .. } if open.cancellation.is_some() => {
                Ok(vec![cancelled(open, "requested", "")])
            }
            // Without a request, shipping took the parcel back by itself: as good as failed.
            Step::Dispatch { .. } | Step::Delivery { .. } => {
                Ok(vec![cancelled(open, "shipment_failed", "the shipment was recalled")])
            }
            _ => Err(out_of_step(open, "a recalled shipment")),
        },
        // The parcel goes on, and so does the order.
        OrderCommand::RecallRefused => Ok(Vec::new()),
        OrderCommand::TimeOut { timer } if is_current(&open.step, timer) => {
            let waited_for = open.step.timer().unwrap_or(timer);
            Ok(vec![cancelled(open, "timed_out", format!("waited too long for its {waited_for}"))])
        }
        OrderCommand::TimeOut { timer } => Err(out_of_step(open, timer)),
    }
}

fn confirm(open: &OpenOrder, moment: Moment) -> Decision {
    match (&open.step, open.confirmation) {
        (Step::Confirmation { held }, _) => Ok(vec![confirmed(open, held.clone(), moment)]),
        (Step::Reservation { confirm_asked: false }, Confirmation::Manual) => Ok(vec![Fact::ConfirmationAsked]),
        // It will be confirmed anyway.
        (Step::Reservation { .. }, _) => Ok(Vec::new()),
        _ => Err(Refusal::new(
            "not_created",
            format!("only a created order can be confirmed, and this one is {}", open.step.status()),
        )),
    }
}

fn stock_held(open: &OpenOrder, held: Reservation, moment: Moment) -> Decision {
    match (&open.step, open.confirmation) {
        (Step::Reservation { confirm_asked: false }, Confirmation::Manual) => {
            Ok(vec![Fact::Held { held, at: moment.now }])
        }
        (Step::Reservation { .. }, _) => Ok(vec![confirmed(open, held, moment)]),
        _ => Err(out_of_step(open, "a reservation")),
    }
}

fn cancel(open: &OpenOrder, reason: String) -> Decision {
    let reason = match reason.trim() {
        "" => "requested".to_owned(),
        reason if reason.chars().count() > REASON_CHARS_MAX => {
            let message = format!("a reason takes at most {REASON_CHARS_MAX} characters");
            return Err(Refusal::of_field("reason_too_long", "reason", message));
        }
        reason => reason.to_owned(),
    };
    if open.cancellation.is_some() {
        return Err(Refusal::new(
            "cancellation_already_requested",
            "a cancellation was asked for before: await its outcome",
        ));
    }
    match open.step {
        Step::Reservation { .. } | Step::Confirmation { .. } => {
            Ok(vec![Fact::Cancelled { reason, detail: String::new() }])
        }
        // A charge is under way, or a parcel may be: only its owner can say how that ends.
        Step::Payment { .. } | Step::Dispatch { .. } | Step::Delivery { .. } => {
            Ok(vec![Fact::CancellationRequested { reason }])
        }
    }
}

fn delivered(open: &OpenOrder, shipment_id: headwater_event::ShipmentId, delivered_at: Timestamp) -> Decision {
    match open.step {
        Step::Delivery { .. } => Ok(vec![Fact::Delivered { delivered_at }]),
        Step::Dispatch { .. } => Ok(vec![Fact::Shipped { shipment_id }, Fact::Delivered { delivered_at }]),
        _ => Err(out_of_step(open, "a delivery")),
    }
}

fn confirmed(open: &OpenOrder, held: Reservation, moment: Moment) -> Fact {
    Fact::Confirmed { customer_id: open.customer_id.clone(), held, at: moment.now }
}

/// The end of an order that somebody wanted cancelled bears that reason, and what happened as its detail.
fn cancelled(open: &OpenOrder, reason: impl Into<String>, detail: impl Into<String>) -> Fact {
    let (reason, detail) = (reason.into(), detail.into());
    match &open.cancellation {
        None => Fact::Cancelled { reason, detail },
        Some(requested) if reason == "requested" => Fact::Cancelled { reason: requested.clone(), detail },
        Some(requested) => {
            let detail = if detail.is_empty() { reason } else { format!("{reason}: {detail}") };
            Fact::Cancelled { reason: requested.clone(), detail }
        }
    }
}

fn out_of_step(open: &OpenOrder, what: &str) -> Refusal {
    Refusal::new("out_of_step", format!("the order is {}: {what} changes nothing now", open.step.status()))
}

#[cfg(test)]
mod laws_tests;
#[cfg(test)]
mod tests;
