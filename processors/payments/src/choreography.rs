use headwater_contracts::orders::{OrderCancelled, OrderConfirmed};
use headwater_contracts::payments::{PaymentFailed, PaymentProcessed, PaymentRefunded, RefundFailed};
use headwater_event::Message;
use headwater_streams::choreography::Step;

use crate::NAME;

/// The steps that payments owns: the charge, and what undoes it.
#[must_use]
pub fn choreography() -> Vec<Step> {
    vec![
        Step::on(NAME, OrderConfirmed::FULL_NAME)
            .emits(&[PaymentProcessed::FULL_NAME, PaymentFailed::FULL_NAME])
            .undone_by(OrderCancelled::FULL_NAME),
        Step::on(NAME, OrderCancelled::FULL_NAME)
            .emits(&[PaymentRefunded::FULL_NAME, RefundFailed::FULL_NAME])
            .compensates(),
    ]
}
