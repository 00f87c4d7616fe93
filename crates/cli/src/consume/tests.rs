#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_log::{Headers, Partition, TopicName};
use serde_json::{Map, json};

use super::*;
use crate::records::ShownRecord;

fn at(offset: i64) -> Offset {
    Offset::new(offset).unwrap()
}

fn ends(beginning: i64, end: i64) -> Ends {
    Ends { beginning: at(beginning), end: at(end) }
}

fn partition(number: u32) -> TopicPartition {
    TopicPartition::new(TopicName::new("t").unwrap(), Partition::new(number))
}

fn seen(offset: i64) -> Seen {
    Seen {
        topic: "t".to_owned(),
        partition: Partition::new(0),
        offset: at(offset),
        timestamp_ms: 0,
        key: None,
        value: None,
        headers: Headers::new(),
    }
}

#[test]
fn kcats_words_are_understood() {
    let check = |word: &str, expected: Option<OffsetWord>| assert_eq!(word.parse().ok(), expected, "{word}");
    check("beginning", Some(OffsetWord::Beginning));
    check("earliest", Some(OffsetWord::Beginning));
    check("end", Some(OffsetWord::End));
    check("0", Some(OffsetWord::At(at(0))));
    check("1234", Some(OffsetWord::At(at(1234))));
    check("-10", Some(OffsetWord::Last(10)));
    check("s@1767225600000", Some(OffsetWord::Since(1_767_225_600_000)));
    check("e@5", Some(OffsetWord::Until(5)));
    for wrong in ["", "-", "--1", "+1", "s@", "s@-1", "middle", "1.5", "99999999999999999999"] {
        check(wrong, None);
    }
}

#[test]
fn one_beginning_and_one_end() {
    let range = Range::of(&[OffsetWord::Until(9), OffsetWord::Last(2)]).unwrap();
    assert_eq!(range, Range { start: OffsetWord::Last(2), until_ms: Some(9) });
    assert_eq!(Range::of(&[]).unwrap().start, OffsetWord::Beginning);
    assert!(Range::of(&[OffsetWord::End, OffsetWord::Beginning]).is_err());
    assert!(Range::of(&[OffsetWord::Until(1), OffsetWord::Until(2)]).is_err());
}

#[test]
fn every_word_begins_at_an_offset_that_exists() {
    let all = BTreeMap::from([(partition(0), ends(10, 100))]);
    let check = |word: OffsetWord, times: &[(i64, Option<i64>)], expected: i64| {
        let times = times.iter().map(|(_, offset)| (partition(0), offset.map(at))).collect();
        assert_eq!(start(word, &partition(0), &all, &times), StartOffset::At(at(expected)), "{word:?}");
    };
    check(OffsetWord::Beginning, &[], 10);
    check(OffsetWord::End, &[], 100);
    check(OffsetWord::At(at(3)), &[], 10);
    check(OffsetWord::At(at(50)), &[], 50);
    check(OffsetWord::At(at(200)), &[], 200);
    check(OffsetWord::Last(5), &[], 100 - 2 * 5 - 16);
    check(OffsetWord::Last(0), &[], 100);
    check(OffsetWord::Last(u64::MAX), &[], 10);
    check(OffsetWord::Since(7), &[(7, Some(40))], 40);
    check(OffsetWord::Since(7), &[(7, None)], 100);
}

#[test]
fn only_the_last_records_before_the_end_come_through() {
    let all = BTreeMap::from([(partition(0), ends(0, 10)), (partition(1), ends(4, 4))]);
    let mut tail = Tail::new(OffsetWord::Last(2), &all);
    for offset in [1, 3, 5] {
        assert_eq!(tail.offer(0, seen(offset)), None);
    }
    assert_eq!(tail.offer(1, seen(4)), Some(seen(4)), "an empty partition holds nothing back");
    assert_eq!(tail.reached_end(0), [seen(3), seen(5)]);
    assert_eq!(tail.offer(0, seen(11)), Some(seen(11)), "what comes later is new");
    assert_eq!(Tail::new(OffsetWord::Beginning, &all).offer(0, seen(1)), Some(seen(1)));
}

#[test]
fn a_line_for_people_says_where_when_what() {
    let mut shown = ShownRecord {
        topic: "orders.events".to_owned(),
        partition: 2,
        offset: 7,
        timestamp: Some("2026-01-01T00:00:00.000Z".to_owned()),
        key: Some("o-1".to_owned()),
        headers: Map::from_iter([("ce_type".to_owned(), json!("headwater.orders.OrderCreated"))]),
        schema_id: Some(1),
        value: json!({"order_id": "o-1"}),
        problem: None,
    };
    let line = printing::table_row(&shown);
    assert_eq!(
        line.split_whitespace().collect::<Vec<_>>(),
        ["2:7", "2026-01-01T00:00:00.000Z", "o-1", "OrderCreated", "{\"order_id\":\"o-1\"}"]
    );
    shown.value = serde_json::Value::Null;
    assert!(printing::table_row(&shown).ends_with("(deleted)\n"));
}
