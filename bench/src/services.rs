//! A chain of services, in one process or each in its own, with the reader and the generator in another.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::figures::{self, Figures};
use crate::job::{Job, Side};
use crate::session::Session;
use crate::work::{Failure, create_chain};

/// A service that works until its standard input ends, so that none outlives whoever started it.
struct Service(Child);

impl Service {
    /// Starts it, and waits until it says that it is ready.
    fn start(mut command: Command) -> Result<Self, Failure> {
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut service = Self(child);
        let out = service.0.stdout.as_mut().ok_or("a process without output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        if line.trim() != "ready=1" {
            return Err(format!("a service of the chain ended before it was ready; run {command:?} to see why").into());
        }
        Ok(service)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let _reaped = self.0.wait();
    }
}

/// A process with one service of the chain, or with all of them.
fn command(job: &Job, session: &Session, side: Side, prefix: &str, own: &str, hop: Option<u64>) -> Command {
    let mode = if hop.is_some() { "hop" } else { "chain" };
    let hop = hop.unwrap_or(0).to_string();
    if side.is_peer() {
        session.peer_command(&job.properties(session, side, own), &[mode, prefix, own, &hop])
    } else {
        let mut arguments = job.arguments(session, side, mode, prefix, own);
        arguments.extend(["--hop".to_owned(), hop]);
        session.own_command(&arguments)
    }
}

/// The chain under its load. Both sides are driven by the same process; CPU is the services', the driver's not counted.
pub fn chain(job: &Job, session: &Session, side: Side, name: &str) -> Result<Figures, Failure> {
    let prefix = format!("{name}-");
    create_chain(&session.bootstrap, &prefix, job.hops, job.partitions)?;
    let mut services = Vec::new();
    if side.has_a_process_each() {
        let alone = Job { workers: 1, ..*job };
        for number in 0..job.hops {
            let own = format!("{name}-hop{number}");
            services.push(Service::start(command(&alone, session, side, &prefix, &own, Some(number)))?);
        }
    } else {
        services.push(Service::start(command(job, session, side, &prefix, name, None))?);
    }
    let cpu =
        |services: &[Service]| services.iter().map(|service| figures::cpu_seconds_of(service.0.id())).sum::<f64>();
    let cpu_before = cpu(&services);
    let mut figures = session.own(&job.arguments(session, side, "drive", &prefix, name))?;
    let records = (job.rate * (job.seconds + job.warm_up_seconds)) as f64;
    figures.insert("cpu_us_per_record".to_owned(), (cpu(&services) - cpu_before) * 1e6 / records);
    let memory = services.iter().map(|service| figures::rss_peak_mib_of(&service.0.id().to_string())).sum();
    figures.insert("rss_peak_mb".to_owned(), memory);
    drop(services);
    for number in 0..job.hops {
        session.forget(&format!("{name}-hop{number}"))?;
    }
    Ok(figures)
}
