use headwater_contracts::{domains, topics};
use headwater_event::{OrderId, Timestamp};
use headwater_streams::{Context, Error, Failure, Input, Processor, StoreNumber, StoreSpec, Topology};

use crate::choreography;
use crate::saga::{Saga, Step};
use crate::view::view;

/// The one subtopology; its state answers [`crate::query`].
pub const TRACKER: &str = "tracker";
/// The number of the store of sagas, by order id.
pub(crate) const SAGAS: StoreNumber = StoreNumber(16);
/// The number of the index: newest first, its value is the state's word.
pub(crate) const NEWEST: StoreNumber = StoreNumber(17);

const SAGAS_STORE: &str = "sagas";
const NEWEST_STORE: &str = "newest";
const VIEWS: &str = "views";

/// The processor `sagas`.
///
/// # Errors
/// When the topology does not fit together.
pub fn topology() -> Result<Topology, Error> {
    let mut topology = Topology::named("sagas");
    let mut tracker = topology.subtopology(TRACKER, domains::ORDER);
    tracker.events("orders", topics::ORDERS_EVENTS);
    tracker.events("inventory", topics::INVENTORY_EVENTS);
    tracker.events("payments", topics::PAYMENTS_EVENTS);
    tracker.events("shipping", topics::SHIPPING_EVENTS);
    tracker.events("notifications", topics::NOTIFICATIONS_EVENTS);
    tracker.store(StoreSpec::key_value(SAGAS_STORE).number(SAGAS.0));
    tracker.store(StoreSpec::key_value(NEWEST_STORE).ordered().number(NEWEST.0));
    tracker.compacted_sink(VIEWS, topics::SAGAS_VIEWS);
    let sources = ["orders", "inventory", "payments", "shipping", "notifications"];
    tracker.processor("tracker", &sources, &[SAGAS_STORE, NEWEST_STORE], || Tracker);
    topology.choreography(choreography());
    topology.build()
}

/// Watches the sagas of one partition. It reads metadata only; no payload is decoded.
struct Tracker;

impl Processor for Tracker {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        if input.message_type().is_empty() {
            return Err(Failure::decode("event has no header ce_type: produce it with CloudEvents headers"));
        }
        let order_id = OrderId::new(input.key_text()?).map_err(|error| Failure::decode(error.to_string()))?;
        let key = order_id.as_str().as_bytes();
        let before = context.read(SAGAS_STORE, key, |stored| stored.map(Saga::from_bytes).transpose())?;
        let before = before.map_err(|error| Failure::state(format!("order {order_id}: {error}")))?;
        let started_before = before.as_ref().map(Saga::started_at);
        let mut saga = before.unwrap_or_default();
        if !saga.add(Step::of(input.envelope())) {
            return Ok(());
        }
        context.put(SAGAS_STORE, key, &saga.to_bytes())?;
        let view = view(&order_id, &saga);
        if let Some(started_before) = started_before.filter(|started| *started != view.started_at) {
            context.delete(NEWEST_STORE, &newest_key(started_before, &order_id))?;
        }
        context.put(NEWEST_STORE, &newest_key(view.started_at, &order_id), view.state.as_bytes())?;
        context.send(VIEWS, &view)
    }
}

const SIGN: u64 = 1 << 63;

/// Sorts newer sagas first.
pub(crate) fn newest_key(started_at: Timestamp, order_id: &OrderId) -> Vec<u8> {
    let time = !(started_at.as_millis().cast_unsigned() ^ SIGN);
    [&time.to_be_bytes(), order_id.as_str().as_bytes()].concat()
}

/// The order in a key of the index; None for a key of something else.
pub(crate) fn order_of(key: &[u8]) -> Option<OrderId> {
    OrderId::new(std::str::from_utf8(key.get(8..)?).ok()?).ok()
}
