#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use headwater_streams::{Limits, LocalSchemas};

use super::*;

fn blueprint() -> Blueprint {
    let environment =
        TaskEnvironment::new(Arc::new(LocalSchemas::new()), "test", Vec::new(), Limits::default()).unwrap();
    let settings = WorkerSettings {
        application: "test".to_owned(),
        instance: "one".to_owned(),
        commit_interval_max: Duration::from_millis(100),
        staged_bytes_max: 1 << 20,
        fusion: true,
        input_bytes_max: 1 << 20,
    };
    let cluster = ClusterFacts { changelogs: BTreeMap::new(), ..ClusterFacts::default() };
    Blueprint::new(settings, Vec::new(), Arc::new(environment), cluster).unwrap()
}

#[test]
fn a_store_belongs_to_its_latest_assignment_and_to_no_older_one() {
    let blueprint = blueprint();
    let (older, newer) = (blueprint.next_epoch(), blueprint.next_epoch());
    assert_eq!(blueprint.as_owner("a/main/0", older, || "first"), Some("first"));
    assert_eq!(blueprint.as_owner("a/main/0", newer, || "moved"), Some("moved"));
    assert_eq!(blueprint.as_owner("a/main/0", older, || "late"), None);
    assert_eq!(blueprint.as_owner("a/main/0", newer, || "again"), Some("again"));
    assert_eq!(blueprint.as_owner("a/main/1", older, || "another"), Some("another"));
}
