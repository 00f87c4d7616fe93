//! Transactions: what read_committed shows, and who is fenced.

use std::time::{Duration, Instant};

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::producer::Producer;
use rdkafka::{Offset, TopicPartitionList};

use crate::clients::{consumer, payloads, poll, producer, read, reader, send_values, topic, transactional, until};
use crate::target::Target;

const COMMITTED: &[(&str, &str)] = &[("isolation.level", "read_committed")];
const UNCOMMITTED: &[(&str, &str)] = &[("isolation.level", "read_uncommitted")];

pub fn read_committed_hides_what_was_aborted(target: &Target) {
    let topic = topic(target, "aborted", 1, &[]);
    let producer = transactional(target, &target.unique("tx"));
    for (round, commit) in [(1, false), (2, true), (3, false), (4, true)] {
        producer.begin_transaction().unwrap();
        let values = [format!("{round}a"), format!("{round}b")];
        send_values(target, &producer, &topic, 0, &[&values[0], &values[1]]);
        match commit {
            true => producer.commit_transaction(target.patience).unwrap(),
            false => producer.abort_transaction(target.patience).unwrap(),
        }
    }
    let committed = read(target, &reader(target, &topic, 1, COMMITTED), 4);
    assert_eq!(payloads(&committed), ["2a", "2b", "4a", "4b"]);
    let all = read(target, &reader(target, &topic, 1, UNCOMMITTED), 8);
    assert_eq!(payloads(&all), ["1a", "1b", "2a", "2b", "3a", "3b", "4a", "4b"]);
    // Each marker takes an offset too.
    let marks = reader(target, &topic, 1, COMMITTED).fetch_watermarks(&topic, 0, Duration::from_secs(10)).unwrap();
    assert_eq!(marks, (0, 12));
}

pub fn read_committed_waits_for_an_open_transaction(target: &Target) {
    let topic = topic(target, "open", 1, &[]);
    let open = transactional(target, &target.unique("tx"));
    let plain = producer(target, &[]);
    send_values(target, &plain, &topic, 0, &["before"]);
    open.begin_transaction().unwrap();
    send_values(target, &open, &topic, 0, &["inside"]);
    send_values(target, &plain, &topic, 0, &["behind"]);
    let committed = reader(target, &topic, 1, COMMITTED);
    assert_eq!(payloads(&read(target, &committed, 1)), ["before"]);
    assert_eq!(payloads(&read(target, &reader(target, &topic, 1, UNCOMMITTED), 3)), ["before", "inside", "behind"]);
    let marks =
        |settings| reader(target, &topic, 1, settings).fetch_watermarks(&topic, 0, Duration::from_secs(10)).unwrap();
    assert_eq!(marks(COMMITTED), (0, 1), "the last stable offset is where the transaction begins");
    assert_eq!(marks(UNCOMMITTED), (0, 3));
    assert!(poll(&committed).is_none());
    open.commit_transaction(target.patience).unwrap();
    assert_eq!(payloads(&read(target, &committed, 2)), ["inside", "behind"]);
}

fn is_fenced(error: &KafkaError) -> bool {
    matches!(error, KafkaError::Transaction(error) if error.is_fatal())
        || matches!(
            error.rdkafka_error_code(),
            Some(RDKafkaErrorCode::Fenced | RDKafkaErrorCode::ProducerFenced | RDKafkaErrorCode::InvalidProducerEpoch)
        )
}

pub fn a_zombie_producer_is_fenced(target: &Target) {
    let topic = topic(target, "zombie", 1, &[]);
    let id = target.unique("tx");
    let zombie = transactional(target, &id);
    zombie.begin_transaction().unwrap();
    send_values(target, &zombie, &topic, 0, &["zombie"]);
    let successor = transactional(target, &id);
    let refused = zombie.commit_transaction(target.patience).unwrap_err();
    assert!(is_fenced(&refused), "{refused:?}");
    successor.begin_transaction().unwrap();
    send_values(target, &successor, &topic, 0, &["successor"]);
    successor.commit_transaction(target.patience).unwrap();
    let committed = reader(target, &topic, 1, COMMITTED);
    assert_eq!(payloads(&read(target, &committed, 1)), ["successor"]);
}

pub fn a_new_instance_aborts_what_its_predecessor_left(target: &Target) {
    let topic = topic(target, "left", 1, &[]);
    let id = target.unique("tx");
    let first = transactional(target, &id);
    first.begin_transaction().unwrap();
    send_values(target, &first, &topic, 0, &["left open"]);
    let started = Instant::now();
    let second = transactional(target, &id);
    let marks = reader(target, &topic, 1, COMMITTED).fetch_watermarks(&topic, 0, Duration::from_secs(10)).unwrap();
    assert_eq!(marks, (0, 2), "the abort marker is written once the successor is initialised");
    assert!(started.elapsed() < Duration::from_secs(20));
    second.begin_transaction().unwrap();
    send_values(target, &second, &topic, 0, &["new"]);
    second.commit_transaction(target.patience).unwrap();
    assert_eq!(payloads(&read(target, &reader(target, &topic, 1, COMMITTED), 1)), ["new"]);
}

pub fn a_transaction_that_is_too_old_is_aborted(target: &Target) {
    let topic = topic(target, "old", 1, &[]);
    let id = target.unique("tx");
    let slow = producer(
        target,
        &[
            ("transactional.id", id.as_str()),
            ("transaction.timeout.ms", "1000"),
            ("message.timeout.ms", "1000"),
            ("socket.timeout.ms", "1000"),
        ],
    );
    slow.init_transactions(target.patience).unwrap();
    slow.begin_transaction().unwrap();
    send_values(target, &slow, &topic, 0, &["slow"]);
    let committed = reader(target, &topic, 1, COMMITTED);
    until(target, "the abort", || committed.fetch_watermarks(&topic, 0, Duration::from_secs(10)).unwrap() == (0, 2));
    assert!(slow.commit_transaction(target.patience).is_err(), "what was aborted cannot commit");
    assert!(poll(&committed).is_none());
}

fn offset_of(target: &Target, group: &str, topic: &str) -> Offset {
    let mut asked = TopicPartitionList::new();
    asked.add_partition(topic, 0);
    let probe = consumer(target, group, &[]);
    let committed = probe.committed_offsets(asked, Duration::from_secs(20)).unwrap();
    committed.find_partition(topic, 0).unwrap().offset()
}

fn position(topic: &str, offset: i64) -> TopicPartitionList {
    let mut position = TopicPartitionList::new();
    position.add_partition_offset(topic, 0, Offset::Offset(offset)).unwrap();
    position
}

fn joined(target: &Target, topic: &str, group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
    let member = consumer(target, group, settings);
    member.subscribe(&[topic]).unwrap();
    until(target, "an assignment", || {
        poll(&member);
        member.assignment().unwrap().count() > 0
    });
    member
}

pub fn offsets_and_output_commit_together(target: &Target) {
    let input = topic(target, "input", 1, &[]);
    let output = topic(target, "output", 1, &[]);
    let group = target.unique("group");
    let member = joined(target, &input, &group, &[]);
    let producer = transactional(target, &target.unique("tx"));
    for (offset, commit) in [(7, false), (9, true), (11, false)] {
        producer.begin_transaction().unwrap();
        let value = offset.to_string();
        send_values(target, &producer, &output, 0, &[&value]);
        let metadata = member.group_metadata().unwrap();
        producer.send_offsets_to_transaction(&position(&input, offset), &metadata, target.patience).unwrap();
        match commit {
            true => producer.commit_transaction(target.patience).unwrap(),
            false => producer.abort_transaction(target.patience).unwrap(),
        }
    }
    until(target, "the committed offset", || offset_of(target, &group, &input) == Offset::Offset(9));
    assert_eq!(payloads(&read(target, &reader(target, &output, 1, COMMITTED), 1)), ["9"]);
}

pub fn a_stale_generation_cannot_commit(target: &Target) {
    let input = topic(target, "stale", 1, &[]);
    let group = target.unique("group");
    let zombie = joined(target, &input, &group, &[]);
    let stale = zombie.group_metadata().unwrap();
    drop(zombie);
    let _successor = joined(target, &input, &group, &[]);
    let producer = transactional(target, &target.unique("tx"));
    producer.begin_transaction().unwrap();
    let refused = producer.send_offsets_to_transaction(&position(&input, 5), &stale, target.patience).unwrap_err();
    let KafkaError::Transaction(error) = &refused else { panic!("{refused:?}") };
    assert!(error.txn_requires_abort(), "{refused:?}");
    producer.abort_transaction(target.patience).unwrap();
    assert_eq!(offset_of(target, &group, &input), Offset::Invalid);
}

pub fn transactions_follow_each_other_without_waiting(target: &Target) {
    let topic = topic(target, "follow", 4, &[]);
    let producer = transactional(target, &target.unique("tx"));
    let member = consumer(target, &target.unique("group"), &[]);
    member.commit(&position(&topic, 1), CommitMode::Sync).unwrap();
    let rounds = 50;
    for round in 0..rounds {
        producer.begin_transaction().unwrap();
        for partition in 0..4 {
            crate::clients::send(
                &producer,
                rdkafka::producer::BaseRecord::to(&topic).partition(partition).payload(round.to_string().as_str()),
            );
        }
        producer.commit_transaction(target.patience).unwrap();
    }
    let messages = read(target, &reader(target, &topic, 4, COMMITTED), rounds * 4);
    assert_eq!(messages.len(), rounds * 4);
}
