//! Consumers for one OS thread each: a group's member, and a reader of partitions that are named.

mod callbacks;
mod handle;
mod handler;
mod leave;
mod metadata;
mod reader;
mod record;
mod standings;
mod worker;

pub use handle::ConsumerHandle;
pub use handler::{ConsumerHandler, Next, Polled};
pub use leave::leave_group;
pub use metadata::GroupMetadata;
pub use reader::{LogReader, LogReaderSettings};
pub use record::{Record, RecordHeaders, TimestampKind};
pub use worker::{GroupProtocol, WorkerConsumer, WorkerConsumerSettings};
