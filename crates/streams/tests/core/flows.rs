use headwater_event::Domain;
use headwater_streams::{DriverOptions, StoreSpec, TestDriver, Topology, flow, specs};

use crate::cart;
use crate::messages::*;

const SKU: Domain = Domain::new("sku", "skus");

fn sums() -> Topology {
    flow("sku-sums")
        .from(EVENTS)
        .only::<ItemAdded>()
        .filter(|item| item.quantity < 100)
        .rekey("by-sku", SKU, |item| item.sku.clone())
        .aggregate("sums", |_| 0_i64, |sum, item| sum + item.quantity, |sum| add("", "", *sum))
        .to(COMMANDS)
        .unwrap()
}

#[test]
fn a_flow_filters_rekeys_and_aggregates() {
    let topology = sums();
    let options = DriverOptions { partitions: 4, ..DriverOptions::default() };
    let mut driver = TestDriver::with(&[&topology], &options).unwrap();
    for (cart, sku, quantity) in [("c1", "mug", 1), ("c2", "mug", 2), ("c3", "cup", 5), ("c4", "mug", 100)] {
        driver.send(EVENTS, &added(cart, sku, quantity)).unwrap();
    }
    driver.send(EVENTS, &CartClosed { cart_id: "c1".to_owned(), reason: "x".to_owned() }).unwrap();
    let sums = driver.store("sums").unwrap();
    assert_eq!((sums.get_json::<i64>(b"mug"), sums.get_json::<i64>(b"cup")), (Some(3), Some(5)));
    assert_eq!(driver.outputs("cart.commands").unwrap().len(), 3);
    assert_eq!(driver.counters().skipped, 1);
}

#[test]
fn a_topology_describes_itself_and_refuses_to_orphan_state() {
    let topology = cart::topology();
    let text = topology.describe();
    assert!(text.contains("source commands <- carts-commands-repartition (forwarded commands)"), "{text}");
    assert!(topology.describe_mermaid().contains("[(\"carts\")]"));
    assert_eq!(topology.describe_json()["subtopologies"][0]["changelog"], "carts-main-changelog");
    let with = |stores: &[StoreSpec]| {
        let mut topology = Topology::named("p");
        let mut main = topology.subtopology("main", CART);
        main.raw("lines", "lines");
        let names: Vec<String> = stores.iter().map(|s| format!("{s:?}")).collect();
        stores.iter().for_each(|store| main.store(store.clone()));
        let names: Vec<&str> = names.iter().map(|n| n.split('"').nth(1).unwrap()).collect();
        main.processor("p", &["lines"], &names, || Nothing);
        topology.build().unwrap()
    };
    let [a, b] = ["a", "b"].map(StoreSpec::key_value);
    let old = with(&[a.clone(), b.clone()]).manifest();
    with(&[a.clone(), b.clone(), StoreSpec::key_value("c")]).check_migration(&old).unwrap();
    let migration = with(std::slice::from_ref(&b)).check_migration(&old).unwrap_err();
    assert_eq!(migration.steps.len(), 2, "{migration}");
    let swapped = with(&[b.clone(), a.clone()]).check_migration(&old).unwrap_err();
    assert!(swapped.to_string().contains("pin it with .number(16)"), "{swapped}");
    with(&[b.number(17), a.number(16)]).check_migration(&old).unwrap();
}

struct Nothing;

impl headwater_streams::Processor for Nothing {
    fn process(
        &mut self,
        _input: &headwater_streams::Input<'_>,
        _context: &mut headwater_streams::Context<'_>,
    ) -> Result<(), headwater_streams::Failure> {
        Ok(())
    }
}

#[test]
fn everything_wrong_with_a_topology_is_said_at_once() {
    let mut topology = Topology::named("Bad Name");
    let mut main = topology.subtopology("main", SKU);
    main.events("events", EVENTS);
    main.raw("unread", "unread");
    main.store(StoreSpec::key_value("unused"));
    main.processor("p", &["events", "nowhere"], &["missing"], || Nothing);
    let error = topology.build().unwrap_err();
    for expected in [
        "Bad Name",
        "of domain cart",
        "no processor reads source unread",
        "unknown source nowhere",
        "unknown store missing",
        "no processor uses store unused",
    ] {
        assert!(error.to_string().contains(expected), "{expected}: {error}");
    }
}

const SPEC: &str = r"
- name: a cart expires
  given:
    - send: { topic: cart.commands, json: { type: AddItem, cart_id: c-1, sku: mug, quantity: 2 } }
  ingest:
    - send: { topic: payments.events, type: CartPaid, avro: { cart_id: c-2, payment: p } }
    - send: { topic: cart.commands, text: hello }
    - crash: memory
    - advance: 30m
  verify:
    outputs:
      cart.events: [{ type: CartClosed, key: c-1, value: { reason: expired } }]
      cart.replies: []
    stores: { carts: { c-1: { version: 2, state: { items: 2, closed: expired } }, c-2: null } }
    dead_letters: { cart.commands: [{ message: not JSON }] }
    timers: []
    counters: { rejected: 1 }
";

#[test]
fn a_spec_passes_where_it_is_right_and_says_what_differs_where_not() {
    let topology = cart::topology();
    let run = |text: &str| specs::run_text(&[&topology], &DriverOptions::default(), text, "spec");
    run(SPEC).unwrap();
    let check = |from: &str, to: &str, expected: &str| {
        let failure = run(&SPEC.replace(from, to)).unwrap_err().to_string();
        assert!(failure.contains(expected), "{expected}: {failure}");
    };
    check("reason: expired", "reason: paid", "cart.events[0].reason: expected \"paid\", is \"expired\"");
    check("type: CartClosed", "type: ItemAdded", "expected ItemAdded, is shop.CartClosed");
    check("cart.replies: []", "cart.replies: [{ key: x }]", "cart.replies: expected 1 records, are 0");
    check("version: 2", "version: 3", "store carts[c-1].version: expected 3, is 2");
    check("not JSON", "too large", "dead letters of cart.commands");
    check("timers: []", "timers: [{ name: expiry }]", "timers: expected");
    check("rejected: 1", "rejected: 2", "counter rejected: expected 2, is 1");
    check("verify:", "verfy:", "not a list of cases");
}
