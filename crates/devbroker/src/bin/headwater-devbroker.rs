//! The embedded broker as a process of its own, for tests that kill it and for clients of other languages.
//!
//! Prints `listening 127.0.0.1:PORT` once it serves, and ends cleanly on SIGINT or SIGTERM.

use std::net::SocketAddr;
use std::process::ExitCode;

use headwater_devbroker::{Broker, BrokerOptions, StorageKind};
use tokio::signal::unix::{SignalKind, signal};

const USAGE: &str =
    "usage: headwater-devbroker (--data-dir DIR | --memory) [--port PORT] [--partitions N] [--no-auto-create]";

fn parse(mut arguments: impl Iterator<Item = String>) -> Result<BrokerOptions, String> {
    let mut storage = None;
    let mut options = BrokerOptions::new(StorageKind::Memory);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("{argument} wants a value"));
        match argument.as_str() {
            "--data-dir" => storage = Some(StorageKind::Disk(value()?.into())),
            "--memory" => storage = Some(StorageKind::Memory),
            "--port" => {
                let port = value()?.parse().map_err(|_| "--port wants a number below 65536".to_owned())?;
                options.listen = SocketAddr::from(([127, 0, 0, 1], port));
            }
            "--partitions" => {
                options.default_partitions = value()?.parse().map_err(|_| "--partitions wants a number".to_owned())?;
            }
            "--no-auto-create" => options.auto_create_topics = false,
            other => return Err(format!("{other} is unknown")),
        }
    }
    options.storage = storage.ok_or("--data-dir or --memory is missing")?;
    Ok(options)
}

async fn run(options: BrokerOptions) -> Result<(), String> {
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let broker = Broker::start(options).await.map_err(|error| error.to_string())?;
    println!("listening {}", broker.address());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    broker.stop().await.map_err(|error| error.to_string())
}

#[tokio::main]
async fn main() -> ExitCode {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env();
    tracing_subscriber::fmt()
        .with_env_filter(filter.unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn")))
        .with_writer(std::io::stderr)
        .init();
    let options = match parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(reason) => {
            eprintln!("{reason}\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            eprintln!("headwater-devbroker: {reason}");
            ExitCode::FAILURE
        }
    }
}
