#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::Path;

use headwater_event::Timestamp;
use headwater_runtime::state::TaskMeta;
use headwater_snapshot::Taking;

use super::delete::DeleteArgs;
use super::*;

const TASK: &str = "orders/main/3";

/// A folder with two snapshots of one task, one of which is damaged.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for taken_at in [1_000, 2_000] {
        take(folder.path(), taken_at);
    }
    let manifest = folder.path().join(format!("shop/{TASK}/0000000001000-1000-a.json"));
    std::fs::write(manifest, "half").unwrap();
    folder
}

fn place(folder: &Path) -> Place {
    Place::open(folder.to_str().unwrap(), &std::collections::BTreeMap::new()).unwrap()
}

fn take(folder: &Path, taken_at: i64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let depot = Depot::new(place(folder), "shop").unwrap();
    let id = SnapshotId { taken_at: Timestamp::from_millis(taken_at), offset: taken_at, instance: "a".to_owned() };
    let meta =
        TaskMeta { changelog_topic_id: Some("id".to_owned()), changelog_offset: taken_at, ..TaskMeta::default() };
    let manifest = Manifest::of("shop", TASK, &id, ("orders-main-changelog", 3), &meta).unwrap();
    let stopped = tokio::sync::watch::channel(false).1;
    let mut taking = Taking::begin(&depot, runtime.handle().clone(), stopped, manifest);
    taking.push(b"\x10key", b"value").unwrap();
    taking.finish().unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_lies_there_is_shown_with_what_is_wrong_with_it() {
    let folder = tokio::task::spawn_blocking(folder).await.unwrap();
    let shown = list(&place(folder.path()), None).await.unwrap();
    assert_eq!(shown.len(), 2);
    assert!(shown[0].problem.as_ref().unwrap().contains("damaged"), "{shown:?}");
    assert_eq!((shown[1].keys, shown[1].offset, shown[1].problem.as_deref()), (Some(1), 2_000, None));
    let text = table(&shown);
    assert!(text.contains("1970-01-01T00:00:02.000Z") && text.contains(TASK), "{text}");
    assert!(list(&place(folder.path()), Some("another")).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn nothing_is_deleted_unless_it_was_said_twice() {
    let folder = tokio::task::spawn_blocking(folder).await.unwrap();
    let arguments =
        |yes| DeleteArgs { place: PlaceArgs { snapshots: None }, application: "shop".to_owned(), task: None, yes };
    let pending = delete::run(&arguments(false), place(folder.path())).await.unwrap_err();
    assert!(pending.is_pending() && pending.to_string().contains("1 snapshot"), "{pending}");
    assert_eq!(list(&place(folder.path()), None).await.unwrap().len(), 2);
    let said = delete::run(&arguments(true), place(folder.path())).await.unwrap();
    assert!(said.contains("left as it is") && said.contains("deleted"), "{said}");
    // What can't be read stays for people to look at.
    assert_eq!(list(&place(folder.path()), None).await.unwrap().len(), 1);
}
