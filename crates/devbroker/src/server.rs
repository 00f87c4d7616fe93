//! The edge to the network: the listener, connections, and frames.

pub(crate) mod broker;
pub(crate) mod connection;
mod folder_lock;
pub(crate) mod frame;
pub(crate) mod outlines;
pub(crate) mod shape;
