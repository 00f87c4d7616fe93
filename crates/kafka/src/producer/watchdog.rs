use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use super::callbacks::Callbacks;
use crate::clock::Deadline;
use crate::{Error, ErrorKind};

/// A call that takes longer is stuck.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a stuck call is helped again.
const AGAIN: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_secs(1);

/// Helps `rd_kafka_send_offsets_to_transaction` out where it would wait for ever. It looks for the group's coordinator
/// only when the state of some connection changes, and its own time-out is checked nowhere; so where the coordinator
/// moved away from a broker that has left the cluster's metadata, nothing wakes it (librdkafka's issues 5456 and 5511,
/// seen with a rolling restart of three brokers). A connection that breaks does.
pub(super) struct Watchdog {
    watch: Arc<Watch>,
    thread: Option<JoinHandle<()>>,
}

struct Watch {
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Default)]
struct State {
    /// When the call at hand is stuck; None while there is none.
    stuck_at: Option<Deadline>,
    ends: bool,
}

impl Watchdog {
    pub(super) fn start(callbacks: Arc<Callbacks>) -> Result<Self, Error> {
        let watch = Arc::new(Watch { state: Mutex::default(), ended: Condvar::new() });
        let watched = Arc::clone(&watch);
        let thread = std::thread::Builder::new()
            .name("hw-watchdog".to_owned())
            .spawn(move || watched.run(&callbacks))
            .map_err(|error| Error::new(ErrorKind::Fatal, format!("a thread can't be started: {error}")))?;
        Ok(Self { watch, thread: Some(thread) })
    }

    /// Watches the call that `call` makes.
    pub(super) fn during<T>(&self, call: impl FnOnce() -> T) -> T {
        self.watch.set(Some(Deadline::after(PATIENCE)));
        let returned = call();
        self.watch.set(None);
        returned
    }
}

impl Watch {
    fn set(&self, stuck_at: Option<Deadline>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).stuck_at = stuck_at;
    }

    fn run(&self, callbacks: &Callbacks) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while !state.ends {
            if state.stuck_at.is_some_and(Deadline::has_passed) {
                let broken = callbacks.sockets.break_oldest();
                tracing::warn!(
                    broken,
                    "positions wait for the group's coordinator; a connection is broken to look again"
                );
                state.stuck_at = Some(Deadline::after(AGAIN));
            }
            let waited = self.ended.wait_timeout(state, LOOK);
            state = waited.map_or_else(|poisoned| poisoned.into_inner().0, |(state, _)| state);
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.watch.state.lock().unwrap_or_else(PoisonError::into_inner).ends = true;
        self.watch.ended.notify_all();
        if let Some(thread) = self.thread.take() {
            let _panicked = thread.join();
        }
    }
}

#[cfg(test)]
mod tests;
