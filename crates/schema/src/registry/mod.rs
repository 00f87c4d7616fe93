//! The embedded schema registry: Confluent's REST API over a log of records.
//!
//! Its state is a pure fold of the log ([`RegistryState::apply`]); a write is judged on the state,
//! appended to the log, and applied once the log has it. The log is Confluent's `_schemas` format,
//! so that their registry could read it.

mod api_error;
mod compatibility_check;
mod http;
mod log;
mod mode;
mod operations;
mod record;
mod source;
mod state;

pub use api_error::ApiError;
pub use http::{router, serve, serve_until};
pub use log::{MemoryLog, ReplayEach, SchemaLog};
pub use mode::Mode;
pub use operations::{DeleteKind, RegisterRequest, Registry};
pub use record::{Record, SchemaValue};
pub use state::{Deleted, RegistryState, SubjectVersion};

#[cfg(test)]
mod tests;
