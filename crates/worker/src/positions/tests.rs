#![allow(clippy::unwrap_used)]
use super::*;

fn at(offset: i64) -> Offset {
    Offset::new(offset).unwrap()
}

#[test]
fn positions_survive_the_metadata() {
    let mut positions = Positions::default();
    assert!(positions.set("orders/main", at(1_000)));
    assert!(positions.set("order-views/main", at(998)));
    assert!(!positions.set("order-views/main", at(998)));
    assert_eq!(positions.metadata(), "hw1;order-views/main=998;orders/main=1000");
    assert_eq!(positions.least(), at(998));
    let read = Positions::parse(Some((at(998), &positions.metadata())), &["orders/main"]);
    assert_eq!(read, positions);
}

#[test]
fn an_offset_that_was_set_by_other_means_holds_for_every_reader() {
    let positions = Positions::parse(Some((at(7), "")), &["orders/main", "sagas/main"]);
    assert_eq!(positions.of("orders/main"), Some(at(7)));
    assert_eq!(positions.of("sagas/main"), Some(at(7)));
}

#[test]
fn a_reader_that_is_new_to_the_application_has_no_position() {
    let positions = Positions::parse(Some((at(7), "hw1;orders/main=7")), &["orders/main", "sagas/main"]);
    assert_eq!(positions.of("sagas/main"), None);
}

#[test]
fn broken_entries_are_left_out_and_nothing_is_no_position() {
    let positions = Positions::parse(Some((at(7), "hw1;orders/main=7;x=-1;y;z=q")), &[]);
    assert_eq!(positions.iter().count(), 1);
    assert_eq!(Positions::parse(None, &["orders/main"]), Positions::default());
}
