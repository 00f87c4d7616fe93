//! One list of cases, driven by librdkafka on every target: the embedded broker on disk, the embedded broker
//! in memory, and Apache Kafka where `KAFKA_BOOTSTRAP_SERVERS` names one. Apache Kafka is right by definition.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    missing_docs,
    reason = "tests"
)]

mod clients;
mod console;
mod crash;
mod groups;
mod logs;
mod records;
mod target;
mod transactions;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use target::Target;

/// A case: what it shows, and how.
type Case = (&'static str, fn(&Target));

const CASES: &[Case] = &[
    ("records keep the order of their key", records::records_keep_the_order_of_their_key),
    ("keys go where murmur2 sends them", records::keys_go_where_murmur2_sends_them),
    ("every codec comes back as it went", records::every_codec_comes_back_as_it_went),
    ("offsets are found by time", logs::offsets_are_found_by_time),
    ("compaction keeps the last record of each key", logs::compaction_keeps_the_last_record_of_each_key),
    ("partitions can be added", logs::partitions_can_be_added),
    ("deleted records are gone", logs::deleted_records_are_gone),
    ("a topic made anew is empty", logs::a_topic_made_anew_is_empty),
    ("settings can be changed and read", logs::settings_can_be_changed_and_read),
    ("read_committed hides what was aborted", transactions::read_committed_hides_what_was_aborted),
    ("read_committed waits for an open transaction", transactions::read_committed_waits_for_an_open_transaction),
    ("a zombie producer is fenced", transactions::a_zombie_producer_is_fenced),
    ("a new instance aborts what its predecessor left", transactions::a_new_instance_aborts_what_its_predecessor_left),
    ("a transaction that is too old is aborted", transactions::a_transaction_that_is_too_old_is_aborted),
    ("offsets and output commit together", transactions::offsets_and_output_commit_together),
    ("a stale generation cannot commit", transactions::a_stale_generation_cannot_commit),
    ("transactions follow each other without waiting", transactions::transactions_follow_each_other_without_waiting),
    ("three eager members share the partitions", groups::three_eager_members_share_the_partitions),
    ("three cooperative members share the partitions", groups::three_cooperative_members_share_the_partitions),
    ("a static member that restarts keeps its partitions", groups::a_static_member_that_restarts_keeps_its_partitions),
    ("an older twin of a static member is fenced", groups::an_older_twin_of_a_static_member_is_fenced),
    ("committed offsets keep their metadata", groups::committed_offsets_keep_their_metadata),
];

/// Cases that run at one time: they wait more than they work.
const CASES_AT_ONCE: usize = 8;

fn run_all(target: &Target) {
    let next = AtomicUsize::new(0);
    let failed = Mutex::new(Vec::new());
    let wanted = std::env::var("CONFORMANCE_CASE").unwrap_or_default();
    std::thread::scope(|scope| {
        for _ in 0..CASES_AT_ONCE {
            scope.spawn(|| {
                while let Some((name, case)) = CASES.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if !name.contains(&wanted) {
                        continue;
                    }
                    let outcome = catch_unwind(AssertUnwindSafe(|| case(target)));
                    println!("{}: {name}: {}", target.name, if outcome.is_ok() { "ok" } else { "FAILED" });
                    if outcome.is_err() {
                        failed.lock().unwrap().push(*name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "on {}: {failed:?}", target.name);
}

#[test]
fn the_embedded_broker_on_disk_conforms() {
    run_all(&Target::embedded_on_disk());
}

#[test]
fn the_embedded_broker_in_memory_conforms() {
    run_all(&Target::embedded_in_memory());
}

#[test]
fn apache_kafka_conforms() {
    match Target::apache_kafka() {
        Some(target) => run_all(&target),
        None => println!("KAFKA_BOOTSTRAP_SERVERS is not set: Apache Kafka is not tested"),
    }
}
