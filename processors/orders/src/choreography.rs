use headwater_contracts::inventory::{
    InventoryConfirmationFailed, InventoryReservationFailed, InventoryReserved, ReservationExpiryDue,
};
use headwater_contracts::orders::{
    CancelOrder, ConfirmOrder, OrderCancellationRequested, OrderCancelled, OrderConfirmationRequested, OrderConfirmed,
    OrderCreated, OrderDelivered, OrderPaid, OrderShipped, OrderStockHeld, PlaceOrder,
};
use headwater_contracts::payments::{PaymentFailed, PaymentProcessed};
use headwater_contracts::shipping::{
    RecallRefused, ShipmentDelivered, ShipmentDispatched, ShipmentFailed, ShipmentRecalled,
};
use headwater_event::Message;
use headwater_streams::choreography::Step;

/// What orders says for its own memory only, so that its state is the fold of its events.
pub const REMEMBERED: [&str; 2] = [OrderConfirmationRequested::FULL_NAME, OrderStockHeld::FULL_NAME];

/// The steps that orders owns. Nothing here is undone here: `OrderCancelled` tells everybody else to.
#[must_use]
pub fn choreography() -> Vec<Step> {
    let step = |consumes: &str, emits: &[&str]| Step::on("orders", consumes).emits(emits).needs_no_undo();
    vec![
        step(PlaceOrder::FULL_NAME, &[OrderCreated::FULL_NAME]),
        step(ConfirmOrder::FULL_NAME, &[OrderConfirmed::FULL_NAME, OrderConfirmationRequested::FULL_NAME]),
        step(CancelOrder::FULL_NAME, &[OrderCancelled::FULL_NAME, OrderCancellationRequested::FULL_NAME]),
        step(InventoryReserved::FULL_NAME, &[OrderConfirmed::FULL_NAME, OrderStockHeld::FULL_NAME]),
        step(InventoryReservationFailed::FULL_NAME, &[OrderCancelled::FULL_NAME]),
        step(ReservationExpiryDue::FULL_NAME, &[OrderCancelled::FULL_NAME]),
        step(PaymentProcessed::FULL_NAME, &[OrderPaid::FULL_NAME, OrderCancelled::FULL_NAME]),
        step(PaymentFailed::FULL_NAME, &[OrderCancelled::FULL_NAME]),
        step(InventoryConfirmationFailed::FULL_NAME, &[OrderCancelled::FULL_NAME]),
        step(ShipmentDispatched::FULL_NAME, &[OrderShipped::FULL_NAME]),
        step(ShipmentFailed::FULL_NAME, &[OrderCancelled::FULL_NAME]),
        step(ShipmentDelivered::FULL_NAME, &[OrderDelivered::FULL_NAME]),
        step(ShipmentRecalled::FULL_NAME, &[OrderCancelled::FULL_NAME]),
        step(RecallRefused::FULL_NAME, &[]),
        step("ReservationTimedOut", &[OrderCancelled::FULL_NAME]),
        step("ConfirmationTimedOut", &[OrderCancelled::FULL_NAME]),
        step("PaymentTimedOut", &[OrderCancelled::FULL_NAME]),
        step("OrderTimedOut", &[OrderCancelled::FULL_NAME]),
    ]
}
