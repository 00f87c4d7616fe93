//! Bugs on purpose, to prove that the simulator would find them. Without the feature `planted-bugs`, none is there: every
//! question is answered by a constant.

/// A bug that can be planted.
#[cfg_attr(not(feature = "planted-bugs"), allow(dead_code, reason = "named where they would be, and never made"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// Stores are written before Kafka has committed.
    ApplyBeforeCommit,
    /// The positions that moved are left out of the transaction.
    OffsetLeftOut,
    /// A transaction in which no position moved, as a timer's, sends no offsets.
    TimerWithoutOffsets,
    /// The group's credentials are taken once, not for every commit.
    StaleCredentials,
    /// A restore ends at the last stable offset.
    RestoreToStableEnd,
    /// What an aborted transaction had staged stays.
    OverlayKept,
    /// After an unknown outcome it rewinds from memory.
    RewindAfterUnknown,
    /// Calls start before their intent is committed.
    CallBeforeCommit,
    /// A revoke returns with the transaction open.
    RevokeLeavesOpen,
    /// Fusion looks at the first offset of a transaction's records only.
    FusionChecksFirst,
    /// Results of calls count that were made for an earlier life of the task.
    ResultOfEarlierEpoch,
    /// After an unknown outcome a worker restores what another one of its process was given meanwhile.
    RestoreOfLostTask,
    /// A standby's store says how far it is before it is.
    StandbySaysFirst,
    /// A standby's store says that it is at the changelog's end, wherever it has been read to.
    StandbySaysEnd,
    /// A standby is followed beside the worker that has its task.
    StandbyBesideWorker,
    /// Who takes a task over begins anew, whatever its standby has.
    StandbyThrownAway,
    /// Changelogs are read uncommitted: planted in the ports.
    ChangelogReadUncommitted,
    /// A table is restored to its topic's end, beyond the committed position.
    TableBeyondCommitted,
    /// A task starts before its tables are restored.
    TableNotAwaited,
}

impl Bug {
    /// All of them.
    #[cfg(feature = "planted-bugs")]
    pub const ALL: [Self; 19] = [
        Self::ApplyBeforeCommit,
        Self::OffsetLeftOut,
        Self::TimerWithoutOffsets,
        Self::StaleCredentials,
        Self::RestoreToStableEnd,
        Self::OverlayKept,
        Self::RewindAfterUnknown,
        Self::CallBeforeCommit,
        Self::RevokeLeavesOpen,
        Self::FusionChecksFirst,
        Self::ResultOfEarlierEpoch,
        Self::RestoreOfLostTask,
        Self::StandbySaysFirst,
        Self::StandbySaysEnd,
        Self::StandbyBesideWorker,
        Self::StandbyThrownAway,
        Self::ChangelogReadUncommitted,
        Self::TableBeyondCommitted,
        Self::TableNotAwaited,
    ];
}

/// Which bug is planted, if any.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Planted {
    #[cfg(feature = "planted-bugs")]
    pub(crate) bug: Option<Bug>,
}

impl Planted {
    #[cfg(feature = "planted-bugs")]
    pub(crate) fn has(self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    #[cfg(not(feature = "planted-bugs"))]
    pub(crate) const fn has(self, _bug: Bug) -> bool {
        false
    }
}

#[cfg(feature = "planted-bugs")]
mod early {
    use std::collections::BTreeMap;

    use headwater_log::TopicPartition;
    use headwater_streams::StoreNumber;

    use crate::Error;
    use crate::core::Core;
    use crate::ports::{Clock as _, Ports, Stores as _, TaskStore, Trouble};
    use crate::positions::Positions;

    impl<P: Ports> Core<P> {
        pub(crate) fn write_early(&mut self, touched: &[usize]) -> Result<(), Error> {
            let mut batch = <P::Store as TaskStore>::Batch::default();
            for slot in touched.iter().filter_map(|place| self.slot(*place)) {
                for (key, value) in slot.task.changelog() {
                    if let Some((store, key)) = key.split_first() {
                        slot.store.stage(&mut batch, StoreNumber(*store), key, value);
                    }
                }
            }
            self.stores.write(batch)
        }

        pub(crate) fn commit_after_calls(
            &mut self,
            touched: &[usize],
            offsets: &BTreeMap<TopicPartition, Positions>,
            member: &P::Member,
        ) -> Result<(), Trouble> {
            self.transaction.flush()?;
            let now = self.clock.wall();
            let mut batch = <P::Store as TaskStore>::Batch::default();
            for place in touched {
                let Some(Some(slot)) = self.tasks.get_mut(*place) else { continue };
                let written = slot.changelog.as_ref().and_then(|changelog| self.transaction.written(changelog));
                let calls =
                    slot.stage_committed(written.map(|written| written.last.next()), now, |_| None, &mut batch)?;
                self.start_calls(*place, &calls)?;
                // It is touched until the transaction has ended.
                if let Some(Some(slot)) = self.tasks.get_mut(*place) {
                    slot.touched = true;
                }
            }
            self.commit_on_kafka(offsets, member)?;
            Ok(self.stores.write(batch)?)
        }
    }
}
