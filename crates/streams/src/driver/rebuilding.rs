//! Losing a processor's state, and rebuilding it from the events that the processor published.

use std::sync::Arc;

use headwater_log::{Headers, Offset};

use super::TestDriver;
use crate::{Error, KnownEnvelope, MemoryBase, Output, Rebuild, corrections};

impl TestDriver {
    /// The state of a processor is gone for good, in its changelog too; its positions stay.
    ///
    /// # Errors
    /// A processor that is not here.
    pub fn lose_state(&mut self, processor: &str) -> Result<(), Error> {
        for at in self.tasks_of(processor)? {
            let Some(running) = self.tasks.get_mut(at) else { continue };
            let changelog = running.task.changelog_topic();
            running.base = MemoryBase::new();
            running.resume()?;
            if let Some(log) = changelog.and_then(|topic| self.logs.get_mut(topic.index())) {
                log.clear();
            }
        }
        Ok(())
    }

    /// Rebuilds a processor's state from its own events and corrects what its tasks hold, as a tool does while the
    /// application is stopped. Answers with how many keys had to be corrected.
    ///
    /// # Errors
    /// A processor that is not here, or whose state is no fold of its events; an event that can't be folded.
    pub fn rebuild(&mut self, processor: &str) -> Result<u64, Error> {
        let failed = |message: String| Error::new("test driver", message);
        let mut corrected = 0;
        for at in self.tasks_of(processor)? {
            let Some(running) = self.tasks.get_mut(at) else { continue };
            let partition = running.task.id().partition;
            let topology = running.task.topology().clone();
            let mut rebuild = Rebuild::new(&topology, partition, Arc::clone(&self.environment))?;
            let rebuilt = rebuild.topic().and_then(|topic| self.logs.get(topic.index()));
            let mut base = MemoryBase::new();
            for record in rebuilt.map(|log| log.from(partition, Offset::ZERO)).unwrap_or_default() {
                rebuild.fold(Arc::clone(record), &base).map_err(|error| failed(error.message))?;
                rebuild.write(|store, key, value| base.write(store, key, value));
            }
            let mut changes = Vec::new();
            for store in rebuild.stores().to_vec() {
                let write = |key: &[u8], value: Option<&[u8]>| {
                    changes.push((store, key.to_vec(), value.map(<[u8]>::to_vec)));
                };
                corrected += corrections(store, &running.base, &base, write).map_err(|error| failed(error.message))?;
            }
            let (topic, timestamp) = (running.task.changelog_topic(), running.task.stream_time());
            for (store, key, value) in &changes {
                running.base.write(*store, key, value.as_deref());
            }
            running.resume()?;
            for (store, key, value) in changes {
                let Some(topic) = topic else { continue };
                let key = [&[store.0], &key[..]].concat();
                let (key, value, headers) = (Some(key.into()), value.map(Into::into), Headers::new());
                let (partition, envelope) = (Some(partition), KnownEnvelope::default());
                self.append(Output { topic, partition, key, value, headers, envelope, timestamp })?;
            }
        }
        Ok(corrected)
    }

    /// Writes over a key in a processor's store of the same name, in its first task: what a defect might have done.
    ///
    /// # Errors
    /// A processor that is not here, or has no such store.
    pub fn damage(&mut self, processor: &str, key: &[u8], value: Option<&[u8]>) -> Result<(), Error> {
        let first = self.tasks_of(processor)?.into_iter().next();
        let Some(running) = first.and_then(|at| self.tasks.get_mut(at)) else { return Ok(()) };
        let stores = running.task.subtopology().into_iter().flat_map(|part| &part.stores);
        let number = stores.filter(|store| store.name == processor).map(|store| store.number).next();
        let number =
            number.ok_or_else(|| Error::new("test driver", format!("{processor} has no store {processor}")))?;
        running.base.write(number, key, value);
        running.resume()
    }

    fn tasks_of(&self, processor: &str) -> Result<Vec<usize>, Error> {
        let own = self.tasks.iter().enumerate().filter(|(_, running)| running.task.id().processor == processor);
        let own: Vec<usize> = own.map(|(at, _)| at).collect();
        if own.is_empty() {
            return Err(Error::new("test driver", format!("there is no processor {processor}")));
        }
        Ok(own)
    }
}
