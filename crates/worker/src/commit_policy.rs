//! When to commit: at once where input has drained, so that low load has the latency of one commit; otherwise in groups
//! whose time follows what a commit costs, and which grow as long as input does not drain, so that high load has the
//! throughput of large ones.

use std::time::Duration;

/// Commits may take up to this part of the time: one in four.
const SHARE_OF_TIME: u32 = 4;
/// Transactions are that much longer, twice over each, while input is behind: what waits then waits for the cores, of
/// which a commit takes some on the broker, too.
const DOUBLINGS_MAX: u32 = 3;
/// Where so many records were fetched, an empty queue is no sign yet that there are no more: the next fetch may be on its
/// way. It is waited for, up to this part of what a commit costs.
const RECORDS_MANY: usize = 2_000;
const SHARE_OF_COST: u32 = 4;
const LINGER_MAX: Duration = Duration::from_millis(5);

/// The policy's state: a running mean of what commits cost.
#[derive(Debug, Clone)]
pub struct CommitPolicy {
    commit_cost: Duration,
    /// Commits in a row that were due before input had drained.
    behind: u32,
    interval_max: Duration,
    staged_bytes_max: usize,
}

/// What there is to commit.
#[derive(Debug, Clone, Copy)]
pub struct Pending {
    /// Since the transaction began.
    pub open_for: Duration,
    /// Staged writes and outputs.
    pub staged_bytes: usize,
    /// Records that were fetched since the last commit; what was handed over within the transaction is none.
    pub fetched: usize,
    /// For how long no task has had anything left to do; None while one has.
    pub drained_for: Option<Duration>,
}

impl CommitPolicy {
    /// A policy that never lets a transaction grow older than `interval_max` or larger than `staged_bytes_max`.
    #[must_use]
    pub const fn new(interval_max: Duration, staged_bytes_max: usize) -> Self {
        Self { commit_cost: Duration::from_millis(5), behind: 0, interval_max, staged_bytes_max }
    }

    /// Whether to commit now. Takes note of whether input keeps up.
    #[must_use]
    pub fn is_due(&mut self, pending: Pending) -> bool {
        if self.linger_left(pending).is_some_and(|left| left.is_zero()) {
            self.behind = 0;
            return true;
        }
        let is_due = pending.staged_bytes >= self.staged_bytes_max || pending.open_for >= self.interval();
        if is_due {
            self.behind = (self.behind + 1).min(DOUBLINGS_MAX);
        }
        is_due
    }

    /// How long more records are waited for before a commit, where input has drained; None where it has not.
    #[must_use]
    pub fn linger_left(&self, pending: Pending) -> Option<Duration> {
        let linger = if pending.fetched < RECORDS_MANY { Duration::ZERO } else { self.commit_cost / SHARE_OF_COST };
        pending.drained_for.map(|drained_for| linger.min(LINGER_MAX).saturating_sub(drained_for))
    }

    /// How long a transaction stays open under load.
    #[must_use]
    pub fn interval(&self) -> Duration {
        let of_cost = (self.commit_cost * SHARE_OF_TIME).max(Duration::from_millis(20));
        (of_cost * (1 << self.behind)).min(self.interval_max)
    }

    /// Takes in what a commit cost.
    pub fn committed_in(&mut self, cost: Duration) {
        self.commit_cost = (self.commit_cost * 3 + cost) / 4;
    }
}

#[cfg(test)]
mod tests;
