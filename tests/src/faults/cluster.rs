//! Three brokers of Apache Kafka (KRaft, each a controller too) on loopback, with a proxy in front of each.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};

use super::leaders::{Mover, Partition, partitions};
use super::proxy::{Proxy, Weather};
use super::script::{BROKERS, Wires};
use crate::console::KafkaTools;
use crate::deadline::wait_for;

const START_LIMIT: Duration = Duration::from_secs(120);
/// Replicas of every topic.
pub const REPLICAS: usize = 3;
/// Below what the system gives to outgoing connections: nobody takes a broker's port while the broker is away.
const PORTS: std::ops::Range<u16> = 18_000..32_000;

/// A broker, running or not, and the proxy that clients reach it by.
struct Broker {
    folder: PathBuf,
    process: Option<Child>,
    proxy: Proxy,
}

/// The cluster; its processes are killed when it is dropped.
pub struct Cluster {
    tools: KafkaTools,
    brokers: Vec<Broker>,
    /// Where the campaign itself connects: past the proxies.
    pub direct: String,
    /// Where instances connect.
    pub proxied: String,
    probe: Arc<BaseConsumer>,
}

impl Cluster {
    /// Formats and starts the brokers; returns when all are known to each other.
    #[must_use]
    pub fn start(tools: &KafkaTools, folder: &Path, seed: u64) -> Self {
        let ports = free_ports(3 * BROKERS);
        let (clients, rest) = ports.split_at(BROKERS);
        let (between, controllers) = rest.split_at(BROKERS);
        let voters: Vec<String> =
            controllers.iter().enumerate().map(|(at, port)| format!("{}@127.0.0.1:{port}", at + 1)).collect();
        let mut brokers = Vec::new();
        for at in 0..BROKERS {
            let proxy = Proxy::start(local(clients[at]), seed.wrapping_add(at as u64));
            let folder = folder.join(format!("broker-{}", at + 1));
            std::fs::create_dir_all(&folder).unwrap();
            let text =
                properties(at + 1, &voters.join(","), [clients[at], between[at], controllers[at]], &proxy, &folder);
            std::fs::write(folder.join("server.properties"), text).unwrap();
            brokers.push(Broker { folder, process: None, proxy });
        }
        let direct = list(between.iter().map(|port| local(*port)));
        let proxied = list(brokers.iter().map(|broker| broker.proxy.address()));
        let probe: BaseConsumer = ClientConfig::new().set("bootstrap.servers", &direct).create().unwrap();
        let probe = Arc::new(probe);
        let mut cluster = Self { tools: tools.clone(), brokers, direct, proxied, probe };
        cluster.format();
        (0..BROKERS).for_each(|broker| cluster.start_broker(broker));
        wait_for("three brokers serve", START_LIMIT, || {
            for broker in 0..BROKERS {
                if let Some(status) = cluster.ended(broker) {
                    panic!("broker {} ended with {status}:\n{}", broker + 1, cluster.log_end(broker));
                }
            }
            let brokers = cluster.brokers_known()?;
            if brokers == BROKERS { Ok(()) } else { Err(format!("{brokers} brokers are known")) }
        });
        cluster
    }

    /// All brokers' logs get their ids, at once.
    fn format(&self) {
        let formats: Vec<Child> = self
            .brokers
            .iter()
            .map(|broker| {
                let mut command = self.tools.command(&["-Xmx128m"]);
                command.args(["kafka.tools.StorageTool", "format", "-t", "Zm9yLWEtY2FtcGFpZ24tMQ", "-c"]);
                command.arg(broker.folder.join("server.properties")).stdout(Stdio::null()).spawn().unwrap()
            })
            .collect();
        for mut format in formats {
            assert!(format.wait().unwrap().success(), "a broker's log could not be formatted");
        }
    }

    /// Starts a broker; it may not serve yet.
    pub fn start_broker(&mut self, which: usize) {
        let broker = &mut self.brokers[which];
        let log = File::options().create(true).append(true).open(broker.folder.join("server.log")).unwrap();
        let mut command = self.tools.command(&["-Xmx256m", "-XX:+UseSerialGC", "-Dheadwater.log.level=INFO"]);
        command.arg("kafka.Kafka").arg(broker.folder.join("server.properties"));
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        broker.process = Some(command.spawn().unwrap());
    }

    /// `kill -9`.
    pub fn kill_broker(&mut self, which: usize) {
        if let Some(mut process) = self.brokers[which].process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// SIGTERM: a broker hands its leaders over, then ends.
    pub fn ask_to_end(&self, which: usize) {
        if let Some(process) = &self.brokers[which].process {
            let sent = Command::new("kill").arg("-TERM").arg(process.id().to_string()).status().unwrap();
            assert!(sent.success());
        }
    }

    /// How a broker ended, once it has.
    pub fn ended(&mut self, which: usize) -> Option<ExitStatus> {
        self.brokers[which].process.as_mut()?.try_wait().unwrap()
    }

    fn log_end(&self, which: usize) -> String {
        let text = std::fs::read_to_string(self.brokers[which].folder.join("server.log")).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(20).collect();
        tail.into_iter().rev().collect::<Vec<_>>().join("\n")
    }

    /// Changes the weather on some wires.
    pub fn weather(&self, wires: Wires, weather: Weather) {
        for (at, broker) in self.brokers.iter().enumerate() {
            if wires == Wires::All || wires == Wires::Of(at) {
                broker.proxy.set(weather);
            }
        }
    }

    /// What the proxies have done so far: connections taken, connections broken, pieces held back.
    #[must_use]
    pub fn counts(&self) -> [u64; 3] {
        self.brokers
            .iter()
            .map(|broker| broker.proxy.counts())
            .fold([0; 3], |sum, counts| [sum[0] + counts[0], sum[1] + counts[1], sum[2] + counts[2]])
    }

    fn brokers_known(&self) -> Result<usize, String> {
        let metadata =
            self.probe.fetch_metadata(None, super::leaders::METADATA_LIMIT).map_err(|error| error.to_string())?;
        Ok(metadata.brokers().len())
    }

    /// Every partition of every topic.
    ///
    /// # Errors
    /// What Kafka said.
    pub fn partitions(&self) -> Result<Vec<Partition>, String> {
        partitions(&self.probe)
    }

    /// What moves leaders, on a thread of its own.
    #[must_use]
    pub fn mover(&self) -> Mover {
        Mover { tools: self.tools.clone(), bootstrap: self.direct.clone(), probe: Arc::clone(&self.probe) }
    }

    /// Ok when every partition has a leader and all of its replicas are up to date.
    ///
    /// # Errors
    /// What is missing.
    pub fn in_sync(&self) -> Result<(), String> {
        let behind = |partition: &&Partition| partition.leader < 0 || partition.in_sync < partition.replicas.len();
        let partitions = self.partitions()?;
        match partitions.iter().filter(behind).count() {
            0 if partitions.is_empty() => Err("no partitions".to_owned()),
            0 => Ok(()),
            count => Err(format!("{count} of {} partitions are not in sync", partitions.len())),
        }
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for broker in &mut self.brokers {
            if let Some(process) = &mut broker.process {
                let _ended = process.kill();
                let _reaped = process.wait();
            }
        }
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

fn list(addresses: impl Iterator<Item = SocketAddr>) -> String {
    addresses.map(|address| address.to_string()).collect::<Vec<_>>().join(",")
}

/// So many ports that nobody listens on, and that no outgoing connection is given.
#[must_use]
pub fn free_ports(count: usize) -> Vec<u16> {
    let span = PORTS.end - PORTS.start;
    let first = u16::try_from(std::process::id() % u32::from(span)).unwrap();
    let from_first = (0..span).map(|step| PORTS.start + (first + step) % span);
    let free: Vec<u16> =
        from_first.filter(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()).take(count).collect();
    assert_eq!(free.len(), count, "too few free ports between {} and {}", PORTS.start, PORTS.end);
    free
}

/// Three listeners: clients come by the proxy; brokers, and the campaign itself, past it. Everything has three replicas,
/// of which two must have a record before it counts; what else is Kafka's default stays so.
fn properties(node: usize, voters: &str, ports: [u16; 3], proxy: &Proxy, folder: &Path) -> String {
    let [clients, between, controller] = ports;
    let (proxy, log) = (proxy.address(), folder.join("log"));
    format!(
        "process.roles=broker,controller
node.id={node}
controller.quorum.voters={voters}
listeners=CLIENTS://127.0.0.1:{clients},BETWEEN://127.0.0.1:{between},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=CLIENTS://{proxy},BETWEEN://127.0.0.1:{between}
listener.security.protocol.map=CLIENTS:PLAINTEXT,BETWEEN:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BETWEEN
controller.listener.names=CONTROLLER
log.dirs={}
auto.create.topics.enable=false
default.replication.factor={REPLICAS}
min.insync.replicas=2
group.initial.rebalance.delay.ms=0
offsets.topic.replication.factor={REPLICAS}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={REPLICAS}
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={REPLICAS}
share.coordinator.state.topic.min.isr=2
",
        log.display()
    )
}
