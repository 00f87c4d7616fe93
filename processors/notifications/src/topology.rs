use headwater_contracts::notifications::NotificationSent;
use headwater_contracts::orders::{OrderCancelled, OrderConfirmed, OrderCreated, OrderDelivered, OrderShipped};
use headwater_contracts::{domains, topics};
use headwater_event::OrderId;
use headwater_streams::{Call, CallResult, Context, Error, Failure, Input as Record, Processor, StoreSpec, Topology};

use crate::{Delivery, News, Notices, Notification, choreography};

/// The processor's name.
pub const NAME: &str = "notifications";
/// The outside call that [`crate::NotifierCalls`] makes.
pub const STEP: &str = "notifier";

const ORDERS: &str = "orders";
const EVENTS: &str = "notifications";
const STORE: &str = "notices";

/// The topology.
///
/// # Errors
/// When it is not valid, which its tests would show.
pub fn topology() -> Result<Topology, Error> {
    let mut topology = Topology::named(NAME);
    let mut main = topology.subtopology("main", domains::ORDER);
    main.events(ORDERS, topics::ORDERS_EVENTS)
        .only::<OrderCreated>()
        .only::<OrderConfirmed>()
        .only::<OrderShipped>()
        .only::<OrderDelivered>()
        .only::<OrderCancelled>();
    main.store(StoreSpec::key_value(STORE));
    main.sink(EVENTS, topics::NOTIFICATIONS_EVENTS);
    main.processor("notices", &[ORDERS], &[STORE], || Customers);
    topology.choreography(choreography());
    topology.unpublished("messages that the notifier has not answered, and those that it refused");
    topology.build()
}

/// Keeps one order's [`Notices`], asks the notifier, and says what was sent.
struct Customers;

impl Processor for Customers {
    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        if record.is::<OrderCreated>() {
            let OrderCreated { order_id, customer_id, .. } = record.decode()?;
            return change(&order_id, context, |notices| notices.know(customer_id));
        }
        let (order_id, news) = if record.is::<OrderConfirmed>() {
            let OrderConfirmed { order_id, customer_id, total, .. } = record.decode()?;
            change(&order_id, context, |notices| notices.know(customer_id))?;
            (order_id, News::OrderConfirmed { total })
        } else if record.is::<OrderShipped>() {
            let OrderShipped { order_id, shipment_id } = record.decode()?;
            (order_id, News::OrderShipped { shipment_id })
        } else if record.is::<OrderDelivered>() {
            let OrderDelivered { order_id, delivered_at } = record.decode()?;
            (order_id, News::OrderDelivered { delivered_at })
        } else {
            let OrderCancelled { order_id, reason, .. } = record.decode()?;
            (order_id, News::OrderCancelled { reason })
        };
        match change(&order_id, context, |notices| notices.hear(&order_id, news))? {
            Some(notification) => ask(&notification, context),
            None => Ok(()),
        }
    }

    fn on_call_result(&mut self, result: &CallResult, context: &mut Context<'_>) -> Result<(), Failure> {
        let unreadable = |error| Failure::state(format!("a notifier's call can't be read: {error}"));
        let Notification { order_id, customer_id, news } =
            serde_json::from_slice(&result.request).map_err(unreadable)?;
        let delivery = match &result.outcome {
            Ok(delivery) => serde_json::from_slice(delivery).map_err(unreadable)?,
            Err(reason) => Delivery::Refused { reason: reason.clone() },
        };
        let template = news.template();
        let channel = match delivery {
            Delivery::Sent { channel } => Some(channel),
            Delivery::Refused { reason } => {
                tracing::warn!(order = order_id.as_str(), template = template.as_str(), reason, "message refused");
                None
            }
            Delivery::Unknown => {
                return Err(Failure::state("a call was answered with what is not known: try it again"));
            }
        };
        let sent = change(&order_id, context, |notices| notices.answered(template, channel.is_some()))?;
        match channel {
            Some(channel) if sent => {
                let template = template.as_str().to_owned();
                context.send(EVENTS, &NotificationSent { order_id, customer_id, channel, template })
            }
            _ => Ok(()),
        }
    }
}

/// Changes what is stored of an order, and stores it if it differs.
fn change<T>(
    order_id: &OrderId,
    context: &mut Context<'_>,
    change: impl FnOnce(&mut Notices) -> T,
) -> Result<T, Failure> {
    let key = order_id.as_str().as_bytes();
    let before: Notices = context.get_json(STORE, key)?.unwrap_or_default();
    let mut after = before.clone();
    let outcome = change(&mut after);
    if after != before {
        context.put_json(STORE, key, &after)?;
    }
    Ok(outcome)
}

/// Messages of one order are sent one after another, so that none overtakes another.
fn ask(notification: &Notification, context: &mut Context<'_>) -> Result<(), Failure> {
    let request =
        serde_json::to_vec(notification).map_err(|error| Failure::state(format!("a request is no JSON: {error}")))?;
    context.call(Call {
        step: STEP,
        ordering_key: notification.order_id.as_str().as_bytes(),
        idempotency_key: notification.idempotency_key(),
        request,
    })
}

#[cfg(test)]
mod tests;
