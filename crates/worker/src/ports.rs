//! What a worker needs of the world. Everything blocks, up to the deadline it is given, and is called by one thread.
//!
//! Dispatch is static: a record is read where the client has it, through [`FetchedRecord`], and copied once.

mod calls;
mod clock;
mod consumer;
mod observer;
mod producer;
mod restores;
mod snapshots;
mod stores;

pub use calls::{Calls, Returned};
pub use clock::Clock;
pub use consumer::{
    CommittedOffset, ConsumerHandler, FetchedRecord, GroupConsumer, GroupCredentials, GroupMember, Next,
    OffsetToCommit, Polled, StartAt, StartOffset,
};
pub use observer::{Observer, Report, RestoreObserver, TransactionEnd};
pub use producer::{OutgoingRecord, TransactionalProducer, Trouble, Written};
pub use restores::{ChangelogHandler, ChangelogReader, Restores};
pub use snapshots::{SnapshotRead, SnapshotReader, SnapshotWanted, SortedEntries};
pub use stores::{Change, Stores, TaskStore};

/// The ports of one worker, bundled: one type parameter instead of eight.
pub trait Ports {
    /// What can be asked of the consumer besides polling, from inside its callbacks too.
    type Member: GroupMember;
    /// The group's consumer.
    type Consumer: GroupConsumer<Member = Self::Member>;
    /// The transactional producer.
    type Producer: TransactionalProducer<Credentials = <Self::Member as GroupMember>::Credentials>;
    /// One task's committed state.
    type Store: TaskStore;
    /// All tasks' committed state.
    type Stores: Stores<Store = Self::Store>;
    /// Restores under way.
    type Restores: Restores<Self::Store>;
    /// Outside calls.
    type Calls: Calls;
    /// Time.
    type Clock: Clock;
    /// Who watches.
    type Observer: Observer<Self::Store>;
}

/// The ports of one worker but its consumer, which calls back into the worker while it is polled.
pub struct Edge<P: Ports> {
    /// The transactional producer; not initialised yet.
    pub producer: P::Producer,
    /// The stores of the process.
    pub stores: P::Stores,
    /// The way to the restorer, and back.
    pub restores: P::Restores,
    /// Outside calls.
    pub calls: P::Calls,
    /// Time.
    pub clock: P::Clock,
    /// Who watches.
    pub observer: P::Observer,
}
