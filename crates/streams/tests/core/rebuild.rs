//! The law: a decider's state is the fold of the events that it published, version and timers too.

use headwater_log::Headers;
use headwater_streams::{DriverOptions, Participant, TestDriver, Versioned};
use proptest::prelude::*;

use crate::cart::{Cart, Command, Event, OPEN_MS, State, topology};
use crate::messages::*;

const CARTS: &str = "carts";

#[derive(Debug, Clone)]
enum Act {
    Add { cart: u8, quantity: i64, expected_version: Option<u8> },
    Close { cart: u8 },
    Pay { cart: u8 },
    Broken,
    Wait { minutes: u8 },
    Commit,
    Abort,
    Crash,
    Rebuild,
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let act = prop_oneof![
        6 => (0..5_u8, -1..4_i64, prop::option::weighted(0.3, 0..4_u8))
            .prop_map(|(cart, quantity, expected_version)| Act::Add { cart, quantity, expected_version }),
        2 => (0..5_u8).prop_map(|cart| Act::Close { cart }),
        2 => (0..5_u8).prop_map(|cart| Act::Pay { cart }),
        1 => Just(Act::Broken),
        2 => (1..40_u8).prop_map(|minutes| Act::Wait { minutes }),
        3 => Just(Act::Commit),
        1 => Just(Act::Abort),
        1 => Just(Act::Crash),
        1 => Just(Act::Rebuild),
    ];
    prop::collection::vec(act, 1..60)
}

fn act(driver: &mut TestDriver, act: &Act) -> Result<(), headwater_streams::Error> {
    match act {
        Act::Add { cart, quantity, expected_version } => {
            let mut headers = Headers::new();
            if let Some(version) = expected_version {
                headers.push("expected-version", version.to_string());
            }
            let text = format!(r#"{{"type":"AddItem","cart_id":"c-{cart}","sku":"mug","quantity":{quantity}}}"#);
            driver.send_raw("cart.commands", Some(format!("c-{cart}").as_bytes()), Some(text.as_bytes()), headers)
        }
        Act::Close { cart } => driver.send(COMMANDS, &CloseCart { cart_id: format!("c-{cart}") }).map(drop),
        Act::Pay { cart } => driver.send(PAYMENTS, &paid(&format!("c-{cart}"))).map(drop),
        Act::Broken => driver.send_raw("cart.commands", Some(b"c-0"), Some(b"no command"), Headers::new()),
        Act::Wait { minutes } => driver.advance(i64::from(*minutes) * 60_000),
        Act::Commit => driver.commit(),
        Act::Abort => {
            driver.abort();
            driver.settle()
        }
        Act::Crash => driver.crash().and_then(|()| driver.settle()),
        Act::Rebuild => driver.commit().and_then(|()| driver.rebuild(CARTS)).map(drop),
    }
}

fn carts(driver: &TestDriver) -> Vec<(bytes::Bytes, bytes::Bytes)> {
    driver.store(CARTS).unwrap().entries()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn what_is_rebuilt_from_the_events_is_what_the_decider_holds(acts in acts()) {
        let options = DriverOptions { partitions: 3, ..DriverOptions::default() };
        let mut driver = TestDriver::with(&[&topology()], &options).unwrap();
        driver.auto_commit(false);
        for one in &acts {
            act(&mut driver, one).unwrap();
        }
        driver.auto_commit(true);
        driver.settle().unwrap();
        driver.commit().unwrap();
        let (state, timers) = (carts(&driver), driver.timers().unwrap());
        prop_assert_eq!(driver.rebuild(CARTS).unwrap(), 0, "nothing is to be corrected");
        driver.lose_state(CARTS).unwrap();
        prop_assert_eq!((carts(&driver).len(), driver.timers().unwrap().len()), (0, 0));
        let corrected = driver.rebuild(CARTS).unwrap();
        prop_assert_eq!(corrected as usize, state.len() + 2 * timers.len());
        prop_assert_eq!(carts(&driver), state.clone());
        prop_assert_eq!(driver.timers().unwrap(), timers.clone());
        driver.crash_without_disk().unwrap();
        prop_assert_eq!((carts(&driver), driver.timers().unwrap()), (state, timers), "the changelog has it too");
    }
}

#[test]
fn a_rebuilt_decider_goes_on_as_before_and_its_timers_fire_with_the_same_ids() {
    let run = |is_rebuilt: bool| {
        let mut driver = TestDriver::new(&topology()).unwrap();
        driver.send(COMMANDS, &add("c-1", "mug", 2)).unwrap();
        driver.send(COMMANDS, &add("c-2", "mug", 1)).unwrap();
        if is_rebuilt {
            driver.lose_state(CARTS).unwrap();
            assert_eq!(driver.rebuild(CARTS).unwrap(), 2 + 4);
        }
        let mut headers = Headers::new();
        headers.push("expected-version", "1");
        let text = br#"{"type":"CloseCart","cart_id":"c-2"}"#;
        driver.send_raw("cart.commands", Some(b"c-2"), Some(text), headers).unwrap();
        assert_eq!(driver.outputs("cart.events").unwrap().len(), 3, "no timer has fired");
        driver.advance(OPEN_MS).unwrap();
        driver.send(COMMANDS, &add("c-1", "mug", 1)).unwrap();
        let said = |topic: &str| driver.outputs(topic).unwrap().into_iter().map(|r| (r.key, r.envelope, r.value));
        (said("cart.events").collect::<Vec<_>>(), said("cart.replies").collect::<Vec<_>>())
    };
    let (events, replies) = run(true);
    assert_eq!((events.len(), replies.len()), (4, 1));
    assert_eq!((events, replies), run(false));
}

#[test]
fn timers_that_are_long_due_stay_until_the_decider_itself_runs() {
    let mut driver = TestDriver::new(&topology()).unwrap();
    driver.auto_commit(false);
    driver.send(COMMANDS, &add("c-1", "mug", 2)).unwrap();
    driver.commit().unwrap();
    driver.lose_state(CARTS).unwrap();
    driver.advance(3 * OPEN_MS).unwrap();
    assert_eq!(driver.rebuild(CARTS).unwrap(), 3);
    assert_eq!(driver.timers().unwrap().len(), 1);
    assert_eq!(driver.outputs("cart.events").unwrap().len(), 1, "a rebuild publishes nothing");
    driver.auto_commit(true);
    driver.settle().unwrap();
    let state: Versioned<State> = driver.store(CARTS).unwrap().get_json(b"c-1").unwrap();
    assert_eq!((state.version, state.state.closed.as_deref()), (2, Some("expired")));
}

#[test]
fn what_no_event_says_is_taken_away_and_what_is_wrong_is_put_right() {
    let mut driver = TestDriver::new(&topology()).unwrap();
    driver.send(COMMANDS, &add("c-1", "mug", 2)).unwrap();
    let before = carts(&driver);
    driver.damage(CARTS, b"c-1", Some(b"{}")).unwrap();
    driver.damage(CARTS, b"c-9", Some(b"{}")).unwrap();
    assert_eq!(driver.rebuild(CARTS).unwrap(), 2);
    assert_eq!(carts(&driver), before);
}

#[test]
fn an_event_that_can_not_be_read_ends_the_rebuild_with_its_place() {
    let mut driver = TestDriver::new(&topology()).unwrap();
    driver.send(COMMANDS, &add("c-1", "mug", 2)).unwrap();
    driver.send_raw("cart.events", Some(b"c-1"), Some(b"what is this"), Headers::new()).unwrap();
    let error = driver.rebuild(CARTS).unwrap_err().to_string();
    assert!(error.contains("cart.events") && error.contains('1'), "{error}");
}

#[test]
fn every_type_of_the_topic_has_to_be_an_event_again() {
    let participant = Participant::<Cart>::named(CARTS, CART)
        .on(PAYMENTS, |_: CartPaid| Command::Close { reason: "paid" })
        .events_to(EVENTS, |_, _| Ok(()))
        .event::<CartClosed>(|message, _| Event::Closed { reason: message.reason });
    let problems = participant.build().unwrap_err().problems;
    assert!(problems.iter().any(|problem| problem.contains("shop.ItemAdded")), "{problems:?}");
}

#[test]
fn an_event_that_is_no_message_is_refused_where_state_is_rebuilt() {
    let participant = Participant::<Cart>::named(CARTS, CART)
        .commands(COMMANDS)
        .command::<AddItem>(|c| Command::Add { sku: c.sku, quantity: c.quantity })
        .replies(REPLIES, |rejected| CommandRejected {
            cart_id: rejected.aggregate_id.clone(),
            command_id: rejected.command_id.to_string(),
            reason: rejected.reason.clone(),
            field: rejected.field.clone(),
        })
        .events_to(EVENTS, |_, _| Ok(()))
        // Each type of the topic is known, but what happens is not said.
        .event::<ItemAdded>(|message, at| Event::Added { sku: message.sku, quantity: message.quantity, at })
        .event::<CartClosed>(|message, _| Event::Closed { reason: message.reason });
    let mut driver = TestDriver::new(&participant.build().unwrap()).unwrap();
    driver.send(COMMANDS, &add("c-1", "mug", 2)).unwrap();
    assert!(carts(&driver).is_empty());
    let letters = driver.dead_letters("cart.commands").unwrap();
    let why = letters[0].headers.last_text("__streams.errors.message").unwrap();
    assert!(why.contains("0 messages"), "{why}");
}
