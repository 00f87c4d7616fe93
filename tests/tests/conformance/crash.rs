//! kill -9 of the embedded broker: nothing that was acknowledged is lost, nothing that was decided is undone.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use headwater_devbroker::{Broker, BrokerOptions, StorageKind};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer, ConsumerContext, Rebalance};
use rdkafka::error::KafkaError;
use rdkafka::producer::Producer;
use rdkafka::{ClientConfig, ClientContext, Message, Offset, TopicPartitionList};

const CHILD_DIR: &str = "CONFORMANCE_BROKER_DIR";
const CHILD_PORT: &str = "CONFORMANCE_BROKER_PORT";
const PATIENCE: Duration = Duration::from_secs(40);

/// Not a test of its own: the broker process that the test below starts and kills.
#[test]
fn broker_process() {
    let Ok(dir) = std::env::var(CHILD_DIR) else { return };
    let port: u16 = std::env::var(CHILD_PORT).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut options = BrokerOptions::new(StorageKind::Disk(dir.into()));
        options.listen.set_port(port);
        let broker = Broker::start(options).await.unwrap();
        println!("listening {}", broker.address());
        std::future::pending::<()>().await;
    });
}

struct Process(Child, u16);

impl Process {
    fn start(dir: &Path, port: u16) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::broker_process", "--nocapture"])
            .env(CHILD_DIR, dir)
            .env(CHILD_PORT, port.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines
            .map(|line| line.unwrap())
            .find_map(|line| line.split("listening ").nth(1).map(str::to_owned))
            .expect("the broker process says where it listens");
        let port = address.rsplit(':').next().unwrap().parse().unwrap();
        Self(child, port)
    }

    fn kill(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn client(port: u16, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", format!("127.0.0.1:{port}")).set("reconnect.backoff.max.ms", "200");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

#[test]
fn nothing_is_lost_when_the_broker_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Process::start(dir.path(), 0);
    let port = broker.1;
    let topic = "ledger";
    let group = [("group.id", "readers"), ("auto.offset.reset", "earliest"), ("enable.auto.commit", "false")];
    let rounds = 5;
    for round in 0..rounds {
        let producer: crate::clients::TestProducer = client(port, &[("transactional.id", "writer")])
            .create_with_context(crate::clients::Deliveries::default())
            .unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        let member: BaseConsumer = client(port, &group).create().unwrap();
        for step in 0..20 {
            producer.begin_transaction().unwrap();
            let value = format!("{}", round * 20 + step);
            crate::clients::send(
                &producer,
                rdkafka::producer::BaseRecord::to(topic).partition(0).payload(value.as_str()),
            );
            producer.commit_transaction(PATIENCE).unwrap();
        }
        let mut position = TopicPartitionList::new();
        position.add_partition_offset(topic, 0, Offset::Offset(i64::from(round))).unwrap();
        member.commit(&position, CommitMode::Sync).unwrap();
        // A transaction that is open when the broker dies must not show.
        producer.begin_transaction().unwrap();
        crate::clients::send(&producer, rdkafka::producer::BaseRecord::to(topic).partition(0).payload("open"));
        producer.flush(PATIENCE).unwrap();
        broker.kill();
        broker = Process::start(dir.path(), port);
        let committed = client(port, &group).create::<BaseConsumer>().unwrap().committed_offsets(position, PATIENCE);
        assert_eq!(committed.unwrap().find_partition(topic, 0).unwrap().offset(), Offset::Offset(i64::from(round)));
    }
    // Its successor ends what the last round left open.
    let last: crate::clients::TestProducer = client(port, &[("transactional.id", "writer")])
        .create_with_context(crate::clients::Deliveries::default())
        .unwrap();
    last.init_transactions(PATIENCE).unwrap();
    let values = read_committed(port, topic, rounds as usize * 20);
    let expected: Vec<String> = (0..rounds * 20).map(|number| number.to_string()).collect();
    assert_eq!(values, expected);
}

/// Counts how often partitions were handed out.
#[derive(Default)]
struct Assignments(AtomicUsize);

impl ClientContext for Assignments {}

impl ConsumerContext for Assignments {
    fn post_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if matches!(rebalance, Rebalance::Assign(_)) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[test]
fn a_member_goes_on_in_its_generation_when_the_broker_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Process::start(dir.path(), 0);
    let port = broker.1;
    let settings = [("group.id", "members"), ("enable.auto.commit", "false"), ("heartbeat.interval.ms", "200")];
    let producer: crate::clients::TestProducer =
        client(port, &[]).create_with_context(crate::clients::Deliveries::default()).unwrap();
    crate::clients::send(&producer, rdkafka::producer::BaseRecord::to("watched").partition(0).payload("x"));
    producer.flush(PATIENCE).unwrap();
    let member: BaseConsumer<Assignments> =
        client(port, &settings).create_with_context(Assignments::default()).unwrap();
    member.subscribe(&["watched"]).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while member.assignment().unwrap().count() == 0 {
        assert!(Instant::now() < deadline, "no assignment");
        member.poll(Duration::from_millis(50));
    }
    for round in 1..=3 {
        broker.kill();
        broker = Process::start(dir.path(), port);
        let mut position = TopicPartitionList::new();
        position.add_partition_offset("watched", 0, Offset::Offset(round)).unwrap();
        while member.commit(&position, CommitMode::Sync).is_err() {
            assert!(Instant::now() < deadline, "the member cannot commit in its generation");
            member.poll(Duration::from_millis(50));
        }
        let committed = member.committed_offsets(position, PATIENCE).unwrap();
        assert_eq!(committed.find_partition("watched", 0).unwrap().offset(), Offset::Offset(round));
    }
    assert_eq!(member.context().0.load(Ordering::Relaxed), 1, "one assignment, before the first kill");
}

/// Commits, or aborts and says that it must be done again; whatever the broker's deaths make of it.
fn commit_or_abort(producer: &crate::clients::TestProducer) -> bool {
    let deadline = Instant::now() + PATIENCE;
    loop {
        assert!(Instant::now() < deadline, "the transaction does not end");
        match producer.commit_transaction(PATIENCE) {
            Ok(()) => return true,
            Err(KafkaError::Transaction(error)) if error.is_retriable() => {}
            Err(KafkaError::Transaction(error)) if error.txn_requires_abort() => break,
            Err(error) => panic!("{error:?}"),
        }
    }
    while let Err(error) = producer.abort_transaction(PATIENCE) {
        assert!(Instant::now() < deadline, "the transaction cannot be aborted: {error}");
    }
    false
}

#[test]
fn each_transaction_counts_once_while_the_broker_is_killed_again_and_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut broker = Process::start(dir.path(), 0);
    let port = broker.1;
    let writing = Arc::new(AtomicBool::new(true));
    let goes_on = Arc::clone(&writing);
    let (progress, passed) = std::sync::mpsc::channel::<usize>();
    let writer = std::thread::spawn(move || {
        let producer: crate::clients::TestProducer = client(
            port,
            &[("transactional.id", "survivor"), ("retry.backoff.ms", "20"), ("reconnect.backoff.ms", "20")],
        )
        .create_with_context(crate::clients::Deliveries::default())
        .unwrap();
        producer.init_transactions(PATIENCE).unwrap();
        let mut number = 0;
        while goes_on.load(Ordering::Relaxed) {
            producer.begin_transaction().unwrap();
            let value = number.to_string();
            for topic in ["left", "right"] {
                crate::clients::send(
                    &producer,
                    rdkafka::producer::BaseRecord::to(topic).partition(0).payload(value.as_str()),
                );
            }
            if commit_or_abort(&producer) {
                number += 1;
                let _ = progress.send(number);
            }
        }
        number
    });
    // Each kill waits for some transactions more than the last one, so that it meets the writer at work.
    for kill in 1..=10 {
        let target = kill * 25 + kill * 7 % 10;
        while passed.recv_timeout(PATIENCE).expect("the writer goes on") < target {}
        broker.kill();
        broker = Process::start(dir.path(), port);
    }
    writing.store(false, Ordering::Relaxed);
    let committed = writer.join().unwrap();
    let expected: Vec<String> = (0..committed).map(|number| number.to_string()).collect();
    for topic in ["left", "right"] {
        assert_eq!(read_committed(port, topic, committed), expected, "{topic}");
    }
}

fn read_committed(port: u16, topic: &str, count: usize) -> Vec<String> {
    let settings = [("group.id", "audit"), ("isolation.level", "read_committed"), ("enable.partition.eof", "true")];
    let reader: BaseConsumer = client(port, &settings).create().unwrap();
    let mut all = TopicPartitionList::new();
    all.add_partition_offset(topic, 0, Offset::Beginning).unwrap();
    reader.assign(&all).unwrap();
    let mut values = Vec::new();
    let deadline = Instant::now() + PATIENCE;
    // Until the end of the partition, so that a record too many is seen as well.
    loop {
        match reader.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => values.push(String::from_utf8(message.payload().unwrap().to_vec()).unwrap()),
            Some(Err(KafkaError::PartitionEOF(_))) if values.len() >= count => return values,
            _ => assert!(Instant::now() < deadline, "{} of {count} values of {topic}", values.len()),
        }
    }
}
