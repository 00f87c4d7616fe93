#![allow(unsafe_code, reason = "librdkafka calls back with C pointers")]

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use headwater_log::TopicPartition;
use rdkafka_sys as sys;

use super::handle::ConsumerHandle;
use super::handler::ConsumerHandler;
use super::standings::Standings;
use crate::native::{Client, PartitionList, error_of_code, text_at};
use crate::{Error, ErrorKind};

/// What librdkafka's callbacks of one consumer find behind their opaque pointer.
#[derive(Default)]
pub(super) struct Callbacks {
    client: OnceLock<Weak<Client>>,
    polling: Polling,
    errors: Mutex<Vec<Error>>,
    /// A rebalance that could not be carried out: where partitions are fetched from is not known then.
    failed: Mutex<Option<Error>>,
    pub(super) standings: Arc<Mutex<Standings>>,
}

/// The handler of the poll that is under way.
#[derive(Default)]
struct Polling {
    handler: Cell<Option<NonNull<dyn ConsumerHandler>>>,
    panic: RefCell<Option<Box<dyn Any + Send>>>,
}

// SAFETY: `Polling` is touched only by the thread that polls or closes the consumer (both take `&mut` of it), and by
// the rebalance callback, which librdkafka runs inside those calls on that same thread.
unsafe impl Send for Polling {}
// SAFETY: as above.
unsafe impl Sync for Polling {}

impl Callbacks {
    /// Tells which client calls back; once, before the first poll.
    pub(super) fn belong_to(&self, client: Weak<Client>) {
        let _ = self.client.set(client);
    }

    /// Runs `poll` with a handler for what is called back in it; goes on with a panic of the handler.
    pub(super) fn with_handler<T>(&self, handler: &mut dyn ConsumerHandler, poll: impl FnOnce() -> T) -> T {
        struct Reset<'a>(&'a Polling);
        impl Drop for Reset<'_> {
            fn drop(&mut self) {
                self.0.handler.set(None);
            }
        }
        let handler: NonNull<dyn ConsumerHandler + '_> = NonNull::from(handler);
        // SAFETY: only the lifetime is forgotten; `Reset` takes the pointer away before the borrow ends, even when
        // `poll` unwinds.
        let handler: NonNull<dyn ConsumerHandler> = unsafe { std::mem::transmute(handler) };
        self.polling.handler.set(Some(handler));
        let reset = Reset(&self.polling);
        let result = poll();
        drop(reset);
        if let Some(panic) = self.polling.panic.borrow_mut().take() {
            std::panic::resume_unwind(panic);
        }
        result
    }

    /// Whether the handler has panicked inside a callback: the poll has to end.
    pub(super) fn has_panicked(&self) -> bool {
        self.polling.panic.borrow().is_some()
    }

    /// Takes the errors that were reported since the last time.
    pub(super) fn take_errors(&self) -> Vec<Error> {
        self.errors.lock().map(|mut errors| std::mem::take(&mut *errors)).unwrap_or_default()
    }

    /// A rebalance could not be carried out.
    pub(super) fn fail(&self, error: &Error) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get_or_insert_with(|| Error::new(ErrorKind::Rebalanced, format!("rebalance: {error}")));
    }

    /// Takes the rebalance that has failed.
    pub(super) fn take_failed(&self) -> Option<Error> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    pub(super) fn report(&self, error: Error) {
        const ERRORS_MAX: usize = 64;
        if let Ok(mut errors) = self.errors.lock()
            && errors.len() < ERRORS_MAX
        {
            errors.push(error);
        }
    }

    fn rebalance(&self, client: Arc<Client>, is_assign: bool, partitions: &[TopicPartition]) {
        let handle = ConsumerHandle::new(client, Arc::clone(&self.standings));
        let result = if is_assign { self.assign(partitions, &handle) } else { self.unassign(partitions, &handle) };
        if let Err(error) = result {
            self.fail(&error);
        }
    }

    fn assign(&self, partitions: &[TopicPartition], handle: &ConsumerHandle) -> Result<(), Error> {
        let starts = self.ask(|handler| handler.assigned(partitions, handle)).unwrap_or_default();
        if !handle.is_cooperative() {
            return handle.assign(&starts);
        }
        handle.rebalance(&[], || handle.incremental_assign(&starts))
    }

    fn unassign(&self, partitions: &[TopicPartition], handle: &ConsumerHandle) -> Result<(), Error> {
        let stops = if handle.assignment_is_lost() {
            self.ask(|handler| handler.lost(partitions, handle))
        } else {
            self.ask(|handler| handler.revoked(partitions, handle))
        };
        if !handle.is_cooperative() {
            return handle.assign(&[]);
        }
        // Naming a partition that is not assigned would fail the whole call and hang the rebalance.
        let assigned = handle.assignment()?;
        let mut stops = stops.unwrap_or_else(|| partitions.to_vec());
        stops.extend(partitions.iter().cloned());
        stops.sort_unstable();
        stops.dedup();
        stops.retain(|partition| assigned.contains(partition));
        handle.rebalance(&stops, || handle.incremental_unassign(&stops))
    }

    /// Calls the handler of the poll that is under way, if there is one. A panic is kept for the poll to go on with,
    /// since it must not cross C.
    pub(super) fn ask<T>(&self, question: impl FnOnce(&mut dyn ConsumerHandler) -> T) -> Option<T> {
        let mut handler = self.polling.handler.get()?;
        // SAFETY: set by `with_handler`, which holds the only borrow while the poll runs and does not use it. Questions
        // don't nest: records are handed over after librdkafka's call has returned, and rebalances inside that call.
        let handler = unsafe { handler.as_mut() };
        match catch_unwind(AssertUnwindSafe(|| question(handler))) {
            Ok(answer) => Some(answer),
            Err(panic) => {
                self.polling.panic.borrow_mut().get_or_insert(panic);
                None
            }
        }
    }
}

/// `rebalance_cb`: runs inside poll or close, on their thread.
pub(super) unsafe extern "C" fn rebalance(
    client: *mut sys::rd_kafka_t,
    event: sys::rd_kafka_resp_err_t,
    partitions: *mut sys::rd_kafka_topic_partition_list_t,
    opaque: *mut c_void,
) {
    // SAFETY: the opaque pointer is the client's `Callbacks`, which outlive it; the list lives during the call.
    let (callbacks, entries) = unsafe { (&*opaque.cast::<Callbacks>(), PartitionList::read(partitions)) };
    let Some(owner) = callbacks.client.get().and_then(Weak::upgrade) else {
        // The client is being destroyed, and waits until the partitions are given back.
        // SAFETY: the client is alive during its own callback.
        unsafe { sys::rd_kafka_assign(client, std::ptr::null()) };
        return;
    };
    let is_assign = event == sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    let partitions: Vec<_> = entries.into_iter().map(|entry| entry.partition).collect();
    callbacks.rebalance(owner, is_assign, &partitions);
}

/// `error_cb`: runs inside poll.
pub(super) unsafe extern "C" fn error(
    _: *mut sys::rd_kafka_t,
    code: c_int,
    reason: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: the opaque pointer is the client's `Callbacks`, which outlive it; the text lives during the call.
    let (callbacks, reason) = unsafe { (&*opaque.cast::<Callbacks>(), text_at(reason)) };
    callbacks.report(error_of_code(code, Some(&reason)));
}
