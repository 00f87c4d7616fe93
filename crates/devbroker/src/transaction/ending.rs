//! The second phase: markers on every partition, then the record that says it is done.

use std::sync::Arc;

use kafka_protocol::ResponseError;

use super::coordinator::TransactionCoordinator;
use super::machine::{State, Transaction};
use crate::cluster::partition::Partition;
use crate::cluster::topic::{CONSUMER_OFFSETS, TopicPartition};

impl TransactionCoordinator {
    /// Finishes a transaction whose outcome is decided; false if that must be tried again later.
    pub(super) fn finish_decided(&self, transactional_id: &str, transaction: &mut Transaction) -> bool {
        if !matches!(transaction.state, State::PrepareCommit | State::PrepareAbort) {
            return true;
        }
        match self.finish(transactional_id, transaction) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(transactional_id, %error, "a decided transaction cannot be finished yet");
                false
            }
        }
    }

    /// Writes the markers that are missing, then logs the end. A marker written twice does no harm.
    pub(super) fn finish(&self, transactional_id: &str, transaction: &mut Transaction) -> Result<(), ResponseError> {
        let commit = transaction.state == State::PrepareCommit;
        let producer = (transaction.producer.id, transaction.producer.epoch);
        // Offsets last: who sees them may rely on the records being visible too.
        let (offsets, records): (Vec<_>, Vec<_>) =
            transaction.partitions.iter().partition(|at| at.topic == CONSUMER_OFFSETS);
        let mut marked = Vec::with_capacity(records.len());
        let written = records.into_iter().try_for_each(|at| self.write_marker(at, producer, commit, &mut marked));
        for (partition, stable_moved) in marked {
            partition.wake(stable_moved);
        }
        written?;
        if !offsets.is_empty() {
            self.groups.complete_transaction(producer, commit)?;
        }
        let mut next = transaction.clone();
        next.complete(self.clock.now_ms());
        self.save(transactional_id, transaction, next)
    }

    fn write_marker(
        &self,
        at: &TopicPartition,
        producer: (i64, i16),
        commit: bool,
        marked: &mut Vec<(Arc<Partition>, bool)>,
    ) -> Result<(), ResponseError> {
        // The topic may have been deleted while the transaction was open.
        let Some(partition) = self.catalog.partition(&at.topic, at.partition) else { return Ok(()) };
        match partition.append_marker(producer, commit, self.clock.now_ms()) {
            Ok(stable_moved) => {
                marked.push((partition, stable_moved));
                Ok(())
            }
            Err(ResponseError::UnknownTopicOrPartition) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
