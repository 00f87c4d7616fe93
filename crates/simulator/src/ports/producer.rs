use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::Bytes;
use headwater_log::{Headers, Offset, Partition, TopicName, TopicPartition, partition_of_key};
use headwater_worker::Error;
use headwater_worker::ports::{OffsetToCommit, OutgoingRecord, TransactionalProducer, Trouble, Written};

use super::consumer::SimCredentials;
use super::micros;
use crate::baton::{Baton, Micros};
use crate::cluster::group::Stranger;
use crate::cluster::log::{self, ProducerId};
use crate::cluster::transactions::Refusal;
use crate::fault::Mishap;
use crate::strike::Step;
use crate::world::{Event, World};

/// What was acknowledged of a partition, as a client is told: where it lies is not known of all.
#[derive(Debug, Clone, Copy, Default)]
struct Acknowledged {
    first_and_last: Option<(Offset, Offset)>,
    records: u64,
}

/// A transactional producer.
pub(crate) struct SimProducer {
    baton: Baton,
    id: String,
    producer: ProducerId,
    epoch: u32,
    queue: Vec<(TopicPartition, log::Written)>,
    added: BTreeSet<Option<TopicPartition>>,
    written: BTreeMap<TopicPartition, Acknowledged>,
    renewal: Option<String>,
    /// Whether the last transaction's markers had to be waited for.
    was_early: bool,
    /// Once fenced, a client refuses everything until it is made anew.
    fenced: Option<String>,
}

impl SimProducer {
    pub(crate) fn new(baton: Baton, id: String) -> Self {
        let (queue, added, written) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        Self { baton, id, producer: 0, epoch: 0, queue, added, written, renewal: None, was_early: false, fenced: None }
    }

    /// A request's way there: may be struck.
    fn step(&self) -> Option<Mishap> {
        let process = self.baton.process();
        let latency = self.baton.with(|world| world.chance.between(50, 1_500));
        self.baton.pause(latency);
        let struck = self.baton.with(|world| world.strike(process, Step::Request));
        // A kill or a stall takes hold here.
        self.baton.pause(1);
        struck
    }

    /// Adds a partition, or the group's offsets, to the transaction; waits for the markers of the last one.
    fn add(&mut self, what: Option<TopicPartition>, deadline: Micros) -> Result<(), Trouble> {
        if self.added.contains(&what) {
            return Ok(());
        }
        loop {
            let (id, producer, epoch) = (&self.id, self.producer, self.epoch);
            let added = self.baton.with(|world| {
                let now = world.now;
                world.cluster.transactions.add(id, producer, epoch, what.as_ref(), now)
            });
            match added {
                Ok(()) => {
                    self.added.insert(what);
                    return Ok(());
                }
                Err(Refusal::Fenced) => return Err(self.fence(format!("{} was fenced", self.id))),
                Err(Refusal::Invalid) => return Err(Trouble::Unknown("there is no such producer".to_owned())),
                Err(Refusal::Concurrent) => self.was_early = true,
            }
            if self.baton.with(|world| world.now) >= deadline {
                return Err(Trouble::Unknown("the last transaction's markers did not come in time".to_owned()));
            }
            self.baton.pause(2_000);
        }
    }

    fn deadline(&self, length: Duration) -> Micros {
        self.baton.with(|world| world.now) + micros(length)
    }

    fn take_queued(&mut self, partition: &TopicPartition) -> Vec<log::Written> {
        let (now, later): (Vec<_>, Vec<_>) = self.queue.drain(..).partition(|(to, _)| to == partition);
        self.queue = later;
        now.into_iter().map(|(_, record)| record).collect()
    }

    /// Sends what waits for one partition, in some batches: others may write in between. `tells_place`: the answers say
    /// where it lies.
    fn send(&mut self, partition: &TopicPartition, tells_place: bool) -> Result<(), Trouble> {
        const BATCH_MAX: u64 = 4;
        let by = Some((self.producer, self.epoch));
        let mut left = self.baton.with(|world| world.chance.between(1, BATCH_MAX));
        for record in self.take_queued(partition) {
            if left == 0 {
                left = self.baton.with(|world| {
                    world.slip_in(partition);
                    world.chance.between(1, BATCH_MAX)
                });
                self.baton.pause(100);
            }
            left -= 1;
            // Nobody sees it before its transaction has ended.
            let written = self.baton.with(|world| world.cluster.log(partition).append(record, by));
            match written {
                Ok(offset) => {
                    let at = World::offset(offset);
                    let written = self.written.entry(partition.clone()).or_default();
                    written.records += 1;
                    if tells_place {
                        let first = written.first_and_last.map_or(at, |(first, _)| first);
                        written.first_and_last = Some((first, at));
                    }
                }
                Err(_) => return Err(self.fence(format!("{} has an old epoch on {partition}", self.id))),
            }
        }
        Ok(())
    }

    fn fence(&mut self, why: String) -> Trouble {
        self.fenced = Some(why.clone());
        Trouble::Fenced(why)
    }

    fn check(&self) -> Result<(), Trouble> {
        self.fenced.clone().map_or(Ok(()), |why| Err(Trouble::Fenced(why)))
    }

    fn end(&mut self, commit: bool, deadline: Duration) -> Result<(), Trouble> {
        self.check()?;
        if self.added.is_empty() {
            return Ok(());
        }
        let struck = self.step();
        let (id, producer, epoch) = (self.id.clone(), self.producer, self.epoch);
        let request = Event::EndTransaction { id: id.clone(), producer, epoch, commit };
        match struck {
            Some(Mishap::LoseRequest) => return self.give_up(deadline),
            Some(Mishap::LateRequest { after }) => {
                self.baton.with(|world| world.after(after, request));
                return self.give_up(deadline);
            }
            Some(Mishap::Twin { after }) => {
                self.baton.with(|world| world.after(after, request));
                self.renewal = Some("the connection broke".to_owned());
            }
            _ => {}
        }
        let ended = self.baton.with(|world| world.end_transaction(&id, producer, epoch, commit));
        if matches!(struck, Some(Mishap::LoseAnswer)) {
            return self.give_up(deadline);
        }
        self.baton.pause(200);
        let _struck = self.step();
        match ended {
            Ok(()) => Ok(()),
            Err(Refusal::Fenced) => Err(self.fence(format!("{id} was fenced"))),
            Err(Refusal::Invalid | Refusal::Concurrent) => Err(Trouble::Unknown("no such transaction".to_owned())),
        }
    }

    fn give_up(&self, deadline: Duration) -> Result<(), Trouble> {
        self.baton.pause(micros(deadline));
        Err(Trouble::Unknown("nobody answered".to_owned()))
    }
}

impl TransactionalProducer for SimProducer {
    type Credentials = SimCredentials;

    fn renew(&mut self) -> Result<(), Error> {
        const TRIES_MAX: u32 = 20_000;
        self.queue.clear();
        self.added.clear();
        self.written.clear();
        self.renewal = None;
        self.fenced = None;
        for _ in 0..TRIES_MAX {
            self.baton.pause(700);
            let id = &self.id;
            if let Ok((producer, epoch)) = self.baton.with(|world| world.initialize(id)) {
                (self.producer, self.epoch) = (producer, epoch);
                return Ok(());
            }
            self.baton.pause(2_000);
        }
        Err(Error::Kafka("the last transaction did not end in time".to_owned()))
    }

    fn begin(&mut self) -> Result<(), Trouble> {
        self.check()?;
        self.was_early = false;
        self.queue.clear();
        self.added.clear();
        self.written.clear();
        Ok(())
    }

    fn produce(&mut self, topic: &TopicName, record: &OutgoingRecord<'_>) -> Result<(), Trouble> {
        self.check()?;
        let process = self.baton.process();
        let (partition, now_ms, early) = self.baton.with(|world| {
            let partitions = world.cluster.partitions.get(topic).copied();
            let of_key = || Some(partition_of_key(record.key?, partitions?));
            let partition = record.partition.or_else(of_key).unwrap_or(Partition::new(0));
            (partition, world.wall_of(process).as_millis(), world.chance.once_in(30))
        });
        let at = TopicPartition::new(topic.clone(), partition);
        let written = log::Written {
            key: record.key.map(Bytes::copy_from_slice),
            value: record.value.map(Bytes::copy_from_slice),
            headers: record.headers.cloned().unwrap_or_else(Headers::new),
            timestamp_ms: record.timestamp_ms.unwrap_or(now_ms),
        };
        self.queue.push((at.clone(), written));
        if early {
            // A batch that is full does not wait for the flush.
            let deadline = self.deadline(Duration::from_secs(10));
            self.add(Some(at.clone()), deadline)?;
            self.send(&at, true)?;
            self.baton.with(|world| world.slip_in(&at));
        }
        Ok(())
    }

    fn flush(&mut self, deadline: Duration) -> Result<(), Trouble> {
        self.check()?;
        if !self.queue.is_empty() {
            let _struck = self.step();
        }
        let until = self.deadline(deadline);
        let mut partitions: Vec<TopicPartition> = self.queue.iter().map(|(to, _)| to.clone()).collect();
        partitions.sort();
        partitions.dedup();
        self.baton.with(|world| world.chance.shuffle(&mut partitions));
        for partition in partitions {
            self.add(Some(partition.clone()), until)?;
            let struck = self.step();
            match struck {
                Some(Mishap::LoseRequest) => return self.give_up(deadline),
                Some(Mishap::LateRequest { after }) => {
                    let records = self.take_queued(&partition);
                    let (producer, epoch) = (self.producer, self.epoch);
                    let late = Event::Records { partition, records, producer, epoch };
                    self.baton.with(|world| world.after(after, late));
                    return self.give_up(deadline);
                }
                Some(Mishap::LoseAnswer) => {
                    self.send(&partition, true)?;
                    return self.give_up(deadline);
                }
                Some(Mishap::Twin { .. } | Mishap::Duplicate) => {
                    self.renewal = Some("the connection broke".to_owned());
                }
                _ => {}
            }
            self.send(&partition, !matches!(struck, Some(Mishap::Duplicate)))?;
        }
        Ok(())
    }

    fn send_offsets(
        &mut self,
        offsets: &[OffsetToCommit],
        group: &SimCredentials,
        deadline: Duration,
    ) -> Result<(), Trouble> {
        if offsets.is_empty() {
            return Err(Trouble::Abort("a transaction without offsets is not checked".to_owned()));
        }
        let until = self.deadline(deadline);
        self.add(None, until)?;
        let struck = self.step();
        if matches!(struck, Some(Mishap::LoseRequest | Mishap::LateRequest { .. })) {
            return self.give_up(deadline);
        }
        let (id, producer, epoch) = (&self.id, self.producer, self.epoch);
        let checked = self.baton.with(|world| {
            let is_current = world
                .cluster
                .transactions
                .by_id
                .get(id)
                .is_some_and(|found| found.producer == producer && found.epoch == epoch);
            if !is_current {
                return Err(Trouble::Fenced(format!("{id} was fenced")));
            }
            let checked = world.cluster.group.check(&group.instance, group.member, group.generation);
            match checked {
                Ok(()) => {}
                Err(Stranger::Fenced) => return Err(Trouble::Abort("another member has the instance id".to_owned())),
                Err(stranger) => return Err(Trouble::Abort(format!("the group refuses: {stranger:?}"))),
            }
            let pending = world.cluster.group.pending.entry(producer).or_default();
            for offset in offsets {
                pending.insert(offset.partition.clone(), (offset.offset, offset.metadata.clone()));
            }
            Ok(())
        });
        checked?;
        if matches!(struck, Some(Mishap::LoseAnswer)) {
            return self.give_up(deadline);
        }
        self.baton.pause(100);
        Ok(())
    }

    fn commit(&mut self, deadline: Duration) -> Result<(), Trouble> {
        self.flush(deadline)?;
        self.end(true, deadline)
    }

    fn abort(&mut self, deadline: Duration) -> Result<(), Trouble> {
        self.queue.clear();
        self.end(false, deadline)
    }

    fn was_early(&self) -> bool {
        self.was_early
    }

    fn renewal_reason(&self) -> Option<String> {
        self.renewal.clone()
    }

    fn written(&mut self, partition: &TopicPartition) -> Option<Written> {
        let Acknowledged { first_and_last, records } = *self.written.get(partition)?;
        first_and_last.map(|(first, last)| Written { first, last, records })
    }

    fn ends(
        &mut self,
        partitions: &[TopicPartition],
        _deadline: Duration,
    ) -> Result<Option<Vec<(TopicPartition, Offset)>>, Error> {
        self.baton.pause(300);
        let ends = self.baton.with(|world| {
            if world.chance.once_in(20) {
                return None;
            }
            let end = |partition: &TopicPartition| {
                let end = World::offset(world.cluster.log(partition).end());
                (partition.clone(), end)
            };
            Some(partitions.iter().map(end).collect())
        });
        self.baton.pause(300);
        Ok(ends)
    }
}
