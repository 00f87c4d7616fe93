//! A chain of stateful exactly-once services: all in this process, or one of them.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use headwater_runtime::{Application, Stop};

use super::{Arguments, Failure, drive, pause, start, topologies};
use crate::figures::rss_peak_mib;

/// The topics of a chain, from `prefix0` to `prefixN`.
pub fn create(bootstrap: &str, prefix: &str, hops: u64, partitions: u64) -> Result<(), Failure> {
    for number in 0..=hops {
        topologies::create(bootstrap, &format!("{prefix}{number}"), u32::try_from(partitions)?, &[])?;
    }
    Ok(())
}

/// The whole chain under a steady load, as the peer's.
pub fn run(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    create(&arguments.bootstrap, &arguments.topic, arguments.hops, u64::from(arguments.partitions))?;
    let hops = usize::try_from(arguments.hops)?;
    let chain = topologies::chain(&arguments.topic, &arguments.application, hops)?;
    let (application, _calls, _metrics) = start(arguments, state, chain)?;
    wait_ready(&application)?;
    drive::run(arguments)?;
    println!("rss_peak_mb={:.0}", rss_peak_mib());
    application.stop(Stop::Leave)?;
    Ok(())
}

/// One service of a chain whose topics exist: says `ready=1`, and works until its standard input ends.
pub fn run_hop(arguments: &Arguments, state: PathBuf) -> Result<(), Failure> {
    let service = topologies::hop(&arguments.topic, &arguments.application, arguments.hop)?;
    let (application, _calls, _metrics) = start(arguments, state, vec![service])?;
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
