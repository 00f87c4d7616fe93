//! Orders from a seed, and a sender that keeps them coming whatever happens to the broker.

mod orders;
mod sender;

pub use orders::{Command, Expected, Orders, SCARCE, WELL_STOCKED};
pub use sender::{Sender, Sent, send_all};
