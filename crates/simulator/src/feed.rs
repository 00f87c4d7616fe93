//! What comes from outside: input over time, some of it in transactions of foreign producers that stay open a while, or are
//! aborted; strangers who write to changelogs and think better of it; and compaction.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_log::{Headers, TopicPartition, partition_of_key};

use crate::baton::Micros;
use crate::chance::Chance;
use crate::cluster::log::Written;
use crate::story::{BUSY, SECOND};
use crate::work::Work;
use crate::world::{Event, World};

/// Input comes at multiples of this.
pub(crate) const BURST: Micros = 2 * SECOND / 5;
const FOREIGN_PRODUCERS: u64 = 1_000_000;

/// What is fed to one run.
struct Feed<'f> {
    world: &'f mut World,
    chance: Chance,
    foreign: u64,
}

/// Plans all of it.
pub(crate) fn feed(world: &mut World, work: &dyn Work, seed: u64, records: usize) {
    let mut feed = Feed { world, chance: Chance::new(seed ^ 0x1209), foreign: FOREIGN_PRODUCERS };
    feed.input(work, records);
    feed.strangers_in_changelogs();
    for _ in 0..feed.chance.between(0, 6) {
        let when = feed.chance.between(SECOND, 2 * BUSY);
        feed.world.at(when, Event::Compact);
    }
    // Late ones take the deletions that an earlier one has seen, while an instance is away for longer than its stores last.
    for _ in 0..feed.chance.between(0, 3) {
        let when = feed.chance.between(BUSY + 4 * BUSY, 8 * BUSY);
        feed.world.at(when, Event::Compact);
    }
}

impl Feed<'_> {
    fn input(&mut self, work: &dyn Work, records: usize) {
        let start = self.world.wall_of(usize::MAX);
        let incoming = work.incoming(&mut self.chance, start);
        let count = incoming.len().max(1) as u64;
        // In bursts, so that transactions have company.
        let burst = if self.chance.once_in(3) { 5 * BURST } else { BURST };
        let mut open: BTreeMap<TopicPartition, (u64, Micros)> = BTreeMap::new();
        for (number, record) in incoming.into_iter().enumerate().take(records) {
            let when = (number as u64 * BUSY / count) / burst * burst + self.chance.between(0, SECOND / 20);
            let mut topics = self.world.cluster.partitions.iter();
            let found = topics.find(|(name, _)| name.as_str() == record.topic);
            let Some((name, partitions)) = found.map(|(name, partitions)| (name.clone(), *partitions)) else {
                continue;
            };
            let partition = TopicPartition::new(name, partition_of_key(&record.key, partitions));
            let written = Written {
                key: Some(Bytes::from(record.key)),
                value: record.value.map(Bytes::from),
                headers: record.headers,
                timestamp_ms: start.as_millis() + (when / 1_000) as i64,
            };
            if record.lurks {
                self.world.lurking.push((when, partition, written));
                continue;
            }
            let by = match open.get(&partition) {
                Some((producer, until)) if when < *until => Some((*producer, 0)),
                _ if self.chance.once_in(15) => {
                    let until = when + self.chance.between(SECOND / 100, 2 * SECOND);
                    let commit = !(self.chance.once_in(3) && work.is_aborted_input_harmless());
                    let producer = self.end_at(&partition, until, commit);
                    open.insert(partition.clone(), (producer, until));
                    Some((producer, 0))
                }
                _ => None,
            };
            self.world.at(when, Event::Input { partition, record: written, by });
        }
    }

    /// A transaction of a foreign producer, which ends at a time.
    fn end_at(&mut self, partition: &TopicPartition, until: Micros, commit: bool) -> u64 {
        self.foreign += 1;
        let event = Event::ForeignEnd { partition: partition.clone(), producer: self.foreign, commit };
        self.world.at(until, event);
        self.foreign
    }

    /// Nobody but the tasks may write to a changelog: what is committed there is the state. What is not must not harm
    /// it: restores wait until such a transaction has ended, and pass over it.
    fn strangers_in_changelogs(&mut self) {
        let logs = self.world.cluster.logs.keys();
        let changelogs: Vec<TopicPartition> =
            logs.filter(|partition| partition.topic.as_str().ends_with("-changelog")).cloned().collect();
        for _ in 0..self.chance.between(0, 4) {
            let at = self.chance.between(0, changelogs.len() as u64) as usize;
            let Some(partition) = changelogs.get(at).cloned() else { return };
            let when = self.chance.between(SECOND, BUSY);
            let until = when + self.chance.between(SECOND / 100, 4 * SECOND);
            let producer = self.end_at(&partition, until, false);
            let record = Written {
                // A key that a store of a task may have.
                key: Some(Bytes::from(vec![16, b'k', b'1'])),
                value: Some(Bytes::from_static(b"999")),
                headers: Headers::new(),
                timestamp_ms: 0,
            };
            self.world.at(when, Event::Input { partition, record, by: Some((producer, 0)) });
        }
    }
}
