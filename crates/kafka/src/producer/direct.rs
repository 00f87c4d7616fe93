//! A transactional producer that speaks Kafka's protocol itself, on connections without TLS and SASL.
//!
//! librdkafka sends a request for each partition, and a broker asks the coordinator about each of them (KIP-890): a
//! transaction of sixteen partitions is some forty requests one after another, where this is seven. It repeats nothing
//! that carries records: what goes wrong ends the transaction. See DIRECT.md for why that is right.

mod batch;
mod cluster;
mod connection;
mod coordinated;
mod ends;
mod partition;
mod requests;
#[cfg(test)]
mod scripted_broker;
mod sending;
mod transaction;

pub(super) use transaction::DirectProducer;

#[cfg(test)]
mod tests;
