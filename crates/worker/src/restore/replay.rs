use super::running::Running;
use crate::ports::{ChangelogHandler, FetchedRecord, Next, TaskStore};
use crate::{Error, PartitionMap};

/// Hands records to the restores they are for.
pub(super) struct Replay<'a, S: TaskStore> {
    pub(super) running: &'a mut PartitionMap<Running<S>>,
    pub(super) failure: Option<Error>,
    pub(super) records: u64,
    pub(super) standby_records: u64,
}

impl<S: TaskStore> ChangelogHandler for Replay<'_, S> {
    fn record<R: FetchedRecord>(&mut self, record: &R) -> Next {
        let Some(found) = self.running.find_mut(record.topic(), record.partition()) else { return Next::Continue };
        if !found.wants(record.offset()) {
            return Next::Continue;
        }
        *(if found.is_standby() { &mut self.standby_records } else { &mut self.records }) += 1;
        let taken = if found.failed { Ok(()) } else { found.record(record.offset(), record.key(), record.value()) };
        match taken {
            Ok(()) => Next::Continue,
            Err(error) if found.is_standby() => {
                // Nobody waits for it, so nobody else has to.
                tracing::warn!(task = found.job.store.name(), %error, "a standby failed, and is begun again");
                found.failed = true;
                Next::Continue
            }
            Err(error) => {
                self.failure = Some(error);
                Next::Stop
            }
        }
    }
}
