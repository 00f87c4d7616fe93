//! The order as a participant: what becomes a command of it, and which message each fact becomes.

mod messages;
mod reply;

use headwater_contracts::inventory::{
    InventoryConfirmationFailed, InventoryReservationFailed, InventoryReserved, RejectedLine, ReservationExpiryDue,
};
use headwater_contracts::orders::{CancelOrder, ConfirmOrder, PlaceOrder};
use headwater_contracts::payments::{PaymentFailed, PaymentProcessed};
use headwater_contracts::shipping::{
    RecallRefused, ShipmentDelivered, ShipmentDispatched, ShipmentFailed, ShipmentRecalled,
};
use headwater_contracts::{domains, orders, topics};
use headwater_streams::{Error, Participant, Topology};

use crate::decider::{Addressed, Orders};
use crate::{Confirmation, HeldLine, OrderCommand, OrderedLine, Placement, Reservation, TimeLimits, choreography};
use reply::Reply;

type Command = Addressed<OrderCommand>;

/// The most SKUs that a cancellation's detail names.
const NAMED_MAX: usize = 5;

/// The processor `orders`, with the time limits that a shop would choose.
///
/// # Errors
/// When the topology does not fit together.
pub fn topology() -> Result<Topology, Error> {
    topology_with(TimeLimits::default())
}

/// The processor `orders`; `limits` hold for the orders that it accepts from now on.
///
/// # Errors
/// When the topology does not fit together.
pub fn topology_with(limits: TimeLimits) -> Result<Topology, Error> {
    let participant = Participant::<Orders>::named("orders", domains::ORDER)
        .commands(topics::ORDERS_COMMANDS)
        .command::<PlaceOrder>(move |command| place(command, limits))
        .command::<ConfirmOrder>(|command| Addressed::to(command.order_id, OrderCommand::Confirm))
        .command::<CancelOrder>(|command| {
            Addressed::to(command.order_id, OrderCommand::Cancel { reason: command.reason })
        })
        .events_to(topics::ORDERS_EVENTS, messages::publish)
        .replies(topics::ORDERS_REPLIES, Reply::of);
    let participant = messages::recalled(participant);
    payments_and_shipping(stock(participant)).choreography(choreography()).build()
}

fn stock(participant: Participant<Orders>) -> Participant<Orders> {
    let topic = topics::INVENTORY_EVENTS;
    participant
        .on::<_, InventoryReserved>(topic, held)
        .on::<_, InventoryReservationFailed>(topic, |event| {
            let detail = skus(&event.rejected);
            Addressed::to(event.order_id, OrderCommand::StockRefused { reason: event.reason, detail })
        })
        .on::<_, InventoryConfirmationFailed>(topic, |event| {
            Addressed::to(event.order_id, OrderCommand::StockNotConfirmed { reason: event.reason })
        })
        .on::<_, ReservationExpiryDue>(topic, |event| Addressed::to(event.order_id, OrderCommand::ExpireReservation))
}

fn payments_and_shipping(participant: Participant<Orders>) -> Participant<Orders> {
    let (payments, shipping) = (topics::PAYMENTS_EVENTS, topics::SHIPPING_EVENTS);
    participant
        .on::<_, PaymentProcessed>(payments, |event| {
            Addressed::to(event.order_id, OrderCommand::PaymentSucceeded { payment_id: event.payment_id })
        })
        .on::<_, PaymentFailed>(payments, |event| {
            Addressed::to(event.order_id, OrderCommand::PaymentRefused { reason: event.reason })
        })
        .on::<_, ShipmentDispatched>(shipping, |event| {
            Addressed::to(event.order_id, OrderCommand::Dispatched { shipment_id: event.shipment_id })
        })
        .on::<_, ShipmentFailed>(shipping, |event| {
            Addressed::to(event.order_id, OrderCommand::ShipmentFailed { reason: event.reason })
        })
        .on::<_, ShipmentDelivered>(shipping, |event| {
            let ShipmentDelivered { order_id, shipment_id, delivered_at } = event;
            Addressed::to(order_id, OrderCommand::Delivered { shipment_id, delivered_at })
        })
        .on::<_, ShipmentRecalled>(shipping, |event| Addressed::to(event.order_id, OrderCommand::Recalled))
        .on::<_, RecallRefused>(shipping, |event| Addressed::to(event.order_id, OrderCommand::RecallRefused))
}

fn place(command: PlaceOrder, limits: TimeLimits) -> Command {
    let PlaceOrder { order_id, customer_id, currency, items, confirmation, placed_at } = command;
    let lines = items.into_iter().map(|item| OrderedLine {
        sku: item.sku,
        quantity: item.quantity,
        unit_price_minor: item.unit_price_minor,
    });
    let placement = Placement {
        order_id: order_id.clone(),
        customer_id,
        currency,
        lines: lines.collect(),
        confirmation: match confirmation {
            orders::Confirmation::Automatic => Confirmation::Automatic,
            orders::Confirmation::Manual => Confirmation::Manual,
        },
        placed_at,
        limits,
    };
    Addressed::to(order_id, OrderCommand::Place(Box::new(placement)))
}

fn held(event: InventoryReserved) -> Command {
    let InventoryReserved { order_id, items, total } = event;
    let lines = items.into_iter().map(|item| HeldLine {
        sku: item.sku,
        quantity: item.quantity,
        unit_price_minor: item.unit_price_minor,
    });
    Addressed::to(order_id, OrderCommand::StockHeld(Reservation { lines: lines.collect(), total }))
}

/// The SKUs that can't be had, with the reason of each.
fn skus(rejected: &[RejectedLine]) -> String {
    let named = rejected.iter().take(NAMED_MAX).map(|line| format!("{} ({})", line.sku, line.reason));
    let mut text = named.collect::<Vec<_>>().join(", ");
    if rejected.len() > NAMED_MAX {
        text.push_str(&format!(", and {} more", rejected.len() - NAMED_MAX));
    }
    text
}
