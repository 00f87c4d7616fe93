//! The order's life: who owns it, its time-outs and its end. See README.md.
//!
//! - The model ([`Order`], [`OrderCommand`], [`Fact`], [`decide`]) is pure.
//! - [`topology()`] is the processor.

mod choreography;
mod command;
mod decide;
mod decider;
mod order;
mod place;
mod time_limits;
mod topology;

pub use choreography::{REMEMBERED, choreography};
pub use command::{Decision, Moment, OrderCommand, Placement, Refusal};
pub use decide::{REASON_CHARS_MAX, decide};
pub use decider::{Addressed, Orders};
pub use order::{Confirmation, Fact, HeldLine, OpenOrder, Order, OrderedLine, Reservation, Step};
pub use place::{LINES_MAX, QUANTITY_MAX, TOTAL_MINOR_MAX};
pub use time_limits::{TimeLimits, WHOLE, timers};
pub use topology::{topology, topology_with};
