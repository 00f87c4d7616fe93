//! Keeps the right tasks warm: reads from the members topic who works on what, has the restorers keep what falls to this
//! instance, and says so there. An instance that comes late waits until what it keeps is warm before it joins its group.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_worker::{StandbyHost, StandbyTask, StandbyUnit, standbys_of};

use crate::Error;
use crate::clock::Clock;
use crate::members::{Heard, Publisher, View};
use crate::restore::{RestoreHandle, Warmth};

/// The view of the members is looked at so often; what it says has to hold for two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// The same before the workers have joined: nobody waits longer than it has to.
const FIRST_LOOKS_INTERVAL: Duration = Duration::from_millis(50);
/// Members say so often that they are there.
const REPEAT_INTERVAL: Duration = Duration::from_secs(10);
/// Who was not heard of for so long is gone. A restart takes less, and starts no copying elsewhere.
const GONE_AFTER_MS: i64 = 60_000;
/// Who was not heard of for so long may not work any more: an instance that comes late does not wait for it.
const WORKS_WITHIN_MS: i64 = 25_000;
/// An instance that can't find out about the others joins after so long.
const VIEW_AFTER: Duration = Duration::from_secs(30);
/// An instance that comes late joins after so long, warm or not.
const JOIN_AFTER: Duration = Duration::from_secs(600);
/// Standbys that are no more behind than this are warm enough for their instance to join.
const JOIN_LAG_RECORDS_MAX: i64 = 10_000;

/// What the workers wait for before they join their group.
#[derive(Clone, Default)]
pub(crate) struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    pub(crate) fn open(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Waits for a moment; whether it is open.
    pub(crate) fn wait(&self, wait: Duration) -> bool {
        let is_open = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.0.1.wait_timeout_while(is_open, wait, |is_open| !*is_open);
        *waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

/// The instance that keeps standbys.
#[derive(Debug, Clone)]
pub(crate) struct Who {
    pub(crate) application: String,
    pub(crate) instance: String,
    /// How many standbys of each task it wants there to be.
    pub(crate) copies: usize,
}

/// What the keeper of the standbys works with.
pub(crate) struct Keeping {
    pub(crate) who: Who,
    pub(crate) units: Vec<StandbyUnit>,
    pub(crate) view: View,
    pub(crate) publisher: Publisher,
    pub(crate) restorer: RestoreHandle,
    pub(crate) warmth: Warmth,
    pub(crate) gate: Gate,
    pub(crate) clock: Clock,
}

/// The thread that keeps the standbys.
pub(crate) struct StandbyKeeper {
    stop: SyncSender<()>,
    thread: JoinHandle<()>,
}

impl StandbyKeeper {
    pub(crate) fn start(keeping: Keeping) -> Result<Self, Error> {
        let (stop, stopped) = sync_channel(1);
        let thread = std::thread::Builder::new()
            .name("headwater-standbys".to_owned())
            .spawn(move || keep(&keeping, &stopped))
            .map_err(|error| Error::Configuration(format!("the standbys' thread can't be started: {error}")))?;
        Ok(Self { stop, thread })
    }

    /// Ends it. What is kept stays as it is until the restorers end.
    pub(crate) fn stop(self) {
        drop(self.stop);
        let _panicked = self.thread.join();
    }
}

fn keep(keeping: &Keeping, stopped: &Receiver<()>) {
    let begun = keeping.clock.monotonic();
    let mut repeat_at = begun;
    let mut seen = Membership::default();
    let mut kept: Option<Vec<StandbyTask>> = None;
    let mut said = Vec::new();
    let mut is_gate_open = false;
    let interval = |is_gate_open: bool| if is_gate_open { LOOK_INTERVAL } else { FIRST_LOOKS_INTERVAL };
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(interval(is_gate_open)) {
        let now = keeping.clock.monotonic();
        if now >= repeat_at {
            repeat_at = now + REPEAT_INTERVAL;
            keeping.publisher.repeat();
        }
        let Some(heard) = keeping.view.heard() else {
            if !is_gate_open && now.saturating_sub(begun) >= VIEW_AFTER {
                tracing::warn!(
                    "the members topic can't be read through; this instance joins without knowing the others"
                );
                is_gate_open = true;
                keeping.gate.open();
            }
            continue;
        };
        if !is_gate_open {
            let working = Membership::new(&heard, &keeping.who, now, WORKS_WITHIN_MS);
            let leaves_work = working.leaves_work(&keeping.who.instance, &keeping.units);
            if leaves_work || now.saturating_sub(begun) >= JOIN_AFTER {
                is_gate_open = true;
                keeping.gate.open();
            }
        }
        let membership = Membership::new(&heard, &keeping.who, now, GONE_AFTER_MS);
        if membership != seen {
            seen = membership;
            continue;
        }
        let wanted = standbys_of(&keeping.who.instance, &keeping.units, &seen.hosts, seen.copies);
        let wanted: Vec<StandbyTask> = wanted.into_iter().cloned().collect();
        if kept.as_ref() != Some(&wanted) {
            tracing::debug!(tasks = wanted.len(), instances = seen.hosts.len(), "kept warm here");
            if let Err(error) = keeping.restorer.keep_warm(&wanted) {
                tracing::warn!(%error, "no standbys are kept any more");
                break;
            }
            kept = Some(wanted.clone());
        }
        let all = keeping.warmth.all();
        let warm: Vec<String> =
            all.iter().filter(|standby| standby.is_warm).map(|standby| standby.task.clone()).collect();
        if warm != said {
            keeping.publisher.publish_standbys(warm.clone());
            said = warm;
        }
        if !is_gate_open {
            let is_near = |task: &StandbyTask| {
                let standby = all.iter().find(|standby| standby.task == task.task);
                standby.is_some_and(|standby| standby.is_warm && standby.lag_records <= JOIN_LAG_RECORDS_MAX)
            };
            is_gate_open = wanted.iter().all(is_near);
            if is_gate_open {
                keeping.gate.open();
            }
        }
    }
    keeping.gate.open();
}

/// Who is there, as the members topic says.
#[derive(Debug, Default, PartialEq, Eq)]
struct Membership {
    /// Those that keep standbys, by name.
    hosts: Vec<StandbyHost>,
    /// How many copies there shall be: the most that any of them wants, so that all of them agree.
    copies: usize,
}

impl Membership {
    /// Those that were heard of within so many milliseconds, and this one.
    fn new(heard: &[Heard], who: &Who, now: Duration, within_ms: i64) -> Self {
        let mut hosts: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        hosts.insert(&who.instance, BTreeSet::new());
        let mut copies = who.copies;
        let now_ms = i64::try_from(now.as_millis()).unwrap_or(i64::MAX);
        for Heard { member, at_ms } in heard {
            let is_own = member.instance == who.instance;
            let is_there = is_own || now_ms.saturating_sub(*at_ms) < within_ms;
            if member.application != who.application || member.standby_copies == 0 || !is_there {
                continue;
            }
            copies = copies.max(member.standby_copies);
            let tasks = member.tasks.iter().chain(&member.restoring).cloned();
            hosts.entry(&member.instance).or_default().extend(tasks);
        }
        let host = |(instance, tasks): (&str, BTreeSet<String>)| StandbyHost { instance: instance.to_owned(), tasks };
        Self { hosts: hosts.into_iter().map(host).collect(), copies }
    }

    /// Whether there are tasks that none but this instance is known to work on.
    fn leaves_work(&self, instance: &str, units: &[StandbyUnit]) -> bool {
        let others = || self.hosts.iter().filter(|host| host.instance != instance);
        let is_held =
            |unit: &StandbyUnit| unit.tasks.iter().any(|task| others().any(|host| host.tasks.contains(&task.task)));
        !units.iter().all(is_held)
    }
}

#[cfg(test)]
mod tests;
