//! A transactional producer that speaks Kafka's protocol itself, on connections without TLS and SASL.
//!
//! librdkafka sends a request for each partition, and a broker asks the coordinator about each of them (KIP-890): a
//! transaction of sixteen partitions is twenty requests and sixteen questions, where this is five and one. It repeats no
//! records on a guess: what goes wrong ends the transaction. See DIRECT.md for why that is right.

mod batch;
mod cluster;
mod connection;
mod coordinated;
mod ends;
mod outline;
mod partition;
mod requests;
#[cfg(test)]
mod scripted_broker;
mod sending;
mod transaction;

pub(super) use transaction::DirectProducer;

#[cfg(test)]
mod tests;
