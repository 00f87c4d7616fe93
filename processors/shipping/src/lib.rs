//! Sends paid orders on their way, and calls parcels back. See README.md.
//!
//! [`Shipment`] is one order's parcel: pure, input in, actions out.

mod choreography;
mod settings;
mod shipment;
mod topology;

pub use choreography::choreography;
pub use settings::Settings;
pub use shipment::{Action, Fact, Input, Shipment, Timer, Turn, shipment_id};
pub use topology::{NAME, topology, topology_with};
