use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use headwater_streams::TaskId;

use crate::state::TaskState;

/// The tasks that work in this process, with their committed state: what queries read.
#[derive(Default)]
pub struct Directory {
    tasks: RwLock<HashMap<TaskId, TaskState>>,
}

impl Directory {
    pub(crate) fn insert(&self, id: TaskId, state: TaskState) {
        self.tasks.write().unwrap_or_else(PoisonError::into_inner).insert(id, state);
    }

    pub(crate) fn remove(&self, id: &TaskId) {
        self.tasks.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub(crate) fn find(&self, id: &TaskId) -> Option<TaskState> {
        self.tasks.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    pub(crate) fn ids(&self) -> Vec<TaskId> {
        let mut ids: Vec<TaskId> = self.tasks.read().unwrap_or_else(PoisonError::into_inner).keys().cloned().collect();
        ids.sort();
        ids
    }
}
