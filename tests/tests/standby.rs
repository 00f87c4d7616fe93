//! Two instances that keep each other's state warm: the second waits to be warm before it joins; kill -9 of one, and the
//! other takes over with next to nothing to replay.

#![allow(clippy::unwrap_used, clippy::expect_used)]

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

const PATIENCE: Duration = Duration::from_secs(90);
const ORDERS_A_SECOND: u32 = 60;
const OPEN_MAX: usize = 400;
/// The least that a broker takes.
const SESSION_SECONDS: &str = "6";
/// How long a killed instance's transaction stays open: the broker looks every ten seconds for those past their time.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(40);

struct Instance {
    process: Headwater,
    place: Place,
}

impl Instance {
    fn start(platform: &Platform, name: &str, folder: &Path) -> Self {
        let place = Place::new(name, folder);
        Self::start_at(platform, place, folder)
    }

    fn start_at(platform: &Platform, place: Place, folder: &Path) -> Self {
        let log = folder.join(format!("{}.log", place.name));
        let arguments = ["--standbys", "1", "--session-timeout", SESSION_SECONDS];
        Self { process: Headwater::run_all(platform, &place, &arguments, &log), place }
    }

    fn wait_healthy(&mut self) {
        let url = format!("{}/health", self.place.url());
        self.process.wait_healthy(&url, PATIENCE);
    }

    fn metrics(&self) -> Metrics {
        Metrics::fetch(&self.place.url()).unwrap()
    }

    /// Running, restoring, standby and warm tasks, and the largest lag; also while it does not serve yet.
    fn health(&self) -> Result<Health, String> {
        let answer = reqwest::blocking::get(format!("{}/health", self.place.url())).map_err(|e| e.to_string())?;
        let said: Value = answer.json().map_err(|e| e.to_string())?;
        let number = |name: &str| said[name].as_u64().ok_or_else(|| said.to_string());
        Ok(Health {
            running: number("tasks_running")?,
            restoring: number("tasks_restoring")?,
            standby: number("tasks_standby")?,
            warm: number("tasks_warm")?,
            lag_records: number("standby_lag_records")?,
        })
    }

    /// Waits until it keeps warm what the other works on, all of it.
    fn wait_warm(&mut self) -> Health {
        wait_for("what the other works on is warm", PATIENCE, || {
            self.process.check()?;
            let health = self.health()?;
            let is_warm = health.restoring == 0 && health.standby > 0 && health.standby == health.warm;
            if is_warm && health.lag_records < 2_000 { Ok(health) } else { Err(format!("{health:?}")) }
        })
    }
}

#[derive(Debug, Clone, Copy)]
struct Health {
    running: u64,
    restoring: u64,
    standby: u64,
    warm: u64,
    lag_records: u64,
}

fn wait_for_more(ended: &Ended, orders: usize, instance: &mut Instance) {
    let before = ended.count();
    wait_for("orders end", PATIENCE, || {
        instance.process.check()?;
        let now = ended.count();
        if now >= before + orders { Ok(()) } else { Err(format!("{before}, then {now}")) }
    });
}

#[test]
fn a_warm_instance_takes_over_with_next_to_nothing_to_replay() {
    let Some(platform) = Platform::apache_kafka("standby") else { return };
    let folder = tempfile::tempdir().unwrap();
    let ended = Arc::new(Ended::follow(&platform));
    send_all(&platform, &Orders::stock());
    let sender = Sender::start(&platform, Orders::new("standby", 23), ORDERS_A_SECOND, OPEN_MAX, Arc::clone(&ended));

    let mut first = Instance::start(&platform, "a", folder.path());
    first.wait_healthy();
    let all = first.health().unwrap().running;
    wait_for_more(&ended, 300, &mut first);

    // The second has all of the first's tasks warm before it takes any.
    let mut second = Instance::start(&platform, "b", folder.path());
    let before_joining = wait_for("the second keeps standbys", PATIENCE, || {
        let health = second.health()?;
        if health.standby > 0 { Ok(health) } else { Err(format!("{health:?}")) }
    });
    assert_eq!(before_joining.running + before_joining.restoring, 0, "{before_joining:?}");
    second.wait_healthy();
    let joined = second.metrics();
    let (restored, followed) =
        (joined.count("headwater_restored_records_total"), joined.count("headwater_standby_records_total"));
    println!("joined: {followed} records brought into standbys, {restored} restored when tasks moved");
    assert!(restored * 4 < followed, "{restored} restored, {followed} followed");
    wait_for_more(&ended, 200, &mut second);
    let (one, other) = (first.wait_warm(), second.wait_warm());
    println!("warm: {one:?}, {other:?}");
    assert_eq!(one.running + other.running, all);

    // What arrives in a second, for the standbys of the second.
    let clock = Stopwatch::start();
    let before = second.metrics().count("headwater_standby_records_total");
    wait_for_more(&ended, 300, &mut second);
    let arrived = second.metrics().count("headwater_standby_records_total") - before;
    let a_second = arrived as f64 / clock.elapsed().as_secs_f64();
    let before = second.metrics();
    let place = first.place.clone();
    first.process.kill();
    let clock = Stopwatch::start();
    let (mut noticed_ms, mut given_ms) = (None, None);
    wait_for("the second works on everything", TAKEN_OVER_WITHIN, || {
        second.process.check()?;
        let health = second.health()?;
        let now_ms = clock.elapsed().as_millis();
        let assigned = |metrics: &Metrics| metrics.sum("headwater_rebalances_total", "assigned").unwrap_or_default();
        if noticed_ms.is_none() && assigned(&second.metrics()) > assigned(&before) {
            noticed_ms = Some(now_ms);
        }
        if given_ms.is_none() && health.running + health.restoring == all {
            given_ms = Some(now_ms);
        }
        if health.running == all { Ok(()) } else { Err(format!("{health:?}")) }
    });
    let running_ms = clock.elapsed().as_millis();
    let taken = second.metrics();
    let replayed = taken.count("headwater_restored_records_total") - before.count("headwater_restored_records_total");
    println!(
        "taken over: assigned after {noticed_ms:?} ms, in place after {given_ms:?} ms, working after {running_ms} ms; \
         {replayed} records replayed, {a_second:.0} arrived in a second"
    );
    assert!((replayed as f64) < a_second, "{replayed} replayed, {a_second:.0} arrived in a second");
    assert_eq!(taken.count("headwater_stores_rebuilt_total"), 0);
    wait_for_more(&ended, 100, &mut second);

    // The first comes back, catches up as a standby, and has its share again.
    let mut first = Instance::start_at(&platform, place, folder.path());
    first.wait_healthy();
    wait_for_more(&ended, 100, &mut first);
    let sent = sender.stop();
    ended.wait_for_all(&sent.ids(), PATIENCE, || second.process.check().unwrap()).unwrap();
    wait_until_quiet(&second.place.url(), PATIENCE, || first.process.check().unwrap());
    let findings = audit_load(&platform, &sent.orders).unwrap();
    println!("{findings}");
    findings.assert_clean();
    assert_eq!(findings.created, sent.orders.len());
    assert_eq!(first.metrics().count("headwater_stores_rebuilt_total"), 0);
    first.process.signal_and_wait("INT", Duration::from_secs(30));
    second.process.signal_and_wait("INT", Duration::from_secs(30));
    platform.remove();
}
