use headwater_contracts::orders::{
    self, OrderCancellationRequested, OrderCancelled, OrderConfirmed, OrderCreated, OrderDelivered, OrderLine,
    OrderPaid, OrderShipped,
};
use headwater_contracts::shared::PricedLine;
use headwater_event::{Currency, OrderId, Timestamp};
use headwater_streams::{Emitter, Failure};

use crate::decider::Addressed;
use crate::{Confirmation, Fact, OpenOrder, OrderedLine};

/// Publishes a fact. Two are the order's own business: they become no message.
pub(super) fn publish(event: &Addressed<Fact>, emitter: &mut Emitter<'_, '_>) -> Result<(), Failure> {
    let Addressed { order_id, body } = event;
    let order_id = order_id.clone();
    match body.clone() {
        Fact::Created { order, currency, lines, placed_at } => {
            emitter.send(&created(order_id, *order, currency, lines, placed_at))
        }
        Fact::ConfirmationAsked | Fact::Held { .. } => Ok(()),
        Fact::Confirmed { customer_id, held, .. } => {
            let items = held.lines.into_iter().map(|line| PricedLine {
                sku: line.sku,
                quantity: line.quantity,
                unit_price_minor: line.unit_price_minor,
            });
            emitter.send(&OrderConfirmed { order_id, customer_id, total: held.total, items: items.collect() })
        }
        Fact::Paid { payment_id, total } => emitter.send(&OrderPaid { order_id, payment_id, total }),
        Fact::Shipped { shipment_id } => emitter.send(&OrderShipped { order_id, shipment_id }),
        Fact::Delivered { delivered_at } => emitter.send(&OrderDelivered { order_id, delivered_at }),
        Fact::CancellationRequested { reason } => emitter.send(&OrderCancellationRequested { order_id, reason }),
        Fact::Cancelled { reason, detail } => emitter.send(&OrderCancelled { order_id, reason, detail }),
    }
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
    let customer_id = order.customer_id;
    OrderCreated { order_id, customer_id, currency, items: items.collect(), confirmation, placed_at }
}
