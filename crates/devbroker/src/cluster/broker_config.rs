//! The broker settings that admin clients ask for; all are read-only here.

use super::topic_config::ConfigType;

/// Name, type and value of a broker setting.
pub(crate) type BrokerSetting = (&'static str, ConfigType, String);

/// What DescribeConfigs answers for the one broker.
pub(crate) fn broker_settings(
    listen: &str,
    log_dir: &str,
    default_partitions: i32,
    auto_create_topics: bool,
    node_id: i32,
) -> Vec<BrokerSetting> {
    use ConfigType::{Boolean, Int, List, Long, Text};
    let text = |value: &str| value.to_owned();
    vec![
        ("advertised.listeners", List, format!("PLAINTEXT://{listen}")),
        ("auto.create.topics.enable", Boolean, auto_create_topics.to_string()),
        ("broker.id", Int, node_id.to_string()),
        ("default.replication.factor", Int, text("1")),
        ("delete.topic.enable", Boolean, text("true")),
        ("group.initial.rebalance.delay.ms", Int, text("0")),
        ("inter.broker.protocol.version", Text, text("4.1-IV1")),
        ("listeners", List, format!("PLAINTEXT://{listen}")),
        ("log.cleanup.policy", List, text("delete")),
        ("log.dirs", Text, text(log_dir)),
        ("log.retention.hours", Int, text("168")),
        ("log.retention.ms", Long, text("604800000")),
        ("log.segment.bytes", Int, text("1073741824")),
        ("message.max.bytes", Int, text("1048588")),
        ("min.insync.replicas", Int, text("1")),
        ("node.id", Int, node_id.to_string()),
        ("num.partitions", Int, default_partitions.to_string()),
        ("offsets.topic.num.partitions", Int, text("1")),
        ("offsets.topic.replication.factor", Int, text("1")),
        ("process.roles", List, text("broker,controller")),
        ("transaction.state.log.num.partitions", Int, text("1")),
        ("transaction.state.log.replication.factor", Int, text("1")),
    ]
}
