use std::ops::Bound;

use bytes::Bytes;
use headwater_event::{Envelope, EventId, Message, Timestamp};
use headwater_log::{Headers, Partition};
use headwater_schema::wire;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::while_reading;
use crate::store::{Entries, TableIndex};
use crate::task::{Core, Plan};
use crate::{Call, Effects, Failure, Input, StateBase, TimeKind};

/// What a processor may do while it works on one record, timer or call result. Everything is staged, and undone together
/// if it fails.
pub struct Context<'a> {
    pub(crate) core: &'a mut Core,
    pub(crate) effects: &'a mut Effects,
    pub(crate) base: &'a dyn StateBase,
    pub(crate) plan: &'a Plan,
    pub(crate) node: usize,
    pub(crate) cause: Cause<'a>,
    pub(crate) now: Timestamp,
    pub(crate) event_time: Timestamp,
}

/// What made the processor run.
#[derive(Clone, Copy)]
pub(crate) enum Cause<'a> {
    /// A record.
    Input(&'a Input<'a>),
    /// A timer or call: the record behind it, and the id that ids of outputs are made from. It differs from the record's,
    /// whose own outputs may be of the same types.
    Stored { envelope: &'a Envelope, seed: EventId },
}

/// A store, resolved once; valid in the processor that resolved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreHandle(pub(crate) TableIndex, pub(crate) Access);

/// What a processor may do with a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Read and write.
    Own,
    /// Read: it is a table, which its topic alone changes.
    Table,
}

/// A sink, resolved once; valid in the subtopology that resolved it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkHandle(pub(crate) u16);

/// A store by name or by handle.
pub trait StoreName {
    #[doc(hidden)]
    fn resolve(self, context: &Context<'_>) -> Result<StoreHandle, Failure>;
}

impl StoreName for StoreHandle {
    fn resolve(self, _context: &Context<'_>) -> Result<StoreHandle, Failure> {
        Ok(self)
    }
}

impl StoreName for &str {
    fn resolve(self, context: &Context<'_>) -> Result<StoreHandle, Failure> {
        context.store(self)
    }
}

/// A sink by name or by handle.
pub trait SinkName {
    #[doc(hidden)]
    fn resolve(self, context: &Context<'_>) -> Result<SinkHandle, Failure>;
}

impl SinkName for SinkHandle {
    fn resolve(self, _context: &Context<'_>) -> Result<SinkHandle, Failure> {
        Ok(self)
    }
}

impl SinkName for &str {
    fn resolve(self, context: &Context<'_>) -> Result<SinkHandle, Failure> {
        context.sink(self)
    }
}

impl<'a> Context<'a> {
    /// The wall clock, as the driver gave it for this step.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// The largest record timestamp that the task has seen; -1 ms before the first.
    #[must_use]
    pub const fn stream_time(&self) -> Timestamp {
        self.core.stream_time
    }

    /// The input's timestamp; for timers and call results: now.
    #[must_use]
    pub const fn event_time(&self) -> Timestamp {
        self.event_time
    }

    /// The task's partition.
    #[must_use]
    pub const fn partition(&self) -> Partition {
        self.plan.partition
    }

    /// The topology's name.
    #[must_use]
    pub fn processor_name(&self) -> &str {
        &self.plan.processor
    }

    /// Metadata of the input, of the record that scheduled the timer, or of the record that made the call.
    #[must_use]
    pub fn envelope(&self) -> &Envelope {
        match self.cause {
            Cause::Input(input) => input.envelope(),
            Cause::Stored { envelope, .. } => envelope,
        }
    }

    /// Resolves a store of this processor.
    ///
    /// # Errors
    /// A state failure when it was not declared for this processor.
    pub fn store(&self, name: &str) -> Result<StoreHandle, Failure> {
        let node = self.plan.nodes.get(self.node);
        let found = node.and_then(|node| node.stores.iter().find(|(store, ..)| store == name));
        found.map(|(_, table, access)| StoreHandle(*table, *access)).ok_or_else(|| {
            Failure::state(format!("store {name} is not declared for this processor: name it in processor(…)"))
        })
    }

    /// Resolves a sink of the subtopology.
    ///
    /// # Errors
    /// A produce failure when there is none of that name.
    pub fn sink(&self, name: &str) -> Result<SinkHandle, Failure> {
        let at = self.plan.sinks.iter().position(|sink| sink.name == name);
        let at = at.and_then(|at| u16::try_from(at).ok());
        at.map(SinkHandle).ok_or_else(|| Failure::produce(format!("sink {name} is not declared in the subtopology")))
    }

    /// The value of a key, with what is staged.
    ///
    /// # Errors
    /// A state failure.
    pub fn get(&mut self, store: impl StoreName, key: &[u8]) -> Result<Option<Bytes>, Failure> {
        let StoreHandle(table, _) = store.resolve(self)?;
        Ok(self.core.overlay.get(table, key, self.base)?)
    }

    /// Looks at the value of a key where it lies: the cheapest way to read.
    ///
    /// # Errors
    /// A state failure.
    pub fn read<R>(
        &mut self,
        store: impl StoreName,
        key: &[u8],
        look: impl FnOnce(Option<&[u8]>) -> R,
    ) -> Result<R, Failure> {
        let StoreHandle(table, _) = store.resolve(self)?;
        Ok(self.core.overlay.read(table, key, self.base, look)?)
    }

    /// Stages a value.
    ///
    /// # Errors
    /// A state failure when the store is not declared, or is a table.
    pub fn put(&mut self, store: impl StoreName, key: &[u8], value: &[u8]) -> Result<(), Failure> {
        let table = self.own(store)?;
        self.core.overlay.put(table, key, Some(value.into()));
        Ok(())
    }

    /// Stages a deletion.
    ///
    /// # Errors
    /// A state failure when the store is not declared, or is a table.
    pub fn delete(&mut self, store: impl StoreName, key: &[u8]) -> Result<(), Failure> {
        let table = self.own(store)?;
        self.core.overlay.put(table, key, None);
        Ok(())
    }

    /// Up to `limit` entries of a range in byte order of the keys, with what is staged.
    ///
    /// # Errors
    /// A state failure.
    pub fn scan(
        &mut self,
        store: impl StoreName,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
        limit: usize,
    ) -> Result<Entries, Failure> {
        let StoreHandle(table, _) = store.resolve(self)?;
        Ok(self.core.overlay.scan(table, from, to, limit, self.base)?)
    }

    /// The value of a key, read from JSON.
    ///
    /// # Errors
    /// A state failure, also when the value does not fit the type.
    pub fn get_json<T: DeserializeOwned>(&mut self, store: impl StoreName, key: &[u8]) -> Result<Option<T>, Failure> {
        let misfit =
            |error| Failure::state(format!("stored JSON does not fit {}: {error}", std::any::type_name::<T>()));
        let parsed = self.read(store, key, |value| value.map(serde_json::from_slice).transpose())?;
        parsed.map_err(misfit)
    }

    /// Stages a value as JSON: readable in a changelog, tolerant to fields that are added with a default.
    ///
    /// # Errors
    /// A state failure.
    pub fn put_json<T: Serialize>(&mut self, store: impl StoreName, key: &[u8], value: &T) -> Result<(), Failure> {
        let misfit = |error| Failure::state(format!("{} can't be JSON: {error}", std::any::type_name::<T>()));
        let table = self.own(store)?;
        let value = serde_json::to_vec(value).map_err(misfit)?;
        self.core.overlay.put(table, key, Some(value.into()));
        Ok(())
    }

    /// The value of a key of a [table of messages](crate::SubtopologyBuilder::table_of), read by the schema it was written with.
    ///
    /// # Errors
    /// A state failure; a decode failure when the value is no such message.
    pub fn get_message<M: Message>(&mut self, store: impl StoreName, key: &[u8]) -> Result<Option<M>, Failure> {
        let Some(value) = self.get(store, key)? else { return Ok(None) };
        let (id, body) = wire::decode(&value).map_err(|error| Failure::decode(error.to_string()))?;
        let writer = self.plan.environment.schemas.writer(id).map_err(|error| while_reading(&error))?;
        let written = writer.record_name(body).map_err(|error| while_reading(&error))?;
        if written != M::FULL_NAME {
            return Err(Failure::decode(format!("the store holds {written:?} where {} is expected", M::FULL_NAME)));
        }
        writer.decode(body).map(Some).map_err(|error| while_reading(&error))
    }

    /// A table's own write: the only one that its store takes.
    pub(crate) fn keep_in_table(&mut self, store: &str, key: &[u8], value: Option<&[u8]>) -> Result<(), Failure> {
        let StoreHandle(table, _) = self.store(store)?;
        self.core.overlay.put(table, key, value.map(Into::into));
        Ok(())
    }

    fn own(&self, store: impl StoreName) -> Result<TableIndex, Failure> {
        match store.resolve(self)? {
            StoreHandle(table, Access::Own) => Ok(table),
            StoreHandle(_, Access::Table) => Err(Failure::state(
                "the store is a table: its topic alone changes it, or a restore would not find what was written; \
                 write to the topic, or to a store of your own",
            )),
        }
    }

    /// Sends a message, keyed by its subject, as a child of the cause: same correlation, reproducible id.
    ///
    /// # Errors
    /// A produce failure: no such sink, not a type of its topic, too large.
    pub fn send<M: Message>(&mut self, sink: impl SinkName, message: &M) -> Result<(), Failure> {
        let sink = sink.resolve(self)?;
        self.emit(sink, message.subject(), message)
    }

    /// As [`Context::send`], under another key, which is also the subject.
    ///
    /// # Errors
    /// As [`Context::send`].
    pub fn send_keyed<M: Message>(&mut self, sink: impl SinkName, key: &str, message: &M) -> Result<(), Failure> {
        let sink = sink.resolve(self)?;
        self.emit(sink, key, message)
    }

    /// Sends bytes as they are, partitioned by murmur2 of the key.
    ///
    /// # Errors
    /// A produce failure: no such sink, too large.
    pub fn send_raw(
        &mut self,
        sink: impl SinkName,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: Headers,
    ) -> Result<(), Failure> {
        let sink = sink.resolve(self)?;
        self.emit_raw(sink, key.map(Bytes::copy_from_slice), value.map(Bytes::copy_from_slice), headers)
    }

    /// Sends the input on as it is, id and all, under another key.
    ///
    /// # Errors
    /// A produce failure: no such sink, too large; or not working on a record.
    pub fn forward(&mut self, sink: impl SinkName, key: &[u8]) -> Result<(), Failure> {
        let sink = sink.resolve(self)?;
        let Cause::Input(input) = self.cause else {
            return Err(Failure::produce("only a record can be forwarded, not a timer or a call's result"));
        };
        let headers = input.record.headers.clone();
        self.emit_raw(sink, Some(Bytes::copy_from_slice(key)), input.record.value.clone(), headers)
    }

    /// Sends a null value: deletes the key from a compacted topic.
    ///
    /// # Errors
    /// A produce failure.
    pub fn tombstone(&mut self, sink: impl SinkName, key: &str) -> Result<(), Failure> {
        let sink = sink.resolve(self)?;
        self.emit_raw(sink, Some(Bytes::copy_from_slice(key.as_bytes())), None, Headers::new())
    }

    /// Schedules a timer; one of the same name and key is replaced. It is durable, and fires once.
    ///
    /// # Errors
    /// A state failure: stateless subtopology, name or key too long, store not readable.
    pub fn schedule(&mut self, name: &str, key: &[u8], due: Timestamp, kind: TimeKind) -> Result<(), Failure> {
        let envelope = self.envelope().clone();
        self.schedule_because(name, key, due, kind, &envelope)
    }

    /// As [`Context::schedule`], with another message as what the timer's outputs name as their cause.
    pub(crate) fn schedule_because(
        &mut self,
        name: &str,
        key: &[u8],
        due: Timestamp,
        kind: TimeKind,
        cause: &Envelope,
    ) -> Result<(), Failure> {
        self.needs_state("timers")?;
        let node = self.node_name();
        self.core.schedule(node, name, key, due, kind, cause, self.base)
    }

    /// Cancels a timer, if there is one.
    ///
    /// # Errors
    /// A state failure.
    pub fn cancel(&mut self, name: &str, key: &[u8]) -> Result<(), Failure> {
        self.needs_state("timers")?;
        let node = self.node_name();
        self.core.cancel(node, name, key, self.base)
    }

    /// When a timer of this name and key is due; None where there is none.
    ///
    /// # Errors
    /// A state failure.
    pub fn scheduled(&mut self, name: &str, key: &[u8]) -> Result<Option<(Timestamp, TimeKind)>, Failure> {
        let node = self.node_name();
        self.core.scheduled(node, name, key, self.base)
    }

    /// Stores an outside call, to be started once this transaction has committed. Its answer comes to `on_call_result`.
    ///
    /// # Errors
    /// A state failure.
    pub fn call(&mut self, call: Call<'_>) -> Result<(), Failure> {
        self.needs_state("calls")?;
        let envelope = self.envelope().clone();
        let node = self.node_name();
        self.core.call(node, call, &envelope, self.base)
    }

    /// Counts an input that came too late for its window.
    pub fn count_late(&mut self) {
        self.effects.counters.late += 1;
    }

    /// Counts an input that was refused or no longer mattered.
    pub fn count_rejected(&mut self) {
        self.effects.counters.rejected += 1;
    }

    fn node_name(&self) -> &'a str {
        let plan: &'a Plan = self.plan;
        plan.nodes.get(self.node).map_or("", |node| node.name.as_str())
    }

    fn needs_state(&self, what: &str) -> Result<(), Failure> {
        if self.plan.changelog.is_some() {
            return Ok(());
        }
        Err(Failure::state(format!("a stateless subtopology has no {what}: take stateless() away")))
    }
}
