//! The `headwater` binary: services and tools of the platform.
//!
//! - [`dev`], [`run`], [`demo`]: what serves. [`service`] is an application in this process, [`http`] its API,
//!   [`query`] how questions find the instance that knows the answer.
//! - [`platform`]: topics, schemas, processors and outside calls of this binary; [`registry`] the embedded registry.
//! - Tools, a folder each: [`produce`], [`consume`], [`topics`], [`schemas`], [`saga`], [`orders`], [`dlq`], [`replay`],
//!   [`snapshots`], [`topology`], [`application`], [`doctor`]; they share [`output`], [`cluster`], [`records`] and [`api_client`].
//! - [`args`], [`settings`], [`telemetry`], [`signals`], [`clock`]: the edge.

mod api_client;
mod application;
mod args;
mod clock;
mod cluster;
mod completions;
mod consume;
mod demo;
mod dev;
mod dlq;
mod doctor;
mod error;
mod http;
mod orders;
mod output;
mod platform;
mod produce;
mod query;
mod records;
mod registry;
mod replay;
mod run;
mod saga;
mod schemas;
mod service;
mod settings;
mod signals;
mod snapshots;
mod telemetry;
mod topics;
mod topology;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
pub use error::Error;
use settings::Settings;
use telemetry::Telemetry;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let cli = Cli::parse();
    match dispatch(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if error.is_pending() => {
            eprintln!("{error}");
            ExitCode::from(error.exit_code())
        }
        Err(error) => {
            eprintln!("{} {error}", console::style("error:").red().bold().for_stderr());
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(cli: Cli) -> Result<(), Error> {
    let settings = Settings::load(&cli.global, std::env::vars().collect())?;
    let format = cli.global.log_format.unwrap_or_default();
    let log = |default_filter: &str| Telemetry::start(format, default_filter, settings.environment());
    match cli.command {
        Command::Dev(arguments) => {
            let _telemetry = log(SERVICES_LOG)?;
            on_tokio(dev::run(&arguments, &settings))
        }
        Command::Run(arguments) => {
            let _telemetry = log(SERVICES_LOG)?;
            on_tokio(run::run(&arguments, &settings))
        }
        Command::Demo(arguments) => {
            let _telemetry = log(DEMO_LOG)?;
            on_tokio(demo::run(&arguments))
        }
        Command::Tool(tool) => {
            let _telemetry = log(TOOLS_LOG)?;
            tool.run(&settings)
        }
    }
}

/// What services log unless RUST_LOG says otherwise.
const SERVICES_LOG: &str = "info,headwater_devbroker=warn";

/// A tool says itself what went wrong; librdkafka would say it many times.
const TOOLS_LOG: &str = "warn,librdkafka=off,headwater_schema=error";

/// The demo's own words come on standard output; the log only has what went wrong.
const DEMO_LOG: &str = "warn";

/// Runs a service on an async runtime of its own.
fn on_tokio<T>(service: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::failed(format!("no threads to run on: {error}")))?;
    let ended = runtime.block_on(service);
    // What still blocks must not keep the process from ending.
    runtime.shutdown_background();
    ended
}
