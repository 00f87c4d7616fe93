use std::sync::Arc;

use headwater_contracts::inventory::InventoryConfirmed;
use headwater_contracts::orders::{OrderCancellationRequested, OrderCancelled, OrderPaid};
use headwater_contracts::shipping::{
    RecallRefused, ShipmentDelivered, ShipmentDispatched, ShipmentFailed, ShipmentRecalled,
};
use headwater_contracts::{domains, topics};
use headwater_event::OrderId;
use headwater_streams::{
    Context, Error, Failure, Input as Record, Processor, StoreSpec, TimeKind, Timer as DueTimer, Topology,
};

use crate::shipment::{Action, Fact, Input, Shipment, Timer};
use crate::{Settings, choreography};

/// The processor's name.
pub const NAME: &str = "shipping";

const ORDERS: &str = "orders";
const INVENTORY: &str = "inventory";
const EVENTS: &str = "shipping";
const STORE: &str = "shipments";

/// The topology with the usual settings.
///
/// # Errors
/// When it is not valid, which its tests would show.
pub fn topology() -> Result<Topology, Error> {
    topology_with(Settings::default())
}

/// The topology with these settings.
///
/// # Errors
/// When it is not valid, which its tests would show.
pub fn topology_with(settings: Settings) -> Result<Topology, Error> {
    let settings = Arc::new(settings);
    let mut topology = Topology::named(NAME);
    let mut main = topology.subtopology("main", domains::ORDER);
    main.events(ORDERS, topics::ORDERS_EVENTS)
        .only::<OrderPaid>()
        .only::<OrderCancellationRequested>()
        .only::<OrderCancelled>();
    main.events(INVENTORY, topics::INVENTORY_EVENTS).only::<InventoryConfirmed>();
    main.store(StoreSpec::key_value(STORE));
    main.sink(EVENTS, topics::SHIPPING_EVENTS);
    main.processor("parcels", &[ORDERS, INVENTORY], &[STORE], move || Parcels { settings: Arc::clone(&settings) });
    topology.choreography(choreography());
    topology.unpublished("which orders are paid or withdrawn before any parcel left, and when each parcel is due");
    topology.build()
}

/// Feeds one order's [`Shipment`] with what happens, and does what it wants.
struct Parcels {
    settings: Arc<Settings>,
}

impl Processor for Parcels {
    fn process(&mut self, record: &Record<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let (order_id, input) = if record.is::<InventoryConfirmed>() {
            (record.decode::<InventoryConfirmed>()?.order_id, Input::StockConfirmed)
        } else if record.is::<OrderPaid>() {
            (record.decode::<OrderPaid>()?.order_id, Input::OrderPaid)
        } else if record.is::<OrderCancellationRequested>() {
            (record.decode::<OrderCancellationRequested>()?.order_id, Input::CancellationRequested)
        } else {
            (record.decode::<OrderCancelled>()?.order_id, Input::OrderCancelled)
        };
        self.turn(&order_id, input, context)
    }

    fn on_timer(&mut self, timer: &DueTimer, context: &mut Context<'_>) -> Result<(), Failure> {
        let input = if timer.name == Timer::Arrival.name() { Input::Arrived { at: timer.due } } else { Input::Overdue };
        self.turn(&OrderId::new(timer.key_text())?, input, context)
    }
}

impl Parcels {
    fn turn(&self, order_id: &OrderId, input: Input, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = order_id.as_str().as_bytes();
        let before: Shipment = context.get_json(STORE, key)?.unwrap_or_default();
        let turn = before.clone().on(order_id, input, context.now(), &self.settings)?;
        if turn.shipment != before {
            context.put_json(STORE, key, &turn.shipment)?;
        }
        for action in turn.actions {
            match action {
                Action::Emit(fact) => self.emit(order_id, fact, context)?,
                Action::Start { timer, due } => context.schedule(timer.name(), key, due, TimeKind::WallClock)?,
                Action::StopTimers => Timer::ALL.iter().try_for_each(|timer| context.cancel(timer.name(), key))?,
            }
        }
        Ok(())
    }

    fn emit(&self, order_id: &OrderId, fact: Fact, context: &mut Context<'_>) -> Result<(), Failure> {
        let order_id = order_id.clone();
        match fact {
            Fact::Dispatched { shipment_id } => {
                let carrier = self.settings.carrier.clone();
                context.send(EVENTS, &ShipmentDispatched { order_id, shipment_id, carrier })
            }
            Fact::Failed { reason } => context.send(EVENTS, &ShipmentFailed { order_id, reason: reason.to_owned() }),
            Fact::Delivered { shipment_id, at } => {
                context.send(EVENTS, &ShipmentDelivered { order_id, shipment_id, delivered_at: at })
            }
            Fact::Recalled { shipment_id } => context.send(EVENTS, &ShipmentRecalled { order_id, shipment_id }),
            Fact::RecallRefused { shipment_id, reason } => {
                context.send(EVENTS, &RecallRefused { order_id, shipment_id, reason: reason.to_owned() })
            }
        }
    }
}

#[cfg(test)]
mod tests;
