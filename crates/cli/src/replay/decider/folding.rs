use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use headwater_event::Timestamp;
use headwater_kafka::{Isolation, Next};
use headwater_log::Partition;
use headwater_runtime::RegistrySchemas;
use headwater_runtime::state::{MemoryBudget, StateBatch, StateDatabase, TaskState};
use headwater_streams::{
    KnownEnvelope, Limits, Rebuild, Record, StoreNumber, TaskEnvironment, TopicFacts, Topology, corrections,
};

use super::Ranges;
use super::correcting::Corrector;
use crate::Error;
use crate::cluster::Cluster;
use crate::output::Progress;
use crate::records::{Seen, read_range};
use crate::replay::reset::failed;

/// Folded state that is written to the scratch folder at once.
const WRITE_BYTES: usize = 1 << 20;
/// Without a record for so long, something is wrong.
const PATIENCE: Duration = Duration::from_secs(60);

/// State as the events have it beside state as the changelog has it, in a folder of its own.
pub struct Folded {
    partitions: BTreeMap<Partition, Part>,
}

struct Part {
    rebuild: Rebuild,
    rebuilt: TaskState,
    held: TaskState,
    /// What was read of the changelog and not written yet.
    batch: StateBatch,
}

impl Folded {
    /// An empty one, for every partition of the events.
    ///
    /// # Errors
    /// When the folder can't be used, or the topics do not fit the topology.
    pub fn open(
        folder: &Path,
        memory_mib: usize,
        topology: &Topology,
        facts: Vec<TopicFacts>,
        schemas: Arc<RegistrySchemas>,
        cluster: &Cluster,
    ) -> Result<Self, Error> {
        let budget = MemoryBudget::new(memory_mib.saturating_mul(1 << 20));
        let database = StateDatabase::open(folder, budget).map_err(failed)?;
        let count = facts.iter().map(|topic| topic.partitions.get()).max().unwrap_or(1);
        let cluster_id = cluster.admin.describe_cluster()?.cluster_id;
        let cache_bytes_max = (budget.overlay_bytes() / count.max(1) as usize).max(64 << 10);
        let limits = Limits { cache_bytes_max, ..Limits::default() };
        let environment = Arc::new(TaskEnvironment::new(schemas, cluster_id, facts, limits)?);
        let mut partitions = BTreeMap::new();
        for number in 0..count {
            let partition = Partition::new(number);
            let (rebuilt, _) = database.task(&format!("rebuilt/{number}"), &[]).map_err(failed)?;
            let (held, _) = database.task(&format!("held/{number}"), &[]).map_err(failed)?;
            let rebuild = Rebuild::new(topology, partition, Arc::clone(&environment))?;
            partitions.insert(partition, Part { rebuild, rebuilt, held, batch: StateBatch::default() });
        }
        Ok(Self { partitions })
    }

    /// Folds the events; answers with how many there were.
    ///
    /// # Errors
    /// An event that can't be folded, with its place; or what the cluster answers.
    pub fn read_events(&mut self, cluster: &Cluster, ranges: &Ranges) -> Result<u64, Error> {
        let progress = Progress::of_records(
            ranges.values().map(|range| u64::try_from(range.end.get() - range.beginning.get()).unwrap_or(0)).sum(),
        );
        let mut count = 0;
        self.read(cluster, ranges, |part, seen| {
            count += 1;
            progress.set(count);
            part.fold(seen)
        })?;
        progress.finish();
        self.partitions.values_mut().try_for_each(Part::write_rebuilt)?;
        Ok(count)
    }

    /// Reads what the changelog holds of the stores that are rebuilt.
    ///
    /// # Errors
    /// What the cluster answers, or a changelog that something else writes to.
    pub fn read_held(&mut self, cluster: &Cluster, ranges: &Ranges) -> Result<(), Error> {
        self.read(cluster, ranges, Part::hold)?;
        self.partitions.values_mut().try_for_each(Part::write_held)
    }

    fn read(
        &mut self,
        cluster: &Cluster,
        ranges: &Ranges,
        mut each: impl FnMut(&mut Part, Seen) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut result = Ok(());
        read_range(&cluster.connection, ranges, Isolation::ReadCommitted, PATIENCE, |seen| {
            let place = format!("{}-{}", seen.topic, seen.place());
            let part = self.partitions.get_mut(&seen.partition);
            let part =
                part.ok_or_else(|| Error::failed(format!("{place} is of a partition that the events do not have")));
            result = part.and_then(|part| each(part, seen)).map_err(|error| error.context(place));
            if result.is_ok() { Next::Continue } else { Next::Stop }
        })?;
        result
    }

    /// Tells the corrector what differs.
    ///
    /// # Errors
    /// State that can't be read, or what the corrector answers.
    pub fn correct(&self, corrector: &mut Corrector<'_>) -> Result<(), Error> {
        for (partition, part) in &self.partitions {
            // The state before its timers: one that breaks off between leaves none that means nothing.
            for store in part.rebuild.stores().iter().rev() {
                let mut result = Ok(());
                corrections(*store, &part.held, &part.rebuilt, |key, value| {
                    if result.is_ok() {
                        result = corrector.put(*partition, *store, key, value);
                    }
                })
                .map_err(|error| Error::failed(error.to_string()))?;
                result?;
            }
        }
        Ok(())
    }
}

impl Part {
    fn fold(&mut self, seen: Seen) -> Result<(), Error> {
        let record = Record {
            offset: seen.offset,
            timestamp: Timestamp::from_millis(seen.timestamp_ms),
            key: seen.key.map(Into::into),
            value: seen.value.map(Into::into),
            headers: seen.headers,
            envelope: KnownEnvelope::default(),
        };
        self.rebuild.fold(Arc::new(record), &self.rebuilt).map_err(|error| Error::failed(error.to_string()))?;
        if self.rebuild.staged_bytes() >= WRITE_BYTES { self.write_rebuilt() } else { Ok(()) }
    }

    fn write_rebuilt(&mut self) -> Result<(), Error> {
        let mut batch = StateBatch::default();
        self.rebuild.write(|store, key, value| self.rebuilt.stage(&mut batch, store, key, value));
        self.rebuilt.write(batch).map_err(failed)
    }

    fn hold(&mut self, seen: Seen) -> Result<(), Error> {
        let Some((store, key)) = seen.key.as_deref().and_then(<[u8]>::split_first) else {
            return Err(Error::failed("a changelog's record has no key: something else writes to it"));
        };
        let store = StoreNumber(*store);
        if self.rebuild.stores().contains(&store) {
            self.held.stage(&mut self.batch, store, key, seen.value.as_deref());
        }
        if self.batch.size_bytes() >= WRITE_BYTES { self.write_held() } else { Ok(()) }
    }

    fn write_held(&mut self) -> Result<(), Error> {
        self.held.write(std::mem::take(&mut self.batch)).map_err(failed)
    }
}
