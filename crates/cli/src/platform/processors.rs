use headwater_streams::Topology;

use crate::Error;

type MakeTopology = fn() -> Result<Topology, headwater_streams::Error>;

/// The processors of this binary by name, in the order in which an order meets them.
pub const PROCESSORS: [(&str, MakeTopology); 7] = [
    ("orders", headwater_orders::topology),
    ("inventory", headwater_inventory::topology),
    ("payments", headwater_payments::topology),
    ("shipping", headwater_shipping::topology),
    ("notifications", headwater_notifications::topology),
    ("sagas", headwater_sagas::topology),
    ("order-views", headwater_order_views::topology),
];

/// The topologies of all processors.
///
/// # Errors
/// Failed, when one is not valid, which its tests would show.
pub fn all() -> Result<Vec<Topology>, Error> {
    PROCESSORS.iter().map(|(_, topology)| Ok(topology()?)).collect()
}

/// The topology of a processor.
///
/// # Errors
/// Usage, with the names there are, for an unknown one.
pub fn named(name: &str) -> Result<Topology, Error> {
    let found = PROCESSORS.iter().find(|(known, _)| *known == name);
    let (_, topology) = found.ok_or_else(|| {
        let names: Vec<_> = PROCESSORS.iter().map(|(name, _)| *name).collect();
        Error::usage(format!("there is no processor {name}: choose from {}", names.join(", ")))
    })?;
    Ok(topology()?)
}
