#![allow(clippy::unwrap_used)]

use super::*;

fn at(offset: i64) -> Offset {
    Offset::new(offset).unwrap()
}

fn ms(ms: i64) -> Timestamp {
    Timestamp::from_millis(ms)
}

#[test]
fn a_table_is_as_new_as_the_last_end_that_it_has_reached() {
    let mut table = TableInput::new(0, StoreNumber(16), Some("id".to_owned()));
    let mut meta = TaskMeta::default();
    let mut as_of = |position, end: Option<i64>, now| {
        table.committed("prices", at(position), end.map(at), ms(now), &mut meta);
        let known = &meta.tables["prices"];
        assert_eq!((known.offset, known.store, known.reach), (position, StoreNumber(16), 0));
        known.as_of.as_millis()
    };
    assert_eq!(as_of(5, None, 1_000), 0, "nobody knows the end");
    assert_eq!(as_of(10, Some(10), 2_000), 2_000, "it is at the end");
    assert_eq!(as_of(15, Some(30), 3_000), 2_000, "the end runs away");
    assert_eq!(as_of(25, Some(50), 4_000), 2_000);
    assert_eq!(as_of(30, Some(60), 5_000), 3_000, "what was the end then has been read");
    assert_eq!(as_of(59, Some(70), 6_000), 3_000);
    assert_eq!(as_of(60, Some(80), 7_000), 5_000);
    assert_eq!(as_of(90, Some(90), 8_000), 8_000);
}
