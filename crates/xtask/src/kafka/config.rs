//! The broker's server.properties.

use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};

use super::secured;
use crate::failure::{Context, Result};

/// The name of the file in the data folder; it also marks the folder as one of ours.
pub const FILE_NAME: &str = "server.properties";

/// Where a node listens.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    /// For clients.
    pub client: u16,
    /// For the quorum.
    pub controller: u16,
    /// For clients with TLS and a password.
    pub secured: Option<u16>,
}

/// Writes the configuration of a single node that is broker and controller.
pub fn write(data_dir: &Path, ports: Ports) -> Result<PathBuf> {
    let file = data_dir.join(FILE_NAME);
    std::fs::write(&file, text(data_dir, ports)).context(|| format!("cannot write {}", file.display()))?;
    Ok(file)
}

/// One node, so every internal topic has one replica; four partitions of each keep the start short.
/// Groups do not wait for more members, as tests start them one by one.
pub fn text(data_dir: &Path, ports: Ports) -> String {
    let log = data_dir.join("log");
    let Ports { client: port, controller: controller_port, secured } = ports;
    let more = secured.map(|port| format!(",SASL_SSL://127.0.0.1:{port}")).unwrap_or_default();
    let security = secured.map(|_| secured::properties(data_dir)).unwrap_or_default();
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}{more}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}{more}
controller.listener.names=CONTROLLER
log.dirs={}
auto.create.topics.enable=false
num.partitions=6
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
{security}",
        log.display()
    )
}

/// Sixteen random bytes as Kafka writes a UUID: base64url without padding, never starting with a dash.
pub fn random_uuid() -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // The standard library seeds each RandomState from the operating system.
    let high = u128::from(RandomState::new().hash_one(0_u8));
    let low = u128::from(RandomState::new().hash_one(1_u8));
    let bits = ((high << 64) | low) & (u128::MAX >> 1);
    (0..22_u32)
        .map(|place| {
            let digit = if place == 21 { (bits << 4) & 63 } else { (bits >> (122 - 6 * place)) & 63 };
            let digit = usize::try_from(digit).unwrap_or(0);
            char::from(DIGITS[digit])
        })
        .collect()
}
