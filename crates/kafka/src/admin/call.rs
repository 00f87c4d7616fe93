#![allow(unsafe_code, reason = "librdkafka's admin calls")]

use std::ptr::NonNull;
use std::time::Duration;

use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Op;

use crate::clock::Deadline;
use crate::native::{Client, NativeError, Refusal, as_number, error_of_code, millis, text_at};
use crate::{Error, ErrorKind};

/// What a call may set besides its time-out.
#[derive(Default)]
pub(crate) struct Options {
    /// Check only, change nothing.
    pub(crate) validate_only: bool,
    /// Which records count.
    pub(crate) isolation: Option<sys::rd_kafka_IsolationLevel_t>,
    /// Wait for offsets of open transactions.
    pub(crate) require_stable: bool,
    /// Ask what this principal may do.
    pub(crate) authorized_operations: bool,
}

/// An answer that is owned.
pub(crate) struct Answer(NonNull<sys::rd_kafka_event_t>);

impl Answer {
    /// The event, for the result's accessors.
    pub(crate) const fn as_ptr(&self) -> *mut sys::rd_kafka_event_t {
        self.0.as_ptr()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.as_ptr()) }
    }
}

/// Objects of one kind that make up a request, freed at the end.
pub(crate) struct Parts<T> {
    items: Vec<*mut T>,
    destroy: unsafe extern "C" fn(*mut T),
}

impl<T> Parts<T> {
    /// None yet; `destroy` frees one.
    pub(crate) const fn new(destroy: unsafe extern "C" fn(*mut T)) -> Self {
        Self { items: Vec::new(), destroy }
    }

    /// Takes one over.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] with `reason` when librdkafka made none.
    pub(crate) fn push(&mut self, item: *mut T, reason: impl FnOnce() -> String) -> Result<(), Error> {
        if item.is_null() {
            return Err(Error::invalid(reason()));
        }
        self.items.push(item);
        Ok(())
    }

    /// The array as C takes it.
    pub(crate) fn as_mut_ptr(&mut self) -> *mut *mut T {
        self.items.as_mut_ptr()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

impl<T> Drop for Parts<T> {
    fn drop(&mut self) {
        for item in &self.items {
            // SAFETY: owned since `push`, of the kind that `destroy` frees, and freed once.
            unsafe { (self.destroy)(*item) }
        }
    }
}

/// The pointers of an array that an answer owns.
///
/// # Safety
/// `items` is null or points to `count` pointers that live as long as the answer, which outlives the iterator.
pub(crate) unsafe fn each<T>(items: *mut *const T, count: usize) -> impl Iterator<Item = *const T> {
    let count = if items.is_null() { 0 } else { count };
    // SAFETY: every index is below the count.
    (0..count).map(move |index| unsafe { *items.add(index) })
}

/// Makes one admin call and waits for its answer. `submit` gets the client, the options and the queue for the answer.
pub(crate) fn call(
    client: &Client,
    operation: Op,
    deadline: Duration,
    options: &Options,
    submit: impl FnOnce(*mut sys::rd_kafka_t, *const sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
) -> Result<Answer, Error> {
    let native = NativeOptions::new(client, operation, deadline, options)?;
    // SAFETY: the client is alive; the queue is destroyed below, after its only user has answered or been given up:
    // librdkafka drops answers to a queue that is gone.
    let queue = Queue(unsafe { sys::rd_kafka_queue_new(client.as_ptr()) });
    submit(client.as_ptr(), native.0, queue.0);
    let answer = wait_for_answer(client, &queue, deadline)?;
    // SAFETY: the answer is alive, and its text with it.
    let (code, reason) = unsafe {
        (as_number::rd_kafka_event_error(answer.as_ptr()), text_at(sys::rd_kafka_event_error_string(answer.as_ptr())))
    };
    if code == 0 { Ok(answer) } else { Err(explained(client, error_of_code(code, Some(&reason)))) }
}

/// Waits a little longer than the request's own time-out, whose answer says more; but not for a broker that refuses the
/// client for good.
fn wait_for_answer(client: &Client, queue: &Queue, deadline: Duration) -> Result<Answer, Error> {
    const LOOK_INTERVAL: Duration = Duration::from_millis(100);
    let patience = Deadline::after(deadline.saturating_add(Duration::from_millis(500)));
    loop {
        // SAFETY: the queue is alive; what is returned is ours.
        let answer = unsafe { sys::rd_kafka_queue_poll(queue.0, millis(patience.left().min(LOOK_INTERVAL))) };
        if let Some(answer) = NonNull::new(answer) {
            return Ok(Answer(answer));
        }
        if let Some(refused) = client.refusal().and_then(Refusal::for_good) {
            return Err(refused);
        }
        if patience.has_passed() {
            let within_ms = deadline.as_millis();
            let error = Error::new(ErrorKind::TimedOut, format!("no answer from the cluster within {within_ms} ms"));
            return Err(explained(client, error));
        }
    }
}

fn explained(client: &Client, error: Error) -> Error {
    match client.refusal() {
        Some(refusal) => refusal.explain(error),
        None => error,
    }
}

struct Queue(*mut sys::rd_kafka_queue_t);

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_queue_destroy(self.0) }
    }
}

struct NativeOptions(*mut sys::rd_kafka_AdminOptions_t);

impl NativeOptions {
    fn new(client: &Client, operation: Op, deadline: Duration, options: &Options) -> Result<Self, Error> {
        let timeout = millis(deadline);
        let waits_for_completion = matches!(
            operation,
            Op::RD_KAFKA_ADMIN_OP_CREATETOPICS
                | Op::RD_KAFKA_ADMIN_OP_DELETETOPICS
                | Op::RD_KAFKA_ADMIN_OP_CREATEPARTITIONS
                | Op::RD_KAFKA_ADMIN_OP_DELETERECORDS
        );
        let taken = |error: *mut sys::rd_kafka_error_t| {
            // SAFETY: what an option's setter returns is ours.
            unsafe { NativeError::take(error) }.map_or(Ok(()), |error| Err(error.to_error()))
        };
        // SAFETY: the client is alive and the options are owned from here on; no text is asked for about errors. Each
        // option is set only for the operations that have it.
        unsafe {
            let native = Self(sys::rd_kafka_AdminOptions_new(client.as_ptr(), operation));
            let none = std::ptr::null_mut();
            crate::native::check(
                sys::rd_kafka_AdminOptions_set_request_timeout(native.0, timeout, none, 0),
                "the time-out is not possible",
            )?;
            if waits_for_completion {
                crate::native::check(
                    sys::rd_kafka_AdminOptions_set_operation_timeout(native.0, timeout, none, 0),
                    "the time-out is not possible",
                )?;
            }
            if options.validate_only {
                crate::native::check(
                    sys::rd_kafka_AdminOptions_set_validate_only(native.0, 1, none, 0),
                    "this call cannot be tried out",
                )?;
            }
            if let Some(isolation) = options.isolation {
                taken(sys::rd_kafka_AdminOptions_set_isolation_level(native.0, isolation))?;
            }
            if options.require_stable {
                taken(sys::rd_kafka_AdminOptions_set_require_stable_offsets(native.0, 1))?;
            }
            if options.authorized_operations {
                taken(sys::rd_kafka_AdminOptions_set_include_authorized_operations(native.0, 1))?;
            }
            Ok(native)
        }
    }
}

impl Drop for NativeOptions {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_AdminOptions_destroy(self.0) }
    }
}
