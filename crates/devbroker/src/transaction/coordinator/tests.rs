#![allow(clippy::unwrap_used, clippy::expect_used)]
use std::collections::BTreeMap;

use bytes::Bytes;

use super::super::machine::State;
use super::*;
use crate::cluster::batch::BatchProducer;
use crate::cluster::topic::TRANSACTION_STATE;
use crate::group::offsets::Committed;
use crate::group::protocol::Identity;
use crate::log::Isolation;
use crate::storage::{MemoryStorage, Storage};

const TX: &str = "writer";
const GROUP: &str = "readers";

/// The node's state over a storage that outlives it.
struct Node {
    catalog: Arc<Catalog>,
    groups: Arc<GroupCoordinator>,
    transactions: TransactionCoordinator,
}

impl Node {
    fn open(storage: &Arc<dyn Storage>, now_ms: i64) -> Self {
        let clock = Clock::new(move || now_ms);
        let catalog = Arc::new(Catalog::open(Arc::clone(storage), clock.clone()).unwrap());
        let log = |name: &str| catalog.partition(name, 0).unwrap();
        let groups = Arc::new(GroupCoordinator::open(log(CONSUMER_OFFSETS), clock.clone()).unwrap());
        let transactions =
            TransactionCoordinator::open(log(TRANSACTION_STATE), Arc::clone(&catalog), Arc::clone(&groups), clock)
                .unwrap();
        Self { catalog, groups, transactions }
    }

    /// A transaction with one record and one offset, still open.
    fn write_transaction(&self) -> Producer {
        self.catalog.create("orders", 1, BTreeMap::new()).unwrap();
        let producer = self.transactions.initialise(TX, 60_000, None).unwrap();
        let at = TopicPartition::new("orders", 0);
        self.transactions.add(TX, producer, vec![at.clone()]).unwrap();
        self.transactions.add_offsets(TX, producer).unwrap();
        let batch_producer = BatchProducer { id: producer.id, epoch: producer.epoch, sequence: 0 };
        let batch =
            encode_batch(&[(Bytes::from_static(b"k"), Some(Bytes::from_static(b"v")))], 1, Some(batch_producer));
        let partition = self.catalog.partition("orders", 0).unwrap();
        self.transactions.write(TX, producer, &at, || partition.append(batch, 1)).unwrap();
        let committed =
            Committed { offset: 7, leader_epoch: -1, metadata: String::new(), commit_time_ms: 0, log_offset: -1 };
        let who = Identity { generation: -1, ..Identity::default() };
        let offsets = vec![(at, committed)];
        self.groups.commit(GROUP, &who, Some((producer.id, producer.epoch)), offsets).unwrap();
        producer
    }

    /// What a read_committed consumer sees: records, and the committed offset.
    fn visible(&self) -> (bool, Option<i64>) {
        let partition = self.catalog.partition("orders", 0).unwrap();
        let fetched = partition.read(0, 1 << 20, Isolation::ReadCommitted).unwrap();
        let seen = !fetched.records.is_empty() && fetched.aborted.is_empty();
        let at = TopicPartition::new("orders", 0);
        let offset = self.groups.look(|g| g.get(GROUP).and_then(|slot| slot.offsets.get(&at)).map(|c| c.offset));
        (seen, offset)
    }

    fn state(&self) -> State {
        lock(&self.transactions.entry(TX).unwrap()).state
    }

    /// Logs the decision and dies before the first marker.
    fn decide_and_crash(self, commit: bool) {
        let entry = self.transactions.entry(TX).unwrap();
        let mut transaction = lock(&entry);
        let mut next = transaction.clone();
        next.decide(2, commit);
        self.transactions.save(TX, &mut transaction, next).unwrap();
    }
}

fn storage() -> Arc<dyn Storage> {
    Arc::new(MemoryStorage::new())
}

#[test]
fn a_decision_is_completed_after_a_crash() {
    for commit in [true, false] {
        let storage = storage();
        let node = Node::open(&storage, 1);
        node.write_transaction();
        node.decide_and_crash(commit);
        let node = Node::open(&storage, 3);
        let expected = if commit { State::CompleteCommit } else { State::CompleteAbort };
        assert_eq!(node.state(), expected);
        assert_eq!(node.visible(), (commit, commit.then_some(7)));
    }
}

#[test]
fn an_open_transaction_goes_on_after_a_crash() {
    let storage = storage();
    let producer = Node::open(&storage, 1).write_transaction();
    let node = Node::open(&storage, 3);
    assert_eq!((node.state(), node.visible()), (State::Ongoing, (false, None)));
    node.transactions.end(TX, producer, true).unwrap();
    assert_eq!(node.visible(), (true, Some(7)));
    // And what it committed is still there after another start.
    assert_eq!(Node::open(&storage, 4).visible(), (true, Some(7)));
}

#[test]
fn an_open_transaction_times_out_after_a_crash() {
    let storage = storage();
    let producer = Node::open(&storage, 1).write_transaction();
    let node = Node::open(&storage, 100_000);
    assert_eq!(node.transactions.expire(100_000), None);
    assert_eq!((node.state(), node.visible()), (State::CompleteAbort, (false, None)));
    assert_eq!(node.transactions.end(TX, producer, true), Err(ResponseError::ProducerFenced));
}

#[test]
fn producer_ids_are_never_given_twice() {
    let storage = storage();
    let first = Node::open(&storage, 1).transactions.idempotent_producer().unwrap();
    let second = Node::open(&storage, 2).transactions.idempotent_producer().unwrap();
    assert!(second.id > first.id, "{first:?} {second:?}");
}

#[test]
fn a_deleted_topic_does_not_hold_up_its_transaction() {
    let storage = storage();
    let node = Node::open(&storage, 1);
    let producer = node.write_transaction();
    node.catalog.delete("orders").unwrap();
    node.transactions.end(TX, producer, true).unwrap();
    assert_eq!(node.state(), State::CompleteCommit);
}

#[test]
fn offsets_of_one_producer_follow_each_other_across_starts() {
    let storage = storage();
    let producer = Node::open(&storage, 1).write_transaction();
    for round in 0..3 {
        let node = Node::open(&storage, 2 + round);
        node.transactions.add_offsets(TX, producer).unwrap();
        let committed = Committed {
            offset: 100 + round,
            leader_epoch: -1,
            metadata: String::new(),
            commit_time_ms: 0,
            log_offset: -1,
        };
        let who = Identity { generation: -1, ..Identity::default() };
        let offsets = vec![(TopicPartition::new("orders", 0), committed)];
        node.groups.commit(GROUP, &who, Some((producer.id, producer.epoch)), offsets).unwrap();
        node.transactions.end(TX, producer, true).unwrap();
        assert_eq!(node.visible().1, Some(100 + round));
    }
}
