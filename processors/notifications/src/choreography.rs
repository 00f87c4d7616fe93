use headwater_contracts::notifications::NotificationSent;
use headwater_contracts::orders::{OrderCancelled, OrderConfirmed, OrderCreated, OrderDelivered, OrderShipped};
use headwater_event::Message;
use headwater_streams::choreography::Step;

use crate::NAME;

/// The steps that notifications owns: messages, which nothing calls back.
#[must_use]
pub fn choreography() -> Vec<Step> {
    let told =
        [OrderConfirmed::FULL_NAME, OrderShipped::FULL_NAME, OrderDelivered::FULL_NAME, OrderCancelled::FULL_NAME];
    let mut steps = vec![Step::on(NAME, OrderCreated::FULL_NAME).needs_no_undo()];
    steps.extend(told.map(|event| Step::on(NAME, event).emits(&[NotificationSent::FULL_NAME]).irreversible()));
    steps
}
