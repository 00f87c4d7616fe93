//! What this platform is made of: its topics and schemas, its processors, and what they call outside.

mod processors;
mod steps;
mod topics;

pub use processors::{all, named};
pub use steps::steps;
pub use topics::{declaration, ensure_topics, register_schemas};
