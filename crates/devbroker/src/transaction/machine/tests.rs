#![allow(clippy::unwrap_used, clippy::expect_used)]
use super::*;

const EPOCH_0: Producer = Producer { id: 5, epoch: 0 };
const EPOCH_1: Producer = Producer { id: 5, epoch: 1 };

fn at(partition: i32) -> TopicPartition {
    TopicPartition::new("orders", partition)
}

/// Initialised, epoch 0.
fn fresh() -> Transaction {
    let mut transaction = Transaction::new(5, 1000, 0);
    assert_eq!(transaction.initialise(0, 1000, None), Ok(Initialise::Done(EPOCH_0)));
    transaction
}

fn ongoing() -> Transaction {
    let mut transaction = fresh();
    assert_eq!(transaction.add(10, EPOCH_0, [at(0)]), Ok(true));
    transaction
}

#[test]
fn a_transaction_commits() {
    let mut transaction = ongoing();
    assert_eq!(transaction.add(11, EPOCH_0, [at(0)]), Ok(false), "nothing new, nothing to log");
    assert_eq!(transaction.check_write(EPOCH_0, &at(0)), Ok(()));
    assert_eq!(transaction.end(20, EPOCH_0, true), Ok(true));
    assert_eq!(transaction.state, State::PrepareCommit);
    assert_eq!(transaction.check_write(EPOCH_0, &at(0)), Err(ResponseError::InvalidTxnState));
    transaction.complete(21);
    assert_eq!((transaction.state, transaction.partitions.len()), (State::CompleteCommit, 0));
    assert_eq!(transaction.end(22, EPOCH_0, true), Ok(false), "a repeat is answered, not done");
    assert_eq!(transaction.end(22, EPOCH_0, false), Err(ResponseError::InvalidTxnState));
    assert_eq!(transaction.add(23, EPOCH_0, [at(1)]), Ok(true));
    assert_eq!(transaction.check_write(EPOCH_0, &at(0)), Err(ResponseError::InvalidTxnState));
}

#[test]
fn a_write_needs_its_partition_in_the_transaction() {
    let transaction = ongoing();
    let check = |producer, partition| transaction.check_write(producer, &at(partition));
    assert_eq!(check(EPOCH_0, 1), Err(ResponseError::InvalidTxnState));
    assert_eq!(check(EPOCH_1, 0), Err(ResponseError::InvalidProducerEpoch));
    assert_eq!(check(Producer { id: 6, epoch: 0 }, 0), Err(ResponseError::InvalidProducerIdMapping));
    assert_eq!(fresh().check_write(EPOCH_0, &at(0)), Err(ResponseError::InvalidTxnState));
}

#[test]
fn a_successor_fences_its_predecessor() {
    let mut transaction = ongoing();
    assert_eq!(transaction.initialise(30, 1000, None), Ok(Initialise::AbortFirst));
    assert_eq!(transaction.end(31, EPOCH_0, true), Err(ResponseError::ProducerFenced));
    transaction.decide(32, false);
    assert_eq!(transaction.initialise(33, 1000, None), Err(ResponseError::ConcurrentTransactions));
    transaction.complete(33);
    let successor = Producer { id: 5, epoch: 2 };
    assert_eq!(transaction.initialise(34, 1000, None), Ok(Initialise::Done(successor)));
    assert_eq!(transaction.add(35, EPOCH_0, [at(0)]), Err(ResponseError::ProducerFenced));
    assert_eq!(transaction.add(35, EPOCH_1, [at(0)]), Err(ResponseError::ProducerFenced));
    assert_eq!(transaction.add(35, successor, [at(0)]), Ok(true));
}

#[test]
fn a_producer_may_bump_its_own_epoch() {
    let mut transaction = fresh();
    assert_eq!(transaction.initialise(1, 1000, Some(EPOCH_0)), Ok(Initialise::Done(EPOCH_1)));
    let repeated = transaction.initialise(2, 1000, Some(EPOCH_0));
    assert_eq!(repeated, Ok(Initialise::Done(EPOCH_1)), "its answer was lost: it gets the same again");
    let stranger = Some(Producer { id: 6, epoch: 1 });
    assert_eq!(transaction.initialise(3, 1000, stranger), Err(ResponseError::ProducerFenced));
    transaction.initialise(4, 1000, None).unwrap();
    assert_eq!(transaction.initialise(5, 1000, Some(EPOCH_0)), Err(ResponseError::ProducerFenced));
}

#[test]
fn an_epoch_that_is_used_up_gets_a_new_producer_id() {
    let mut transaction = fresh();
    transaction.producer.epoch = i16::MAX - 1;
    assert_eq!(transaction.initialise(1, 1000, None), Ok(Initialise::NeedsProducerId));
    transaction.renew(77);
    let renewed = Producer { id: 77, epoch: 0 };
    assert_eq!(transaction.initialise(1, 1000, None), Ok(Initialise::Done(renewed)));
}

#[test]
fn a_transaction_that_is_too_old_is_aborted_and_fenced() {
    let mut transaction = ongoing();
    assert_eq!(transaction.deadline_ms(), Some(1010));
    transaction.time_out(1009);
    assert_eq!(transaction.state, State::Ongoing);
    transaction.time_out(1010);
    assert_eq!((transaction.state, transaction.producer), (State::PrepareAbort, EPOCH_1));
    transaction.complete(1011);
    assert_eq!(transaction.end(1012, EPOCH_0, true), Err(ResponseError::ProducerFenced));
    assert_eq!(transaction.deadline_ms(), None);
}
