//! A partition as the server sees it: its log behind one lock, and the fetches that wait for it.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use kafka_protocol::ResponseError;
use tokio::sync::Notify;

use super::lock::lock;
use crate::log::{Appended, Fetched, Isolation, LogConfig, PartitionLog};
use crate::storage::Storage;
use crate::{Error, ErrorKind};

/// A partition's log, shared by all connections.
pub(crate) struct Partition {
    /// `None` once the topic is deleted.
    log: Mutex<Option<PartitionLog>>,
    /// Fetches to wake; at most one for each connection, since a connection does one request at a time.
    waiting: Mutex<Vec<(Isolation, Arc<Notify>)>>,
}

impl std::fmt::Debug for Partition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Partition")
    }
}

impl Partition {
    /// Opens the log in `dir`, or makes it.
    pub(crate) fn open(storage: Arc<dyn Storage>, dir: &str, config: LogConfig, now_ms: i64) -> Result<Self, Error> {
        let log = PartitionLog::open(storage, dir, config, now_ms)?;
        let recovery = log.recovery();
        if recovery.truncated_bytes > 0 {
            tracing::warn!(dir, bytes = recovery.truncated_bytes, reason = %recovery.reason, "cut a torn tail");
        }
        Ok(Self { log: Mutex::new(Some(log)), waiting: Mutex::new(Vec::new()) })
    }

    /// Does something with the log; fails with UNKNOWN_TOPIC_OR_PARTITION once the topic is deleted.
    pub(crate) fn with_log<R>(
        &self,
        act: impl FnOnce(&mut PartitionLog) -> Result<R, Error>,
    ) -> Result<R, ResponseError> {
        match lock(&self.log).as_mut() {
            Some(log) => act(log).map_err(|error| response_error(&error)),
            None => Err(ResponseError::UnknownTopicOrPartition),
        }
    }

    /// Appends and wakes the fetches that can now see more.
    fn append_with<R>(&self, act: impl FnOnce(&mut PartitionLog) -> Result<R, Error>) -> Result<R, ResponseError> {
        let (result, stable_moved) = self.append_unseen(act)?;
        self.wake(stable_moved);
        Ok(result)
    }

    /// Appends, wakes nobody, and says whether the last stable offset has moved.
    fn append_unseen<R>(
        &self,
        act: impl FnOnce(&mut PartitionLog) -> Result<R, Error>,
    ) -> Result<(R, bool), ResponseError> {
        let mut guard = lock(&self.log);
        let Some(log) = guard.as_mut() else {
            return Err(ResponseError::UnknownTopicOrPartition);
        };
        let stable_before = log.last_stable_offset();
        let result = act(log).map_err(|error| response_error(&error))?;
        Ok((result, log.last_stable_offset() != stable_before))
    }

    /// Appends a producer's batches.
    pub(crate) fn append(&self, batches: Bytes, now_ms: i64) -> Result<Appended, ResponseError> {
        self.append_with(|log| log.append(batches, now_ms))
    }

    /// Appends batches that the broker made itself.
    pub(crate) fn append_internal(&self, batches: Bytes, now_ms: i64) -> Result<Appended, ResponseError> {
        self.append_with(|log| log.append_internal(batches, now_ms))
    }

    /// Ends a producer's transaction here, and says whether fetches can now see more: they are to be
    /// [woken](Self::wake) once every partition of the transaction has its marker, so that one answer holds them all.
    pub(crate) fn append_marker(
        &self,
        (producer_id, producer_epoch): (i64, i16),
        commit: bool,
        now_ms: i64,
    ) -> Result<bool, ResponseError> {
        let append = |log: &mut PartitionLog| log.append_marker(producer_id, producer_epoch, commit, 0, now_ms);
        self.append_unseen(append).map(|(_, stable_moved)| stable_moved)
    }

    /// Reads batches for a fetch.
    pub(crate) fn read(&self, offset: i64, max_bytes: usize, isolation: Isolation) -> Result<Fetched, ResponseError> {
        self.with_log(|log| log.read(offset, max_bytes, isolation))
    }

    /// Reads batches for the broker itself.
    pub(crate) fn read_raw(&self, offset: i64, max_bytes: usize, isolation: Isolation) -> Result<Fetched, Error> {
        match lock(&self.log).as_ref() {
            Some(log) => log.read(offset, max_bytes, isolation),
            None => Err(Error::new(ErrorKind::CorruptStorage, "the partition is deleted")),
        }
    }

    /// The log's start offset and high watermark.
    pub(crate) fn bounds(&self) -> (i64, i64) {
        lock(&self.log).as_ref().map_or((0, 0), |log| (log.log_start_offset(), log.high_watermark()))
    }

    /// Registers a fetch to be woken by the next append that it can see.
    pub(crate) fn watch(&self, isolation: Isolation, wake: &Arc<Notify>) {
        lock(&self.waiting).push((isolation, Arc::clone(wake)));
    }

    /// Takes a fetch's registration back.
    pub(crate) fn unwatch(&self, wake: &Arc<Notify>) {
        lock(&self.waiting).retain(|(_, other)| !Arc::ptr_eq(other, wake));
    }

    /// Wakes the fetches that see an append: those of readers of committed records only if the last stable offset moved.
    pub(crate) fn wake(&self, stable_moved: bool) {
        lock(&self.waiting).retain(|(isolation, wake)| {
            let concerned = stable_moved || *isolation == Isolation::ReadUncommitted;
            if concerned {
                wake.notify_one();
            }
            !concerned
        });
    }

    /// Takes the log out, for deletion or a clean close; waiting fetches come back at once.
    pub(crate) fn take_log(&self) -> Option<PartitionLog> {
        let log = lock(&self.log).take();
        self.wake(true);
        log
    }

    /// One bounded step of housekeeping; whether there is more to do now.
    pub(crate) fn maintain(&self, now_ms: i64, budget_bytes: usize) -> bool {
        self.with_log(|log| log.maintain(now_ms, budget_bytes)).is_ok_and(|done| done.more)
    }

    /// Puts what is new on the device and notes how far that went, so that an open after a crash checks only what came
    /// since. The wait for the device holds up nobody.
    pub(crate) fn sync(&self) {
        let Ok(Some(pending)) = self.with_log(|log| log.begin_sync()) else { return };
        if let Err(error) = pending.sync() {
            tracing::error!(%error, "storage");
            return;
        }
        // A failure is logged by `with_log`; the next round tries again.
        let _logged = self.with_log(|log| log.finish_sync(&pending));
    }
}

/// The protocol's error for one of the log; the broker's own failures are logged, the client's are not.
pub(crate) fn response_error(error: &Error) -> ResponseError {
    if matches!(error.kind(), ErrorKind::CorruptStorage | ErrorKind::Io) {
        tracing::error!(%error, "storage");
    }
    ResponseError::try_from_code(error.kafka_code()).unwrap_or(ResponseError::UnknownServerError)
}
