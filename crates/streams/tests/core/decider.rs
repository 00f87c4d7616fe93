use headwater_event::EventId;
use headwater_log::Headers;
use headwater_streams::{TestDriver, Versioned};

use crate::cart::{OPEN_MS, State, topology};
use crate::messages::*;

fn types(driver: &TestDriver, topic: &str) -> Vec<String> {
    driver.outputs(topic).unwrap().into_iter().map(|r| r.message_type).collect()
}

#[test]
fn a_command_becomes_an_event_with_its_cause_and_state() {
    let mut driver = TestDriver::new(&topology()).unwrap();
    let cause = driver.send(COMMANDS, &add("c-1", "mug", 2)).unwrap();
    let events = driver.outputs("cart.events").unwrap();
    let envelope = events[0].envelope.clone().unwrap();
    assert_eq!(events[0].key, "c-1");
    assert_eq!(events[0].value["quantity"], 2);
    assert_eq!(envelope.id, cause.id.child("carts", "shop.ItemAdded", 0));
    assert_eq!(envelope.causation_id, Some(cause.id));
    assert_eq!(envelope.correlation_id, cause.correlation_id);
    let state: Versioned<State> = driver.store("carts").unwrap().get_json(b"c-1").unwrap();
    assert_eq!((state.version, state.state.items), (1, 2));
}

#[test]
fn a_rejected_command_gets_a_reply_and_a_late_reaction_gets_none() {
    let mut driver = TestDriver::new(&topology()).unwrap();
    driver.send(COMMANDS, &add("c-1", "mug", 0)).unwrap();
    let replies = driver.messages::<CommandRejected>("cart.replies").unwrap();
    assert_eq!((replies[0].reason.as_str(), replies[0].field.as_deref()), ("not_positive", Some("quantity")));
    driver.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
    driver.send(PAYMENTS, &paid("c-1")).unwrap();
    driver.send(PAYMENTS, &paid("c-1")).unwrap();
    assert_eq!(types(&driver, "cart.events"), ["shop.ItemAdded", "shop.CartClosed"]);
    assert_eq!(driver.outputs("cart.replies").unwrap().len(), 1);
    assert_eq!(driver.counters().rejected, 2);
}

#[test]
fn an_expected_version_that_is_not_met_is_a_conflict() {
    let mut driver = TestDriver::new(&topology()).unwrap();
    let with_version = |version: &str| {
        let mut headers = Headers::new();
        headers.push("expected-version", version);
        headers
    };
    let text = br#"{"type":"AddItem","cart_id":"c-1","sku":"mug","quantity":1}"#;
    for version in ["0", "0", "1"] {
        driver.send_raw("cart.commands", Some(b"c-1"), Some(text), with_version(version)).unwrap();
    }
    assert_eq!(types(&driver, "cart.events").len(), 2);
    assert_eq!(driver.messages::<CommandRejected>("cart.replies").unwrap()[0].reason, "version_conflict");
    driver.send_raw("cart.commands", Some(b"c-1"), Some(text), with_version("many")).unwrap();
    assert_eq!(driver.dead_letters("cart.commands").unwrap().len(), 1);
}

#[test]
fn a_deadline_follows_the_state() {
    let mut driver = TestDriver::new(&topology()).unwrap();
    driver.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
    driver.send(COMMANDS, &add("c-2", "mug", 1)).unwrap();
    assert_eq!(driver.timers().unwrap().len(), 2);
    driver.send(PAYMENTS, &paid("c-2")).unwrap();
    assert_eq!(driver.timers().unwrap().len(), 1);
    driver.advance(OPEN_MS - 1).unwrap();
    assert_eq!(driver.messages::<CartClosed>("cart.events").unwrap().len(), 1);
    driver.advance(1).unwrap();
    let closed = driver.messages::<CartClosed>("cart.events").unwrap();
    assert_eq!(closed.iter().map(|c| c.reason.as_str()).collect::<Vec<_>>(), ["paid", "expired"]);
    assert!(driver.timers().unwrap().is_empty());
}

#[test]
fn a_timers_outputs_have_ids_of_their_own() {
    let mut driver = TestDriver::new(&topology()).unwrap();
    driver.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
    driver.advance(OPEN_MS).unwrap();
    let events = driver.outputs("cart.events").unwrap();
    let ids: Vec<EventId> = events.iter().map(|event| event.envelope.as_ref().unwrap().id).collect();
    assert_eq!(ids.len(), 2);
    assert_ne!(ids[0], ids[1]);
    let causes: Vec<_> = events.iter().map(|event| event.envelope.as_ref().unwrap().causation_id).collect();
    assert_eq!(causes[0], causes[1], "both are caused by the command");
}

#[test]
fn reactions_are_data() {
    let topology = topology();
    let reaction = &topology.reactions()[0];
    assert_eq!((reaction.topic.as_str(), reaction.message_type), ("payments.events", "shop.CartPaid"));
    assert_eq!(reaction.command, "Command");
}

#[test]
fn state_is_found_again_after_a_crash_and_after_a_move() {
    let mut driver = TestDriver::new(&topology()).unwrap();
    driver.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
    driver.crash().unwrap();
    driver.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
    driver.crash_without_disk().unwrap();
    driver.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
    let state: Versioned<State> = driver.store("carts").unwrap().get_json(b"c-1").unwrap();
    assert_eq!((state.version, state.state.items), (3, 3));
    driver.advance(OPEN_MS).unwrap();
    assert_eq!(driver.messages::<CartClosed>("cart.events").unwrap().len(), 1);
}
