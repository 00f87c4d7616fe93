use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use headwater_worker::Standby;

/// How warm the standbys of this process are; written by the restore threads.
#[derive(Clone, Default)]
pub(crate) struct Warmth(Arc<Mutex<BTreeMap<String, (i64, bool)>>>);

impl Warmth {
    fn with<T>(&self, act: impl FnOnce(&mut BTreeMap<String, (i64, bool)>) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn lags_by(&self, task: &str, records: i64, is_warm: bool) {
        self.with(|known| match known.get_mut(task) {
            Some(lag) => *lag = (records, is_warm),
            None => {
                known.insert(task.to_owned(), (records, is_warm));
            }
        });
    }

    pub(crate) fn left(&self, task: &str) {
        self.with(|known| known.remove(task));
    }

    /// All of them, by name.
    pub(crate) fn all(&self) -> Vec<Standby> {
        let standby = |(task, (lag_records, is_warm)): (&String, &(i64, bool))| Standby {
            task: task.clone(),
            lag_records: *lag_records,
            is_warm: *is_warm,
        };
        self.with(|known| known.iter().map(standby).collect())
    }
}
