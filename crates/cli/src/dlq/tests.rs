#![allow(clippy::unwrap_used, clippy::expect_used)]

use headwater_log::{Headers, TopicName};

use super::letter::redriven_headers;
use super::redrive::RedrivePlan;
use super::*;

fn at(offset: i64) -> Offset {
    Offset::new(offset).unwrap()
}

fn letter(offset: i64, more: &[(&str, &str)]) -> Seen {
    let mut headers = Headers::new();
    headers.push("ce_id", "11111111-1111-5111-8111-111111111111");
    headers.push("__headwater.id", "22222222-2222-5222-8222-222222222222");
    for (name, value) in [
        ("__streams.errors.exception", "headwater.decode"),
        ("__streams.errors.message", "not JSON at line 1"),
        ("__streams.errors.topic", "orders.commands"),
        ("__streams.errors.partition", "3"),
        ("__streams.errors.offset", "17"),
    ] {
        headers.push(name, value);
    }
    for (name, value) in more {
        headers.push(name, value);
    }
    Seen {
        topic: "orders.commands.dlq".to_owned(),
        partition: Partition::new(3),
        offset: at(offset),
        timestamp_ms: offset,
        key: Some(b"o-1".to_vec()),
        value: Some(b"nonsense".to_vec()),
        headers,
    }
}

#[test]
fn a_letter_says_why_and_from_where() {
    let read = Letter::of(&letter(5, &[]));
    assert_eq!(read.place, "3:5");
    assert_eq!(read.reason, "decode");
    assert_eq!(read.message, "not JSON at line 1");
    assert_eq!(read.source(), Some(("orders.commands", Partition::new(3), at(17))));
    assert_eq!(read.holds, Holds::Record);
    assert_eq!(read.obstacle(), None);
}

#[test]
fn letters_of_other_programs_are_read_as_far_as_they_go() {
    let mut seen = letter(5, &[]);
    seen.headers = Headers::new();
    let read = Letter::of(&seen);
    assert_eq!((read.reason.as_str(), read.source()), ("unknown", None));
    assert!(read.obstacle().is_some());
}

#[test]
fn what_goes_back_keeps_its_id_and_loses_the_reason() {
    let headers = redriven_headers(&letter(5, &[("headwater-redriven", "1")]).headers);
    let names: Vec<&str> = headers.iter().map(|header| header.name).collect();
    assert_eq!(names, ["ce_id", "__headwater.id", "headwater-redriven"]);
}

#[test]
fn a_plan_leaves_out_what_is_no_record() {
    let letters = vec![
        letter(1, &[]),
        letter(2, &[("__headwater.dead-letter-of", "timer whole of main")]),
        letter(3, &[("__headwater.dead-letter-reference", "1")]),
        letter(4, &[("__streams.errors.exception", "headwater.process")]),
    ];
    let plan = RedrivePlan::of(letters.clone(), Some("decode"));
    let places: Vec<&str> = plan.records.iter().map(|planned| planned.letter.place.as_str()).collect();
    assert_eq!(places, ["3:1", "3:3"]);
    assert_eq!(plan.left_out.len(), 1);
    assert!(plan.left_out[0].why.contains("timer whole of main"), "{:?}", plan.left_out);
    assert_eq!(RedrivePlan::of(letters, None).records.len(), 3);
}

#[test]
fn a_list_counts_by_reason_most_first() {
    let mut letters = vec![letter(1, &[("__streams.errors.message", "other")]), letter(2, &[]), letter(3, &[])];
    let summary = summary("orders.commands.dlq", &letters);
    assert_eq!(summary.records, 3);
    assert_eq!(summary.newest.as_deref(), Some("1970-01-01T00:00:00.003Z"));
    let counts: Vec<(&str, u64)> = summary.reasons.iter().map(|r| (r.message.as_str(), r.records)).collect();
    assert_eq!(counts, [("not JSON at line 1", 2), ("other", 1)]);
    letters.extend((4..20).map(|n| letter(n, &[("__streams.errors.message", &format!("reason {n}"))])));
    let text = table(&[super::summary("orders.commands.dlq", &letters)]).render(None);
    assert_eq!(text.lines().count(), 1 + REASONS_MAX + 1, "{text}");
    assert!(text.contains("13 more reasons"), "{text}");
}

#[test]
fn places_are_partition_and_offset() {
    let check = |text: &str, expected: Option<(u32, i64)>| {
        let place = text.parse::<Place>().ok().map(|place| (place.partition.get(), place.offset.get()));
        assert_eq!(place, expected, "{text}");
    };
    check("3:17", Some((3, 17)));
    check("0:0", Some((0, 0)));
    for wrong in ["", "3", "3:", ":17", "-1:2", "3:-2", "a:b", "3:17:1"] {
        check(wrong, None);
    }
}

#[test]
fn only_what_is_needed_is_read() {
    let partition = |number| TopicPartition::new(TopicName::new("t.dlq").unwrap(), Partition::new(number));
    let ends = BTreeMap::from([
        (partition(0), Ends { beginning: at(0), end: at(100) }),
        (partition(1), Ends { beginning: at(10), end: at(20) }),
    ]);
    let place = |partition, offset| Place { partition: Partition::new(partition), offset: at(offset) };
    let ranges = ranges_of(&[place(0, 40), place(0, 20)], &ends).unwrap();
    assert_eq!(ranges, BTreeMap::from([(partition(0), Ends { beginning: at(20), end: at(41) })]));
    for missing in [place(0, 100), place(1, 9), place(2, 0)] {
        assert_eq!(ranges_of(&[missing], &ends).unwrap_err().exit_code(), 2);
    }
}
