use headwater_contracts::inventory::InventoryConfirmed;
use headwater_contracts::orders::{OrderCancellationRequested, OrderCancelled, OrderPaid};
use headwater_contracts::shipping::{
    RecallRefused, ShipmentDelivered, ShipmentDispatched, ShipmentFailed, ShipmentRecalled,
};
use headwater_event::Message;
use headwater_streams::choreography::Step;

use crate::NAME;

/// The steps that shipping owns: the parcel, its recall, and what keeps it from leaving.
#[must_use]
pub fn choreography() -> Vec<Step> {
    vec![
        Step::on(NAME, InventoryConfirmed::FULL_NAME)
            .emits(&[ShipmentDispatched::FULL_NAME, ShipmentFailed::FULL_NAME, ShipmentDelivered::FULL_NAME])
            .undone_by(OrderCancellationRequested::FULL_NAME),
        Step::on(NAME, OrderCancellationRequested::FULL_NAME)
            .emits(&[ShipmentRecalled::FULL_NAME, RecallRefused::FULL_NAME])
            .compensates(),
        // Learns whether a request has to be answered.
        Step::on(NAME, OrderPaid::FULL_NAME).needs_no_undo(),
        // Nothing leaves afterwards.
        Step::on(NAME, OrderCancelled::FULL_NAME).compensates(),
    ]
}
