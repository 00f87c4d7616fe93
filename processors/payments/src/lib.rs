//! Charges orders once they are confirmed, and pays back what cancelled orders were charged. See README.md.
//!
//! - [`Payment`] is one order's charge: pure, input in, actions out.
//! - [`PaymentProvider`] is the outside; [`Simulator`] stands in for it; [`ProviderCalls`] asks until the answer is known.

mod calls;
mod choreography;
mod payment;
mod provider;
mod settings;
mod simulator;
mod topology;

pub use calls::{ProviderCalls, Sleep};
pub use choreography::choreography;
pub use payment::{Action, Fact, Input, Payment, Turn, payment_id};
pub use provider::{Answer, PaymentProvider, ProviderFuture, Request, Response};
pub use settings::Settings;
pub use simulator::{Profile, Simulator};
pub use topology::{NAME, STEP, topology, topology_with};
