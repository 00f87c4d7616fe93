//! Which instance keeps which tasks warm that another works on.
//!
//! Nobody decides for the others: every instance computes the same from the same view of the members, by rendezvous
//! hashing, and keeps what falls to itself. Views that differ for a moment make for a copy too many or too few for a
//! moment, never for two writers of one store, since what is exactly-once about a task hangs on the group alone.

mod keeping;

use std::collections::{BTreeMap, BTreeSet};

use headwater_log::TopicPartition;
use headwater_streams::Task;

pub use self::keeping::{KeepingStep, KeepingTimes, Standby, StandbyKeeping, StandbyMember};

use crate::placement::AnchorPartition;
use crate::{Blueprint, Error};

/// A task that can be kept warm: its changelog, and what is needed to open its store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbyTask {
    /// The task's name: `processor/subtopology/partition`.
    pub task: String,
    /// Its changelog's partition.
    pub changelog: TopicPartition,
    /// The changelog topic's id, where the broker gives one.
    pub topic_id: Option<String>,
    /// The changelog topic's `delete.retention.ms`.
    pub delete_retention_ms: i64,
}

/// The tasks with state that come with one anchor's partition, and move together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbyUnit {
    /// What the group hands out.
    pub anchor: AnchorPartition,
    /// Its tasks.
    pub tasks: Vec<StandbyTask>,
}

impl StandbyUnit {
    fn name(&self) -> String {
        format!("{}-{}", self.anchor.0, self.anchor.1)
    }
}

/// An instance that keeps standbys, as the others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandbyHost {
    /// The instance's name.
    pub instance: String,
    /// Names of the tasks that work there.
    pub tasks: BTreeSet<String>,
}

impl Blueprint {
    /// What can be kept warm: all of the application's tasks that have state, by what the group hands out.
    ///
    /// Tasks with stores in memory are left out. Such a store begins empty with each life of its task, and its changelog
    /// is read from the start whatever else there is.
    ///
    /// # Errors
    /// [`Error::Configuration`] when a topology does not fit the cluster's topics.
    pub fn standby_units(&self) -> Result<Vec<StandbyUnit>, Error> {
        let mut units: BTreeMap<AnchorPartition, Vec<StandbyTask>> = BTreeMap::new();
        let anchors: Vec<_> = self.placement().subscription().cloned().collect();
        for anchor in anchors {
            let facts = self.environment.topics().iter().find(|topic| topic.name == anchor);
            let partitions = facts.map_or(0, |topic| topic.partitions.get());
            for part in self.placement().subtopologies_of(&anchor) {
                let Some(topology) = self.topologies.get(part.topology) else { continue };
                let stores = topology.subtopologies().get(part.subtopology).map(|part| part.stores.as_slice());
                if stores.unwrap_or_default().iter().any(|store| store.in_memory) {
                    continue;
                }
                for partition in (0..partitions).map(headwater_log::Partition::new) {
                    let task =
                        Task::new(topology, part.subtopology, partition, std::sync::Arc::clone(&self.environment))
                            .map_err(|error| Error::Configuration(error.to_string()))?;
                    let changelog = task.changelog_topic().and_then(|topic| self.environment.topic(topic));
                    let Some(changelog) = changelog else { continue };
                    let facts = self.changelog_facts(&changelog.name);
                    units.entry((anchor.clone(), partition)).or_default().push(StandbyTask {
                        task: task.id().to_string(),
                        changelog: TopicPartition::new(changelog.name.clone(), partition),
                        topic_id: facts.topic_id,
                        delete_retention_ms: facts.delete_retention_ms,
                    });
                }
            }
        }
        Ok(units.into_iter().map(|(anchor, tasks)| StandbyUnit { anchor, tasks }).collect())
    }
}

/// Spreads `copies` of each unit over the hosts: none on the host that works on it, no two on one host, and no host keeps
/// more than its even share while another that has room could. Answers with hosts by unit, both by place.
///
/// All pairs of a unit and a host are gone through in the order of their hash, so a host that comes or goes moves what
/// falls to it, and little else.
#[must_use]
pub fn spread(units: &[StandbyUnit], hosts: &[StandbyHost], copies: usize) -> Vec<BTreeSet<usize>> {
    let mut placed = vec![BTreeSet::new(); units.len()];
    if hosts.is_empty() || copies == 0 {
        return placed;
    }
    let eligible =
        |unit: &StandbyUnit, host: &StandbyHost| !unit.tasks.iter().any(|task| host.tasks.contains(&task.task));
    let mut pairs = Vec::new();
    for (unit_place, unit) in units.iter().enumerate() {
        let name = unit.name();
        for (host_place, host) in hosts.iter().enumerate() {
            if eligible(unit, host) {
                pairs.push((score(&name, &host.instance), unit_place, host_place));
            }
        }
    }
    pairs.sort_unstable_by(|one, other| other.cmp(one));
    let share_max = (units.len() * copies.min(hosts.len())).div_ceil(hosts.len());
    let mut kept = vec![0_usize; hosts.len()];
    for (_, unit, host) in &pairs {
        if placed[*unit].len() < copies && kept[*host] < share_max && placed[*unit].insert(*host) {
            kept[*host] += 1;
        }
    }
    // Where those that have room work on the unit themselves, somebody else keeps more than its share.
    for (unit, on) in placed.iter_mut().enumerate() {
        while on.len() < copies {
            let of_unit = pairs.iter().filter(|(_, of, host)| *of == unit && !on.contains(host));
            let Some((_, _, host)) = of_unit.min_by_key(|(score, _, host)| (kept[*host], u64::MAX - score)) else {
                break;
            };
            kept[*host] += 1;
            on.insert(*host);
        }
    }
    even_out(&pairs, &mut placed, &mut kept, share_max);
    placed
}

/// Moves copies from hosts that keep more than their share to those that keep less.
fn even_out(pairs: &[(u64, usize, usize)], placed: &mut [BTreeSet<usize>], kept: &mut [usize], share_max: usize) {
    for (_, unit, to) in pairs {
        let over = placed[*unit].iter().copied().max_by_key(|host| (kept[*host], *host));
        let Some(over) = over.filter(|over| kept[*over] > share_max) else { continue };
        if kept[*to] < share_max && placed[*unit].insert(*to) {
            placed[*unit].remove(&over);
            kept[*to] += 1;
            kept[over] -= 1;
        }
    }
}

/// The tasks that an instance keeps warm, of those that it does not work on itself.
#[must_use]
pub fn standbys_of<'u>(
    instance: &str,
    units: &'u [StandbyUnit],
    hosts: &[StandbyHost],
    copies: usize,
) -> Vec<&'u StandbyTask> {
    let Some(own) = hosts.iter().position(|host| host.instance == instance) else { return Vec::new() };
    let placed = spread(units, hosts, copies);
    let kept = units.iter().zip(placed).filter(|(_, hosts)| hosts.contains(&own));
    kept.flat_map(|(unit, _)| &unit.tasks).collect()
}

/// FNV-1a with a finisher that spreads it (splitmix64's): the same on every machine and in every version, which the
/// standard library's hash does not promise.
fn score(unit: &str, host: &str) -> u64 {
    let bytes = unit.bytes().chain([0]).chain(host.bytes());
    let mut hash =
        bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests;
