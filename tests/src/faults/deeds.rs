//! How each fault is done.

use std::time::Duration;

use super::LOOK;
use super::campaign::Campaign;
use super::proxy::Weather;
use super::report::Row;
use super::script::{BROKERS, Fault, Wires};
use crate::deadline::{Stopwatch, pause};

const BROKER_ENDS_WITHIN: Duration = Duration::from_secs(60);
const IN_SYNC_WITHIN: Duration = Duration::from_secs(120);
const REJOINED_WITHIN: Duration = Duration::from_secs(90);
const ASK_EVERY: Duration = Duration::from_millis(250);

/// Does a fault, waits until all is well again, and says what was seen.
pub fn do_and_heal(campaign: &mut Campaign, fault: Fault, at: Duration) -> Row {
    let mut row = Row { at, fault: fault.to_string(), ..Row::default() };
    campaign.begin();
    let (clock, before) = (Stopwatch::start(), campaign.ended());
    do_it(campaign, fault, &mut row);
    row.stood = clock.elapsed();
    row.ended_meanwhile = campaign.ended() - before;
    campaign.heal(&mut row);
    let allowed = matches!(fault, Fault::FullDisk { .. }).then_some(Campaign::ON_SMALL_DISK);
    campaign.judge_endings(&mut row, allowed);
    row
}

fn do_it(campaign: &mut Campaign, fault: Fault, row: &mut Row) {
    match fault {
        Fault::KillInstance { instance, down } => {
            campaign.fleet.kill(instance);
            campaign.hold(down);
            campaign.fleet.start_instance(instance);
        }
        Fault::KillBroker { broker, down } => {
            campaign.cluster.kill_broker(broker);
            campaign.hold(down);
            campaign.cluster.start_broker(broker);
        }
        Fault::Stall { instance, hold } => stall(campaign, instance, hold, row),
        Fault::Cut { wires, hold } => weather(campaign, wires, Weather::Cut, hold, row),
        Fault::Delay { wires, least, most, hold } => {
            weather(campaign, wires, Weather::Delay { least, most }, hold, row);
        }
        Fault::HalfClose { wires, hold } => weather(campaign, wires, Weather::HalfClose, hold, row),
        Fault::Silence { wires, hold } => weather(campaign, wires, Weather::Silence, hold, row),
        Fault::RollingRestart => rolling_restart(campaign, row),
        Fault::LeaderMoves { by } => leader_moves(campaign, by, row),
        Fault::FullDisk { hold } => full_disk(campaign, hold, row),
    }
}

/// Stopped for longer than its session: the group gives its partitions to others, and back when it goes on.
fn stall(campaign: &mut Campaign, instance: usize, hold: Duration, row: &mut Row) {
    campaign.fleet.signal(instance, "STOP");
    let clock = Stopwatch::start();
    let direct = campaign.direct.clone();
    let expelled = campaign.until(hold, ASK_EVERY, |campaign| match campaign.fleet.share(&direct, instance)? {
        None => Ok(clock.elapsed()),
        Some(share) => Err(format!("it still has {share} partitions")),
    });
    match expelled {
        Ok(after) => row.notes.push(format!("expelled from the group after {:.1} s", after.as_secs_f64())),
        Err(why) => {
            let what = format!("{}: the group did not expel it: {why}", row.fault);
            campaign.report.findings.push(what);
        }
    }
    campaign.hold(hold.saturating_sub(clock.elapsed()));
    campaign.fleet.signal(instance, "CONT");
    let clock = Stopwatch::start();
    let rejoined =
        campaign.until(REJOINED_WITHIN, ASK_EVERY, |campaign| match campaign.fleet.share(&direct, instance)? {
            Some(share @ 1..) => campaign.fleet.serves(instance).map(|()| share),
            other => Err(format!("it has {other:?} partitions")),
        });
    match rejoined {
        Ok(share) => {
            let after = clock.elapsed().as_secs_f64();
            row.notes.push(format!("a member again with {share} partitions, serving, {after:.1} s after SIGCONT"));
        }
        Err(why) => {
            let what = format!("{}: not a member again within {REJOINED_WITHIN:?} of SIGCONT: {why}", row.fault);
            campaign.report.findings.push(what);
        }
    }
}

fn weather(campaign: &mut Campaign, wires: Wires, weather: Weather, hold: Duration, row: &mut Row) {
    let before = campaign.cluster.counts();
    campaign.cluster.weather(wires, weather);
    campaign.hold(hold);
    campaign.cluster.weather(wires, Weather::Fair);
    let [taken, broken, held] = std::array::from_fn(|at| campaign.cluster.counts()[at] - before[at]);
    row.notes.push(match weather {
        Weather::Delay { .. } => format!("{held} pieces held back"),
        Weather::Cut | Weather::HalfClose => format!("{broken} connections broken, {taken} new ones"),
        Weather::Fair | Weather::Silence => format!("{taken} new connections"),
    });
}

/// One broker after the other hands over its leaders, ends and comes back; the next waits until all are in sync.
fn rolling_restart(campaign: &mut Campaign, row: &mut Row) {
    let mut times = Vec::new();
    for broker in 0..BROKERS {
        let clock = Stopwatch::start();
        campaign.cluster.ask_to_end(broker);
        let ended = campaign.until(BROKER_ENDS_WITHIN, LOOK, |campaign| {
            campaign.cluster.ended(broker).ok_or_else(|| "still running".to_owned())
        });
        if ended.is_err() {
            row.notes.push(format!("broker {} did not end by itself, and was killed", broker + 1));
            campaign.cluster.kill_broker(broker);
        }
        campaign.cluster.start_broker(broker);
        // The cluster notices a moment later that the broker was away: its replicas count as missing until it is back.
        let in_sync = campaign.until(IN_SYNC_WITHIN, ASK_EVERY, |campaign| campaign.cluster.in_sync());
        if let Err(why) = in_sync {
            let what = format!("{}: broker {} not in sync within {IN_SYNC_WITHIN:?}: {why}", row.fault, broker + 1);
            campaign.report.findings.push(what);
        }
        times.push(format!("{:.1}", clock.elapsed().as_secs_f64()));
    }
    row.notes.push(format!("each back in sync after {} s", times.join(", ")));
}

/// Kafka's tools take a while to start: everything else is looked after meanwhile.
fn leader_moves(campaign: &mut Campaign, by: usize, row: &mut Row) {
    let tools = campaign.cluster.mover();
    let moving = std::thread::spawn(move || tools.move_leaders(by));
    while !moving.is_finished() {
        campaign.look();
        pause(LOOK);
    }
    match moving.join().unwrap() {
        Ok(0) => campaign.report.findings.push(format!("{}: no leader has moved", row.fault)),
        Ok(moved) => row.notes.push(format!("{moved} leaders moved")),
        Err(error) => campaign.report.findings.push(format!("{}: {error}", row.fault)),
    }
}

/// Every byte that comes free meanwhile is taken again. Half way the instance is killed, and starts on the full disk: what
/// it has preallocated would carry it through.
fn full_disk(campaign: &mut Campaign, hold: Duration, row: &mut Row) {
    let mut bytes = fill_for(campaign, hold / 2);
    campaign.fleet.kill(Campaign::ON_SMALL_DISK);
    campaign.fleet.start_instance(Campaign::ON_SMALL_DISK);
    bytes += fill_for(campaign, hold / 2);
    if let Ok(disk) = campaign.fleet.disk() {
        disk.free();
    }
    row.notes.push(format!("the last {} MiB taken, then killed and started on the full disk", bytes / (1024 * 1024)));
}

fn fill_for(campaign: &mut Campaign, time: Duration) -> u64 {
    let clock = Stopwatch::start();
    let mut bytes = 0;
    while clock.elapsed() < time {
        if let Ok(disk) = campaign.fleet.disk() {
            bytes += disk.fill();
        }
        campaign.hold(ASK_EVERY);
    }
    bytes
}
