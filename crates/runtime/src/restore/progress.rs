use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Restores that have gone on for so long are spoken of in the log, and again so often.
const SAY_EVERY: Duration = Duration::from_secs(5);

/// How far the restores of a process have come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RestoreProgress {
    /// Tasks that are being restored; 0 when none is.
    pub tasks: usize,
    /// Records replayed since the first of them began.
    pub restored_records: u64,
    /// Offsets passed since then: more than records, where a changelog was compacted.
    pub passed: u64,
    /// Offsets left: an upper bound of the records.
    pub left: u64,
    /// How long it will take at the rate so far; None before that is known.
    pub time_left: Option<Duration>,
}

/// Takes in what restorers tell, whichever thread they are on. Times are monotonic.
#[derive(Clone, Default)]
pub(crate) struct RestoreMeter(Arc<Mutex<Wave>>);

/// All restores from the first that begins until none is left.
#[derive(Default)]
struct Wave {
    /// Offsets left, by task.
    left: BTreeMap<String, u64>,
    restored_records: u64,
    passed: u64,
    began: Duration,
    said: Duration,
}

impl RestoreMeter {
    fn with<T>(&self, act: impl FnOnce(&mut Wave) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn restored(&self, records: u64) {
        self.with(|wave| wave.restored_records += records);
    }

    /// A task has so much left.
    pub(crate) fn remaining(&self, task: &str, left: i64, now: Duration) {
        let left = u64::try_from(left).unwrap_or(0);
        self.with(|wave| {
            if wave.left.is_empty() {
                *wave = Wave { began: now, said: now, ..Wave::default() };
            }
            match wave.left.get_mut(task) {
                Some(known) => {
                    wave.passed += known.saturating_sub(left);
                    *known = left;
                }
                None => {
                    wave.left.insert(task.to_owned(), left);
                }
            }
            if now.saturating_sub(wave.said) >= SAY_EVERY {
                wave.said = now;
                let progress = wave.progress(now);
                let seconds_left = progress.time_left.map(|left| left.as_secs());
                tracing::info!(
                    tasks = progress.tasks,
                    restored = progress.restored_records,
                    left = progress.left,
                    ?seconds_left,
                    "stores are being restored"
                );
            }
        });
    }

    /// A task's store is up to date, or has been given up.
    pub(crate) fn ended(&self, task: &str, now: Duration) {
        self.with(|wave| {
            let Some(left) = wave.left.remove(task) else { return };
            wave.passed += left;
            let took = now.saturating_sub(wave.began);
            if wave.left.is_empty() && took >= SAY_EVERY {
                tracing::info!(restored = wave.restored_records, ?took, "stores are restored");
            }
        });
    }

    /// How far they have come.
    pub(crate) fn progress(&self, now: Duration) -> RestoreProgress {
        self.with(|wave| if wave.left.is_empty() { RestoreProgress::default() } else { wave.progress(now) })
    }
}

impl Wave {
    fn progress(&self, now: Duration) -> RestoreProgress {
        let left: u64 = self.left.values().sum();
        let took = now.saturating_sub(self.began);
        let time_left = (self.passed > 0).then(|| took.mul_f64(left as f64 / self.passed as f64));
        let (restored_records, passed) = (self.restored_records, self.passed);
        RestoreProgress { tasks: self.left.len(), restored_records, passed, left, time_left }
    }
}

#[cfg(test)]
mod tests;
