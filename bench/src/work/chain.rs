//! A chain of stateful exactly-once services: all in this process, or one of them. Another process drives it.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use headwater_runtime::{Application, Stop};
use headwater_streams::Topology;

use super::{Arguments, Failure, pause, start, topologies};

/// The topics of a chain, from `prefix0` to `prefixN`.
pub fn create(bootstrap: &str, prefix: &str, hops: u64, partitions: u64) -> Result<(), Failure> {
    for number in 0..=hops {
        topologies::create(bootstrap, &format!("{prefix}{number}"), u32::try_from(partitions)?, &[])?;
    }
    Ok(())
}

/// All services of a chain whose topics exist.
pub fn run(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    let hops = usize::try_from(arguments.hops)?;
    serve(arguments, state, topologies::chain(&arguments.topic, &arguments.application, hops)?)
}

/// One of them.
pub fn run_hop(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    serve(arguments, state, vec![topologies::hop(&arguments.topic, &arguments.application, arguments.hop)?])
}

/// Says `ready=1`, and works until standard input ends.
fn serve(arguments: &Arguments, state: PathBuf, services: Vec<Topology>) -> Result<(), Failure> {
    let (application, _calls, _metrics) = start(arguments, state, services)?;
    wait_ready(&application)?;
    let mut out = std::io::stdout().lock();
    writeln!(out, "ready=1")?;
    out.flush()?;
    std::io::stdin().lock().read_to_end(&mut Vec::new())?;
    application.stop(Stop::Leave)?;
    Ok(())
}

fn wait_ready(application: &Application) -> Result<(), Failure> {
    while !application.is_ready() {
        if let Some(why) = application.failed() {
            return Err(why.into());
        }
        pause(Duration::from_millis(10));
    }
    Ok(())
}
