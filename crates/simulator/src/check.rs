//! What must hold when everything has come to rest, whatever the application.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use headwater_log::Offset;
use headwater_worker::Positions;

use crate::cluster::Cluster;
use crate::cluster::log::{PartitionLog, Written};
use crate::cluster::transactions::Phase;
use crate::disk::{Disk, Entries, SharedDisk, TaskData, open};
use crate::ports::{SharedMail, post};
use crate::work::{Made, TaskFacts};
use crate::world::World;

/// A process's disk.
pub(crate) type DiskOf = BTreeMap<usize, SharedDisk>;

/// What is left open, and by whom; None when nothing is.
pub(crate) fn open_ends(world: &World) -> Option<String> {
    let open = world.cluster.transactions.by_id.iter().filter(|(_, found)| found.phase != Phase::Empty);
    let open: Vec<String> = open.map(|(id, found)| format!("{id} {:?}", found.phase)).collect();
    let pending: Vec<u64> = world.cluster.group.pending.keys().copied().collect();
    let logs = world.cluster.logs.iter().filter(|(_, log)| !log.open.is_empty());
    let logs: Vec<String> = logs.map(|(partition, log)| format!("{partition} {:?}", log.open)).collect();
    let is_all_ended = open.is_empty() && pending.is_empty() && logs.is_empty();
    (!is_all_ended).then(|| format!("left open: {open:?}, offsets of producers {pending:?}, {logs:?}"))
}

/// Each task works in one place, whose disk has all that its changelog says, and has read all there is to read.
pub(crate) fn unsettled(world: &World, made: &Made, disks: &DiskOf) -> Vec<String> {
    let mut wrong = Vec::new();
    for task in &made.tasks {
        let holders: Vec<usize> = world
            .holders
            .iter()
            .filter(|(_, tasks)| tasks.contains(&task.name))
            .map(|((process, _), _)| *process)
            .collect();
        let [holder] = holders.as_slice() else {
            wrong.push(format!("task {} works in processes {holders:?}, not in one", task.name));
            continue;
        };
        wrong.extend(disks.get(holder).and_then(|disk| is_behind(&open(disk), task, &world.cluster)));
        for input in &task.inputs {
            let last = world.cluster.logs.get(input).and_then(|log| log.committed().last());
            let Some((last, _)) = last else { continue };
            let committed = world.cluster.group.committed.get(input);
            let positions = Positions::parse(committed.map(|(offset, text)| (*offset, text.as_str())), &[]);
            let position = positions.of(&task.reader).unwrap_or(Offset::ZERO);
            if position <= World::offset(last) {
                let reader = &task.reader;
                wrong.push(format!("{reader} has committed {position} of {input}, where record {last} was read"));
            }
        }
    }
    wrong
}

/// Each task that can be is kept warm on as many other instances as it shall be, or as there are, and is warm there.
pub(crate) fn not_warm(world: &World, made: &Made, kept: &[(SharedDisk, SharedMail)], copies: usize) -> Vec<String> {
    let copies = copies.min(kept.len().saturating_sub(1));
    let mut wrong = Vec::new();
    for task in made.tasks.iter().filter(|task| task.changelog.is_some() && task.in_memory.is_empty()) {
        let is_warm = |mail: &SharedMail| post(mail).standbys.get(&task.name).is_some_and(|standby| standby.is_warm);
        let warm: Vec<&SharedDisk> = kept.iter().filter(|(_, mail)| is_warm(mail)).map(|(disk, _)| disk).collect();
        if warm.len() != copies {
            wrong.push(format!("task {} is kept warm in {} places, not {copies}", task.name, warm.len()));
        }
        wrong.extend(warm.into_iter().find_map(|disk| is_behind(&open(disk), task, &world.cluster)));
    }
    wrong
}

/// Why the disk of a task that works, or is kept warm, is not up to date.
fn is_behind(disk: &Disk, task: &TaskFacts, cluster: &Cluster) -> Option<String> {
    let (last, _) = cluster.logs.get(task.changelog.as_ref()?)?.committed().last()?;
    let data = disk.tasks.get(&task.name);
    // Where nobody could say where its last changes lie, it has them and says less: they are read again.
    let is_ahead = data.is_some_and(|data| data.ahead_until > 0);
    let until = data.map_or(0, |data| data.meta.changelog_offset.unsigned_abs());
    (until <= last && !is_ahead)
        .then(|| format!("the store of {} says it is at {until}, behind record {last}", task.name))
}

/// What a disk holds of each task must be the fold of its changelog up to where the disk says it is: never ahead, never
/// another.
pub(crate) fn check_disk(disk: &Disk, made: &Made, cluster: &Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    for task in &made.tasks {
        let log = task.changelog.as_ref().and_then(|changelog| cluster.logs.get(changelog));
        let (Some(log), Some(data)) = (log, disk.tasks.get(&task.name)) else { continue };
        if let Some(difference) = difference(data, log, &task.in_memory) {
            let (name, until) = (&task.name, data.meta.changelog_offset);
            wrong.push(format!("the store of {name} is not the fold of its changelog up to {until}: {difference}"));
        }
    }
    wrong
}

/// The first key that a store has otherwise than the fold of its changelog.
fn difference(data: &TaskData, log: &PartitionLog, in_memory: &BTreeSet<u8>) -> Option<String> {
    let until = data.meta.changelog_offset.unsigned_abs();
    let mut fold = Entries::new();
    // A reader may have missed what compaction took for the sake of a record that lies beyond the disk's place. A deletion
    // it may not have missed: stores that are so old are rebuilt.
    let mut missed: BTreeSet<(u8, Bytes)> = BTreeSet::new();
    // What keys may be where a restore was broken off, which writes before it says how far it is.
    let mut later: BTreeMap<(u8, Bytes), Vec<Option<Bytes>>> = BTreeMap::new();
    for (offset, record) in log.committed() {
        let Some((store, key)) = record.key.as_deref().and_then(<[u8]>::split_first) else { continue };
        let at = (*store, Bytes::copy_from_slice(key));
        if offset >= until {
            later.entry(at).or_default().push(record.value.clone());
            continue;
        }
        let is_compacted = log.entries.get(offset as usize).is_some_and(|entry| entry.compacted);
        if is_compacted && record.value.is_some() {
            missed.insert(at.clone())
        } else {
            missed.remove(&at)
        };
        match &record.value {
            Some(value) => fold.insert(at, value.clone()),
            None => fold.remove(&at),
        };
    }
    let mut entries = data.entries.clone();
    if data.ahead_until > 0 {
        for (at, values) in later {
            if values.contains(&entries.get(&at).cloned()) {
                fold.remove(&at);
                entries.remove(&at);
            }
        }
    }
    fold.retain(|at, _| !missed.contains(at));
    entries.retain(|at, _| !missed.contains(at));
    fold.retain(|(store, _), _| !in_memory.contains(store));
    let mut keys = fold.keys().chain(entries.keys());
    let at = keys.find(|at| fold.get(*at) != entries.get(*at))?;
    let has = entries.get(at).map(|value| String::from_utf8_lossy(value));
    let says = fold.get(at).map(|value| String::from_utf8_lossy(value));
    let of_key =
        |(_, record): &(u64, &Written)| record.key.as_deref().and_then(<[u8]>::split_first) == Some((&at.0, &at.1[..]));
    let place = |(offset, record): (u64, &Written)| {
        let deletes = if record.value.is_none() { ", deletes" } else { "" };
        let is_compacted = log.entries.get(offset as usize).is_some_and(|entry| entry.compacted);
        format!("{offset}{deletes}{}", if is_compacted { ", compacted" } else { "" })
    };
    let places: Vec<String> = log.committed().filter(of_key).map(place).collect();
    let key = String::from_utf8_lossy(&at.1);
    Some(format!("store {} has at {key:?} {has:?}, not {says:?}; it is written at {places:?}", at.0))
}
