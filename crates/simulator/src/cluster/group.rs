use std::collections::{BTreeMap, BTreeSet};

use headwater_log::{Offset, TopicPartition};

use super::log::ProducerId;
use crate::baton::Micros;

/// A member that has not come to a rebalance by then is left out.
const REBALANCE_TIMEOUT: Micros = 5_000_000;

/// What a member's heartbeat says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Beat {
    /// Nothing new.
    Steady,
    /// A rebalance has begun: join again.
    Rejoin,
    /// There is a new generation with this assignment.
    Synced { generation: i32, assigned: BTreeSet<TopicPartition> },
    /// The group does not know this member (any more).
    Unknown,
    /// Another member has its instance id.
    Fenced,
}

/// Why offsets are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stranger {
    IllegalGeneration,
    UnknownMember,
    Fenced,
}

#[derive(Debug)]
struct Member {
    id: u64,
    /// The incarnation of a process in which it lives.
    process: usize,
    last_beat: Micros,
    /// What it owns, as it said when it joined the rebalance under way; None while it has not come.
    joined: Option<BTreeSet<TopicPartition>>,
    assigned: BTreeSet<TopicPartition>,
    /// It has been told to give something up, and has not come back to say that it has.
    gives_up: bool,
}

/// A group of static members, cooperative: what moves is given up in one generation and handed out in a later one.
#[derive(Debug, Default)]
pub(crate) struct Group {
    members: BTreeMap<String, Member>,
    pub(crate) generation: i32,
    /// Since when a rebalance is under way.
    rebalancing: Option<Micros>,
    next_member: u64,
    /// Who shall have what, after the group has changed its mind.
    wanted: BTreeMap<TopicPartition, String>,
    pub(crate) anchors: Vec<TopicPartition>,
    pub(crate) committed: BTreeMap<TopicPartition, (Offset, String)>,
    pub(crate) pending: BTreeMap<ProducerId, BTreeMap<TopicPartition, (Offset, String)>>,
}

impl Group {
    /// A member comes, or comes back under the same instance id, which moves nothing.
    pub(crate) fn join(&mut self, instance: &str, process: usize, now: Micros) -> u64 {
        self.next_member += 1;
        let id = self.next_member;
        if let Some(known) = self.members.get_mut(instance) {
            (known.id, known.process, known.last_beat) = (id, process, now);
            known.joined = known.joined.as_ref().map(|_| BTreeSet::new());
            // What its predecessor was to give up nobody owns now. Whoever leads a real group notices at its next
            // rebalance; here it is the next.
            if std::mem::take(&mut known.gives_up) {
                self.rebalance(now);
            }
            return id;
        }
        let member = Member {
            id,
            process,
            last_beat: now,
            joined: Some(BTreeSet::new()),
            assigned: BTreeSet::new(),
            gives_up: false,
        };
        self.members.insert(instance.to_owned(), member);
        self.wanted.clear();
        self.rebalance(now);
        id
    }

    /// Hands out all anew: each partition goes to who owns another now.
    pub(crate) fn regroup(&mut self, by: usize, now: Micros) {
        let owner = |anchor: &TopicPartition| {
            let mut members = self.members.iter();
            members.find(|(_, member)| member.assigned.contains(anchor)).map(|(name, _)| name.clone())
        };
        let others = self.anchors.iter().cycle().skip(by);
        let wanted =
            self.anchors.iter().zip(others).filter_map(|(anchor, other)| Some((anchor.clone(), owner(other)?)));
        self.wanted = wanted.collect();
        self.rebalance(now);
    }

    pub(crate) fn rebalance(&mut self, now: Micros) {
        if self.rebalancing.is_none() {
            self.rebalancing = Some(now);
        }
        self.complete(now);
    }

    /// A member comes to the rebalance that is under way, or begins one.
    pub(crate) fn rejoin(&mut self, instance: &str, id: u64, owned: &BTreeSet<TopicPartition>, now: Micros) {
        if let Some(member) = self.members.get_mut(instance)
            && member.id == id
        {
            member.joined = Some(owned.clone());
            self.rebalance(now);
        }
    }

    pub(crate) fn leave(&mut self, instance: &str, now: Micros) {
        if self.members.remove(instance).is_some() {
            self.rebalance(now);
        }
    }

    pub(crate) fn beat(&self, instance: &str, id: u64, generation: i32) -> Beat {
        let Some(member) = self.members.get(instance) else { return Beat::Unknown };
        if member.id != id {
            return Beat::Fenced;
        }
        if self.rebalancing.is_some() {
            return if member.joined.is_none() { Beat::Rejoin } else { Beat::Steady };
        }
        if self.generation == generation {
            return Beat::Steady;
        }
        Beat::Synced { generation: self.generation, assigned: member.assigned.clone() }
    }

    /// Notes who lives, takes out whose session has ended, and goes on with a rebalance that was waited for too long.
    pub(crate) fn tick(&mut self, now: Micros, session_timeout: Micros, lives: &dyn Fn(usize) -> bool) {
        for member in self.members.values_mut().filter(|member| lives(member.process)) {
            member.last_beat = now;
        }
        let before = self.members.len();
        self.members.retain(|_, member| now.saturating_sub(member.last_beat) < session_timeout);
        if self.members.len() != before {
            self.rebalance(now);
        }
        if self.rebalancing.is_some_and(|since| now.saturating_sub(since) >= REBALANCE_TIMEOUT) {
            self.members.retain(|_, member| member.joined.is_some());
        }
        self.complete(now);
    }

    fn complete(&mut self, now: Micros) {
        if self.rebalancing.is_none() || self.members.values().any(|member| member.joined.is_none()) {
            return;
        }
        self.rebalancing = None;
        self.generation += 1;
        let share = self.anchors.len().div_ceil(self.members.len().max(1));
        let wanted = &mut self.wanted;
        if wanted.values().any(|name| !self.members.contains_key(name)) {
            wanted.clear();
        }
        let mut claimed: BTreeSet<TopicPartition> = BTreeSet::new();
        for (name, member) in &mut self.members {
            let owned = member.joined.take().unwrap_or_default();
            let stays = |anchor: &&TopicPartition| {
                !claimed.contains(*anchor) && wanted.get(*anchor).is_none_or(|wanted| wanted == name)
            };
            let share = if wanted.is_empty() { share } else { usize::MAX };
            let kept: BTreeSet<TopicPartition> = owned.iter().filter(stays).take(share).cloned().collect();
            // What it has above its share it gives up now, and nobody gets it before it has said so.
            member.gives_up = kept.len() < owned.len();
            claimed.extend(owned);
            member.assigned = kept;
            member.last_beat = now;
        }
        for anchor in &self.anchors {
            if claimed.contains(anchor) {
                continue;
            }
            let wanted = self.wanted.get(anchor).and_then(|name| self.members.get_mut(name));
            let taker = match wanted {
                Some(wanted) => Some(wanted),
                None => self.members.values_mut().min_by_key(|member| member.assigned.len()),
            };
            if let Some(taker) = taker {
                taker.assigned.insert(anchor.clone());
            }
        }
    }

    /// Whether a member that lives in this process has an anchor's partition of this number.
    pub(crate) fn owns(&self, instance: &str, process: usize, number: &str) -> bool {
        let member = self.members.get(instance).filter(|member| member.process == process);
        let assigned = member.map(|member| &member.assigned);
        assigned.is_some_and(|assigned| assigned.iter().any(|anchor| anchor.partition.to_string() == number))
    }

    pub(crate) fn check(&self, instance: &str, id: u64, generation: i32) -> Result<(), Stranger> {
        let member = self.members.get(instance).ok_or(Stranger::UnknownMember)?;
        if member.id != id {
            return Err(Stranger::Fenced);
        }
        if generation == self.generation { Ok(()) } else { Err(Stranger::IllegalGeneration) }
    }

    /// The committed offset of a partition; an error while a transaction that commits it is open.
    pub(crate) fn stable(&self, partition: &TopicPartition) -> Result<Option<(Offset, String)>, ()> {
        if self.pending.values().any(|offsets| offsets.contains_key(partition)) {
            return Err(());
        }
        Ok(self.committed.get(partition).cloned())
    }

    /// The marker of a transaction has come.
    pub(crate) fn mark(&mut self, producer: ProducerId, commit: bool) {
        if let Some(offsets) = self.pending.remove(&producer)
            && commit
        {
            self.committed.extend(offsets);
        }
    }
}
