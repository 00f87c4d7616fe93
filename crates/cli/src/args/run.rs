use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use headwater_kafka::ProducerEngine;

use super::ConnectionArgs;

/// `headwater run`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    headwater run --all -b kafka:9092 --registry http://registry:8081\n  \
    headwater run order-views --instance views-2 --http-port 8082    a second instance shares the partitions\n  \
    headwater run payments -X security.protocol=SSL -X ssl.ca.location=ca.pem\n\n\
    Ctrl-C leaves for good, and hands the partitions over at once; SIGTERM is a restart, within the session time-out\n\
    nothing moves. Both commit first; a second signal ends at once.")]
pub struct RunArgs {
    /// Which processors: orders, inventory, payments, shipping, notifications, sagas, order-views
    #[arg(value_name = "PROCESSOR", required_unless_present = "all", conflicts_with = "all")]
    pub processors: Vec<String>,
    /// All of them, as one application
    #[arg(long)]
    pub all: bool,
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// application.id, the consumer group [default: the processor's name; headwater for several]
    #[arg(long, value_name = "NAME")]
    pub application: Option<String>,
    /// This instance among the application's; the same after a restart [default: the host's name]
    #[arg(long, value_name = "NAME")]
    pub instance: Option<String>,
    /// Where the stores live [default: $XDG_DATA_HOME/headwater/APPLICATION/INSTANCE]
    #[arg(long, value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Threads that process records, each with its share of the partitions [default: 1]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// How many other instances keep the state of each task warm, to take over at once [default: 0]
    #[arg(long, value_name = "N")]
    pub standbys: Option<usize>,
    /// Where stores are written down now and then, and begin when there is none here: a folder, file:///, s3://, gs:// or
    /// az:// [default: nowhere]
    #[arg(long, value_name = "URL")]
    pub snapshots: Option<String>,
    /// So many seconds between two snapshots of a task at least; one is taken when a tenth of its state has changed
    /// [default: 600]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=86400))]
    pub snapshot_interval: Option<u32>,
    /// After so many seconds without a heartbeat an instance's tasks go to others; the broker's least is 6 [default: 20]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..=3600))]
    pub session_timeout: Option<u32>,
    /// Hand no record from processor to processor within a transaction: every hop is a commit and a fetch
    #[arg(long)]
    pub no_fusion: bool,
    /// Who speaks to the brokers for transactions: this program itself where the connection is plain (auto, direct), or
    /// librdkafka, which sends a request for each partition
    #[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = ProducerEngine::parse)]
    pub producer: ProducerEngine,
    /// The HTTP API's port; 0 takes a free one [default: 8080]
    #[arg(long, value_name = "PORT")]
    pub http_port: Option<u16>,
    /// The address that the HTTP API listens on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub http_listen: Option<IpAddr>,
    /// Where other instances reach this one's HTTP API [default: http://LISTEN:PORT]
    #[arg(long, value_name = "URL")]
    pub advertised_url: Option<String>,
    /// What a stop means, whichever signal asks for it [default: leave on SIGINT, stay on SIGTERM]
    #[arg(long, value_enum, value_name = "HOW")]
    pub on_stop: Option<OnStop>,
    /// Memory for stores, caches and fetches, in MiB [default: 256]
    #[arg(long, value_name = "N")]
    pub memory_mib: Option<usize>,
    /// How the simulated payment provider behaves [default: default]
    #[arg(long, value_enum, value_name = "PROFILE")]
    pub payment_profile: Option<PaymentProfile>,
}

/// What a stop means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnStop {
    /// For good: the partitions are handed over at once.
    Leave,
    /// For a restart: nothing moves within the session time-out.
    Stay,
}

/// How the simulated payment provider behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PaymentProfile {
    /// 5 ms, 2 % declined.
    Default,
    /// At once, nothing declined: for measuring.
    None,
    /// 1 s, 10 % declined.
    Slow,
}

impl PaymentProfile {
    /// The profile's name, as the payments processor knows it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::None => "none",
            Self::Slow => "slow",
        }
    }
}
