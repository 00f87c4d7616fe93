//! Coordinates in a partitioned log: topics, partitions, offsets, headers, and the partitioner.
//!
//! Every other crate shares these words, so that a partition is never mistaken for an offset.

mod coordinates;
mod error;
mod headers;
mod partitioner;

pub use coordinates::{Offset, Partition, TopicName, TopicPartition};
pub use error::Error;
pub use headers::{Header, Headers};
pub use partitioner::{murmur2, partition_of_key};
