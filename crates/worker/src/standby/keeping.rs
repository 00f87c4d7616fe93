//! What an instance does about standbys, look by look: who is there, what it keeps warm, and when it may join its group.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{StandbyHost, StandbyTask, StandbyUnit, standbys_of};

/// How long what is known of others holds, and how long an instance waits before it joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeepingTimes {
    /// Who was not heard of for so long is gone. A restart takes less, and starts no copying elsewhere.
    pub gone_after: Duration,
    /// Who was not heard of for so long may not work any more: an instance that comes late does not wait for it.
    pub works_within: Duration,
    /// An instance that can't find out about the others joins after so long.
    pub view_after: Duration,
    /// An instance that comes late joins after so long, warm or not.
    pub join_after: Duration,
    /// Standbys that are no more behind than this are warm enough for their instance to join.
    pub join_lag_records_max: i64,
}

impl Default for KeepingTimes {
    fn default() -> Self {
        Self {
            gone_after: Duration::from_secs(60),
            works_within: Duration::from_secs(25),
            view_after: Duration::from_secs(30),
            join_after: Duration::from_secs(600),
            join_lag_records_max: 10_000,
        }
    }
}

/// What a worker of an instance has said of itself, and when that was heard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbyMember {
    /// The instance.
    pub instance: String,
    /// How many standbys of each task the instance wants there to be; 0 keeps none for others.
    pub copies: usize,
    /// The tasks that the worker has been given, whether they work already or not.
    pub tasks: Vec<String>,
    /// When it was heard of, in milliseconds of the listener's monotonic clock; below 0 before the listener was there.
    pub heard_at_ms: i64,
}

/// A task that is kept warm here while another instance works on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standby {
    /// The task's name.
    pub task: String,
    /// Changelog records that its store is behind, at most.
    pub lag_records: i64,
    /// Whether it has caught up since it began. Until then a restore would have most of the way to go.
    pub is_warm: bool,
}

/// What changes after a look.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct KeepingStep {
    /// The tasks to keep warm from now on, and no others; None where that stays as it is.
    pub keep_warm: Option<Vec<StandbyTask>>,
    /// The tasks that are warm, to be told to the others; None where that stays as it is.
    pub say: Option<Vec<String>>,
}

/// What one instance does about standbys.
pub struct StandbyKeeping {
    instance: String,
    copies: usize,
    units: Vec<StandbyUnit>,
    times: KeepingTimes,
    begun: Duration,
    seen: Membership,
    kept: Option<Vec<StandbyTask>>,
    said: Vec<String>,
    joins: bool,
}

impl StandbyKeeping {
    /// An instance that wants so many standbys of each task, and has not looked yet.
    #[must_use]
    pub fn new(instance: String, copies: usize, units: Vec<StandbyUnit>, times: KeepingTimes, now: Duration) -> Self {
        let seen = Membership::default();
        Self { instance, copies, units, times, begun: now, seen, kept: None, said: Vec::new(), joins: false }
    }

    /// Whether the instance may join its group. Once it may, it always may.
    #[must_use]
    pub const fn joins(&self) -> bool {
        self.joins
    }

    /// One look at what was heard of the workers of all instances, and at what is kept warm here. `heard` is None while
    /// that is not known in full. What it says about who is there counts once it has held for two looks.
    pub fn look(&mut self, heard: Option<&[StandbyMember]>, warmth: &[Standby], now: Duration) -> KeepingStep {
        let waited = now.saturating_sub(self.begun);
        let Some(heard) = heard else {
            if !self.joins && waited >= self.times.view_after {
                tracing::warn!(
                    "the members topic can't be read through; this instance joins without knowing the others"
                );
                self.joins = true;
            }
            return KeepingStep::default();
        };
        if !self.joins {
            let working = self.membership(heard, now, self.times.works_within);
            self.joins = working.leaves_work(&self.instance, &self.units) || waited >= self.times.join_after;
        }
        let membership = self.membership(heard, now, self.times.gone_after);
        if membership != self.seen {
            self.seen = membership;
            return KeepingStep::default();
        }
        let mut step = KeepingStep::default();
        let wanted = standbys_of(&self.instance, &self.units, &self.seen.hosts, self.seen.copies);
        let wanted: Vec<StandbyTask> = wanted.into_iter().cloned().collect();
        if self.kept.as_ref() != Some(&wanted) {
            tracing::debug!(tasks = wanted.len(), instances = self.seen.hosts.len(), "kept warm here");
            self.kept = Some(wanted.clone());
            step.keep_warm = Some(wanted.clone());
        }
        let warm: Vec<String> =
            warmth.iter().filter(|standby| standby.is_warm).map(|standby| standby.task.clone()).collect();
        if warm != self.said {
            self.said.clone_from(&warm);
            step.say = Some(warm);
        }
        if !self.joins {
            let lag_max = self.times.join_lag_records_max;
            let is_near = |task: &StandbyTask| {
                let standby = warmth.iter().find(|standby| standby.task == task.task);
                standby.is_some_and(|standby| standby.is_warm && standby.lag_records <= lag_max)
            };
            self.joins = wanted.iter().all(is_near);
        }
        step
    }

    fn membership(&self, heard: &[StandbyMember], now: Duration, within: Duration) -> Membership {
        Membership::new(heard, (&self.instance, self.copies), now, within)
    }
}

/// Who is there.
#[derive(Debug, Default, PartialEq, Eq)]
struct Membership {
    /// Those that keep standbys, by name.
    hosts: Vec<StandbyHost>,
    /// How many copies there shall be: the most that any of them wants, so that all of them agree.
    copies: usize,
}

impl Membership {
    /// Those that were heard of within so long, and this one.
    fn new(heard: &[StandbyMember], (own, own_copies): (&str, usize), now: Duration, within: Duration) -> Self {
        let mut hosts: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
        hosts.insert(own, BTreeSet::new());
        let mut copies = own_copies;
        let [now_ms, within_ms] = [now, within].map(|length| i64::try_from(length.as_millis()).unwrap_or(i64::MAX));
        for member in heard {
            let is_there = member.instance == own || now_ms.saturating_sub(member.heard_at_ms) < within_ms;
            if member.copies == 0 || !is_there {
                continue;
            }
            copies = copies.max(member.copies);
            hosts.entry(&member.instance).or_default().extend(member.tasks.iter().cloned());
        }
        let host = |(instance, tasks): (&str, BTreeSet<String>)| StandbyHost { instance: instance.to_owned(), tasks };
        Self { hosts: hosts.into_iter().map(host).collect(), copies }
    }

    /// Whether there are tasks that none but this instance is known to work on.
    fn leaves_work(&self, instance: &str, units: &[StandbyUnit]) -> bool {
        let others = || self.hosts.iter().filter(|host| host.instance != instance);
        let is_held =
            |unit: &StandbyUnit| unit.tasks.iter().any(|task| others().any(|host| host.tasks.contains(&task.task)));
        !units.iter().all(is_held)
    }
}

#[cfg(test)]
mod tests;
