use std::time::Duration;

use headwater_log::{Partition, TopicName};

use super::DirectProducer;
use super::scripted_broker::{Instead, ScriptedBroker};
use crate::producer::{Outcome, OutgoingRecord, TransactionalProducerSettings};
use crate::{Error, ErrorKind};

const WAIT: Duration = Duration::from_secs(5);
const NOT_LEADER: i16 = 6;
const MESSAGE_TOO_LARGE: i16 = 10;
const OUT_OF_ORDER: i16 = 45;
const CONCURRENT_TRANSACTIONS: i16 = 51;
const PRODUCER_FENCED: i16 = 90;

fn producer(broker: &ScriptedBroker) -> DirectProducer {
    let settings = TransactionalProducerSettings::new("worker");
    let mut producer = DirectProducer::new(&broker.servers, "test", &settings).unwrap();
    assert_eq!(producer.initialize(WAIT), Outcome::Done);
    producer
}

/// Begins a transaction with one record for each partition.
fn write(producer: &mut DirectProducer, partitions: &[u32]) {
    assert_eq!(producer.begin(), Outcome::Done);
    let topic = producer.topic(&TopicName::new("orders.events").unwrap());
    for partition in partitions {
        let partition = Some(Partition::new(*partition));
        let record = OutgoingRecord { partition, value: Some(b"value"), ..OutgoingRecord::default() };
        producer.produce(topic, &record, WAIT).unwrap();
    }
}

fn kind_of(outcome: &Outcome) -> (&'static str, Option<ErrorKind>) {
    let name = match outcome {
        Outcome::Done => "done",
        Outcome::Abortable(_) => "abortable",
        Outcome::Fenced(_) => "fenced",
        Outcome::Fatal(_) => "fatal",
        Outcome::Unknown(_) => "unknown",
    };
    (name, outcome.error().map(Error::kind))
}

#[test]
fn a_transaction_is_a_request_of_each_kind_however_many_partitions_it_has() {
    let broker = ScriptedBroker::start(&[]);
    let mut producer = producer(&broker);
    write(&mut producer, &[0, 1, 0]);
    assert_eq!(producer.commit(WAIT), Outcome::Done);
    write(&mut producer, &[1]);
    assert_eq!(producer.commit(WAIT), Outcome::Done);
    assert_eq!(
        broker.asked(),
        [
            "InitProducerId -1",
            "AddPartitionsToTxn",
            "Produce 0@0 1@0",
            "EndTxn commit",
            "AddPartitionsToTxn",
            "Produce 1@1",
            "EndTxn commit"
        ]
    );
}

#[test]
fn a_transaction_without_records_asks_nobody() {
    let broker = ScriptedBroker::start(&[]);
    let mut producer = producer(&broker);
    write(&mut producer, &[]);
    assert_eq!(producer.commit(WAIT), Outcome::Done);
    write(&mut producer, &[0]);
    assert_eq!(producer.abort(WAIT), Outcome::Done);
    assert_eq!(broker.asked(), ["InitProducerId -1"]);
}

#[test]
fn records_without_an_answer_are_fenced_before_their_transaction_counts_as_aborted() {
    let broker = ScriptedBroker::start(&[("Produce", 1, Instead::HangUp)]);
    let mut producer = producer(&broker);
    write(&mut producer, &[0]);
    let outcome = producer.commit(WAIT);
    assert_eq!(kind_of(&outcome), ("abortable", Some(ErrorKind::Unavailable)), "{outcome:?}");
    assert!(producer.renewal_reason().is_some());
    assert_eq!(producer.abort(WAIT), Outcome::Done);
    // The epoch is told, so that only the producer that the coordinator knows is taken; no EndTxn could be overtaken.
    let asked = broker.asked();
    assert_eq!(asked, ["InitProducerId -1", "AddPartitionsToTxn", "Produce 0@0", "InitProducerId 0"]);
    assert_eq!(producer.renew(WAIT), Outcome::Done);
    assert_eq!(producer.renewal_reason(), None);
    write(&mut producer, &[0]);
    assert_eq!(producer.commit(WAIT), Outcome::Done);
    assert_eq!(broker.asked()[4..], ["InitProducerId -1", "AddPartitionsToTxn", "Produce 0@0", "EndTxn commit"]);
}

#[test]
fn a_commit_without_an_answer_is_asked_again_and_the_producer_renewed_after_it() {
    let broker = ScriptedBroker::start(&[("EndTxn", 1, Instead::HangUp)]);
    let mut producer = producer(&broker);
    write(&mut producer, &[0]);
    assert_eq!(producer.commit(WAIT), Outcome::Done);
    assert_eq!(broker.asked()[3..], ["EndTxn commit", "EndTxn commit"]);
    assert!(producer.renewal_reason().is_some(), "a late twin could end the next transaction");
}

#[test]
fn a_batch_that_went_to_the_wrong_broker_goes_out_again_with_the_same_numbers() {
    let broker = ScriptedBroker::start(&[("Produce", 2, Instead::Refuse(NOT_LEADER))]);
    let mut producer = producer(&broker);
    write(&mut producer, &[0]);
    assert_eq!(producer.commit(WAIT), Outcome::Done);
    write(&mut producer, &[0, 1]);
    assert_eq!(producer.commit(WAIT), Outcome::Done);
    assert_eq!(producer.renewal_reason(), None);
    assert_eq!(broker.asked()[4..], ["AddPartitionsToTxn", "Produce 0@1 1@0", "Produce 0@1 1@0", "EndTxn commit"]);
    assert_eq!(producer.delivered().records, 2);
}

#[test]
fn numbers_that_were_given_out_and_not_used_end_with_their_epoch() {
    // Nobody leads the partition until the deadline.
    let script: Vec<_> = (1..200).map(|at| ("Produce", at, Instead::Refuse(NOT_LEADER))).collect();
    let broker = ScriptedBroker::start(&script);
    let mut producer = producer(&broker);
    write(&mut producer, &[0]);
    let outcome = producer.commit(Duration::from_millis(300));
    assert_eq!(kind_of(&outcome), ("abortable", Some(ErrorKind::Unavailable)), "{outcome:?}");
    assert_eq!(producer.abort(WAIT), Outcome::Done);
    assert_eq!(broker.asked().last().map(String::as_str), Some("InitProducerId 0"));
}

#[test]
fn what_a_broker_will_not_take_ends_the_transaction() {
    for (code, name, kind) in [
        (MESSAGE_TOO_LARGE, "abortable", ErrorKind::TooLarge),
        (OUT_OF_ORDER, "abortable", ErrorKind::Refused),
        (PRODUCER_FENCED, "fenced", ErrorKind::Fenced),
    ] {
        let broker = ScriptedBroker::start(&[("Produce", 1, Instead::Refuse(code))]);
        let mut producer = producer(&broker);
        write(&mut producer, &[0]);
        let outcome = producer.commit(WAIT);
        assert_eq!(kind_of(&outcome), (name, Some(kind)), "{code}: {outcome:?}");
        assert!(producer.renewal_reason().is_some());
        assert!(!broker.asked().iter().any(|asked| asked == "EndTxn commit"));
    }
}

#[test]
fn markers_that_are_not_written_are_asked_for_soon() {
    let script: Vec<_> =
        (1..=3).map(|at| ("AddPartitionsToTxn", at, Instead::Refuse(CONCURRENT_TRANSACTIONS))).collect();
    let broker = ScriptedBroker::start(&script);
    let mut producer = producer(&broker);
    write(&mut producer, &[0]);
    assert_eq!(producer.commit(WAIT), Outcome::Done);
    assert!(producer.was_early());
    assert_eq!(producer.renewal_reason(), None);
    assert_eq!(broker.asked().iter().filter(|asked| *asked == "AddPartitionsToTxn").count(), 4);
    write(&mut producer, &[0]);
    assert_eq!(producer.commit(WAIT), Outcome::Done);
    assert!(!producer.was_early());
}

#[test]
fn a_fenced_producer_neither_commits_nor_initialises_over_its_successor() {
    let broker = ScriptedBroker::start(&[
        ("EndTxn", 1, Instead::Refuse(PRODUCER_FENCED)),
        ("InitProducerId", 2, Instead::Refuse(PRODUCER_FENCED)),
    ]);
    let mut fenced = producer(&broker);
    write(&mut fenced, &[0]);
    assert_eq!(kind_of(&fenced.commit(WAIT)).0, "fenced");
    // As where a connection is lost: the epoch that is told is not the coordinator's any more.
    let outcome = fenced.initialize(WAIT);
    assert_eq!(kind_of(&outcome).0, "fenced", "{outcome:?}");
    assert_eq!(broker.asked().last().map(String::as_str), Some("InitProducerId 0"));
}
