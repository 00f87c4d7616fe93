//! Keeps the right tasks warm: reads from the members topic who works on what, has the restorers keep what falls to this
//! instance, and says so there. An instance that comes late waits until what it keeps is warm before it joins its group.

use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use headwater_worker::{KeepingTimes, StandbyKeeping, StandbyMember, StandbyUnit};

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
    let Who { application, instance, copies } = keeping.who.clone();
    let mut standbys = StandbyKeeping::new(instance, copies, keeping.units.clone(), KeepingTimes::default(), begun);
    let mut repeat_at = begun;
    let interval = |joins: bool| if joins { LOOK_INTERVAL } else { FIRST_LOOKS_INTERVAL };
    while let Err(RecvTimeoutError::Timeout) = stopped.recv_timeout(interval(standbys.joins())) {
        let now = keeping.clock.monotonic();
        if now >= repeat_at {
            repeat_at = now + REPEAT_INTERVAL;
            keeping.publisher.repeat();
        }
        let heard = keeping.view.heard().map(|heard| members_of(&application, heard));
        let step = standbys.look(heard.as_deref(), &keeping.warmth.all(), now);
        if let Some(tasks) = step.keep_warm
            && let Err(error) = keeping.restorer.keep_warm(&tasks)
        {
            tracing::warn!(%error, "no standbys are kept any more");
            break;
        }
        if let Some(warm) = step.say {
            keeping.publisher.publish_standbys(warm);
        }
        if standbys.joins() {
            keeping.gate.open();
        }
    }
    keeping.gate.open();
}

/// What was heard of an application's workers.
fn members_of(application: &str, heard: Vec<Heard>) -> Vec<StandbyMember> {
    let of_application = heard.into_iter().filter(|heard| heard.member.application == application);
    let member = |Heard { member, at_ms }| StandbyMember {
        instance: member.instance,
        copies: member.standby_copies,
        tasks: member.tasks.into_iter().chain(member.restoring).collect(),
        heard_at_ms: at_ms,
    };
    of_application.map(member).collect()
}

#[cfg(test)]
mod tests;
