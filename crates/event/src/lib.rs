//! Events, commands and what they carry: identity, causation, money, time. Knows no Kafka.
//!
//! - [`Envelope`] is a message's metadata, as CloudEvents binary-mode headers.
//! - [`EventId`] is reproducible: a child's id follows from its parent's.
//! - [`Message`] ties a Rust type to its Avro schema; [`Topic`] ties a set of messages to a topic.

mod envelope;
mod error;
mod ids;
mod message;
mod money;
mod names;
mod time;
mod trace;

pub use envelope::{Envelope, header};
pub use error::Error;
pub use ids::{CorrelationId, EventId};
pub use message::{Domain, Message, MessageSet, MessageType, Topic};
pub use money::{Currency, Money};
pub use names::{CustomerId, OrderId, PaymentId, ShipmentId, Sku};
pub use time::Timestamp;
pub use trace::TraceParent;
