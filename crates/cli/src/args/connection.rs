use clap::Args;

/// How to reach a cluster and its schema registry; the same flags for every command that does.
#[derive(Debug, Clone, Default, Args)]
pub struct ConnectionArgs {
    /// Kafka's bootstrap servers [env: KAFKA_BOOTSTRAP_SERVERS] [default: localhost:9092]
    #[arg(short = 'b', long = "brokers", value_name = "HOST:PORT[,…]")]
    pub brokers: Option<String>,
    /// A librdkafka property, such as security.protocol=SASL_SSL; may be repeated
    #[arg(short = 'X', value_name = "NAME=VALUE")]
    pub properties: Vec<String>,
    /// What stands in front of every topic's name [env: KAFKA_TOPIC_PREFIX] [default: nothing]
    #[arg(long, value_name = "TEXT")]
    pub topic_prefix: Option<String>,
    /// The schema registry; user:password@ is understood [env: SCHEMA_REGISTRY_URL]
    #[arg(long = "registry", value_name = "URL[,…]")]
    pub registry: Option<String>,
}
