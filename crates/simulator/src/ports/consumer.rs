use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use headwater_log::{Offset, TopicName, TopicPartition};
use headwater_worker::Error;
use headwater_worker::ports::{
    CommittedOffset, ConsumerHandler, GroupConsumer, GroupCredentials, GroupMember, Next, OffsetToCommit, Polled,
    StartAt, StartOffset,
};

use super::fetched::Fetched;
use super::micros;
use crate::baton::{Baton, Micros};
use crate::cluster::group::Beat;
use crate::world::World;

/// A member's credentials as it knows them.
#[derive(Debug, Clone)]
pub(crate) struct SimCredentials {
    pub(crate) instance: String,
    pub(crate) member: u64,
    pub(crate) generation: i32,
}

impl GroupCredentials for SimCredentials {
    fn group(&self) -> String {
        "simulated".to_owned()
    }

    fn generation(&self) -> i32 {
        self.generation
    }

    fn is_member(&self) -> bool {
        self.generation >= 0 && self.member > 0
    }
}

struct Fetch {
    next: u64,
    /// Where it was assigned or sought last.
    start: u64,
    paused: bool,
    /// The end that the handler was told, so that it is told once.
    told_end: Option<u64>,
    /// Not fetched before this: a partition that was assigned a moment ago can't be sought.
    from: Micros,
    cached_end: Option<u64>,
}

struct State {
    instance: String,
    member: u64,
    generation: i32,
    lost: bool,
    owned: BTreeSet<TopicPartition>,
    fetched: BTreeMap<TopicPartition, Fetch>,
}

/// A group's member.
#[derive(Clone)]
pub(crate) struct SimMember {
    baton: Baton,
    state: Rc<RefCell<State>>,
}

/// A group's consumer.
pub(crate) struct SimConsumer {
    member: SimMember,
}

impl SimConsumer {
    pub(crate) fn new(baton: Baton, instance: String) -> Self {
        let state = State {
            instance,
            member: 0,
            generation: -1,
            lost: false,
            owned: BTreeSet::new(),
            fetched: BTreeMap::new(),
        };
        Self { member: SimMember { baton, state: Rc::new(RefCell::new(state)) } }
    }

    /// One look at the group: heartbeats, rebalances.
    fn serve_group<H: ConsumerHandler<SimMember>>(&self, handler: &mut H) -> Result<(), Error> {
        let member = &self.member;
        let (instance, id, generation) = member.identity();
        let process = member.baton.process();
        if id == 0 {
            let given = member.baton.with(|world| world.cluster.group.join(&instance, process, world.now));
            member.state.borrow_mut().member = given;
            member.baton.with(World::changed);
            return Ok(());
        }
        match member.baton.with(|world| world.cluster.group.beat(&instance, id, generation)) {
            Beat::Steady => Ok(()),
            Beat::Rejoin => {
                let owned = member.state.borrow().owned.clone();
                member.baton.with(|world| {
                    let now = world.now;
                    world.cluster.group.rejoin(&instance, id, &owned, now);
                    world.changed();
                });
                Ok(())
            }
            Beat::Synced { generation, assigned } => {
                member.state.borrow_mut().generation = generation;
                self.take(&assigned, handler);
                Ok(())
            }
            Beat::Fenced => Err(Error::Fenced(format!("another member has the instance id {instance}"))),
            Beat::Unknown => {
                let owned: Vec<TopicPartition> = {
                    let mut state = member.state.borrow_mut();
                    state.lost = true;
                    state.generation = -1;
                    std::mem::take(&mut state.owned).into_iter().collect()
                };
                if !owned.is_empty() {
                    let _stops = handler.lost(&owned, member);
                }
                let mut state = member.state.borrow_mut();
                state.fetched.clear();
                (state.member, state.lost) = (0, false);
                Ok(())
            }
        }
    }

    fn take<H: ConsumerHandler<SimMember>>(&self, assigned: &BTreeSet<TopicPartition>, handler: &mut H) {
        let member = &self.member;
        member.fetches_again();
        let owned = member.state.borrow().owned.clone();
        let revoked: Vec<TopicPartition> = owned.difference(assigned).cloned().collect();
        let added: Vec<TopicPartition> = assigned.difference(&owned).cloned().collect();
        if !revoked.is_empty() {
            let stops = handler.revoked(&revoked, member);
            let mut state = member.state.borrow_mut();
            for stop in stops.iter().chain(&revoked) {
                state.fetched.remove(stop);
            }
            state.owned.retain(|anchor| assigned.contains(anchor));
        }
        if !added.is_empty() {
            let starts = handler.assigned(&added, member);
            let now = member.baton.with(|world| world.now + world.chance.between(0, 20_000));
            let mut state = member.state.borrow_mut();
            for start in starts {
                let next = offset_of(start.offset);
                let fetch = Fetch { next, start: next, paused: false, told_end: None, from: now, cached_end: None };
                state.fetched.insert(start.partition, fetch);
            }
            state.owned.extend(added);
        }
        if !revoked.is_empty() {
            let (instance, id, _) = member.identity();
            let owned = member.state.borrow().owned.clone();
            member.baton.with(|world| {
                let now = world.now;
                world.cluster.group.rejoin(&instance, id, &owned, now);
            });
        }
        member.baton.with(World::changed);
    }

    fn hand_out<H: ConsumerHandler<SimMember>>(&self, records_max: usize, handler: &mut H) -> (usize, bool) {
        let member = &self.member;
        let mut partitions: Vec<TopicPartition> = {
            let state = member.state.borrow();
            let now = member.baton.with(|world| world.now);
            let ready = state.fetched.iter().filter(|(_, fetch)| !fetch.paused && fetch.from <= now);
            ready.map(|(partition, _)| partition.clone()).collect()
        };
        member.baton.with(|world| world.chance.shuffle(&mut partitions));
        let (mut records, mut drained) = (0, true);
        for partition in &partitions {
            let some = member.baton.with(|world| world.chance.between(1, 60));
            for _ in 0..some {
                let Some(next) = member.state.borrow().fetched.get(partition).map(|fetch| fetch.next) else { break };
                let found = member.baton.with(|world| {
                    let log = world.cluster.log(partition);
                    let found = log.next_committed(next).map(|(offset, record)| (offset, record.clone()));
                    found.ok_or_else(|| log.stable_end()).map(|found| (found, log.end()))
                });
                match found {
                    Ok(((offset, record), end)) => {
                        if let Some(fetch) = member.state.borrow_mut().fetched.get_mut(partition) {
                            fetch.next = offset + 1;
                            fetch.told_end = None;
                            fetch.cached_end = Some(end);
                        }
                        records += 1;
                        let (offset, record) = (World::offset(offset), &record);
                        if handler.record(&Fetched { partition, offset, record }) == Next::Stop {
                            return (records, false);
                        }
                        if records >= records_max {
                            return (records, false);
                        }
                    }
                    Err(end) => {
                        let tell = {
                            let mut state = member.state.borrow_mut();
                            let Some(fetch) = state.fetched.get_mut(partition) else { break };
                            fetch.next = fetch.next.max(end);
                            let tell = fetch.told_end != Some(end);
                            fetch.told_end = Some(end);
                            tell
                        };
                        if tell {
                            handler.end(partition, World::offset(end));
                        }
                        break;
                    }
                }
            }
            drained &= member.state.borrow().fetched.get(partition).is_none_or(|fetch| fetch.told_end.is_some());
        }
        (records, drained)
    }
}

fn offset_of(start: StartOffset) -> u64 {
    match start {
        StartOffset::At(offset) => offset.get().unsigned_abs(),
        StartOffset::Beginning => 0,
    }
}

impl SimMember {
    fn identity(&self) -> (String, u64, i32) {
        let state = self.state.borrow();
        (state.instance.clone(), state.member, state.generation)
    }

    /// A rebalance that is served within a batch has partitions fetched again from before that batch, whose records are
    /// handed out all the same: they come twice.
    fn fetches_again(&self) {
        for fetch in self.state.borrow_mut().fetched.values_mut() {
            let again = self.baton.with(|world| world.chance.between(0, 8).saturating_sub(4));
            fetch.next = fetch.next.saturating_sub(again).max(fetch.start);
            fetch.told_end = None;
        }
    }
}

impl GroupMember for SimMember {
    type Credentials = SimCredentials;

    fn committed(&self, partitions: &[TopicPartition], deadline: Duration) -> Result<Vec<CommittedOffset>, Error> {
        let until = self.baton.with(|world| world.now) + micros(deadline);
        loop {
            self.baton.pause(400);
            let found: Result<Vec<CommittedOffset>, ()> = self.baton.with(|world| {
                let committed = |partition: &TopicPartition| {
                    let stable = world.cluster.group.stable(partition)?;
                    let (offset, metadata) = stable.map_or((None, String::new()), |(at, text)| (Some(at), text));
                    Ok(CommittedOffset { partition: partition.clone(), offset, metadata })
                };
                partitions.iter().map(committed).collect()
            });
            if let Ok(found) = found {
                return Ok(found);
            }
            if self.baton.with(|world| world.now) >= until {
                return Err(Error::Kafka("offsets are not stable yet".to_owned()));
            }
            self.baton.wait(50_000);
        }
    }

    fn commit(&self, offsets: &[OffsetToCommit]) -> Result<(), Error> {
        let (instance, id, generation) = self.identity();
        self.baton.with(|world| {
            let checked = world.cluster.group.check(&instance, id, generation);
            checked.map_err(|stranger| Error::Kafka(format!("{stranger:?}")))?;
            for offset in offsets {
                let at = (offset.offset, offset.metadata.clone());
                world.cluster.group.committed.insert(offset.partition.clone(), at);
            }
            Ok(())
        })
    }

    fn seek(&self, starts: &[StartAt], _deadline: Duration) -> Result<Vec<(TopicPartition, String)>, Error> {
        self.baton.pause(100);
        let now = self.baton.with(|world| world.now);
        let mut state = self.state.borrow_mut();
        let mut refused = Vec::new();
        for start in starts {
            match state.fetched.get_mut(&start.partition) {
                Some(fetch) if fetch.from <= now => {
                    fetch.start = offset_of(start.offset);
                    fetch.next = fetch.start;
                    fetch.told_end = None;
                }
                _ => refused.push((start.partition.clone(), "not fetched yet".to_owned())),
            }
        }
        Ok(refused)
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        let mut state = self.state.borrow_mut();
        for partition in partitions {
            if let Some(fetch) = state.fetched.get_mut(partition) {
                fetch.paused = true;
            }
        }
        Ok(())
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        let mut state = self.state.borrow_mut();
        for partition in partitions {
            if let Some(fetch) = state.fetched.get_mut(partition) {
                fetch.paused = false;
            }
        }
        Ok(())
    }

    fn cached_end(&self, partition: &TopicPartition) -> Option<Offset> {
        self.state.borrow().fetched.get(partition)?.cached_end.map(World::offset)
    }

    fn credentials(&self) -> Result<SimCredentials, Error> {
        let (instance, member, generation) = self.identity();
        Ok(SimCredentials { instance, member, generation })
    }

    fn assignment_is_lost(&self) -> bool {
        self.state.borrow().lost
    }
}

impl GroupConsumer for SimConsumer {
    type Member = SimMember;

    fn member(&self) -> &SimMember {
        &self.member
    }

    fn subscribe(&mut self, topics: &[TopicName]) -> Result<(), Error> {
        if topics.is_empty() {
            Err(Error::Configuration("there is no topic to subscribe to".to_owned()))
        } else {
            Ok(())
        }
    }

    fn poll<H: ConsumerHandler<SimMember>>(
        &mut self,
        wait: Duration,
        records_max: usize,
        handler: &mut H,
    ) -> Result<Polled, Error> {
        let baton = &self.member.baton;
        let latency = baton.with(|world| world.chance.between(20, 400));
        baton.pause(latency);
        let until = baton.with(|world| world.now) + micros(wait);
        loop {
            self.serve_group(handler)?;
            let (records, drained) = self.hand_out(records_max, handler);
            let now = baton.with(|world| world.now);
            if records > 0 || now >= until {
                return Ok(Polled { records, drained });
            }
            let process = baton.process();
            if baton.with(|world| world.answers.iter().any(|(at, answers)| at.0 == process && !answers.is_empty())) {
                return Ok(Polled { records, drained });
            }
            baton.wait(until - now);
        }
    }

    fn close<H: ConsumerHandler<SimMember>>(self, handler: &mut H) -> Result<(), Error> {
        let owned: Vec<TopicPartition> = self.member.state.borrow().owned.iter().cloned().collect();
        if !owned.is_empty() {
            let _stops = handler.revoked(&owned, &self.member);
        }
        Ok(())
    }
}
