//! kill -9 at random moments under load, again and again, then the audit.

mod report;
mod schedule;
mod victim;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

pub use report::Report;
pub use schedule::{Moment, Schedule};
pub use victim::Victim;

use crate::audit::audit_load;
use crate::deadline::{Stopwatch, pause};
use crate::ended::Ended;
use crate::load::{Orders, Sender, send_all};
use crate::metrics::Metrics;
use crate::platform::Platform;
use crate::reader::TopicReader;

/// Nothing has ended for so long: nothing will.
const PATIENCE: Duration = Duration::from_secs(60);
/// A restart that takes longer is a finding of its own.
const RECOVERY_MAX: Duration = Duration::from_secs(60);
/// Orders a second.
const RATE: u32 = 250;
/// Orders under way at one time.
const OPEN_MAX: usize = 1_000;

/// How to crash.
#[derive(Debug, Clone)]
pub struct Plan {
    pub rounds: usize,
    pub seed: u64,
    /// More arguments for `headwater`.
    pub arguments: Vec<String>,
    /// Says every round.
    pub is_loud: bool,
}

/// Kills and restarts a `headwater dev` on its embedded broker.
#[must_use]
pub fn on_embedded(plan: &Plan, folder: &Path) -> Report {
    let (victim, platform) = Victim::dev(folder, &plan.arguments);
    run("embedded broker", plan, victim, &platform)
}

/// Kills and restarts a `headwater run --all` on Apache Kafka; None, said aloud, where there is none.
#[must_use]
pub fn on_kafka(plan: &Plan, folder: &Path) -> Option<Report> {
    let platform = Platform::apache_kafka("crash")?;
    let victim = Victim::run_all(folder, &platform, &plan.arguments);
    let report = run("Apache Kafka", plan, victim, &platform);
    if report.is_clean() {
        platform.remove();
    }
    Some(report)
}

fn run(name: &str, plan: &Plan, mut victim: Victim, platform: &Platform) -> Report {
    let clock = Stopwatch::start();
    let mut report = Report::new(name, plan.seed);
    let mut schedule = Schedule::new(plan.seed);
    let ended = Arc::new(Ended::follow(platform));
    send_all(platform, &Orders::stock());
    let orders = Orders::new(&format!("crash-{}", plan.seed), plan.seed);
    let sender = Sender::start(platform, orders, RATE, OPEN_MAX, Arc::clone(&ended));
    for round in 1..=plan.rounds {
        let moment = schedule.next_moment();
        let metrics = reach(moment, &mut victim, &ended, &mut report);
        victim.check();
        report.killed(round, moment, metrics.as_ref(), ended.count());
        if plan.is_loud {
            println!("{}", report.last_round());
        }
        victim.kill_and_restart();
    }
    report.served(victim.wait_healthy(RECOVERY_MAX));
    report.worked(victim.wait_for_progress(&ended, RECOVERY_MAX));
    let sent = sender.stop();
    report.commands = sent.commands;
    if let Err(open) = ended.wait_for_all(&sent.ids(), PATIENCE, || victim.check()) {
        report.finding(open);
    }
    let last = victim.settled(PATIENCE);
    report.last_restart(&last);
    let findings = audit_load(platform, &sent.orders).unwrap_or_else(|error| panic!("the audit can't read: {error}"));
    report.changelog_records = changelog_records(platform);
    report.judge(&findings);
    report.duration = clock.elapsed();
    victim.stop();
    report
}

/// Waits for a moment, and takes a last look at the process: its metrics count from its start.
fn reach(moment: Moment, victim: &mut Victim, ended: &Ended, report: &mut Report) -> Option<Metrics> {
    let after = match moment {
        Moment::WhileStarting { after } => {
            pause(after);
            return None;
        }
        Moment::OnceServing { after } => {
            report.served(victim.wait_healthy(RECOVERY_MAX));
            after
        }
        Moment::UnderLoad { after } => {
            report.served(victim.wait_healthy(RECOVERY_MAX));
            report.worked(victim.wait_for_progress(ended, RECOVERY_MAX));
            after
        }
    };
    pause(after);
    Some(Metrics::fetch(&victim.url()).unwrap_or_else(|error| panic!("{moment:?}: {error}")))
}

/// Records in the changelogs, by topic: what a restart must not read again.
fn changelog_records(platform: &Platform) -> u64 {
    let changelogs = platform.admin().list_topics().unwrap_or_default();
    let own = changelogs.iter().filter_map(|topic| topic.as_str().strip_prefix(platform.prefix.as_str()));
    let mut sizes: BTreeMap<&str, u64> = BTreeMap::new();
    let reader = TopicReader::new(platform);
    for topic in own.filter(|topic| topic.ends_with("-changelog")) {
        sizes.insert(topic, reader.offsets(topic).unwrap_or_default());
    }
    sizes.values().sum()
}
