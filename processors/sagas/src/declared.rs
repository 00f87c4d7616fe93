//! What the choreography allows, as the tracker sees it: which event may follow from which. A test holds this against
//! the steps that the processors declare.

/// What may cause one type of event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Declared {
    /// The event, an Avro full name.
    pub event: &'static str,
    /// The events that may cause it.
    pub caused_by: &'static [&'static str],
    /// It may also be caused by what no event topic holds: a command, or an answer of a SKU's ledger.
    pub outside: bool,
    /// What must have happened before it, whatever its cause.
    pub after: &'static [&'static str],
    /// It may happen more than once in a saga.
    pub repeats: bool,
}

macro_rules! events {
    ($($name:ident = $context:literal;)*) => {$(
        pub(crate) const $name: &str = concat!("headwater.", $context);
    )*};
}

events! {
    ORDER_CREATED = "orders.OrderCreated";
    ORDER_CONFIRMATION_REQUESTED = "orders.OrderConfirmationRequested";
    ORDER_STOCK_HELD = "orders.OrderStockHeld";
    ORDER_CONFIRMED = "orders.OrderConfirmed";
    ORDER_PAID = "orders.OrderPaid";
    ORDER_SHIPPED = "orders.OrderShipped";
    ORDER_DELIVERED = "orders.OrderDelivered";
    ORDER_CANCELLATION_REQUESTED = "orders.OrderCancellationRequested";
    ORDER_CANCELLED = "orders.OrderCancelled";
    INVENTORY_RESERVED = "inventory.InventoryReserved";
    INVENTORY_RESERVATION_FAILED = "inventory.InventoryReservationFailed";
    INVENTORY_CONFIRMED = "inventory.InventoryConfirmed";
    INVENTORY_CONFIRMATION_FAILED = "inventory.InventoryConfirmationFailed";
    INVENTORY_RELEASED = "inventory.InventoryReleased";
    RESERVATION_EXPIRY_DUE = "inventory.ReservationExpiryDue";
    PAYMENT_PROCESSED = "payments.PaymentProcessed";
    PAYMENT_FAILED = "payments.PaymentFailed";
    PAYMENT_REFUNDED = "payments.PaymentRefunded";
    REFUND_FAILED = "payments.RefundFailed";
    SHIPMENT_DISPATCHED = "shipping.ShipmentDispatched";
    SHIPMENT_FAILED = "shipping.ShipmentFailed";
    SHIPMENT_DELIVERED = "shipping.ShipmentDelivered";
    SHIPMENT_RECALLED = "shipping.ShipmentRecalled";
    RECALL_REFUSED = "shipping.RecallRefused";
    NOTIFICATION_SENT = "notifications.NotificationSent";
}

const fn inside(event: &'static str, caused_by: &'static [&'static str], after: &'static [&'static str]) -> Declared {
    Declared { event, caused_by, outside: false, after, repeats: false }
}

const fn outside(event: &'static str, caused_by: &'static [&'static str], after: &'static [&'static str]) -> Declared {
    Declared { event, caused_by, outside: true, after, repeats: false }
}

/// The whole choreography, by event. What a timer emits is caused by the record that set the timer.
pub const DECLARED: [Declared; 25] = [
    outside(ORDER_CREATED, &[], &[]),
    outside(ORDER_CONFIRMATION_REQUESTED, &[], &[ORDER_CREATED]),
    inside(ORDER_STOCK_HELD, &[INVENTORY_RESERVED], &[INVENTORY_RESERVED]),
    outside(ORDER_CONFIRMED, &[INVENTORY_RESERVED], &[INVENTORY_RESERVED]),
    inside(ORDER_PAID, &[PAYMENT_PROCESSED], &[ORDER_CONFIRMED]),
    inside(ORDER_SHIPPED, &[SHIPMENT_DISPATCHED], &[ORDER_PAID]),
    inside(ORDER_DELIVERED, &[SHIPMENT_DELIVERED], &[ORDER_SHIPPED]),
    outside(ORDER_CANCELLATION_REQUESTED, &[], &[ORDER_CONFIRMED]),
    outside(
        ORDER_CANCELLED,
        &[
            INVENTORY_RESERVED,
            INVENTORY_RESERVATION_FAILED,
            INVENTORY_CONFIRMATION_FAILED,
            RESERVATION_EXPIRY_DUE,
            PAYMENT_PROCESSED,
            PAYMENT_FAILED,
            SHIPMENT_FAILED,
            SHIPMENT_RECALLED,
        ],
        &[ORDER_CREATED],
    ),
    outside(INVENTORY_RESERVED, &[], &[ORDER_CREATED]),
    outside(INVENTORY_RESERVATION_FAILED, &[], &[ORDER_CREATED]),
    outside(INVENTORY_CONFIRMED, &[], &[ORDER_PAID]),
    outside(INVENTORY_CONFIRMATION_FAILED, &[ORDER_PAID], &[ORDER_PAID]),
    outside(INVENTORY_RELEASED, &[ORDER_CANCELLED], &[ORDER_CANCELLED]),
    outside(RESERVATION_EXPIRY_DUE, &[], &[INVENTORY_RESERVED]),
    inside(PAYMENT_PROCESSED, &[ORDER_CONFIRMED], &[ORDER_CONFIRMED]),
    inside(PAYMENT_FAILED, &[ORDER_CONFIRMED], &[ORDER_CONFIRMED]),
    inside(PAYMENT_REFUNDED, &[ORDER_CANCELLED], &[ORDER_CANCELLED, PAYMENT_PROCESSED]),
    inside(REFUND_FAILED, &[ORDER_CANCELLED], &[ORDER_CANCELLED, PAYMENT_PROCESSED]),
    inside(SHIPMENT_DISPATCHED, &[INVENTORY_CONFIRMED], &[INVENTORY_CONFIRMED]),
    inside(SHIPMENT_FAILED, &[INVENTORY_CONFIRMED], &[INVENTORY_CONFIRMED]),
    inside(SHIPMENT_DELIVERED, &[INVENTORY_CONFIRMED], &[SHIPMENT_DISPATCHED]),
    inside(SHIPMENT_RECALLED, &[ORDER_CANCELLATION_REQUESTED], &[ORDER_CANCELLATION_REQUESTED]),
    inside(RECALL_REFUSED, &[ORDER_CANCELLATION_REQUESTED], &[ORDER_CANCELLATION_REQUESTED]),
    Declared {
        event: NOTIFICATION_SENT,
        caused_by: &[ORDER_CONFIRMED, ORDER_SHIPPED, ORDER_DELIVERED, ORDER_CANCELLED],
        outside: false,
        after: &[ORDER_CREATED],
        repeats: true,
    },
];

/// Events of which a saga may hold one only.
pub(crate) const EXCLUSIVE: [(&str, &str); 4] = [
    (ORDER_DELIVERED, ORDER_CANCELLED),
    (PAYMENT_PROCESSED, PAYMENT_FAILED),
    (INVENTORY_RESERVED, INVENTORY_RESERVATION_FAILED),
    (INVENTORY_CONFIRMED, INVENTORY_CONFIRMATION_FAILED),
];

/// What is declared of an event; None for one that is no part of the choreography.
#[must_use]
pub fn declared(event: &str) -> Option<&'static Declared> {
    DECLARED.iter().find(|declared| declared.event == event)
}

/// How many events must have happened before one, at least: 0 for the first of a saga, and for what is not declared.
pub(crate) fn depth(event: &str) -> usize {
    declared(event).and_then(|declared| declared.after.iter().map(|before| depth(before) + 1).max()).unwrap_or(0)
}

/// An event's name without its context.
pub(crate) fn short(event: &str) -> &str {
    event.rsplit('.').next().unwrap_or(event)
}
