use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::cluster::{Cluster, REPLICAS};
use super::fleet::{Ending, Fleet};
use super::pulse::Pulse;
use super::report::{Report, Row};
use super::script::INSTANCES;
use super::{HEALED_WITHIN, LOOK, Plan};
use crate::audit::audit_load;
use crate::console::KafkaTools;
use crate::deadline::{Stopwatch, pause};
use crate::ended::Ended;
use crate::load::{Orders, Sender, send_all};
use crate::platform::Platform;

const READY_WITHIN: Duration = Duration::from_secs(180);
const DRAINED_WITHIN: Duration = Duration::from_secs(120);
/// Orders under way at one time.
const OPEN_MAX: usize = 1_500;
/// Looks in a row that must show nothing new.
const QUIET_LOOKS: u32 = 10;
/// Questions that cost something are asked so often.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// A cluster and its instances at work, and what is known of them.
pub struct Campaign {
    // Instances end before their brokers.
    pub fleet: Fleet,
    pub cluster: Cluster,
    /// Past the proxies.
    pub direct: Platform,
    pub report: Report,
    ended: Arc<Ended>,
    sender: Option<Sender>,
    pulse: Pulse,
}

impl Campaign {
    /// Starts everything, and returns when orders end and all replicas are in sync.
    #[must_use]
    pub fn start(plan: &Plan, tools: &KafkaTools, folder: &Path) -> Self {
        let cluster = Cluster::start(tools, folder, plan.seed);
        let direct = Platform::of_cluster("faults", &cluster.direct);
        let proxied = Platform { bootstrap: cluster.proxied.clone(), ..direct.clone() };
        let ended = Arc::new(Ended::follow(&direct));
        send_all(&direct, &Orders::stock());
        let fleet = Fleet::start(&proxied, folder, &plan.arguments);
        let report = Report { seed: plan.seed, rate: plan.rate, ..Report::default() };
        let pulse = Pulse::default();
        let mut campaign = Self { fleet, cluster, direct, report, ended, sender: None, pulse };
        campaign.ready("all serve and are in sync", |campaign| {
            campaign.fleet.all_serve()?;
            campaign.cluster.in_sync()
        });
        let orders = Orders::new(&format!("faults-{}", plan.seed), plan.seed);
        let ended = Arc::clone(&campaign.ended);
        campaign.sender = Some(Sender::start(&campaign.direct, orders, plan.rate, OPEN_MAX, ended));
        // As many as are sent in two seconds: the machine keeps up.
        let enough = 2 * plan.rate as usize;
        campaign.ready("orders end", |campaign| {
            let ended = campaign.ended();
            if ended >= enough { Ok(()) } else { Err(format!("{ended} orders have ended, not {enough}")) }
        });
        campaign.every_topic_has_its_replicas();
        campaign
    }

    fn ready(&mut self, what: &str, ask: impl FnMut(&mut Self) -> Result<(), String>) {
        let ready = self.until(READY_WITHIN, ASK_EVERY, ask);
        ready.unwrap_or_else(|why| panic!("{what}: not within {READY_WITHIN:?}: {why}"));
    }

    fn every_topic_has_its_replicas(&mut self) {
        let partitions = self.cluster.partitions().unwrap_or_default();
        let fewer = partitions.iter().filter(|partition| partition.replicas.len() != REPLICAS);
        let topics: BTreeSet<_> = fewer.map(|partition| partition.topic.clone()).collect();
        if partitions.is_empty() || !topics.is_empty() {
            self.report.findings.push(format!("topics without {REPLICAS} replicas: {topics:?}"));
        }
    }

    /// Looks after everything until a condition holds; what it last said if it does not in time.
    ///
    /// # Errors
    /// Why the condition does not hold.
    pub fn until<T>(
        &mut self,
        within: Duration,
        every: Duration,
        mut ask: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<T, String> {
        let clock = Stopwatch::start();
        loop {
            let last = match ask(self) {
                Ok(found) => return Ok(found),
                Err(why) => why,
            };
            if clock.elapsed() >= within {
                return Err(last);
            }
            let asked = Stopwatch::start();
            while asked.elapsed() < every {
                self.look();
                pause(LOOK);
            }
        }
    }

    /// Looks after everything for a time: a fault stands.
    pub fn hold(&mut self, time: Duration) {
        let clock = Stopwatch::start();
        while clock.elapsed() < time {
            self.look();
            pause(LOOK.min(time.saturating_sub(clock.elapsed())));
        }
    }

    /// Starts again what has ended by itself, and feels the pulse.
    pub fn look(&mut self) {
        self.fleet.tend();
        self.pulse.feel(self.ended.count());
    }

    /// Orders that have ended so far.
    #[must_use]
    pub fn ended(&self) -> usize {
        self.ended.count()
    }

    /// A fault begins.
    pub fn begin(&mut self) {
        self.pulse = Pulse::new(self.ended.count());
    }

    /// Waits until all is well again, and says how long each part of it took.
    pub fn heal(&mut self, row: &mut Row) {
        let clock = Stopwatch::start();
        let ended_before = self.ended.count();
        let sent = self.sender.as_ref().map(Sender::ids_so_far).unwrap_or_default();
        let pending: Vec<String> = self.ended.missing(&sent).into_iter().cloned().collect();
        row.pending = pending.len();
        let healed = self.until(HEALED_WITHIN, LOOK, |campaign| {
            let now = || Some(clock.elapsed());
            if row.first.is_none() && campaign.ended.count() > ended_before {
                row.first = now();
            }
            if row.all.is_none() && campaign.ended.missing(&pending).is_empty() {
                row.all = now();
            }
            if row.in_sync.is_none() {
                campaign.cluster.in_sync()?;
                row.in_sync = now();
            }
            if row.serving.is_none() {
                campaign.fleet.all_serve()?;
                row.serving = now();
            }
            match (row.first, row.all) {
                (Some(_), Some(_)) => Ok(()),
                (None, _) => Err("no order has ended since".to_owned()),
                (_, None) => {
                    let open = campaign.ended.missing(&pending);
                    Err(format!(
                        "{} of {} orders are still open, such as {:?}",
                        open.len(),
                        pending.len(),
                        open.first()
                    ))
                }
            }
        });
        row.longest_gap = self.pulse.longest_gap();
        if let Err(why) = healed {
            self.report.findings.push(format!("{}: not healed within {HEALED_WITHIN:?}: {why}", row.fault));
        }
    }

    /// Ends the load, waits for what is open, and audits everything.
    #[must_use]
    pub fn finish(mut self) -> Report {
        let clock = Stopwatch::start();
        let sent = self.sender.take().map(Sender::stop).unwrap_or_default();
        self.report.commands = sent.commands;
        let (ended, fleet) = (Arc::clone(&self.ended), &mut self.fleet);
        if let Err(open) = ended.wait_for_all(&sent.ids(), DRAINED_WITHIN, || fleet.tend()) {
            self.report.findings.push(open);
        }
        match self.until_quiet() {
            Ok(()) => self.report.drained = Some(clock.elapsed()),
            Err(why) => self.report.findings.push(format!("work goes on though every order has ended: {why}")),
        }
        match audit_load(&self.direct, &sent.orders) {
            Err(error) => self.report.findings.push(format!("the audit can't read: {error}")),
            Ok(findings) => {
                self.report.judge(&findings);
                self.views_say_the_same(&findings);
            }
        }
        match self.fleet.counted("headwater_stores_rebuilt_total") {
            Ok(rebuilt) => self.report.stores_rebuilt = rebuilt,
            Err(error) => self.report.findings.push(error),
        }
        for ending in self.fleet.take_endings() {
            self.report.findings.push(format!("after the script: {ending}"));
        }
        self.report.starts = self.fleet.starts;
        let stopped = self.fleet.stop();
        self.report.findings.extend(stopped);
        self.report.findings.extend(self.fleet.panics());
        self.report
    }

    /// Waits until no instance produces or commits any more.
    fn until_quiet(&mut self) -> Result<(), String> {
        let (mut before, mut looks) = (None, 0);
        self.until(DRAINED_WITHIN, ASK_EVERY, |campaign| {
            let names = ["headwater_records_produced_total", "headwater_transactions_total"];
            let now = names.map(|name| campaign.fleet.counted(name));
            let [Ok(produced), Ok(transactions)] = now else { return Err(format!("{now:?}")) };
            looks =
                if before.replace([produced, transactions]) == Some([produced, transactions]) { looks + 1 } else { 0 };
            if looks >= QUIET_LOOKS { Ok(()) } else { Err(format!("{produced} records, {transactions} transactions")) }
        })
    }

    /// What people see adds up to what the events say.
    fn views_say_the_same(&mut self, audit: &crate::audit::Findings) {
        let asked = self.until(HEALED_WITHIN, ASK_EVERY, |campaign| {
            let statuses = campaign.fleet.get("/api/v1/analytics/orders/status-distribution")?;
            let revenue = campaign.fleet.get("/api/v1/analytics/orders/revenue-by-day")?;
            Ok((statuses, revenue))
        });
        let (statuses, revenue) = match asked {
            Ok(answers) => answers,
            Err(error) => return self.report.findings.push(format!("the views do not answer: {error}")),
        };
        let of_status = |status: &str| {
            let counts = statuses["statuses"].as_array().into_iter().flatten();
            counts.filter(|count| count["status"] == status).filter_map(|count| count["orders"].as_u64()).sum::<u64>()
        };
        for (status, expected) in [("delivered", audit.delivered), ("cancelled", audit.cancelled)] {
            let seen = of_status(status);
            if seen != expected as u64 {
                self.report.findings.push(format!("the views count {seen} orders {status}, the events {expected}"));
            }
        }
        let days = revenue["days"].as_array().into_iter().flatten();
        let sum: i64 = days.filter_map(|day| day["total_minor"].as_i64()).sum();
        self.report.revenue = Some((sum, audit.revenue_minor));
        if sum != audit.revenue_minor {
            let what = format!("revenue is {sum} in the views, and {} of delivered orders", audit.revenue_minor);
            self.report.findings.push(what);
        }
    }

    /// Finds fault with instances that have ended by themselves; `allowed` is the one that may.
    pub fn judge_endings(&mut self, row: &mut Row, allowed: Option<usize>) {
        let mut endings: BTreeMap<usize, Vec<Ending>> = BTreeMap::new();
        for ending in self.fleet.take_endings() {
            endings.entry(ending.instance).or_default().push(ending);
        }
        for (instance, endings) in endings {
            let Some(first) = endings.first() else { continue };
            row.notes.push(format!("ended by itself {} times: {first}", endings.len()));
            if allowed != Some(instance) {
                self.report.findings.push(format!("{}: {first}", row.fault));
            }
        }
    }

    /// The instance that has a disk of its own.
    pub const ON_SMALL_DISK: usize = INSTANCES - 1;
}
