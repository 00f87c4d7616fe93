//! Random histories against a plain list: the log must say the same, also after any restart.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
enum Step {
    Produce {
        producer: usize,
        transactional: bool,
        keys: Vec<(u8, bool)>,
        codec: usize,
    },
    Repeat {
        producer: usize,
    },
    End {
        producer: usize,
        commit: bool,
        bump: bool,
    },
    DeleteBefore(prop::sample::Index),
    Maintain,
    Checkpoint,
    Reopen,
    /// A restart after the last append was cut short, with so much of it on the disk.
    Tear(prop::sample::Index),
}

fn step() -> impl Strategy<Value = Step> {
    let keys = proptest::collection::vec((0..6_u8, proptest::bool::weighted(0.2)), 1..4);
    prop_oneof![
        10 => (0..4_usize, any::<bool>(), keys, 0..5_usize).prop_map(|(producer, transactional, keys, codec)| {
            Step::Produce { producer, transactional, keys, codec }
        }),
        1 => (0..3_usize).prop_map(|producer| Step::Repeat { producer }),
        4 => (0..3_usize, any::<bool>(), proptest::bool::weighted(0.2)).prop_map(|(producer, commit, bump)| {
            Step::End { producer, commit, bump }
        }),
        1 => any::<prop::sample::Index>().prop_map(Step::DeleteBefore),
        2 => Just(Step::Maintain),
        1 => Just(Step::Checkpoint),
        2 => Just(Step::Reopen),
        2 => any::<prop::sample::Index>().prop_map(Step::Tear),
    ]
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fate {
    Plain,
    Open,
    Committed,
    Aborted,
    Marker,
}

#[derive(Debug, Clone)]
struct Entry {
    shown: String,
    key: u8,
    tombstone: bool,
    timestamp_ms: i64,
    producer: usize,
    fate: Fate,
}

/// The plain list. An entry's place is its offset.
#[derive(Debug, Clone, Default)]
struct Model {
    entries: Vec<Entry>,
    start: usize,
    epochs: [i16; 3],
    sequences: [i32; 3],
    last: [Option<(Batch, i64)>; 3],
}

impl Model {
    fn is_open(&self, producer: usize) -> bool {
        self.entries.iter().any(|entry| entry.producer == producer && entry.fate == Fate::Open)
    }

    fn stable_end(&self) -> usize {
        let open = self.entries.iter().position(|entry| entry.fate == Fate::Open);
        open.unwrap_or(self.entries.len()).max(self.start)
    }

    fn visible(&self, isolation: Isolation) -> Vec<(usize, &Entry)> {
        let (end, hidden) = match isolation {
            Isolation::ReadUncommitted => (self.entries.len(), Fate::Marker),
            Isolation::ReadCommitted => (self.stable_end(), Fate::Aborted),
        };
        let entries = self.entries.iter().enumerate().take(end).skip(self.start);
        entries.filter(|(_, entry)| entry.fate != Fate::Marker && entry.fate != hidden).collect()
    }
}

struct Run {
    storage: Arc<dyn Storage>,
    config: LogConfig,
    log: PartitionLog,
    model: Model,
    /// As things were before the last append, if a restart may still lose it.
    before: Option<(Model, u64)>,
}

impl Run {
    fn new(storage: Arc<dyn Storage>, config: LogConfig) -> Self {
        let log = open(&storage, &config);
        Self { storage, config, log, model: Model::default(), before: None }
    }

    fn active_file(&self) -> Option<String> {
        segment_files(&self.storage).last().map(|name| format!("{DIR}/{name}"))
    }

    fn active_size(&self) -> u64 {
        self.active_file().map_or(0, |path| self.storage.read(&path).unwrap().unwrap().len() as u64)
    }

    /// Remembers how to undo an append, given how many segments there were before it.
    fn remember(&mut self, before: Model, segments: usize, size: u64) {
        let rolled = segment_files(&self.storage).len() > segments && segments > 0;
        self.before = Some((before, if rolled { 0 } else { size }));
    }

    fn apply(&mut self, step: &Step) {
        let before = self.model.clone();
        let segments = segment_files(&self.storage).len();
        let size = self.active_size();
        match step {
            Step::Produce { producer, transactional, keys, codec } => {
                let offset = self.model.entries.len();
                let timestamp_ms = NOW + (offset as i64 * 37) % 200;
                let records: Vec<String> = keys
                    .iter()
                    .zip(offset..)
                    .map(|((key, tombstone), at)| if *tombstone { format!("k{key}") } else { format!("k{key}={at}") })
                    .collect();
                let texts: Vec<&str> = records.iter().map(String::as_str).collect();
                let mut made = batch(&texts).at(timestamp_ms).compressed(CODECS[*codec]);
                let mut fate = Fate::Plain;
                if let Some(sequence) = self.model.sequences.get_mut(*producer) {
                    made = made.by(*producer as i64, self.model.epochs[*producer], *sequence);
                    *sequence += keys.len() as i32;
                    if *transactional || before.is_open(*producer) {
                        made = made.in_transaction();
                        fate = Fate::Open;
                    }
                    self.model.last[*producer] = Some((made.clone(), offset as i64));
                }
                let appended = append(&mut self.log, &made);
                assert_eq!((appended.base_offset, appended.duplicate), (offset as i64, false));
                for (i, ((key, tombstone), record)) in keys.iter().zip(records).enumerate() {
                    self.model.entries.push(Entry {
                        shown: format!("{}:{record}", offset + i),
                        key: *key,
                        tombstone: *tombstone,
                        timestamp_ms: timestamp_ms + i as i64,
                        producer: *producer,
                        fate,
                    });
                }
                self.remember(before, segments, size);
            }
            Step::Repeat { producer } => {
                if let Some((made, offset)) = &self.model.last[*producer] {
                    let again = append(&mut self.log, made);
                    assert_eq!((again.base_offset, again.duplicate), (*offset, true));
                }
            }
            Step::End { producer, commit, bump } => {
                if *bump {
                    self.model.epochs[*producer] += 1;
                    self.model.sequences[*producer] = 0;
                    self.model.last[*producer] = None;
                }
                let (id, epoch) = (*producer as i64, self.model.epochs[*producer]);
                let offset = self.log.append_marker(id, epoch, *commit, 0, NOW).unwrap();
                assert_eq!(offset, self.model.entries.len() as i64);
                for entry in &mut self.model.entries {
                    if entry.producer == *producer && entry.fate == Fate::Open {
                        entry.fate = if *commit { Fate::Committed } else { Fate::Aborted };
                    }
                }
                self.model.entries.push(Entry {
                    shown: String::new(),
                    key: 0,
                    tombstone: false,
                    timestamp_ms: NOW,
                    producer: *producer,
                    fate: Fate::Marker,
                });
                self.remember(before, segments, size);
            }
            Step::DeleteBefore(index) => {
                let offset = self.model.start.max(index.index(self.model.entries.len() + 1));
                assert_eq!(self.log.delete_records_before(offset as i64).unwrap(), offset as i64);
                self.model.start = offset;
                self.before = None;
            }
            Step::Maintain => {
                maintain(&mut self.log, NOW);
                self.before = None;
            }
            Step::Checkpoint => {
                self.log.checkpoint().unwrap();
                self.before = None;
            }
            Step::Reopen => self.log = open(&self.storage, &self.config),
            Step::Tear(index) => {
                let Some((model, size)) = self.before.take() else { return };
                let file = self.storage.open(&self.active_file().unwrap()).unwrap();
                let torn = size + index.index((self.active_size() - size) as usize) as u64;
                file.truncate(torn).unwrap();
                self.model = model;
                self.log = open(&self.storage, &self.config);
                assert_eq!(self.log.recovery().truncated_bytes, torn - size);
            }
        }
    }

    fn compare(&self) {
        let (log, model) = (&self.log, &self.model);
        assert_eq!(log.high_watermark(), model.entries.len() as i64);
        assert_eq!(log.log_start_offset(), model.start as i64);
        assert_eq!(log.last_stable_offset(), model.stable_end() as i64);
        for producer in 0..3 {
            assert_eq!(log.has_open_transaction(producer as i64), model.is_open(producer));
        }
        for isolation in [Isolation::ReadUncommitted, Isolation::ReadCommitted] {
            let expected = model.visible(isolation);
            let seen = consume(log, log.log_start_offset(), 200, isolation);
            let shown: Vec<String> = seen.iter().map(show).collect();
            if self.config.cleanup_policy.compact {
                // What is left is as it was …
                let all: BTreeMap<usize, &Entry> = expected.iter().copied().collect();
                for (record, shown) in seen.iter().zip(&shown) {
                    let entry = all[&(record.offset as usize)];
                    assert_eq!((&entry.shown, entry.timestamp_ms), (shown, record.timestamp));
                }
                // … and ends in the same table, once it is known what counts.
                let left: Vec<(usize, &Entry)> =
                    seen.iter().map(|record| (record.offset as usize, all[&(record.offset as usize)])).collect();
                let table = |entries: &[(usize, &Entry)]| -> BTreeMap<u8, usize> {
                    let mut table = BTreeMap::new();
                    for (offset, entry) in entries {
                        if entry.tombstone {
                            table.remove(&entry.key);
                        } else {
                            table.insert(entry.key, *offset);
                        }
                    }
                    table
                };
                if isolation == Isolation::ReadCommitted {
                    assert_eq!(table(&left), table(&expected));
                }
            } else {
                let expected: Vec<String> = expected.iter().map(|(_, entry)| entry.shown.clone()).collect();
                assert_eq!(shown, expected, "{isolation:?}");
                for offset in model.start..model.entries.len() {
                    let first = consume(log, offset as i64, 1, isolation).first().map(show);
                    let next = model.visible(isolation).into_iter().find(|(at, _)| *at >= offset);
                    assert_eq!(first, next.map(|(_, entry)| entry.shown.clone()));
                }
                for time in [NOW - 1, NOW + 40, NOW + 111, NOW + 190, NOW + 500] {
                    let found = log.offset_for_time(time).unwrap().map(|found| found.offset as usize);
                    let late = |entry: &Entry| entry.timestamp_ms >= time;
                    let expected = (model.start..model.entries.len()).find(|at| late(&model.entries[*at]));
                    assert_eq!(found, expected, "time {time}");
                }
            }
        }
    }
}

fn check(storage: Arc<dyn Storage>, config: LogConfig, steps: &[Step]) {
    let mut run = Run::new(storage, config);
    for step in steps {
        run.apply(step);
        run.compare();
    }
    let producers = run.log.active_producers();
    run.log = open(&run.storage, &run.config);
    run.compare();
    assert_eq!(run.log.active_producers(), producers);
    run.log.checkpoint().unwrap();
    run.log = open(&run.storage, &run.config);
    run.compare();
    assert_eq!(run.log.active_producers(), producers);
    assert_eq!(run.log.recovery().checked_bytes, 0);
}

fn config(compact: bool, segment_bytes: u64, delete_retention_ms: i64) -> LogConfig {
    LogConfig {
        // Small segments are also closed by every housekeeping, so that the active one is empty.
        segment_ms: if segment_bytes < 1000 { 0 } else { 1000 },
        cleanup_policy: CleanupPolicy { delete: !compact, compact },
        retention_ms: None,
        segment_bytes,
        min_cleanable_dirty_ratio: 0.0,
        delete_retention_ms,
        ..LogConfig::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_log_is_the_list_in_memory(
        steps in proptest::collection::vec(step(), 1..40),
        compact in any::<bool>(),
        segment_bytes in prop_oneof![Just(1), Just(250), Just(1000), Just(1 << 20)],
        delete_retention_ms in 0..2_i64,
    ) {
        check(memory(), config(compact, segment_bytes, delete_retention_ms), &steps);
    }

    #[test]
    fn the_log_is_the_list_on_disk(
        steps in proptest::collection::vec(step(), 1..25),
        compact in any::<bool>(),
        segment_bytes in prop_oneof![Just(250), Just(1 << 20)],
    ) {
        let folder = tempfile::tempdir().unwrap();
        let storage = Arc::new(DiskStorage::new(folder.path()).unwrap());
        check(storage, config(compact, segment_bytes, 0), &steps);
    }
}
