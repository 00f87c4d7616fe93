use headwater_event::{Envelope, EventId, Timestamp, header};
use headwater_log::Headers;
use headwater_streams::{DriverOptions, TestDriver};

use crate::cart::topology;
use crate::messages::*;

const ADD: &str = r#"{"type":"AddItem","cart_id":"c-1","sku":"mug","quantity":1}"#;

fn driver(partitions: u32) -> TestDriver {
    TestDriver::with(&[&topology()], &DriverOptions { partitions, ..DriverOptions::default() }).unwrap()
}

#[test]
fn json_as_people_type_it_is_taken() {
    let mut driver = driver(1);
    driver.send_json("cart.commands", ADD).unwrap();
    assert_eq!(driver.messages::<ItemAdded>("cart.events").unwrap(), [added("c-1", "mug", 1)]);
}

#[test]
fn commands_without_id_are_told_apart_by_their_place() {
    let mut driver = driver(1);
    driver.send_json("cart.commands", ADD).unwrap();
    driver.send_json("cart.commands", ADD).unwrap();
    let events = driver.outputs("cart.events").unwrap();
    assert_eq!(events.len(), 2);
    assert_ne!(events[0].envelope.as_ref().unwrap().id, events[1].envelope.as_ref().unwrap().id);
}

#[test]
fn a_command_sent_twice_with_one_id_happens_once() {
    let mut driver = driver(1);
    let id = EventId::of_text("one");
    let envelope = Envelope::root(id, "/test", "shop.AddItem", "c-1", Timestamp::from_millis(0));
    driver.send_as(COMMANDS, &add("c-1", "mug", 1), &envelope).unwrap();
    driver.send_as(COMMANDS, &add("c-1", "mug", 1), &envelope).unwrap();
    assert_eq!(driver.outputs("cart.events").unwrap().len(), 1);
    assert_eq!(driver.counters().deduplicated, 1);
    driver.crash_without_disk().unwrap();
    driver.send_as(COMMANDS, &add("c-1", "mug", 1), &envelope).unwrap();
    assert_eq!(driver.outputs("cart.events").unwrap().len(), 1);
    driver.advance(7 * 24 * 3_600_000 + 1).unwrap();
    driver.send_as(COMMANDS, &add("c-1", "mug", 1), &envelope).unwrap();
    assert_eq!(driver.outputs("cart.events").unwrap().len(), 2, "the window has passed");
}

#[test]
fn a_misplaced_command_is_forwarded_and_keeps_its_id() {
    let mut driver = driver(6);
    for cart in 0..20 {
        driver.send_json("cart.commands", &ADD.replace("c-1", &format!("c-{cart}"))).unwrap();
    }
    let events = driver.outputs("cart.events").unwrap();
    assert_eq!(events.len(), 20);
    let forwarded = driver.outputs("carts-commands-repartition").unwrap();
    assert_eq!(driver.counters().forwarded as usize, forwarded.len());
    assert!(!forwarded.is_empty());
    for forwarded in &forwarded {
        let id = forwarded.envelope.as_ref().unwrap().id;
        let event = events.iter().find(|event| event.key == forwarded.key).unwrap();
        assert_eq!(event.envelope.as_ref().unwrap().causation_id, Some(id));
    }
    let partitions = std::num::NonZeroU32::new(6).unwrap();
    for event in &events {
        assert_eq!(event.partition, headwater_log::partition_of_key(event.key.as_bytes(), partitions));
    }
}

/// What, key, headers, value, and the reason of the reply; None: a dead letter.
type Case = (&'static str, Option<&'static str>, Vec<(&'static str, String)>, Option<Vec<u8>>, Option<&'static str>);

#[test]
fn broken_commands_get_a_reply_or_become_dead_letters() {
    let type_header = |name: &str| vec![(header::TYPE, name.to_owned())];
    let none = Vec::new;
    let json = |text: &str| Some(text.as_bytes().to_vec());
    let cases: Vec<Case> = vec![
        ("not JSON", None, none(), json("hello"), None),
        ("null value", Some("c-1"), none(), None, None),
        ("empty", None, none(), json(""), None),
        ("not an object", None, none(), json("[1]"), None),
        ("bad UTF-8", None, none(), Some(vec![b'{', 0xff, b'}']), None),
        ("no type", None, none(), json(r#"{"cart_id":"c-1"}"#), Some("missing_type")),
        ("unknown command", None, none(), json(r#"{"type":"Burn","cart_id":"c-1"}"#), Some("unknown_command")),
        ("unknown field", None, none(), json(r#"{"type":"CloseCart","cart_id":"c-1","x":1}"#), Some("unknown_field")),
        ("missing field", None, none(), json(r#"{"type":"AddItem","cart_id":"c-1","sku":"a"}"#), Some("missing_field")),
        ("no id", None, none(), json(r#"{"type":"CloseCart"}"#), None),
        ("wrong type", None, none(), json(&ADD.replace(":1}", ":\"1\"}")), Some("wrong_type")),
        ("overflow", None, none(), json(&ADD.replace(":1}", ":9223372036854775808}")), Some("out_of_range")),
        ("key against payload", Some("c-2"), none(), json(ADD), Some("key_mismatch")),
        ("header against payload", None, type_header("shop.CloseCart"), json(ADD), Some("type_contradicted")),
        ("wrong schema id", None, none(), Some(vec![0, 0, 0, 9, 9, 2, b'x']), None),
        ("short frame", None, none(), Some(vec![0, 0]), None),
        ("id without type", None, vec![(header::ID, "x".to_owned())], json(ADD), None),
    ];
    for (what, key, headers, value, reason) in cases {
        let mut driver = driver(1);
        let mut all = Headers::new();
        headers.iter().for_each(|(name, value)| all.push(name, value));
        driver.send_raw("cart.commands", key.map(str::as_bytes), value.as_deref(), all).unwrap();
        driver.send_json("cart.commands", &ADD.replace("c-1", "c-behind")).unwrap();
        let replies = driver.messages::<CommandRejected>("cart.replies").unwrap();
        let reasons: Vec<&str> = replies.iter().map(|reply| reply.reason.as_str()).collect();
        let dead = driver.dead_letters("cart.commands").unwrap();
        match reason {
            Some(reason) => assert_eq!((reasons, dead.len()), (vec![reason], 0), "{what}"),
            None => {
                assert_eq!((replies.len(), dead.len()), (0, 1), "{what}");
                assert_eq!(dead[0].bytes.as_deref(), value.as_deref(), "{what}");
                assert_eq!(dead[0].headers.last_text("__streams.errors.offset"), Some("0"), "{what}");
                assert!(!dead[0].headers.last_text("__streams.errors.message").unwrap().is_empty(), "{what}");
            }
        }
        let events = driver.messages::<ItemAdded>("cart.events").unwrap();
        assert_eq!(events, [added("c-behind", "mug", 1)], "{what}");
    }
}

#[test]
fn truncated_avro_is_a_dead_letter() {
    let mut driver = driver(1);
    driver.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
    let whole = driver.outputs("cart.commands").unwrap()[0].bytes.clone().unwrap();
    for length in 0..whole.len() {
        let before = driver.dead_letters("cart.commands").unwrap().len();
        let cut = whole.slice(..length);
        driver.send_raw("cart.commands", None, Some(&cut), Headers::new()).unwrap();
        assert_eq!(driver.dead_letters("cart.commands").unwrap().len(), before + 1, "{length} bytes");
    }
    assert_eq!(driver.outputs("cart.events").unwrap().len(), 1);
}

#[test]
fn a_dead_letter_that_is_mended_keeps_its_id_by_place() {
    let mut driver = driver(1);
    driver.send_json("cart.commands", "{").unwrap();
    let dead = driver.dead_letters("cart.commands").unwrap();
    let id = dead[0].headers.last_text("__headwater.id").unwrap().to_owned();
    driver.send_raw("cart.commands", None, Some(ADD.as_bytes()), dead[0].headers.clone()).unwrap();
    let event = driver.outputs("cart.events").unwrap()[0].envelope.clone().unwrap();
    assert_eq!(event.causation_id, Some(EventId::of_text(&id)));
}
