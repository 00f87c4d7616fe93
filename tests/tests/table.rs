//! A table that is its topic: its process is killed, its disk is lost, and the table is back, with nothing kept for it on
//! Kafka but the topic and the group's positions.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "test support: a failure here is a failed test"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::ops::Bound;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use headwater_devbroker::{Broker, BrokerOptions, StorageKind};
use headwater_event::Domain;
use headwater_kafka::admin::NewTopic;
use headwater_kafka::{Admin, ConnectionSettings};
use headwater_log::{Partition, TopicName};
use headwater_runtime::{Application, ApplicationSettings, Setup, Steps};
use headwater_streams::{LocalSchemas, StateBase as _, StoreNumber, StoreSpec, Topology};
use headwater_tests::deadline::wait_for;
use rdkafka::ClientConfig;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};

const CHILD_STATE: &str = "TABLE_STATE_DIR";
const CHILD_BROKER: &str = "TABLE_BOOTSTRAP_SERVERS";
const CHILD_TOPIC: &str = "TABLE_TOPIC";
const PARTITIONS: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(60);
const STORE: StoreNumber = StoreNumber(16);

type Table = BTreeMap<String, String>;

fn topology(topic: &str) -> Topology {
    // Each run has names of its own.
    let mut topology = Topology::named(topic);
    let anchor: &'static str = Box::leak(topic.to_owned().into_boxed_str());
    let mut main = topology.subtopology("main", Domain::new("sku", anchor));
    main.table("prices", topic, StoreSpec::key_value("prices"));
    topology.build().unwrap()
}

/// Not a test of its own: the process that the tests below start and kill. It answers each line on its standard input with
/// what the table holds, and how many records were restored.
#[test]
fn table_process() {
    let Ok(state) = std::env::var(CHILD_STATE) else { return };
    let (bootstrap, topic) = (std::env::var(CHILD_BROKER).unwrap(), std::env::var(CHILD_TOPIC).unwrap());
    let calls = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let metrics = prometheus::Registry::new();
    let application = Application::start(Setup {
        settings: ApplicationSettings::new(topic.as_str(), "a", state.into()),
        connection: ConnectionSettings::new(&bootstrap),
        topologies: vec![topology(&topic)],
        schemas: Arc::new(LocalSchemas::new()),
        steps: Steps::default(),
        metrics: metrics.clone(),
        calls: calls.handle().clone(),
        tracer: None,
    });
    let application = match application {
        Ok(application) => application,
        Err(error) => {
            println!("refused {error}");
            return;
        }
    };
    for _question in std::io::stdin().lines() {
        println!("table {}", serde_json::to_string(&(held(&application, &topic), restored(&metrics))).unwrap());
    }
}

/// What the table holds; None while a partition is not at work.
fn held(application: &Application, processor: &str) -> Option<Table> {
    let mut table = Table::new();
    for partition in (0..PARTITIONS).map(Partition::new) {
        let view = application.view(processor, "main", partition)?;
        for (key, value) in view.scan(STORE, Bound::Unbounded, Bound::Unbounded, usize::MAX).unwrap() {
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            table.insert(text(&key), text(&value));
        }
    }
    Some(table)
}

fn restored(metrics: &prometheus::Registry) -> u64 {
    let families = metrics.gather();
    let family = families.iter().find(|family| family.name() == "headwater_restored_records_total");
    family.map_or(0.0, |family| family.get_metric().iter().map(|metric| metric.get_counter().get_value()).sum()) as u64
}

struct Process {
    child: Child,
    questions: ChildStdin,
    answers: std::io::Lines<BufReader<ChildStdout>>,
}

impl Process {
    fn start(cluster: &Cluster, state: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "table_process", "--nocapture"])
            .env(CHILD_STATE, state)
            .env(CHILD_BROKER, &cluster.bootstrap)
            .env(CHILD_TOPIC, &cluster.topic)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (questions, answers) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, questions, answers: BufReader::new(answers).lines() }
    }

    /// What it says next that begins with a word.
    fn says(&mut self, word: &str) -> String {
        let mut lines = self.answers.by_ref().map(|line| line.expect("its output is text"));
        let said = lines.find_map(|line| Some(line.split_once(word)?.1.to_owned()));
        said.expect("it goes on until it is killed")
    }

    fn ask(&mut self) -> (Option<Table>, u64) {
        writeln!(self.questions, "what is in the table?").unwrap();
        serde_json::from_str(&self.says("table ")).unwrap()
    }

    /// Waits until the table holds this; answers with how many records were restored.
    fn wait_for_table(&mut self, expected: &Table) -> u64 {
        wait_for("the table", PATIENCE, || match self.ask() {
            (Some(table), restored) if table == *expected => Ok(restored),
            (table, restored) => Err(format!("{:?} keys, {restored} restored", table.map(|table| table.len()))),
        })
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // kill -9: nothing is closed, nothing is given back.
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

struct Cluster {
    bootstrap: String,
    topic: String,
    admin: Admin,
    producer: ThreadedProducer<DefaultProducerContext>,
}

impl Cluster {
    fn new(bootstrap: &str, configs: &[(&str, &str)]) -> Self {
        let micros = std::time::UNIX_EPOCH.elapsed().unwrap().as_micros();
        let topic = format!("prices-{}-{micros}", std::process::id());
        let admin = Admin::new(&ConnectionSettings::new(bootstrap), Duration::from_secs(15)).unwrap();
        let wanted = NewTopic {
            name: TopicName::new(&topic).unwrap(),
            partitions: PARTITIONS,
            replication_factor: -1,
            configs: configs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        for (_, created) in admin.create_topics(&[wanted]).unwrap() {
            created.unwrap();
        }
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", bootstrap).set("partitioner", "murmur2_random");
        Self { bootstrap: bootstrap.to_owned(), topic, admin, producer: config.create().unwrap() }
    }

    /// Writes as any producer would, and what a table of it holds then.
    fn write(&self, changes: impl IntoIterator<Item = (String, Option<String>)>, table: &mut Table) {
        for (key, value) in changes {
            let mut record = BaseRecord::<str, str>::to(&self.topic).key(&key);
            if let Some(value) = &value {
                record = record.payload(value);
            }
            self.producer.send(record).map_err(|(error, _)| error).unwrap();
            match value {
                Some(value) => table.insert(key, value),
                None => table.remove(&key),
            };
        }
        self.producer.flush(PATIENCE).unwrap();
    }

    /// Topics of this run, but for the one that the table is of.
    fn other_topics(&self) -> Vec<String> {
        let metadata = self.producer.client().fetch_metadata(None, PATIENCE).unwrap();
        let names = metadata.topics().iter().map(|topic| topic.name().to_owned());
        names.filter(|name| name.contains(&self.topic) && *name != self.topic).collect()
    }

    /// Takes its topic away, once all was well.
    fn remove(&self) {
        for (_, removed) in self.admin.delete_topics(&[TopicName::new(&self.topic).unwrap()]).unwrap() {
            removed.unwrap();
        }
    }
}

fn numbers(range: std::ops::Range<u32>, keys: u32) -> impl Iterator<Item = (String, Option<String>)> {
    range.map(move |number| (format!("sku-{}", number % keys), (number % 7 != 0).then(|| number.to_string())))
}

fn comes_back_from_its_topic(bootstrap: &str) {
    let cluster = Cluster::new(bootstrap, &[("cleanup.policy", "compact")]);
    let mut table = Table::new();
    cluster.write(numbers(0..3_000, 240), &mut table);
    let folder = tempfile::tempdir().unwrap();
    let (state, other_disk) = (folder.path().join("state"), folder.path().join("another"));

    let mut process = Process::start(&cluster, &state);
    assert_eq!(process.wait_for_table(&table), 0, "nothing had been committed: there is nothing to restore");
    drop(process);

    // The disk is lost, and more has come meanwhile.
    cluster.write(numbers(3_000..3_500, 240), &mut table);
    let mut process = Process::start(&cluster, &other_disk);
    let restored = process.wait_for_table(&table);
    assert_eq!(restored, 3_000, "what had been committed is restored, what came after that is processed");
    drop(process);

    // The first disk is back, with what it had.
    let mut process = Process::start(&cluster, &state);
    let restored = process.wait_for_table(&table);
    assert_eq!(restored, 500, "it goes on where it stood");
    cluster.write(numbers(3_500..3_600, 300), &mut table);
    process.wait_for_table(&table);
    drop(process);
    assert_eq!(cluster.other_topics(), Vec::<String>::new(), "its topic is its changelog");
    cluster.remove();
}

fn is_refused_where_keys_would_be_lost(bootstrap: &str) {
    let cluster = Cluster::new(bootstrap, &[("cleanup.policy", "delete"), ("retention.ms", "604800000")]);
    let folder = tempfile::tempdir().unwrap();
    let refused = Process::start(&cluster, folder.path()).says("refused ");
    assert!(refused.contains("cleanup.policy=delete and retention.ms=604800000"), "{refused}");
    assert!(refused.contains(&format!("table prices of {}/main", cluster.topic)), "{refused}");
    cluster.remove();
}

#[test]
fn a_table_comes_back_from_its_topic_on_the_embedded_broker() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let broker = runtime.block_on(Broker::start(BrokerOptions::new(StorageKind::Memory))).unwrap();
    let bootstrap = broker.address().to_string();
    comes_back_from_its_topic(&bootstrap);
    is_refused_where_keys_would_be_lost(&bootstrap);
}

#[test]
fn a_table_comes_back_from_its_topic_on_apache_kafka() {
    let Ok(bootstrap) = std::env::var("KAFKA_BOOTSTRAP_SERVERS_TEST") else {
        println!("skipped: KAFKA_BOOTSTRAP_SERVERS_TEST names no cluster");
        return;
    };
    comes_back_from_its_topic(&bootstrap);
    is_refused_where_keys_would_be_lost(&bootstrap);
}
