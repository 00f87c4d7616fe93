use headwater_contracts::inventory::{
    AdjustStock, ConfirmStock, DefineProduct, InventoryConfirmationFailed, InventoryConfirmed, InventoryReleased,
    InventoryReservationFailed, InventoryReserved, ProductDefined, ReceiveStock, ReleaseStock, ReservationExpiryDue,
    ReserveStock, StockAdjusted, StockConfirmationFailed, StockConfirmed, StockReceived, StockRejected, StockReleased,
    StockReserved,
};
use headwater_contracts::orders::{OrderCancelled, OrderConfirmed, OrderCreated, OrderPaid};
use headwater_event::Message;
use headwater_streams::choreography::Step;

/// The steps that inventory owns: those of the gathering, by order, and those of the ledger, by SKU.
#[must_use]
pub fn choreography() -> Vec<Step> {
    let step = |consumes: &str, emits: &[&str]| Step::on("inventory", consumes).emits(emits);
    vec![
        step(OrderCreated::FULL_NAME, &[ReserveStock::FULL_NAME]).undone_by(OrderCancelled::FULL_NAME),
        step(
            StockReserved::FULL_NAME,
            &[InventoryReserved::FULL_NAME, InventoryReservationFailed::FULL_NAME, ReleaseStock::FULL_NAME],
        )
        .needs_no_undo(),
        step(StockRejected::FULL_NAME, &[InventoryReservationFailed::FULL_NAME, ReleaseStock::FULL_NAME])
            .needs_no_undo(),
        step(OrderConfirmed::FULL_NAME, &[]).needs_no_undo(),
        step(OrderPaid::FULL_NAME, &[ConfirmStock::FULL_NAME, InventoryConfirmationFailed::FULL_NAME])
            .undone_by(OrderCancelled::FULL_NAME),
        step(StockConfirmed::FULL_NAME, &[InventoryConfirmed::FULL_NAME, InventoryConfirmationFailed::FULL_NAME])
            .needs_no_undo(),
        step(StockConfirmationFailed::FULL_NAME, &[InventoryConfirmationFailed::FULL_NAME]).needs_no_undo(),
        step(OrderCancelled::FULL_NAME, &[ReleaseStock::FULL_NAME, InventoryReleased::FULL_NAME]).compensates(),
        step(StockReleased::FULL_NAME, &[InventoryReleased::FULL_NAME]).needs_no_undo(),
        step("HoldTimedOut", &[ReservationExpiryDue::FULL_NAME]).needs_no_undo(),
        step(ReserveStock::FULL_NAME, &[StockReserved::FULL_NAME, StockRejected::FULL_NAME])
            .undone_by(ReleaseStock::FULL_NAME),
        step(ConfirmStock::FULL_NAME, &[StockConfirmed::FULL_NAME, StockConfirmationFailed::FULL_NAME])
            .undone_by(ReleaseStock::FULL_NAME),
        step(ReleaseStock::FULL_NAME, &[StockReleased::FULL_NAME]).compensates(),
        step(DefineProduct::FULL_NAME, &[ProductDefined::FULL_NAME]).needs_no_undo(),
        step(ReceiveStock::FULL_NAME, &[ProductDefined::FULL_NAME, StockReceived::FULL_NAME]).needs_no_undo(),
        step(AdjustStock::FULL_NAME, &[StockAdjusted::FULL_NAME]).needs_no_undo(),
    ]
}
