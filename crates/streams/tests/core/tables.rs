//! A table is what its topic says, however it came about.

use headwater_log::Headers;
use headwater_streams::{
    Context, DriverOptions, Error, Failure, FailureKind, Input, Policy, Processor, Received, StoreSpec, TestDriver,
    Topology,
};

use crate::messages::*;

/// Says what a line's key costs; values that begin with `!` fail, and `=` writes to the table, which is not allowed.
struct Lookup;

impl Processor for Lookup {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = input.key().unwrap_or_default();
        match input.value().and_then(|value| value.first()) {
            Some(b'!') => return Err(Failure::retriable("closed")),
            Some(b'=') => return context.put("prices", key, b"other"),
            _ => {}
        }
        let price = context.get("prices", key)?;
        context.send_raw("out", Some(key), price.as_deref(), Headers::new())
    }
}

fn shop() -> Topology {
    let mut topology = Topology::named("shop");
    let mut main = topology.subtopology("main", CART);
    main.table("prices", "prices", StoreSpec::key_value("prices"));
    let parks = Policy::ParkKey { attempts: 100, backoff_ms: 1_000 };
    main.raw("lines", "lines").policy(FailureKind::Process, parks);
    main.raw_sink("out", "out");
    main.processor("lookup", &["lines"], &["prices"], || Lookup);
    topology.build().unwrap()
}

fn send(driver: &mut TestDriver, topic: &str, key: Option<&str>, value: Option<&str>) {
    driver.send_raw(topic, key.map(str::as_bytes), value.map(str::as_bytes), Headers::new()).unwrap();
}

fn table(driver: &TestDriver) -> Vec<(String, String)> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    driver.store("prices").unwrap().entries().iter().map(|(key, value)| (text(key), text(value))).collect()
}

#[test]
fn a_table_holds_the_last_value_of_each_key_and_is_restored_from_its_topic() {
    let mut driver = TestDriver::new(&shop()).unwrap();
    for (key, value) in [("mug", Some("5")), ("pen", Some("2")), ("mug", Some("6")), ("pen", None), ("cup", Some("1"))]
    {
        send(&mut driver, "prices", Some(key), value);
    }
    send(&mut driver, "prices", None, Some("nobody's"));
    send(&mut driver, "lines", Some("mug"), Some("x"));
    let expected = [("cup", "1"), ("mug", "6")].map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(table(&driver), expected);
    assert_eq!(driver.outputs("out").unwrap()[0].bytes.as_deref(), Some(b"6".as_slice()));
    let letters = driver.dead_letters("prices").unwrap();
    assert_eq!(letters.len(), 1, "what has no key is in no table");
    let changes = driver.outputs("shop-main-changelog").unwrap();
    let of_table = changes.iter().filter(|record| record.key.as_bytes().first().is_some_and(|store| *store >= 16));
    assert_eq!(of_table.count(), 0, "its topic is its changelog");
    driver.crash_without_disk().unwrap();
    assert_eq!(table(&driver), expected);
    send(&mut driver, "prices", Some("cup"), None);
    assert_eq!(table(&driver), expected[1..]);
}

#[test]
fn a_parked_key_holds_no_record_of_a_table_back() {
    let mut driver = TestDriver::new(&shop()).unwrap();
    send(&mut driver, "lines", Some("mug"), Some("!"));
    send(&mut driver, "prices", Some("mug"), Some("7"));
    assert_eq!(table(&driver), [("mug".to_owned(), "7".to_owned())]);
}

#[test]
fn nobody_but_its_topic_writes_to_a_table() {
    let mut driver = TestDriver::new(&shop()).unwrap();
    let refused = driver.send_raw("lines", Some(b"mug"), Some(b"="), Headers::new()).unwrap_err();
    assert!(refused.to_string().contains("its topic alone changes it"), "{refused}");
}

/// Reads messages from a table of messages.
struct ReadsMessages;

impl Processor for ReadsMessages {
    fn process(&mut self, input: &Input<'_>, context: &mut Context<'_>) -> Result<(), Failure> {
        let key = input.key().unwrap_or_default();
        let paid: Option<CartPaid> = context.get_message("payments", key)?;
        let said = paid.map_or("none".to_owned(), |paid| paid.payment);
        let wrong = context.get_message::<ItemAdded>("payments", key).err().map(|failure| failure.message);
        let said = format!("{said} {}", wrong.unwrap_or_default());
        context.send_raw("out", Some(key), Some(said.as_bytes()), Headers::new())
    }
}

#[test]
fn messages_are_read_from_a_table_by_the_schema_they_were_written_with() {
    let mut topology = Topology::named("shop");
    let mut main = topology.subtopology("main", CART);
    main.table_of("payments", PAYMENTS, StoreSpec::key_value("payments"));
    main.raw("lines", "lines");
    main.raw_sink("out", "out");
    main.processor("lookup", &["lines"], &["payments"], || ReadsMessages);
    let mut driver = TestDriver::new(&topology.build().unwrap()).unwrap();
    driver.send(PAYMENTS, &paid("c-1")).unwrap();
    send(&mut driver, "lines", Some("c-1"), Some("x"));
    send(&mut driver, "lines", Some("c-2"), Some("x"));
    let text = |record: &Received| String::from_utf8_lossy(record.bytes.as_deref().unwrap()).into_owned();
    let said: Vec<String> = driver.outputs("out").unwrap().iter().map(text).collect();
    assert!(said[0].starts_with("p-1 the store holds \"shop.CartPaid\""), "{said:?}");
    assert_eq!(said[1], "none ");
}

#[test]
fn tables_alone_need_no_changelog() {
    let mut topology = Topology::named("shop");
    let mut main = topology.subtopology("main", CART);
    main.table("prices", "prices", StoreSpec::key_value("prices"));
    main.table("rates", "rates", StoreSpec::key_value("rates").in_memory());
    let topology = topology.build().unwrap();
    assert_eq!(topology.subtopologies()[0].changelog, None);
    assert!(topology.describe().contains("store prices #16 (persistent, table of prices)"), "{}", topology.describe());
    assert_eq!(topology.describe_json()["subtopologies"][0]["stores"][1]["source"], "rates");
    let mut driver = TestDriver::with(&[&topology], &DriverOptions::default()).unwrap();
    send(&mut driver, "prices", Some("mug"), Some("5"));
    driver.crash_without_disk().unwrap();
    assert_eq!(table(&driver).len(), 1);
}

#[test]
fn who_only_looks_up_may_be_stateless() {
    let mut topology = Topology::named("shop");
    let mut main = topology.subtopology("main", CART);
    main.table("prices", "prices", StoreSpec::key_value("prices"));
    main.raw("lines", "lines");
    main.raw_sink("out", "out");
    main.processor("lookup", &["lines"], &["prices"], || Lookup);
    main.stateless();
    let topology = topology.build().unwrap();
    assert!(topology.topics().iter().all(|topic| !topic.name.ends_with("-changelog")), "{topology:?}");
    let mut driver = TestDriver::new(&topology).unwrap();
    send(&mut driver, "prices", Some("mug"), Some("5"));
    driver.crash_without_disk().unwrap();
    send(&mut driver, "lines", Some("mug"), Some("x"));
    assert_eq!(driver.outputs("out").unwrap()[0].bytes.as_deref(), Some(b"5".as_slice()));
}

struct Nothing;

impl Processor for Nothing {
    fn process(&mut self, _input: &Input<'_>, _context: &mut Context<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

#[test]
fn what_a_table_can_not_be_is_said_when_it_is_declared() {
    let mut topology = Topology::named("shop");
    topology.subtopology("one", CART).table("prices", "prices", StoreSpec::key_value("prices"));
    let mut two = topology.subtopology("two", CART);
    two.policy(FailureKind::Decode, Policy::ParkKey { attempts: 1, backoff_ms: 1 });
    two.table("prices", "prices", StoreSpec::key_value("prices"));
    two.processor("also", &["prices"], &[], || Nothing);
    let error: Error = topology.build().unwrap_err();
    for expected in ["table of topic prices is there twice", "processor also reads source prices", "can't be parked"] {
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

#[test]
fn a_store_does_not_become_a_table_unnoticed() {
    let as_table = || {
        let mut topology = Topology::named("shop");
        let mut main = topology.subtopology("main", CART);
        main.table("prices", "prices", StoreSpec::key_value("prices"));
        main.raw("lines", "lines");
        main.processor("prices-table", &["lines"], &[], || Nothing);
        topology
    };
    assert!(as_table().build().is_err(), "the table's own processor has that name");
    let build = |is_table: bool, topic: &str| {
        let mut topology = Topology::named("shop");
        let mut main = topology.subtopology("main", CART);
        main.raw("lines", "lines");
        if is_table {
            main.table("prices", topic, StoreSpec::key_value("prices"));
        } else {
            main.store(StoreSpec::key_value("prices"));
        }
        main.processor("p", &["lines"], &["prices"], || Nothing);
        topology.build().unwrap()
    };
    let (kept, table, other) = (build(false, ""), build(true, "prices"), build(true, "rates"));
    table.check_migration(&table.manifest()).unwrap();
    for (now, before, says) in [
        (&table, &kept, "is the table of prices now"),
        (&kept, &table, "was the table of prices"),
        (&other, &table, "that of rates now"),
    ] {
        let migration = now.check_migration(&before.manifest()).unwrap_err();
        assert!(migration.to_string().contains(says), "{says}: {migration}");
    }
    let old = serde_json::to_string(&kept.manifest()).unwrap();
    assert!(!old.contains("tables"), "what was written before tables were is still read: {old}");
    kept.check_migration(&serde_json::from_str(&old).unwrap()).unwrap();
}
