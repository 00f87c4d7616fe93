//! The node that answers: everything a request may need.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::cluster::catalog::Catalog;
use crate::cluster::clock::Clock;
use crate::group::coordinator::GroupCoordinator;
use crate::transaction::coordinator::TransactionCoordinator;

/// The node that answers.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) clock: Clock,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) groups: Arc<GroupCoordinator>,
    pub(crate) transactions: Arc<TransactionCoordinator>,
    /// Where clients reach it.
    pub(crate) address: SocketAddr,
    pub(crate) default_partitions: i32,
    pub(crate) auto_create_topics: bool,
    /// Kafka's `group.min.session.timeout.ms` and `group.max.session.timeout.ms`.
    pub(crate) session_timeout_ms: std::ops::RangeInclusive<i32>,
    /// What DescribeLogDirs names.
    pub(crate) log_dir: String,
}

/// Who asks.
#[derive(Debug)]
pub(crate) struct Client {
    /// What the client calls itself.
    pub(crate) id: String,
    /// The address it connects from, in Kafka's form (`/127.0.0.1`).
    pub(crate) host: String,
    /// The address that it reached the node at.
    pub(crate) reached: SocketAddr,
}

impl Node {
    /// Where this client is told to connect: the listener's address, or, where that means all interfaces,
    /// the one that the client has just used.
    pub(crate) fn advertised(&self, client: &Client) -> SocketAddr {
        if self.address.ip().is_unspecified() { client.reached } else { self.address }
    }
}
