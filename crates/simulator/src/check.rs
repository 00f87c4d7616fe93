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
use crate::work::{Made, TableFacts, TaskFacts};
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
    // What is kept in memory is no disk's business: it is read from the start, wherever the disk says that it is.
    let is_on_disk = |key: &Bytes| key.first().is_some_and(|store| !task.in_memory.contains(store));
    let committed = cluster.logs.get(task.changelog.as_ref()?)?.committed();
    let (last, _) = committed.filter(|(_, record)| record.key.as_ref().is_some_and(is_on_disk)).last()?;
    let data = disk.tasks.get(&task.name);
    // Where nobody could say where its last changes lie, it has them and says less: they are read again.
    let is_ahead = data.is_some_and(|data| data.ahead_until > 0);
    let until = data.map_or(0, |data| data.meta.changelog_offset.unsigned_abs());
    (until <= last && !is_ahead)
        .then(|| format!("the store of {} says it is at {until}, behind record {last}", task.name))
}

/// What a disk holds of each task must be the fold of its changelog up to where the disk says it is: never ahead, never
/// another. So must be each of its tables, of its topic.
pub(crate) fn check_disk(disk: &Disk, made: &Made, cluster: &Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    for task in &made.tasks {
        let Some(data) = disk.tasks.get(&task.name) else { continue };
        wrong.extend(wrong_tables(data, task, cluster));
        let Some(log) = task.changelog.as_ref().and_then(|changelog| cluster.logs.get(changelog)) else { continue };
        let is_on_disk =
            |store: u8| !task.in_memory.contains(&store) && task.tables.iter().all(|table| table.store != store);
        let place = |key: &Bytes| {
            let (store, key) = key.split_first()?;
            is_on_disk(*store).then(|| (*store, Bytes::copy_from_slice(key)))
        };
        let entries = data.entries.iter().filter(|((store, _), _)| is_on_disk(*store));
        let entries = entries.map(|(at, value)| (at.clone(), value.clone())).collect();
        let until = data.meta.changelog_offset.unsigned_abs();
        if let Some(difference) = difference(entries, log, (until, data.ahead_until > 0), Reads::ToTheEnd, place) {
            let name = &task.name;
            wrong.push(format!("the store of {name} is not the fold of its changelog up to {until}: {difference}"));
        }
    }
    wrong
}

/// What is wrong with a task's tables, each beside the fold of its topic up to where it says that it stands.
pub(crate) fn wrong_tables(data: &TaskData, task: &TaskFacts, cluster: &Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    for TableFacts { store, source } in task.tables.iter().filter(|table| !task.in_memory.contains(&table.store)) {
        let Some(log) = cluster.logs.get(source) else { continue };
        let known = data.meta.tables.get(source.topic.as_str());
        let (until, reach) = known.map_or((0, 0), |table| (table.offset.unsigned_abs(), table.reach));
        let entries = data.entries.iter().filter(|((of, _), _)| of == store);
        let entries = entries.map(|(at, value)| (at.clone(), value.clone())).collect();
        let of_store = |key: &Bytes| Some((*store, key.clone()));
        if let Some(difference) = difference(entries, log, (until, reach > 0), Reads::UpToAPlace, of_store) {
            wrong.push(format!("table {} is not the fold of {source} up to {until}: {difference}", task.name));
        }
    }
    wrong
}

/// Tables that hold what their task's group has not committed.
pub(crate) fn ahead_of_group(data: &TaskData, task: &TaskFacts, cluster: &Cluster) -> Vec<String> {
    let mut wrong = Vec::new();
    for TableFacts { source, .. } in &task.tables {
        let Some(stands) = data.meta.tables.get(source.topic.as_str()).map(|table| table.offset) else { continue };
        let committed = cluster.group.committed.get(source);
        let positions = Positions::parse(committed.map(|(offset, text)| (*offset, text.as_str())), &[]);
        let position = positions.of(&task.reader).unwrap_or(Offset::ZERO).get();
        if stands > position {
            wrong.push(format!("the table of {source} stands at {stands}, and {position} is committed"));
        }
    }
    wrong
}

/// How far a restore reads a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// A changelog.
    ToTheEnd,
    /// A table's topic, up to the position that was committed.
    UpToAPlace,
}

/// The first key that a store has otherwise than the fold of a log up to a place; it may be ahead of it. `place_of` says which
/// entry a record is of.
fn difference(
    mut entries: Entries,
    log: &PartitionLog,
    (until, is_ahead): (u64, bool),
    reads: Reads,
    place_of: impl Fn(&Bytes) -> Option<(u8, Bytes)>,
) -> Option<String> {
    let mut fold = Entries::new();
    // What keys may be where a restore was broken off, which writes before it says how far it is.
    let mut later: BTreeMap<(u8, Bytes), Vec<Option<Bytes>>> = BTreeMap::new();
    for (_, record) in log.committed().filter(|(offset, _)| *offset >= until) {
        let Some(at) = record.key.as_ref().and_then(&place_of) else { continue };
        later.entry(at).or_default().push(record.value.clone());
    }
    // A reader may have missed what compaction took for the sake of a record that lies beyond the disk's place. A deletion
    // in a changelog, which is read to its end, it may not have missed: stores that are so old are rebuilt.
    let mut missed: BTreeSet<(u8, Bytes)> = BTreeSet::new();
    let before: Vec<(u64, &Written)> = match reads {
        Reads::ToTheEnd => log.committed().filter(|(offset, _)| *offset < until).collect(),
        Reads::UpToAPlace => log.committed_before(until).collect(),
    };
    for (offset, record) in before {
        let Some(at) = record.key.as_ref().and_then(&place_of) else { continue };
        let is_compacted = log.entries.get(offset as usize).is_some_and(|entry| entry.compacted);
        let may_miss = record.value.is_some() || (reads == Reads::UpToAPlace && later.contains_key(&at));
        if is_compacted && may_miss {
            missed.insert(at.clone())
        } else {
            missed.remove(&at)
        };
        match &record.value {
            Some(value) => fold.insert(at, value.clone()),
            None => fold.remove(&at),
        };
    }
    if is_ahead {
        for (at, values) in later {
            if values.contains(&entries.get(&at).cloned()) {
                fold.remove(&at);
                entries.remove(&at);
            }
        }
    }
    fold.retain(|at, _| !missed.contains(at));
    entries.retain(|at, _| !missed.contains(at));
    let mut keys = fold.keys().chain(entries.keys());
    let at = keys.find(|at| fold.get(*at) != entries.get(*at))?;
    let has = entries.get(at).map(|value| String::from_utf8_lossy(value));
    let says = fold.get(at).map(|value| String::from_utf8_lossy(value));
    let of_key =
        |(_, record): &(u64, &Written)| record.key.as_ref().and_then(&place_of).is_some_and(|found| found == *at);
    let place = |(offset, record): (u64, &Written)| {
        let deletes = if record.value.is_none() { ", deletes" } else { "" };
        let is_compacted = log.entries.get(offset as usize).is_some_and(|entry| entry.compacted);
        format!("{offset}{deletes}{}", if is_compacted { ", compacted" } else { "" })
    };
    let places: Vec<String> = log.committed().filter(of_key).map(place).collect();
    let key = String::from_utf8_lossy(&at.1);
    Some(format!("store {} has at {key:?} {has:?}, not {says:?}; it is written at {places:?}", at.0))
}
