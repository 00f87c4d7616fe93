//! The specs of this processor.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[test]
fn specs() {
    let topology = headwater_order_views::topology().unwrap();
    headwater_streams::specs::run_dir(&topology, concat!(env!("CARGO_MANIFEST_DIR"), "/specs")).unwrap();
}
