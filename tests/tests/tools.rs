//! The tools of the `headwater` binary, as a person uses them: on `headwater dev`, from a shell.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "test support: a failure here is a failed test"
)]

use std::path::Path;
use std::time::Duration;

use headwater_devbroker::{Broker, BrokerOptions, StorageKind};
use headwater_kafka::admin::NewTopic;
use headwater_kafka::{Admin, ConnectionSettings, OffsetToCommit};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use headwater_tests::deadline::wait_for;
use headwater_tests::headwater::{Headwater, Ports, place_order, receive_stock, run};
use serde_json::Value;

/// What a command did: exit code, standard output, standard error.
struct Did {
    code: i32,
    out: String,
    err: String,
}

impl Did {
    #[track_caller]
    fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "standard output:\n{}\nstandard error:\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    fn says(self, expected: &str) -> Self {
        assert!(self.err.contains(expected), "{expected:?} is not in:\n{}", self.err);
        self
    }

    #[track_caller]
    fn prints(self, expected: &str) -> Self {
        assert!(self.out.contains(expected), "{expected:?} is not in:\n{}", self.out);
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    #[track_caller]
    fn lines(&self) -> Vec<Value> {
        self.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// A shell whose environment names a `headwater dev`.
struct Shell<'a>(&'a Ports);

impl Shell<'_> {
    fn pipe(&self, arguments: &[&str], input: &str) -> Did {
        let (bootstrap, registry, url) = (self.0.bootstrap(), self.0.registry_url(), self.0.url(""));
        let environment = [
            ("KAFKA_BOOTSTRAP_SERVERS", bootstrap.as_str()),
            ("SCHEMA_REGISTRY_URL", registry.as_str()),
            ("HEADWATER_URL", url.as_str()),
        ];
        let (code, out, err) = run(arguments, &environment, input);
        Did { code, out, err }
    }

    fn run(&self, arguments: &[&str]) -> Did {
        self.pipe(arguments, "")
    }
}

fn dev(folder: &Path) -> (Headwater, Ports) {
    Headwater::dev(folder, None, &["--payment-profile", "none"], &folder.with_extension("log"))
}

#[test]
fn an_order_from_the_shell_to_its_view() {
    let folder = tempfile::tempdir().unwrap();
    let (_dev, ports) = dev(&folder.path().join("dev"));
    let shell = Shell(&ports);

    shell
        .pipe(&["produce", "-t", "inventory.commands"], &receive_stock("t-1", 100))
        .exits(0)
        .says("1 record delivered");
    let lines = format!(
        "{}\n{{\"type\":\"PlaceOrder\"}}\n\n{}\n",
        place_order("t-o-1", "t-1", 6),
        place_order("t-o-2", "t-1", 1)
    );
    shell.pipe(&["produce"], &lines).exits(1).says("line 2: ").says("2 records delivered").says("1 refused");

    shell.run(&["saga", "watch", "t-o-1", "--timeout", "30"]).exits(0).prints("OrderCreated").prints("completed");
    shell.run(&["saga", "watch", "t-o-2", "--timeout", "30"]).exits(0);
    let saga = shell.run(&["saga", "get", "t-o-1", "-o", "json"]).exits(0).json();
    assert_eq!(saga["state"], "completed");
    shell.run(&["saga", "list", "--state", "completed"]).exits(0).prints("t-o-1").says("of");
    shell.run(&["saga", "get", "t-nothing"]).exits(1).says("error: there is no saga of order t-nothing");

    let order = wait_for("the order's view", Duration::from_secs(20), || {
        let order = shell.run(&["orders", "get", "t-o-1", "-o", "json"]).exits(0).json();
        if order["status"] == "delivered" { Ok(order) } else { Err(order.to_string()) }
    });
    assert_eq!(order["total_minor"], 6 * 339);
    shell.run(&["orders", "get", "t-o-1"]).exits(0).prints("delivered");
    let listed = shell.run(&["orders", "list", "--customer", "c-1", "-o", "json"]).exits(0).json();
    assert_eq!(listed["total"], 2, "{listed}");
    shell.run(&["orders", "list", "--status", "cancelled"]).exits(0).says("0 of 0");

    let events = shell.run(&["consume", "-t", "orders.events", "-k", "t-o-1", "-e"]).exits(0).lines();
    let kinds: Vec<&str> = events.iter().map(|event| event["headers"]["ce_type"].as_str().unwrap()).collect();
    assert_eq!(kinds.first(), Some(&"headwater.orders.OrderCreated"), "{kinds:?}");
    assert_eq!(kinds.last(), Some(&"headwater.orders.OrderDelivered"), "{kinds:?}");
    assert_eq!(events[0]["value"]["items"][0]["sku"], "t-1", "decoded by the registry: {}", events[0]);
    let last = shell.run(&["consume", "-t", "orders.events", "-o", "-1", "-e"]).exits(0).lines();
    assert!(!last.is_empty() && last.len() <= 2, "the last of each partition, markers or not: {last:?}");
    let two = shell.run(&["consume", "-t", "orders.events", "-c", "2"]).exits(0).lines();
    assert_eq!(two.len(), 2);
    shell.run(&["consume", "-t", "orders.events", "-o", "end", "-e"]).exits(0).prints("");
    shell.run(&["consume", "-t", "orders.events", "-o", "sometimes"]).exits(2);
    shell.run(&["consume", "-t", "no.such.topic", "-e"]).exits(1).says("error: topic no.such.topic does not exist");
    shell
        .run(&["consume", "-t", "orders.commands", "-e", "-f", "raw", "-k", "t-o-1"])
        .exits(0)
        .prints("\"PlaceOrder\"");
    shell.run(&["consume", "-t", "orders.events", "-e", "-f", "table"]).exits(0).prints("OrderDelivered");
}

#[test]
fn topics_schemas_and_the_doctor() {
    let folder = tempfile::tempdir().unwrap();
    let (_dev, ports) = dev(&folder.path().join("dev"));
    let shell = Shell(&ports);

    shell.run(&["topics", "plan"]).exits(0).prints("No changes");
    shell.run(&["topics", "drift", "-o", "json"]).exits(0);
    shell.run(&["topics", "apply"]).exits(0);
    let listed = shell.run(&["topics", "list", "-o", "json"]).exits(0).json();
    let events = listed.as_array().unwrap().iter().find(|topic| topic["name"] == "orders.events").unwrap();
    assert_eq!((&events["is_declared"], &events["partitions"]), (&Value::Bool(true), &Value::from(6)));
    shell.run(&["topics", "import"]).exits(0).prints("orders.events");

    let file = folder.path().join("topics.yaml");
    std::fs::write(
        &file,
        "version: 1\ntopics:\n  - {name: tools.new, owner: tools, partitions: 2, configs: {retention.ms: 1000}}\n",
    )
    .unwrap();
    let file = file.to_string_lossy().into_owned();
    let mine = |verb: &'static str| ["topics", verb, "--no-schemas", "--file", &file];
    shell.run(&mine("plan")).exits(3).prints("+ topic tools.new").says("pending");
    shell.run(&mine("apply")).exits(0).says("topic tools.new created");
    shell.run(&mine("plan")).exits(0);
    std::fs::write(&file, "version: 1\ntopics:\n  - {name: tools.new, owner: tools, partitions: 1}\n").unwrap();
    shell.run(&mine("plan")).exits(1).says("error: ").says("tools.new has 2 partitions");
    std::fs::write(&file, "version: 1\ntopics:\n  - {nme: x}\n").unwrap();
    shell.run(&mine("plan")).exits(2).says("error: ").says("topics.yaml:3");

    shell.run(&["schemas", "list", "orders."]).exits(0).prints("orders.commands-value");
    let schema = shell.run(&["schemas", "get", "orders.events-headwater.orders.OrderPaid"]).exits(0).json();
    assert_eq!(schema["name"], "OrderPaid");
    let level = shell.run(&["schemas", "config", "orders.commands-value", "-o", "json"]).exits(0).json();
    assert_eq!(level["compatibility"], "BACKWARD_TRANSITIVE");
    let avsc = |fields: &str| format!(r#"{{"type":"record","name":"tools.X","fields":[{fields}]}}"#);
    let register = ["schemas", "register", "tools.new-value", "-"];
    let check = ["schemas", "check", "tools.new-value", "-"];
    shell.pipe(&register, &avsc(r#"{"name":"id","type":"string"}"#)).exits(0);
    shell.pipe(&check, &avsc(r#"{"name":"id","type":"string"},{"name":"n","type":"long"}"#)).exits(1).says("n");
    shell.pipe(&check, &avsc(r#"{"name":"id","type":"string"},{"name":"n","type":"long","default":0}"#)).exits(0);
    shell.pipe(&register, "{").exits(2);

    let findings = shell.run(&["doctor", "-o", "json"]).exits(0).json();
    assert!(findings.as_array().unwrap().iter().all(|finding| finding["status"] != "problem"), "{findings}");
    shell.run(&["doctor", "-b", "127.0.0.1:1", "--registry", "http://127.0.0.1:1"]).exits(1).prints("PROBLEM");
    let bare = ["--topic-prefix", "bare."];
    shell.run(&[&["topics", "apply", "--no-schemas"][..], &bare].concat()).exits(0);
    let state = folder.path().join("bare").to_string_lossy().into_owned();
    let starts = ["run", "payments", "--http-port", "0", "--state-dir", &state];
    let refused = shell.run(&[&starts[..], &bare].concat()).exits(2);
    refused.says("payments.events is to hold").says("headwater topics apply");
    shell.run(&["topology", "order-views"]).exits(0).prints("orders.events");
    shell.run(&["topology", "nobody"]).exits(2).says("order-views");
    shell.run(&["completions", "bash"]).exits(0).prints("headwater");
}

#[test]
fn dead_letters_are_listed_shown_and_sent_again() {
    let folder = tempfile::tempdir().unwrap();
    let (_dev, ports) = dev(&folder.path().join("dev"));
    let shell = Shell(&ports);

    shell.run(&["dlq", "list"]).exits(0).says("no dead letters");
    shell.pipe(&["produce", "--no-check", "--no-key", "-p", "2"], "this is no command\n").exits(0);
    let letters = |count: u64| {
        wait_for("dead letters", Duration::from_secs(20), || {
            let listed = shell.run(&["dlq", "list", "-o", "json"]).exits(0).json();
            if listed[0]["records"] == count { Ok(listed) } else { Err(listed.to_string()) }
        })
    };
    let listed = letters(1);
    assert_eq!(listed[0]["topic"], "orders.commands.dlq");
    assert_eq!(listed[0]["reasons"][0]["reason"], "decode");

    let shown = shell.run(&["dlq", "show", "orders.commands", "-o", "json"]).exits(0).json();
    let place = shown[0]["place"].as_str().unwrap();
    assert_eq!(shown[0]["record"]["value"], "this is no command");
    assert_eq!(shown[0]["source_topic"], "orders.commands");
    shell.run(&["dlq", "show", "orders.commands.dlq", place]).exits(0).prints("this is no command").prints("not JSON");
    shell.run(&["dlq", "show", "orders.commands", "2:77"]).exits(2).says("2:77");

    shell.run(&["dlq", "redrive", "orders.commands", place]).exits(0).says("--yes");
    shell.run(&["dlq", "redrive", "orders.commands", "--all", "--reason", "produce", "--yes"]).exits(0).says("nothing");
    letters(1);
    shell.run(&["dlq", "redrive", "orders.commands", place, "--yes"]).exits(0).says("1 record sent again");
    // It is as broken as before: it comes back, under the same id.
    letters(2);
    let again = shell.run(&["dlq", "show", "orders.commands", "-o", "json"]).exits(0).json();
    let id = |letter: &Value| letter["record"]["headers"]["__headwater.id"].as_str().map(str::to_owned);
    assert!(id(&again[0]).is_some());
    assert_eq!(id(&again[0]), id(&again[1]));
    assert_eq!(again[1]["record"]["headers"]["headwater-redriven"], "1");
}

#[test]
fn a_replay_gives_the_same_documents() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("dev");
    let (process, ports) = dev(&data);
    let shell = Shell(&ports);
    shell.pipe(&["produce", "-t", "inventory.commands"], &receive_stock("t-1", 50)).exits(0);
    let orders: Vec<String> = (0..40).map(|n| place_order(&format!("t-o-{n}"), "t-1", 1 + n % 3)).collect();
    shell.pipe(&["produce"], &orders.join("\n")).exits(0);
    let before = wait_for("every order has ended", Duration::from_secs(60), || {
        let documents = documents(&ports);
        let ended = documents.matches("\"delivered\"").count() + documents.matches("\"cancelled\"").count();
        if ended >= 40 && documents.contains("out_of_stock") { Ok(documents) } else { Err(format!("{ended} ended")) }
    });
    settled(&shell);
    let before_settled = documents(&ports);
    assert_eq!(before.matches("order_id").count(), before_settled.matches("order_id").count());

    let data_dir = data.to_string_lossy().into_owned();
    shell.run(&["replay", "order-views", "--yes"]).exits(1).says("application headwater is running").says("dev-0");
    shell.run(&["replay", "orders", "--yes"]).exits(1).says("application headwater is running");
    shell.run(&["replay", "payments", "--yes"]).exits(1).says("payments can't be replayed").says("has not answered");
    shell.replay(&["replay", "order-views", "--data-dir", &data_dir]).exits(1).says("stop `headwater dev` first");

    process.signal_and_wait("INT", Duration::from_secs(30));
    let planned = shell.replay(&["replay", "order-views", "--data-dir", &data_dir, "-o", "json"]).exits(0).json();
    assert_eq!(planned["changelogs"][0], "order-views-views-changelog");
    assert!(!planned["local_tasks"].as_array().unwrap().is_empty());
    shell.replay(&["replay", "order-views", "--data-dir", &data_dir, "--yes"]).exits(0).says("order-views is rebuilt");

    let (_again, ports) = dev(&data);
    assert_eq!(documents(&ports), before_settled);
}

impl Shell<'_> {
    /// Without the environment that names a cluster: the data is all there is.
    fn replay(&self, arguments: &[&str]) -> Did {
        let (code, out, err) = run(arguments, &[], "");
        Did { code, out, err }
    }
}

/// Every saga has ended: nothing changes the documents any more.
fn settled(shell: &Shell<'_>) {
    wait_for("every saga has ended", Duration::from_secs(60), || {
        let sagas = shell.run(&["saga", "list", "--limit", "1000", "-o", "json"]).exits(0).json();
        let open = sagas["sagas"].as_array().unwrap().iter().filter(|saga| saga["ended_at"].is_null()).count();
        if open == 0 { Ok(()) } else { Err(format!("{open} go on")) }
    });
}

/// All that order-views knows, byte by byte.
fn documents(ports: &Ports) -> String {
    let paths = [
        "/api/v1/orders?limit=1000",
        "/api/v1/analytics/orders/status-distribution",
        "/api/v1/analytics/orders/revenue-by-day",
    ];
    paths.map(|path| reqwest::blocking::get(ports.url(path)).unwrap().text().unwrap()).join("\n")
}

#[test]
fn a_processor_moves_with_its_positions() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut options = BrokerOptions::new(StorageKind::Memory);
    options.listen.set_port(0);
    let broker = runtime.block_on(Broker::start(options)).unwrap();
    let brokers = broker.address().to_string();
    let admin = Admin::new(&ConnectionSettings::new(&brokers), Duration::from_secs(10)).unwrap();
    let topic = TopicName::new("orders.events").unwrap();
    let new = NewTopic { name: topic.clone(), partitions: 2, replication_factor: 1, configs: [].into() };
    admin.create_topics(&[new]).unwrap().into_iter().for_each(|(_, made)| made.unwrap());
    let commit = |partition: u32, offset: i64, metadata: &str| OffsetToCommit {
        partition: TopicPartition::new(topic.clone(), Partition::new(partition)),
        offset: Offset::new(offset).unwrap(),
        metadata: metadata.to_owned(),
    };
    let before = [commit(0, 7, "hw1;order-views/views=7;orders/main=9"), commit(1, 5, "hw1;order-views/views=5")];
    admin.alter_group_offsets("headwater", &before).unwrap();

    let shell = |more: &[&str]| {
        let mut arguments =
            vec!["application", "move", "order-views", "--from", "headwater", "--to", "views", "-b", &brokers];
        arguments.extend_from_slice(more);
        let (code, out, err) = run(&arguments, &[], "");
        Did { code, out, err }
    };
    let positions = |group: &str| {
        let mut found: Vec<(u32, i64, String)> = admin
            .list_group_offsets(group, None, true)
            .unwrap()
            .into_iter()
            .filter_map(|at| Some((at.partition.partition.get(), at.offset?.get(), at.metadata)))
            .collect();
        found.sort();
        found
    };
    shell(&[]).exits(0).prints("order-views/views").says("--yes");
    assert_eq!(positions("views"), [], "a plan changes nothing");
    shell(&["--yes"]).exits(0).says("application views");
    assert_eq!(
        positions("views"),
        [(0, 7, "hw1;order-views/views=7".to_owned()), (1, 5, "hw1;order-views/views=5".to_owned())]
    );
    assert_eq!(positions("headwater"), [(0, 9, "hw1;orders/main=9".to_owned())]);
    shell(&["--yes"]).exits(1).says("did it ever run there");
    runtime.block_on(broker.stop()).unwrap();
}

#[test]
fn every_help_has_examples() {
    let commands: &[&[&str]] = &[
        &["produce"],
        &["consume"],
        &["topics"],
        &["topics", "plan"],
        &["topics", "apply"],
        &["topics", "drift"],
        &["topics", "list"],
        &["topics", "import"],
        &["schemas"],
        &["schemas", "list"],
        &["schemas", "get"],
        &["schemas", "register"],
        &["schemas", "check"],
        &["schemas", "config"],
        &["saga"],
        &["saga", "get"],
        &["saga", "list"],
        &["saga", "watch"],
        &["orders"],
        &["orders", "get"],
        &["orders", "list"],
        &["dlq"],
        &["dlq", "list"],
        &["dlq", "show"],
        &["dlq", "redrive"],
        &["replay"],
        &["topology"],
        &["application"],
        &["application", "move"],
        &["doctor"],
        &["completions"],
    ];
    for command in commands {
        let arguments = [*command, &["--help"]].concat();
        let (code, out, _) = run(&arguments, &[], "");
        assert_eq!(code, 0, "{command:?}");
        assert!(out.contains("Examples:\n  headwater "), "{command:?} has no examples:\n{out}");
    }
}
