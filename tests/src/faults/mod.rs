//! Fault campaigns: three brokers, six instances, a seeded script of faults under load, then the audit.

mod campaign;
mod cluster;
mod deeds;
mod disk;
mod fleet;
mod leaders;
mod proxy;
mod pulse;
mod report;
mod script;

use std::path::Path;
use std::time::Duration;

pub use disk::unmount_all;
pub use proxy::{Proxy, Weather};
pub use report::{Report, Row};
pub use script::{Fault, Kind, Script, Wires};

use crate::console::KafkaTools;
use crate::deadline::Stopwatch;
use campaign::Campaign;

/// All must be well again so long after a fault.
const HEALED_WITHIN: Duration = Duration::from_secs(120);
/// Between two looks at everything.
const LOOK: Duration = Duration::from_millis(50);
/// Between two faults.
const CALM: Duration = Duration::from_secs(2);

/// What a campaign is made of.
#[derive(Debug, Clone)]
pub struct Plan {
    /// No fault begins after so long.
    pub script: Duration,
    pub seed: u64,
    pub kinds: Vec<Kind>,
    /// How long a stalled instance is stopped.
    pub stall: Duration,
    /// Orders a second.
    pub rate: u32,
    /// More arguments for `headwater run`.
    pub arguments: Vec<String>,
}

/// Runs a campaign, saying each fault when it has healed; None, said aloud, where there is no Apache Kafka.
#[must_use]
pub fn run(plan: &Plan, folder: &Path) -> Option<Report> {
    let tools = KafkaTools::find("faults")?;
    let mut campaign = Campaign::start(plan, &tools, folder);
    let mut kinds = plan.kinds.clone();
    if let Err(why) = campaign.fleet.disk()
        && kinds.contains(&Kind::FullDisk)
    {
        let reason = format!("{}: no small disk can be mounted: {why}", Kind::FullDisk.name());
        println!("  {reason}");
        campaign.report.skipped.push(reason);
        kinds.retain(|kind| *kind != Kind::FullDisk);
    }
    let mut script = Script::new(plan.seed, &kinds, plan.stall);
    println!("  six instances at work on three brokers, {} orders ended", campaign.ended());
    let clock = Stopwatch::start();
    while clock.elapsed() < plan.script
        && let Some(fault) = script.next_fault()
    {
        let row = deeds::do_and_heal(&mut campaign, fault, clock.elapsed());
        println!("  {row}");
        campaign.report.rows.push(row);
        campaign.hold(CALM);
    }
    campaign.report.script = clock.elapsed();
    Some(campaign.finish())
}
