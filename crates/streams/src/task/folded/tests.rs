#![allow(clippy::unwrap_used, clippy::expect_used)]
use bytes::Bytes;
use headwater_event::Timestamp;
use headwater_log::Headers;

use super::Folded;
use crate::{KnownEnvelope, Output, TopicRef};

fn output(topic: u32, key: &'static str, value: Option<&'static str>) -> Output {
    Output {
        topic: TopicRef(topic),
        partition: None,
        key: Some(Bytes::from_static(key.as_bytes())),
        value: value.map(|value| Bytes::from_static(value.as_bytes())),
        headers: Headers::new(),
        envelope: KnownEnvelope::default(),
        timestamp: Timestamp::from_millis(1),
    }
}

#[track_caller]
fn check(folded: &mut Folded, expected: &[(u32, &str, Option<&str>)]) {
    let held = folded.size_bytes();
    let mut outputs = Vec::new();
    folded.give_out(&mut outputs);
    let bytes: usize = outputs.iter().map(Output::size_bytes).sum();
    assert_eq!(held, bytes);
    assert_eq!(folded.size_bytes(), 0);
    let found: Vec<_> = outputs
        .iter()
        .map(|output| {
            let text = |bytes: &Bytes| String::from_utf8(bytes.to_vec()).unwrap();
            (output.topic.0, text(output.key.as_ref().unwrap()), output.value.as_ref().map(text))
        })
        .collect();
    let expected: Vec<_> =
        expected.iter().map(|(topic, key, value)| (*topic, (*key).to_owned(), value.map(str::to_owned))).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_last_of_each_key_and_topic_is_written_where_the_first_stood() {
    let mut folded = Folded::default();
    for (topic, key, value) in
        [(0, "a", Some("1")), (0, "b", Some("1")), (1, "a", Some("1")), (0, "a", Some("22")), (0, "b", None)]
    {
        folded.put(output(topic, key, value));
        folded.keep();
    }
    check(&mut folded, &[(0, "a", Some("22")), (0, "b", None), (1, "a", Some("1"))]);
    folded.put(output(0, "a", Some("3")));
    folded.keep();
    check(&mut folded, &[(0, "a", Some("3"))]);
}

#[test]
fn what_a_failed_input_put_out_is_gone_and_what_was_before_stays() {
    let mut folded = Folded::default();
    folded.put(output(0, "a", Some("1")));
    folded.keep();
    folded.put(output(0, "a", Some("2")));
    folded.put(output(0, "b", Some("2")));
    folded.undo();
    check(&mut folded, &[(0, "a", Some("1"))]);
}

#[test]
fn an_aborted_transaction_leaves_nothing() {
    let mut folded = Folded::default();
    folded.put(output(0, "a", Some("1")));
    folded.keep();
    folded.put(output(0, "b", Some("1")));
    folded.clear();
    check(&mut folded, &[]);
}
