use headwater_contracts::inventory::{
    InventoryConfirmed, InventoryReleased, InventoryReservationFailed, InventoryReserved,
};
use headwater_contracts::orders::{
    OrderCancelled, OrderConfirmed, OrderCreated, OrderDelivered, OrderPaid, OrderShipped,
};
use headwater_contracts::payments::{PaymentFailed, PaymentProcessed, PaymentRefunded};
use headwater_contracts::{domains, topics};
use headwater_event::OrderId;
use headwater_streams::{Context, Error, Failure, Input, Processor, StoreNumber, StoreSpec, Topology};

use crate::choreography;
use crate::document::{Cancellation, Change, Created, Document, InventoryStatus, PaymentStatus};
use crate::index::{Difference, Tally};

/// The one subtopology; its state answers [`crate::query`].
pub const VIEWS: &str = "views";
/// The number of the store of documents, by order id.
pub(crate) const DOCUMENTS: StoreNumber = StoreNumber(16);
/// The number of the store of index keys; values say nothing.
pub(crate) const INDEX: StoreNumber = StoreNumber(17);
/// The number of the store of orders by status.
pub(crate) const COUNTS: StoreNumber = StoreNumber(18);
/// The number of the store of revenue by day and currency.
pub(crate) const REVENUE: StoreNumber = StoreNumber(19);

const DOCUMENTS_STORE: &str = "documents";
const INDEX_STORE: &str = "index";
const COUNTS_STORE: &str = "counts";
const REVENUE_STORE: &str = "revenue";
const SINK: &str = "views";

/// The processor `order-views`.
///
/// # Errors
/// When the topology does not fit together.
pub fn topology() -> Result<Topology, Error> {
    let mut topology = Topology::named("order-views");
    let mut views = topology.subtopology(VIEWS, domains::ORDER);
    views.events("orders", topics::ORDERS_EVENTS);
    views.events("inventory", topics::INVENTORY_EVENTS);
    views.events("payments", topics::PAYMENTS_EVENTS);
    views.store(StoreSpec::key_value(DOCUMENTS_STORE).number(DOCUMENTS.0));
    views.store(StoreSpec::key_value(INDEX_STORE).ordered().number(INDEX.0));
    views.store(StoreSpec::key_value(COUNTS_STORE).ordered().number(COUNTS.0));
    views.store(StoreSpec::key_value(REVENUE_STORE).ordered().number(REVENUE.0));
    views.compacted_sink(SINK, topics::ORDERS_VIEWS);
    let stores = [DOCUMENTS_STORE, INDEX_STORE, COUNTS_STORE, REVENUE_STORE];
    views.processor("views", &["orders", "inventory", "payments"], &stores, || Views);
    topology.choreography(choreography());
    topology.build()
}

/// Keeps the documents of one partition.
struct Views;

impl Processor for Views {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let change = read(input)?;
        let order_id = OrderId::new(input.key_text()?).map_err(|error| Failure::decode(error.to_string()))?;
        let key = order_id.as_str().as_bytes();
        let before: Document = context.get_json(DOCUMENTS_STORE, key)?.unwrap_or_default();
        let mut after = before.clone();
        after.apply(change, input.envelope().time);
        if after == before {
            return Ok(());
        }
        context.put_json(DOCUMENTS_STORE, key, &after)?;
        apply(Difference::between(&order_id, &before, &after), context)?;
        after.view(&order_id).map_or(Ok(()), |view| context.send(SINK, &view))
    }
}

fn apply(difference: Difference, context: &mut Context<'_>) -> Result<(), Failure> {
    for key in &difference.removed {
        context.delete(INDEX_STORE, key)?;
    }
    for key in &difference.added {
        context.put(INDEX_STORE, key, b"1")?;
    }
    for (status, change) in difference.counts {
        let key = status.word().as_bytes();
        let count: i64 = context.get_json(COUNTS_STORE, key)?.unwrap_or_default();
        context.put_json(COUNTS_STORE, key, &count.saturating_add(change))?;
    }
    for (day, change) in difference.revenue {
        let sum: Tally = context.get_json(REVENUE_STORE, day.as_bytes())?.unwrap_or_default();
        context.put_json(REVENUE_STORE, day.as_bytes(), &sum.plus(change))?;
    }
    Ok(())
}

fn read(input: &Input<'_>) -> Result<Change, Failure> {
    if input.is::<OrderCreated>() {
        let OrderCreated { customer_id, currency, items, placed_at, .. } = input.decode()?;
        Ok(Change::Created(Created { customer_id, currency, items, placed_at }))
    } else if input.is::<OrderConfirmed>() {
        Ok(Change::Confirmed(input.decode::<OrderConfirmed>()?.total.minor))
    } else if input.is::<OrderPaid>() {
        Ok(Change::Paid)
    } else if input.is::<OrderShipped>() {
        Ok(Change::Shipped(input.decode::<OrderShipped>()?.shipment_id))
    } else if input.is::<OrderDelivered>() {
        Ok(Change::Delivered)
    } else if input.is::<OrderCancelled>() {
        let OrderCancelled { reason, detail, .. } = input.decode()?;
        Ok(Change::Cancelled(Cancellation { reason, detail }))
    } else if input.is::<InventoryReserved>() {
        Ok(Change::Inventory(InventoryStatus::Reserved))
    } else if input.is::<InventoryConfirmed>() {
        Ok(Change::Inventory(InventoryStatus::Confirmed))
    } else if input.is::<InventoryReleased>() {
        Ok(Change::Inventory(InventoryStatus::Released))
    } else if input.is::<InventoryReservationFailed>() {
        Ok(Change::Inventory(InventoryStatus::Rejected))
    } else if input.is::<PaymentProcessed>() {
        Ok(Change::Payment(PaymentStatus::Completed, input.decode::<PaymentProcessed>()?.payment_id))
    } else if input.is::<PaymentFailed>() {
        Ok(Change::Payment(PaymentStatus::Failed, input.decode::<PaymentFailed>()?.payment_id))
    } else if input.is::<PaymentRefunded>() {
        Ok(Change::Payment(PaymentStatus::Refunded, input.decode::<PaymentRefunded>()?.payment_id))
    } else if input.message_type().is_empty() {
        Err(Failure::decode("event has no header ce_type: produce it with CloudEvents headers"))
    } else {
        Ok(Change::Seen)
    }
}
