//! A piece of work in the words that both sides are told it with, and which side does it how.

use crate::figures::Figures;
use crate::services;
use crate::session::{Contents, Session};
use crate::work::Failure;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    Count,
    Map,
    Table,
    /// A table, and then its stores from nothing; figures of the second half begin with `restore_`.
    TableAndRestore,
    /// A table whose changelog is its topic, and then its stores from nothing.
    SourceTableAndRestore,
    /// The last value by key, each key in one of so many stores.
    Stores,
    /// Stateful services in a row under a steady load.
    Chain,
}

/// Who does it, and how; what a plot draws as one line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Headwater,
    /// Each hop through a commit and a fetch, all in one process.
    NotFused,
    /// Each service in a process of its own.
    Processes,
    KafkaStreams,
    KafkaStreamsAtLeastOnce,
    KafkaStreamsProcesses,
    /// librdkafka's consumer and producer in a loop, without transactions.
    Bare,
}

impl Side {
    pub const fn words(self) -> &'static str {
        match self {
            Self::Headwater => "Headwater",
            Self::NotFused => "Headwater, not fused",
            Self::Processes => "Headwater, a process each",
            Self::KafkaStreams => "Kafka Streams",
            Self::KafkaStreamsAtLeastOnce => "Kafka Streams, at least once",
            Self::KafkaStreamsProcesses => "Kafka Streams, a process each",
            Self::Bare => "bare loop, at least once",
        }
    }

    /// In names of applications, which are short.
    const fn letters(self) -> &'static str {
        match self {
            Self::Headwater => "hw",
            Self::NotFused => "hw-unfused",
            Self::Processes => "hw-each",
            Self::KafkaStreams => "ks",
            Self::KafkaStreamsAtLeastOnce => "ks-alo",
            Self::KafkaStreamsProcesses => "ks-each",
            Self::Bare => "bare",
        }
    }

    /// Whether each service of a chain is a process of its own.
    pub const fn has_a_process_each(self) -> bool {
        matches!(self, Self::Processes | Self::KafkaStreamsProcesses)
    }

    pub const fn is_peer(self) -> bool {
        matches!(self, Self::KafkaStreams | Self::KafkaStreamsAtLeastOnce | Self::KafkaStreamsProcesses)
    }
}

/// A piece of work and its sizes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    pub work: Work,
    pub records: u64,
    pub keys: u64,
    pub value_bytes: u64,
    pub partitions: u64,
    /// Threads that work: `workers` here, `num.stream.threads` there.
    pub workers: u64,
    pub stores: u64,
    pub hops: u64,
    /// Records a second of a chain.
    pub rate: u64,
    pub seconds: u64,
    /// A chain's load before it is measured: sent and read, and not counted.
    pub warm_up_seconds: u64,
}

impl Job {
    /// The sizes that the other comparisons have.
    pub const fn new(work: Work) -> Self {
        Self {
            work,
            records: 5_000_000,
            keys: 100_000,
            value_bytes: 100,
            partitions: 4,
            workers: 2,
            stores: 1,
            hops: 4,
            rate: 1_000,
            seconds: 15,
            warm_up_seconds: 5,
        }
    }

    /// Whether there is such a thing as this work on that side.
    pub fn suits(&self, side: Side) -> bool {
        match side {
            Side::Headwater | Side::KafkaStreams | Side::KafkaStreamsAtLeastOnce => true,
            Side::NotFused | Side::Processes | Side::KafkaStreamsProcesses => self.work == Work::Chain,
            Side::Bare => self.work == Work::Map,
        }
    }

    /// Does the work once, in processes of its own, and removes what it wrote. `name` is nobody else's, short, and of a-z,
    /// 0-9 and '-'.
    pub fn run(&self, session: &Session, side: Side, name: &str) -> Result<Figures, Failure> {
        let name = session.name(&format!("{name}-{}", side.letters()));
        let done = match self.work {
            Work::Chain => services::chain(self, session, side, &name),
            _ => self.input(session).and_then(|topic| self.over(session, side, &topic, &name)),
        };
        session.forget(&name)?;
        done
    }

    fn input(&self, session: &Session) -> Result<String, Failure> {
        session.input(&Contents {
            records: self.records,
            keys: self.keys,
            value_bytes: self.value_bytes,
            partitions: self.partitions,
        })
    }

    /// Work over a topic that was loaded before.
    fn over(&self, session: &Session, side: Side, topic: &str, name: &str) -> Result<Figures, Failure> {
        let mode = match self.work {
            _ if side == Side::Bare => "bare",
            Work::Count => "count",
            Work::Map | Work::Chain => "map",
            Work::Table | Work::TableAndRestore => "table",
            Work::SourceTableAndRestore => "sourcetable",
            Work::Stores => "stores",
        };
        let mut figures = self.mode(session, side, mode, topic, name)?;
        if matches!(self.work, Work::TableAndRestore | Work::SourceTableAndRestore) {
            std::fs::remove_dir_all(session.folder(name))?;
            for (figure, value) in self.mode(session, side, &format!("{mode}restore"), topic, name)? {
                let is_named = figure.starts_with("restore_");
                figures.insert(if is_named { figure } else { format!("restore_{figure}") }, value);
            }
        }
        Ok(figures)
    }

    fn mode(&self, session: &Session, side: Side, mode: &str, topic: &str, name: &str) -> Result<Figures, Failure> {
        if side.is_peer() {
            session.peer(&self.properties(session, side, name), &[mode, topic, name])
        } else {
            session.own(&self.arguments(session, side, mode, topic, name))
        }
    }

    /// What a process of ours is told.
    pub fn arguments(&self, session: &Session, side: Side, mode: &str, topic: &str, name: &str) -> Vec<String> {
        let state = session.folder(name).display().to_string();
        let mut arguments = vec![mode.to_owned(), topic.to_owned(), name.to_owned(), "--state".to_owned(), state];
        for (flag, value) in [
            ("--n", self.records),
            ("--partitions", self.partitions),
            ("--workers", self.workers),
            ("--stores", self.stores),
            ("--hops", self.hops),
            ("--rate", self.rate),
            ("--seconds", self.seconds),
            ("--warm-up-seconds", self.warm_up_seconds),
        ] {
            arguments.extend([flag.to_owned(), value.to_string()]);
        }
        if side == Side::NotFused {
            arguments.push("--no-fusion".to_owned());
        }
        arguments
    }

    /// What a process of the peer is told.
    pub fn properties(&self, session: &Session, side: Side, name: &str) -> Vec<(&'static str, String)> {
        let guarantee = if side == Side::KafkaStreamsAtLeastOnce { "at_least_once" } else { "exactly_once_v2" };
        let mut properties =
            vec![("state", session.folder(name).display().to_string()), ("guarantee", guarantee.to_owned())];
        let sizes = [
            ("n", self.records),
            ("parts", self.partitions),
            ("threads", self.workers),
            ("stores", self.stores),
            ("hops", self.hops),
        ];
        properties.extend(sizes.map(|(name, value)| (name, value.to_string())));
        properties
    }
}
