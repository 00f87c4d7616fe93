//! Client of a Confluent-compatible schema registry: async ([`RegistryClient`]) and blocking
//! ([`BlockingRegistry`]) for worker threads.
//!
//! Calls that `schema_registry_converter` has go through it (by id, latest, register, subjects);
//! lookups, compatibility messages, levels and deletions are asked for directly.

mod blocking;
mod client;
mod request;
mod settings;

pub use blocking::BlockingRegistry;
pub use client::{RegisteredVersion, RegistryClient};
pub use settings::{Auth, Backoff, ClientSettings, Secret};

#[cfg(test)]
mod tests;
