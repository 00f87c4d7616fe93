//! The two models as subtopologies.

mod gather_processor;
mod ledger_processor;
mod misfit;

use headwater_contracts::orders::{OrderCancelled, OrderConfirmed, OrderCreated, OrderPaid};
use headwater_contracts::{domains, topics};
use headwater_streams::{Error, StoreNumber, StoreSpec, Topology};

use crate::{Settings, choreography};
use gather_processor::GatherProcessor;
use ledger_processor::LedgerProcessor;
use misfit::MisfitReply;

pub(crate) use ledger_processor::view as product_view;

/// The subtopology that owns stock by SKU; its state answers [`crate::query`].
pub const LEDGER: &str = "ledger";
/// The subtopology that decides by order.
pub const GATHER: &str = "gather";
/// The number of the store of products, in [`LEDGER`].
pub(crate) const PRODUCTS: StoreNumber = StoreNumber(16);

/// The processor `inventory`.
///
/// # Errors
/// When the topology does not fit together.
pub fn topology() -> Result<Topology, Error> {
    topology_with(Settings::default())
}

/// The processor `inventory` with other settings.
///
/// # Errors
/// When the topology does not fit together.
pub fn topology_with(settings: Settings) -> Result<Topology, Error> {
    let mut topology = Topology::named("inventory");

    let mut gather = topology.subtopology(GATHER, domains::ORDER);
    let orders = gather.events("orders", topics::ORDERS_EVENTS);
    orders.only::<OrderCreated>().only::<OrderConfirmed>().only::<OrderPaid>().only::<OrderCancelled>();
    gather.events("stock-replies", topics::INVENTORY_STOCK_REPLIES);
    gather.store(StoreSpec::key_value(gather_processor::GATHERINGS).number(16));
    gather.sink(gather_processor::STOCK_COMMANDS, topics::INVENTORY_STOCK_COMMANDS);
    gather.sink(gather_processor::EVENTS, topics::INVENTORY_EVENTS);
    gather.processor("gather", &["orders", "stock-replies"], &[gather_processor::GATHERINGS], move || {
        GatherProcessor::new(settings)
    });

    let mut ledger = topology.subtopology(LEDGER, domains::SKU);
    ledger.commands("commands", topics::INVENTORY_COMMANDS).refusals(ledger_processor::REPLIES, MisfitReply::of);
    ledger.events("stock-commands", topics::INVENTORY_STOCK_COMMANDS);
    ledger.store(StoreSpec::key_value(ledger_processor::PRODUCTS).number(PRODUCTS.0));
    ledger.store(StoreSpec::key_value(ledger_processor::HOLDS).number(17));
    ledger.sink(ledger_processor::REPLIES, topics::INVENTORY_REPLIES);
    ledger.sink(ledger_processor::STOCK_REPLIES, topics::INVENTORY_STOCK_REPLIES);
    ledger.sink(ledger_processor::STOCK_EVENTS, topics::INVENTORY_STOCK_EVENTS);
    ledger.sink(ledger_processor::VIEWS, topics::INVENTORY_PRODUCTS);
    let stores = [ledger_processor::PRODUCTS, ledger_processor::HOLDS];
    ledger.processor("ledger", &["commands", "stock-commands"], &stores, || LedgerProcessor);

    topology.choreography(choreography());
    topology.unpublished("the answers gathered for each order so far, when its hold expires, and each SKU's holds");
    topology.build()
}
