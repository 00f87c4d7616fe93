use std::collections::BTreeMap;
use std::fmt;

use crate::native::NativeConfig;
use crate::{Error, TopicPrefix};

/// Properties that decide correctness and are set by the client that is made, never by hand.
const OWNED: [&str; 7] = [
    "group.id",
    "group.instance.id",
    "transactional.id",
    "enable.auto.commit",
    "enable.auto.offset.store",
    "enable.idempotence",
    "enable.partition.eof",
];

/// Which transport carries the topics (`MESSAGE_BROKER`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MessageBroker {
    /// An Apache Kafka cluster.
    #[default]
    Kafka,
    /// The embedded broker with its storage in memory: for tests and demonstrations, nothing survives the process.
    InMemory,
}

impl MessageBroker {
    /// Reads `MESSAGE_BROKER` by `lookup`; Kafka when it is not set.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for anything but `kafka` and `in_memory`.
    pub fn from_env(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Error> {
        match lookup("MESSAGE_BROKER").as_deref().map(str::trim) {
            None | Some("" | "kafka") => Ok(Self::Kafka),
            Some("in_memory") => Ok(Self::InMemory),
            Some(other) => Err(Error::invalid(format!(
                "MESSAGE_BROKER={other} is not supported: the event log is Kafka's, because replay and exactly-once \
                 need its log and transactions; use `kafka`, or `in_memory` for a broker inside this process"
            ))),
        }
    }
}

/// How to reach a cluster: brokers, topic prefix, and librdkafka properties, which carry TLS, mTLS and SASL.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionSettings {
    bootstrap_servers: String,
    prefix: TopicPrefix,
    properties: BTreeMap<String, String>,
}

impl ConnectionSettings {
    /// Settings for `host:port[,host:port]`, without prefix or properties.
    #[must_use]
    pub fn new(bootstrap_servers: &str) -> Self {
        Self {
            bootstrap_servers: bootstrap_servers.to_owned(),
            prefix: TopicPrefix::none(),
            properties: BTreeMap::new(),
        }
    }

    /// Flag over environment over `localhost:9092`: `KAFKA_BOOTSTRAP_SERVERS`, `KAFKA_TOPIC_PREFIX`, and `-X key=value`
    /// as `properties`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a property that is unknown, malformed, or owned by the
    /// platform.
    pub fn from_flags(
        bootstrap_servers: Option<&str>,
        prefix: Option<&str>,
        properties: &[String],
        lookup: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Error> {
        let from = |flag: Option<&str>, variable: &str| {
            flag.map(str::to_owned).or_else(|| lookup(variable)).filter(|value| !value.trim().is_empty())
        };
        let mut settings = Self::new("");
        for property in properties {
            let (name, value) = property.split_once('=').ok_or_else(|| {
                Error::invalid(format!("-X {property}: write it as name=value, like -X security.protocol=SASL_SSL"))
            })?;
            settings = settings.with_property(name.trim(), value.trim())?;
        }
        let listed = settings.properties.remove("bootstrap.servers");
        let servers = bootstrap_servers.map(str::to_owned).or(listed);
        settings.bootstrap_servers =
            from(servers.as_deref(), "KAFKA_BOOTSTRAP_SERVERS").unwrap_or_else(|| "localhost:9092".to_owned());
        settings.prefix = TopicPrefix::new(&from(prefix, "KAFKA_TOPIC_PREFIX").unwrap_or_default())?;
        Ok(settings)
    }

    /// Adds a librdkafka property, over what the platform would choose.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when librdkafka does not know it or its value, or when the
    /// platform owns it.
    pub fn with_property(mut self, name: &str, value: &str) -> Result<Self, Error> {
        if OWNED.contains(&name) {
            return Err(Error::invalid(format!(
                "property {name} is decided by the platform, since exactly-once depends on it: leave it out"
            )));
        }
        NativeConfig::new().set(name, value)?;
        self.properties.insert(name.to_owned(), value.to_owned());
        Ok(self)
    }

    /// The same settings with a topic prefix.
    #[must_use]
    pub fn with_prefix(mut self, prefix: TopicPrefix) -> Self {
        self.prefix = prefix;
        self
    }

    /// The brokers to ask first.
    #[must_use]
    pub fn bootstrap_servers(&self) -> &str {
        &self.bootstrap_servers
    }

    /// What stands in front of every declared topic's name.
    #[must_use]
    pub const fn prefix(&self) -> &TopicPrefix {
        &self.prefix
    }

    /// A property that was given.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.get(name).map(String::as_str)
    }

    /// The properties that were given, by name; secrets included, so don't print them.
    #[must_use]
    pub const fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    /// Whether records and credentials travel unprotected.
    #[must_use]
    pub fn is_plaintext(&self) -> bool {
        self.property("security.protocol").is_none_or(|protocol| protocol.eq_ignore_ascii_case("plaintext"))
    }

    /// A configuration with `chosen` under and `required` over what the user gave.
    pub(crate) fn native(&self, chosen: &[(&str, String)], required: &[(&str, String)]) -> Result<NativeConfig, Error> {
        let mut config = NativeConfig::new();
        config.set("bootstrap.servers", &self.bootstrap_servers)?;
        config.set("client.id", "headwater")?;
        config.set("socket.nagle.disable", "true")?;
        config.set("socket.keepalive.enable", "true")?;
        config.set("reconnect.backoff.ms", "50")?;
        config.set("reconnect.backoff.max.ms", "1000")?;
        config.set("log.connection.close", "false")?;
        config.set("enable.metrics.push", "false")?;
        for (name, value) in chosen {
            config.set(name, value)?;
        }
        for (name, value) in &self.properties {
            config.set(name, value)?;
        }
        for (name, value) in required {
            config.set(name, value)?;
        }
        Ok(config)
    }
}

fn is_secret(name: &str) -> bool {
    let words = ["password", "secret", "token", ".pem", "jaas", "credentials"];
    words.iter().any(|word| name.contains(word)) || name == "sasl.oauthbearer.config"
}

impl fmt::Debug for ConnectionSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown: BTreeMap<_, _> = self
            .properties
            .iter()
            .map(|(name, value)| (name.as_str(), if is_secret(name) { "(hidden)" } else { value.as_str() }))
            .collect();
        formatter
            .debug_struct("ConnectionSettings")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("prefix", &self.prefix.as_str())
            .field("properties", &shown)
            .finish()
    }
}

#[cfg(test)]
mod tests;
