#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_kafka::{CommittedOffset, ConnectionSettings, TopicPrefix};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};

use super::*;
use crate::records::Ends;

fn at(offset: i64) -> Offset {
    Offset::new(offset).unwrap()
}

fn partition(topic: &str) -> TopicPartition {
    TopicPartition::new(TopicName::new(topic).unwrap(), Partition::new(0))
}

fn ends(beginning: i64, end: i64) -> Ends {
    Ends { beginning: at(beginning), end: at(end) }
}

fn committed(topic: &str, offset: i64, metadata: &str) -> CommittedOffset {
    CommittedOffset { partition: partition(topic), offset: Some(at(offset)), metadata: metadata.to_owned() }
}

fn plan(before: &[CommittedOffset]) -> Result<ReplayPlan, Error> {
    let topology = platform::named("order-views").unwrap();
    let readers = Readers::of(std::slice::from_ref(&topology), &TopicPrefix::none()).unwrap();
    let ranges = [
        (partition("orders.events"), ends(2, 100)),
        (partition("inventory.events"), ends(0, 50)),
        (partition("payments.events"), ends(0, 0)),
    ];
    let connection = ConnectionSettings::new("localhost:9092");
    ReplayPlan::make(&topology, "headwater", &connection, ranges.into(), before, &readers)
}

#[test]
fn only_projections_can_be_replayed() {
    let declared = platform::declaration().unwrap();
    let check = |name: &str, word: Option<&str>| {
        let reason = plan::refusal(&platform::named(name).unwrap(), &declared);
        match word {
            None => assert_eq!(reason, None, "{name}"),
            Some(word) => assert!(reason.as_deref().is_some_and(|reason| reason.contains(word)), "{name}: {reason:?}"),
        }
    };
    check("order-views", None);
    check("sagas", None);
    check("orders", Some("orders."));
    check("inventory", Some("each SKU's holds"));
    check("payments", Some("payments.events, and its events do not hold what it knows: charges"));
    check("shipping", Some("when each parcel is due"));
    check("notifications", Some("messages that the notifier has not answered"));
}

#[test]
fn of_the_deciders_only_those_that_publish_all_they_know_are_rebuilt() {
    for topology in platform::all().unwrap() {
        let is_rebuilt = topology.rebuild().is_some();
        assert_eq!(is_rebuilt, topology.name() == "orders", "{}", topology.name());
        let is_projection = plan::refusal(&topology, &platform::declaration().unwrap()).is_none();
        let says_why = topology.unpublished().is_some();
        assert!(is_rebuilt || is_projection || says_why, "{} does not say why it can't be replayed", topology.name());
    }
}

#[test]
fn its_own_positions_go_back_and_others_stay() {
    let plan = plan(&[committed("orders.events", 90, "hw1;order-views/views=95;orders/main=90")]).unwrap();
    let commits: Vec<(&str, i64, &str)> = plan
        .rewound
        .iter()
        .map(|commit| (commit.partition.topic.as_str(), commit.offset.get(), commit.metadata.as_str()))
        .collect();
    assert_eq!(
        commits,
        [
            ("inventory.events", 0, "hw1;order-views/views=0"),
            ("orders.events", 2, "hw1;order-views/views=2;orders/main=90"),
            ("payments.events", 0, "hw1;order-views/views=0"),
        ]
    );
    assert_eq!(plan.records(), 98 + 50);
    let names = |topics: &[TopicName]| topics.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(names(&plan.changelogs), ["order-views-views-changelog"]);
    assert_eq!(names(&plan.views), ["orders.views"]);
}

#[test]
fn an_application_that_never_ran_it_is_not_rewound() {
    let error = plan(&[committed("orders.events", 90, "hw1;orders/main=90")]).unwrap_err();
    assert!(error.to_string().contains("--application"), "{error}");
}

#[test]
fn progress_is_what_the_slowest_reader_has_passed() {
    let plan = plan(&[committed("orders.events", 90, "hw1;order-views/views=90")]).unwrap();
    let (done, behind) = plan.progress(&plan.rewound.iter().map(as_committed).collect::<Vec<_>>());
    assert_eq!((done, behind.len()), (0, 2), "an empty partition is done");
    let (done, behind) = plan.progress(&[
        committed("orders.events", 50, "hw1;order-views/views=60;orders/main=50"),
        committed("inventory.events", 50, "hw1;order-views/views=70"),
    ]);
    assert_eq!(done, 58 + 50, "what came later does not count");
    assert_eq!(behind.into_iter().collect::<Vec<_>>(), [(partition("orders.events"), ends(60, 100))]);
}

fn as_committed(commit: &headwater_kafka::OffsetToCommit) -> CommittedOffset {
    CommittedOffset {
        partition: commit.partition.clone(),
        offset: Some(commit.offset),
        metadata: commit.metadata.clone(),
    }
}

#[test]
fn the_plan_says_what_will_be_touched() {
    let plan = plan(&[committed("orders.events", 90, "hw1;order-views/views=90")]).unwrap();
    let text = plan.with_local_tasks(vec!["order-views/views/0".to_owned()]).describe();
    for expected in ["read again", "made anew", "written again", "wiped"] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
}

#[test]
fn local_state_is_wiped_by_processor() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(reset::local_tasks(None, "order-views").unwrap(), Vec::<String>::new());
    assert_eq!(reset::local_tasks(Some(&folder.path().join("none")), "order-views").unwrap(), Vec::<String>::new());
    {
        let database = headwater_runtime::state::StateDatabase::open(
            folder.path(),
            headwater_runtime::state::MemoryBudget::default(),
        )
        .unwrap();
        for name in ["order-views/views/0", "order-views-2/views/0", "orders/main/0"] {
            let (state, meta) = database.task(name, &[]).unwrap();
            let mut batch = headwater_runtime::state::StateBatch::default();
            state.stage(&mut batch, headwater_streams::StoreNumber(16), b"k", Some(b"v"));
            state.stage_meta(&mut batch, &headwater_runtime::state::TaskMeta { changelog_offset: 9, ..meta }).unwrap();
            state.write(batch).unwrap();
        }
    }
    let tasks = reset::local_tasks(Some(folder.path()), "order-views").unwrap();
    assert_eq!(tasks, ["order-views/views/0"]);
    reset::wipe(Some(folder.path()), &tasks, reset::Left::Nothing).unwrap();
    let database =
        headwater_runtime::state::StateDatabase::open(folder.path(), headwater_runtime::state::MemoryBudget::default())
            .unwrap();
    let left = |name: &str| {
        let (state, meta) = database.task(name, &[]).unwrap();
        let value = headwater_streams::StateBase::get(&state, headwater_streams::StoreNumber(16), b"k").unwrap();
        (value.is_some(), meta.changelog_offset)
    };
    assert_eq!(left("order-views/views/0"), (false, 0));
    assert_eq!(left("order-views-2/views/0"), (true, 9));
    assert_eq!(left("orders/main/0"), (true, 9));
}
