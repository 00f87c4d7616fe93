//! Tells customers what becomes of their orders: once for each order and message. See README.md.
//!
//! - [`Notices`] is what one order's customer was told: pure, event in, notification out.
//! - [`Notifier`] is the outside; [`LogNotifier`] stands in for it; [`NotifierCalls`] tries until the outcome is known.

mod calls;
mod choreography;
mod notices;
mod notifier;
mod topology;

pub use calls::{NotifierCalls, Sleep};
pub use choreography::choreography;
pub use notices::{News, Notices, Template};
pub use notifier::{Delivery, LogNotifier, Notification, Notifier, NotifierFuture};
pub use topology::{NAME, STEP, topology};
