//! Which message each fact becomes, and which fact each message was.

use headwater_contracts::orders::{
    self, OrderCancellationRequested, OrderCancelled, OrderConfirmationRequested, OrderConfirmed, OrderCreated,
    OrderDelivered, OrderLine, OrderPaid, OrderShipped, OrderStockHeld,
};
use headwater_contracts::shared::PricedLine;
use headwater_event::{Currency, Money, OrderId, Timestamp};
use headwater_streams::{Emitter, Failure, Participant};

use crate::decider::{Addressed, Orders};
use crate::{Confirmation, Fact, HeldLine, OpenOrder, OrderedLine, Reservation, TimeLimits};

/// Publishes a fact: each as one message, from which [`recalled`] makes it again.
pub(super) fn publish(event: &Addressed<Fact>, emitter: &mut Emitter<'_, '_>) -> Result<(), Failure> {
    let Addressed { order_id, body } = event;
    let order_id = order_id.clone();
    match body.clone() {
        Fact::Created { order, currency, lines, placed_at } => {
            emitter.send(&created(order_id, *order, currency, lines, placed_at))
        }
        Fact::ConfirmationAsked => emitter.send(&OrderConfirmationRequested { order_id }),
        Fact::Held { held, .. } => emitter.send(&OrderStockHeld { order_id, total: held.total, items: priced(held) }),
        Fact::Confirmed { customer_id, held, .. } => {
            emitter.send(&OrderConfirmed { order_id, customer_id, total: held.total, items: priced(held) })
        }
        Fact::Paid { payment_id, total } => emitter.send(&OrderPaid { order_id, payment_id, total }),
        Fact::Shipped { shipment_id } => emitter.send(&OrderShipped { order_id, shipment_id }),
        Fact::Delivered { delivered_at } => emitter.send(&OrderDelivered { order_id, delivered_at }),
        Fact::CancellationRequested { reason } => emitter.send(&OrderCancellationRequested { order_id, reason }),
        Fact::Cancelled { reason, detail } => emitter.send(&OrderCancelled { order_id, reason, detail }),
    }
}

/// Says of every message which fact it was; `at` is when it was decided.
pub(super) fn recalled(participant: Participant<Orders>) -> Participant<Orders> {
    participant
        .event::<OrderCreated>(placed)
        .event::<OrderConfirmationRequested>(|event, _| Addressed::to(event.order_id, Fact::ConfirmationAsked))
        .event::<OrderStockHeld>(|OrderStockHeld { order_id, total, items }, at| {
            Addressed::to(order_id, Fact::Held { held: reservation(items, total), at })
        })
        .event::<OrderConfirmed>(|OrderConfirmed { order_id, customer_id, total, items }, at| {
            Addressed::to(order_id, Fact::Confirmed { customer_id, held: reservation(items, total), at })
        })
        .event::<OrderPaid>(|OrderPaid { order_id, payment_id, total }, _| {
            Addressed::to(order_id, Fact::Paid { payment_id, total })
        })
        .event::<OrderShipped>(|OrderShipped { order_id, shipment_id }, _| {
            Addressed::to(order_id, Fact::Shipped { shipment_id })
        })
        .event::<OrderDelivered>(|OrderDelivered { order_id, delivered_at }, _| {
            Addressed::to(order_id, Fact::Delivered { delivered_at })
        })
        .event::<OrderCancellationRequested>(|OrderCancellationRequested { order_id, reason }, _| {
            Addressed::to(order_id, Fact::CancellationRequested { reason })
        })
        .event::<OrderCancelled>(|OrderCancelled { order_id, reason, detail }, _| {
            Addressed::to(order_id, Fact::Cancelled { reason, detail })
        })
}

fn created(
    order_id: OrderId,
    order: OpenOrder,
    currency: Currency,
    lines: Vec<OrderedLine>,
    placed_at: Timestamp,
) -> OrderCreated {
    let items = lines.into_iter().map(|line| OrderLine {
        sku: line.sku,
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
    });
    let confirmation = match order.confirmation {
        Confirmation::Automatic => orders::Confirmation::Automatic,
        Confirmation::Manual => orders::Confirmation::Manual,
    };
    let TimeLimits { reservation_ms, confirmation_ms, payment_ms, whole_ms } = order.limits;
    OrderCreated {
        order_id,
        customer_id: order.customer_id,
        currency,
        items: items.collect(),
        confirmation,
        placed_at,
        time_limits: Some(orders::TimeLimits { reservation_ms, confirmation_ms, payment_ms, whole_ms }),
    }
}

fn placed(event: OrderCreated, at: Timestamp) -> Addressed<Fact> {
    let OrderCreated { order_id, customer_id, currency, items, confirmation, placed_at, time_limits } = event;
    let lines = items.into_iter().map(|item| OrderedLine {
        sku: item.sku,
        quantity: item.quantity,
        unit_price_minor: item.unit_price_minor,
    });
    let confirmation = match confirmation {
        orders::Confirmation::Automatic => Confirmation::Automatic,
        orders::Confirmation::Manual => Confirmation::Manual,
    };
    let limits = time_limits.map(|limits| {
        let orders::TimeLimits { reservation_ms, confirmation_ms, payment_ms, whole_ms } = limits;
        TimeLimits { reservation_ms, confirmation_ms, payment_ms, whole_ms }
    });
    let order = OpenOrder::placed(order_id.clone(), customer_id, confirmation, limits.unwrap_or_default(), at);
    Addressed::to(order_id, Fact::Created { order: Box::new(order), currency, lines: lines.collect(), placed_at })
}

fn priced(held: Reservation) -> Vec<PricedLine> {
    let lines = held.lines.into_iter().map(|line| PricedLine {
        sku: line.sku,
        quantity: line.quantity,
        unit_price_minor: line.unit_price_minor,
    });
    lines.collect()
}

fn reservation(items: Vec<PricedLine>, total: Money) -> Reservation {
    let lines = items.into_iter().map(|item| HeldLine {
        sku: item.sku,
        quantity: item.quantity,
        unit_price_minor: item.unit_price_minor,
    });
    Reservation { lines: lines.collect(), total }
}
