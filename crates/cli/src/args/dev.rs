use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;
use headwater_kafka::ProducerEngine;

use super::{ConnectionArgs, PaymentProfile};

/// `headwater dev`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = "Examples:\n  \
    headwater dev                                   everything here: Kafka 9092, registry 8081, HTTP 8080\n  \
    headwater dev --kafka-port 0 --registry-port 0 --http-port 0    free ports, written to DIR/ports.json\n  \
    MESSAGE_BROKER=in_memory headwater dev          nothing is kept\n  \
    headwater dev -b kafka:9092                     the same on a Kafka of yours")]
pub struct DevArgs {
    /// Use this Kafka, and not the embedded broker.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Where everything is kept [default: $XDG_DATA_HOME/headwater/dev]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// The embedded broker's port; 0 takes a free one [default: 9092]
    #[arg(long, value_name = "PORT")]
    pub kafka_port: Option<u16>,
    /// The embedded registry's port; 0 takes a free one [default: 8081]
    #[arg(long, value_name = "PORT")]
    pub registry_port: Option<u16>,
    /// The HTTP API's port; 0 takes a free one [default: 8080]
    #[arg(long, value_name = "PORT")]
    pub http_port: Option<u16>,
    /// The address that the HTTP API listens on [default: 127.0.0.1]
    #[arg(long, value_name = "ADDRESS")]
    pub http_listen: Option<IpAddr>,
    /// Threads that process records [default: 1]
    #[arg(long, value_name = "N")]
    pub workers: Option<usize>,
    /// Hand no record from processor to processor within a transaction: every hop is a commit and a fetch
    #[arg(long)]
    pub no_fusion: bool,
    /// Who speaks to the brokers for transactions: this program itself where the connection is plain (auto, direct), or
    /// librdkafka, which sends a request for each partition
    #[arg(long, value_name = "ENGINE", default_value = "auto", value_parser = ProducerEngine::parse)]
    pub producer: ProducerEngine,
    /// Memory for stores, caches and fetches, in MiB [default: 128]
    #[arg(long, value_name = "N")]
    pub memory_mib: Option<usize>,
    /// How the simulated payment provider behaves [default: default]
    #[arg(long, value_enum, value_name = "PROFILE")]
    pub payment_profile: Option<PaymentProfile>,
}
