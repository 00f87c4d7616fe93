use std::time::Duration;

use headwater_kafka::ConsumerHandle;
use headwater_log::{Offset, TopicPartition};

use super::core::Core;
use super::positions::Positions;
use super::task_slot::TaskPhase;
use crate::Error;

const COMMITTED_DEADLINE: Duration = Duration::from_secs(30);
/// Fenced more often than this within [`FENCED_WITHIN`] is another instance under the same name, not a stall.
const FENCED_MAX: usize = 3;
const FENCED_WITHIN: Duration = Duration::from_secs(60);

impl Core {
    /// The transaction's outcome is unknown: it may or may not have been committed. Nothing in memory can say, so the
    /// producer is destroyed, a new one under the same id fences what was in flight, and then what Kafka holds is
    /// taken as the truth: stable offsets, and the changelog from where the store ends.
    pub(super) fn recover(&mut self, consumer: &ConsumerHandle, why: &str) -> Result<(), Error> {
        tracing::warn!(
            worker = self.number,
            why,
            "the transaction's outcome is unknown; starting again from what Kafka holds"
        );
        self.shared.metrics.transactions.with_label_values(&["unknown"]).inc();
        self.effects.outputs.clear();
        self.transaction.renew()?;
        self.epoch = self.shared.next_epoch();
        let touched: Vec<usize> = (0..self.tasks.len())
            .filter(|place| self.tasks.get(*place).and_then(Option::as_ref).is_some_and(|slot| slot.touched))
            .collect();
        for place in &touched {
            if let Some(Some(slot)) = self.tasks.get_mut(*place) {
                slot.rolled_back();
                slot.phase = TaskPhase::Restoring;
                self.shared.directory.remove(slot.task.id());
            }
        }
        self.refresh_positions(&touched, consumer)?;
        for place in touched {
            self.ask_for_restore(place)?;
        }
        Ok(())
    }

    fn refresh_positions(&mut self, touched: &[usize], consumer: &ConsumerHandle) -> Result<(), Error> {
        let mut inputs: Vec<TopicPartition> = touched
            .iter()
            .filter_map(|place| self.tasks.get(*place)?.as_ref())
            .flat_map(|slot| {
                slot.inputs.iter().cloned().chain([TopicPartition::new(slot.anchor.0.clone(), slot.anchor.1)])
            })
            .collect();
        inputs.sort();
        inputs.dedup();
        let committed = consumer.committed(&inputs, COMMITTED_DEADLINE).map_err(Error::from_kafka)?;
        for found in committed {
            if let Some(known) = self.partitions.get_mut(&found.partition) {
                known.committed = Positions::parse(found.offset.map(|offset| (offset, found.metadata.as_str())), &[]);
            }
        }
        for place in touched {
            let Some(Some(slot)) = self.tasks.get_mut(*place) else { continue };
            for (input, partition) in slot.inputs.iter().enumerate() {
                let committed: Option<Offset> =
                    self.partitions.get(partition).and_then(|known| known.committed.of(&slot.reader));
                slot.positions[input] = committed.or(slot.positions[input]);
            }
        }
        Ok(())
    }

    /// The producer was fenced. After a stall the broker has ended our transaction and bumped the epoch; a new producer
    /// goes on. Again and again it is another instance that runs under our name, and one of the two has to stop.
    pub(super) fn recover_from_fencing(&mut self, consumer: &ConsumerHandle, why: &str) -> Result<(), Error> {
        let now = self.shared.clock.monotonic();
        if self.transaction.fenced_too_often(now, FENCED_WITHIN, FENCED_MAX) {
            return Err(Error::Fenced(format!(
                "transactional id {} was fenced {FENCED_MAX} times within {} s: another process runs as instance {} of application {}; give each its own --instance",
                self.transaction.id(),
                FENCED_WITHIN.as_secs(),
                self.shared.settings.instance,
                self.shared.settings.application,
            )));
        }
        self.recover(consumer, why)
    }
}
