//! Two, then three, then one instance under load: partitions move and nothing is lost; a rolling restart moves none.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headwater_tests::audit::audit_load;
use headwater_tests::deadline::{Stopwatch, wait_for};
use headwater_tests::ended::Ended;
use headwater_tests::headwater::{Headwater, Place};
use headwater_tests::load::{Orders, Sender, send_all};
use headwater_tests::metrics::{Metrics, wait_until_quiet};
use headwater_tests::platform::Platform;
use serde_json::Value;

const PATIENCE: Duration = Duration::from_secs(60);
/// Well below the session time-out: what leaves for good hands over at once.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(12);
const ORDERS_A_SECOND: u32 = 60;
const OPEN_MAX: usize = 400;

/// What each instance has been given, as the group's coordinator says.
type Shares = BTreeMap<String, BTreeSet<String>>;

struct Cluster {
    platform: Platform,
    running: BTreeMap<String, (Headwater, Place)>,
}

impl Cluster {
    fn start(&mut self, name: &str, folder: &Path) {
        let place = Place::new(name, folder);
        self.start_at(place, folder);
    }

    fn start_at(&mut self, place: Place, folder: &Path) {
        let log = folder.join(format!("{}.log", place.name));
        let mut process = Headwater::run_all(&self.platform, &place, &[], &log);
        process.wait_healthy(&format!("{}/health", place.url()), PATIENCE);
        self.running.insert(place.name.clone(), (process, place));
    }

    fn check(&mut self) {
        for (process, _) in self.running.values_mut() {
            process.check().unwrap();
        }
    }

    fn shares(&self) -> Result<Shares, String> {
        let group = self.platform.admin().describe_group(&self.platform.application).map_err(|e| e.to_string())?;
        let named = group.members.into_iter().map(|member| {
            let partitions = member.assignment.iter().map(ToString::to_string).collect();
            (member.instance.unwrap_or(member.member), partitions)
        });
        Ok(named.collect())
    }

    /// Waits until so many instances share all the anchor's partitions, none of them idle. Orders and SKUs have as many
    /// partitions as each other, so one anchor stands for both.
    fn wait_for_shares(&mut self, instances: usize, within: Duration) -> Shares {
        let all = self.platform.partitions("inventory.commands");
        assert_eq!(all, self.platform.partitions("orders.events"));
        let shares = wait_for("the partitions are shared out", within, || {
            self.check();
            let shares = self.shares()?;
            let distinct: BTreeSet<&String> = shares.values().flatten().collect();
            let given: usize = shares.values().map(BTreeSet::len).sum();
            let is_complete = distinct.len() == all as usize && given == all as usize;
            if shares.len() == instances && is_complete && shares.values().all(|share| !share.is_empty()) {
                return Ok(shares);
            }
            Err(format!("{shares:?}"))
        });
        // Moved tasks are restored before they work.
        for (process, place) in self.running.values_mut() {
            process.wait_healthy(&format!("{}/health", place.url()), within);
        }
        shares
    }

    fn moves(&self) -> BTreeMap<String, u64> {
        let of = |place: &Place| Metrics::fetch(&place.url()).unwrap().count("headwater_rebalances_total");
        self.running.iter().map(|(name, (_, place))| (name.clone(), of(place))).collect()
    }

    fn get(&self, instance: &str, path: &str) -> Result<Value, String> {
        let url = format!("{}{path}", self.running[instance].1.url());
        let answer = reqwest::blocking::get(&url).map_err(|error| error.to_string())?;
        let status = answer.status();
        let text = answer.text().map_err(|error| error.to_string())?;
        if status.is_success() {
            serde_json::from_str(&text).map_err(|error| format!("{url}: {error}"))
        } else {
            Err(format!("{url}: {status}: {text}"))
        }
    }
}

fn wait_for_more(ended: &Ended, orders: usize, cluster: &mut Cluster) {
    let before = ended.count();
    wait_for("orders end", PATIENCE, || {
        cluster.check();
        let now = ended.count();
        if now >= before + orders { Ok(()) } else { Err(format!("{before}, then {now}")) }
    });
}

#[test]
fn instances_come_and_go_under_load_and_totals_stay_exact() {
    let Some(platform) = Platform::apache_kafka("scale") else { return };
    let folder = tempfile::tempdir().unwrap();
    let mut cluster = Cluster { platform: platform.clone(), running: BTreeMap::new() };
    let ended = Arc::new(Ended::follow(&platform));
    send_all(&platform, &Orders::stock());
    let orders = Orders::new("scale", 11);
    let sender = Sender::start(&platform, orders, ORDERS_A_SECOND, OPEN_MAX, Arc::clone(&ended));

    for name in ["a", "b"] {
        cluster.start(name, folder.path());
    }
    let two = cluster.wait_for_shares(2, PATIENCE);
    wait_for_more(&ended, 50, &mut cluster);
    cluster.start("c", folder.path());
    let three = cluster.wait_for_shares(3, PATIENCE);
    assert_ne!(two, three, "partitions have moved to the third");
    wait_for_more(&ended, 50, &mut cluster);
    each_instance_answers_for_all(&cluster);

    a_rolling_restart_moves_nothing(&mut cluster, &three, folder.path());
    wait_for_more(&ended, 50, &mut cluster);

    for (name, left) in [("c", 2), ("b", 1)] {
        let (process, _) = cluster.running.remove(name).unwrap();
        let clock = Stopwatch::start();
        process.signal_and_wait("INT", Duration::from_secs(30));
        cluster.wait_for_shares(left, HANDED_OVER_WITHIN);
        println!("{name} has left, its partitions work elsewhere after {} ms", clock.elapsed().as_millis());
    }
    wait_for_more(&ended, 50, &mut cluster);

    let sent = sender.stop();
    ended.wait_for_all(&sent.ids(), PATIENCE, || cluster.check()).unwrap();
    let url = cluster.running["a"].1.url();
    wait_until_quiet(&url, PATIENCE, || cluster.check());
    let findings = audit_load(&platform, &sent.orders).unwrap();
    println!("{findings}");
    findings.assert_clean();
    assert_eq!(findings.created, sent.orders.len());
    let restored = Metrics::fetch(&url).unwrap();
    assert_eq!(restored.count("headwater_stores_rebuilt_total"), 0);
    the_views_say_the_same(&cluster, &findings);
    let (last, _) = cluster.running.remove("a").unwrap();
    last.signal_and_wait("INT", Duration::from_secs(30));
    platform.remove();
}

/// Stopped for a restart and started again, one after the other: nobody's share changes, and nobody else notices.
fn a_rolling_restart_moves_nothing(cluster: &mut Cluster, before: &Shares, folder: &Path) {
    for name in ["a", "b", "c"] {
        let (process, place) = cluster.running.remove(name).unwrap();
        let moves = cluster.moves();
        process.signal_and_wait("TERM", Duration::from_secs(30));
        cluster.start_at(place, folder);
        assert_eq!(&cluster.wait_for_shares(3, PATIENCE), before, "after the restart of {name}");
        let mut after = cluster.moves();
        after.remove(name);
        assert_eq!(after, moves, "the others' partitions while {name} restarted");
    }
}

fn each_instance_answers_for_all(cluster: &Cluster) {
    for instance in ["a", "b", "c"] {
        let total = wait_for("an instance answers for all", PATIENCE, || {
            let answer = cluster.get(instance, "/api/v1/analytics/orders/status-distribution")?;
            answer["total"].as_u64().filter(|total| *total > 0).ok_or_else(|| answer.to_string())
        });
        let listed = wait_for("an instance lists all", PATIENCE, || cluster.get(instance, "/api/v1/orders?limit=5"));
        assert!(listed["total"].as_u64().unwrap() >= total, "{instance}: {total} orders counted, {listed}");
    }
}

fn the_views_say_the_same(cluster: &Cluster, findings: &headwater_tests::audit::Findings) {
    let statuses = cluster.get("a", "/api/v1/analytics/orders/status-distribution").unwrap();
    let count = |status: &str| {
        let found = statuses["statuses"].as_array().unwrap().iter().find(|count| count["status"] == status);
        found.map_or(0, |count| usize::try_from(count["orders"].as_u64().unwrap()).unwrap())
    };
    assert_eq!(count("delivered"), findings.delivered, "{statuses}");
    assert_eq!(count("cancelled"), findings.cancelled, "{statuses}");
    assert_eq!(statuses["total"], findings.created, "{statuses}");
    let revenue = cluster.get("a", "/api/v1/analytics/orders/revenue-by-day").unwrap();
    let days = revenue["days"].as_array().unwrap().iter();
    let sum: i64 = days.map(|day| day["total_minor"].as_i64().unwrap()).sum();
    assert_eq!(sum, findings.revenue_minor, "{revenue}");
}
