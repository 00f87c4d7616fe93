use std::time::Duration;

use headwater_log::{Offset, TopicPartition};

use crate::Error;
use crate::assignment::COMMITTED_DEADLINE;
use crate::core::Core;
use crate::planted::Bug;
use crate::ports::{Clock as _, GroupMember as _, Observer as _, Ports, TransactionEnd};
use crate::positions::Positions;
use crate::task_slot::TaskPhase;

/// Fenced more often than this within [`FENCED_WITHIN`] is another instance under the same name, not a stall.
const FENCED_MAX: usize = 3;
const FENCED_WITHIN: Duration = Duration::from_secs(60);

impl<P: Ports> Core<P> {
    /// The transaction's outcome is unknown: it may or may not have been committed. Nothing in memory can say, so the
    /// producer is destroyed, a new one under the same id fences what was in flight, and then what Kafka holds is
    /// taken as the truth: stable offsets, and the changelog from where the store ends.
    pub(crate) fn recover(&mut self, member: &P::Member, why: &str) -> Result<(), Error> {
        tracing::warn!(
            worker = self.number,
            why,
            "the transaction's outcome is unknown; starting again from what Kafka holds"
        );
        self.observer.transaction_ended(TransactionEnd::Unknown);
        self.effects.outputs.clear();
        self.transaction.renew()?;
        if self.blueprint.planted.has(Bug::RewindAfterUnknown) {
            return self.rewind(member);
        }
        self.epoch = self.blueprint.next_epoch();
        let touched: Vec<usize> =
            (0..self.tasks.len()).filter(|place| self.slot(*place).is_some_and(|slot| slot.touched)).collect();
        for place in &touched {
            if let Some(Some(slot)) = self.tasks.get_mut(*place) {
                slot.rolled_back();
                slot.phase = TaskPhase::Restoring;
                self.observer.task_left(slot.task.id());
            }
        }
        self.refresh_positions(&touched, member)?;
        self.end_all_fusion(member)?;
        for place in touched {
            self.ask_for_restore(place)?;
        }
        Ok(())
    }

    fn refresh_positions(&mut self, touched: &[usize], member: &P::Member) -> Result<(), Error> {
        let mut inputs: Vec<TopicPartition> = touched
            .iter()
            .filter_map(|place| self.slot(*place))
            .flat_map(|slot| {
                slot.inputs.iter().cloned().chain([TopicPartition::new(slot.anchor.0.clone(), slot.anchor.1)])
            })
            .collect();
        inputs.sort();
        inputs.dedup();
        let committed = member.committed(&inputs, COMMITTED_DEADLINE)?;
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
    pub(crate) fn recover_from_fencing(&mut self, member: &P::Member, why: &str) -> Result<(), Error> {
        let now = self.clock.monotonic();
        if self.transaction.fenced_too_often(now, FENCED_WITHIN, FENCED_MAX) {
            return Err(Error::Fenced(format!(
                "worker {} was fenced {FENCED_MAX} times within {} s: another process runs as instance {} of application {}; give each its own --instance",
                self.number,
                FENCED_WITHIN.as_secs(),
                self.blueprint.settings.instance,
                self.blueprint.settings.application,
            )));
        }
        self.recover(member, why)
    }
}
