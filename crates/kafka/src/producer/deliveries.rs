#![allow(unsafe_code, reason = "librdkafka calls back with C pointers")]

use std::cell::{Cell, RefCell};
use std::ffi::{c_char, c_int, c_void};

use headwater_log::{Offset, Partition, TopicName, TopicPartition};
use rdkafka_sys as sys;

use super::callbacks::Callbacks;
use crate::native::{error_of_code, text_at};
use crate::{Error, ErrorKind};

/// What became of a producer's records since the numbers were last cleared.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Delivered {
    /// Records that the cluster has.
    pub records: u64,
    /// Records that it does not have.
    pub failed: u64,
    /// Why the first of those failed.
    pub first_error: Option<Error>,
}

/// What was written to one partition since the numbers were last cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    first: i64,
    last: i64,
    records: u64,
}

impl Written {
    pub(super) const NOTHING: Self = Self { first: i64::MAX, last: -1, records: 0 };

    /// librdkafka reports a record whose sequence number the broker had already as a success without an offset (-1):
    /// it counts, and no place is known for it.
    fn note(&mut self, offset: i64) {
        self.records += 1;
        if offset >= 0 {
            self.first = self.first.min(offset);
            self.last = self.last.max(offset);
        }
    }

    /// A batch was written at an offset.
    pub(super) fn note_batch(&mut self, first: i64, records: i32) {
        self.records += u64::from(records.unsigned_abs());
        if first >= 0 {
            self.first = self.first.min(first);
            self.last = self.last.max(first.saturating_add(i64::from(records) - 1));
        }
    }

    /// How many records were written.
    #[must_use]
    pub const fn records(&self) -> u64 {
        self.records
    }

    /// The first offset; None when no place is known.
    #[must_use]
    pub fn first(&self) -> Option<Offset> {
        (self.last >= 0).then_some(self.first).and_then(|first| Offset::new(first).ok())
    }

    /// The last offset; None when no place is known.
    #[must_use]
    pub fn last(&self) -> Option<Offset> {
        Offset::new(self.last).ok()
    }
}

/// A report about one record that carried a token.
pub(super) struct Report {
    pub(super) token: u64,
    pub(super) partition: i32,
    pub(super) offset: i64,
    pub(super) error: Option<Error>,
}

/// What became of one producer's records, as librdkafka's callbacks say.
#[derive(Default)]
pub(super) struct Deliveries {
    in_flight: Cell<u64>,
    delivered: RefCell<Delivered>,
    /// By topic number and partition: what was written there.
    written: RefCell<Vec<Vec<Written>>>,
    /// Whether each record's report is kept.
    keeps_reports: bool,
    reports: RefCell<Vec<Report>>,
    last_connection_error: RefCell<Option<Error>>,
    /// Set for good by the first record that a broker rejected.
    first_rejection: RefCell<Option<Error>>,
}

// SAFETY: librdkafka calls back only inside poll, flush, commit and abort, which a producer makes by `&mut self`; so one
// thread at a time touches this, and no borrow is held across those calls.
unsafe impl Send for Deliveries {}
// SAFETY: as above.
unsafe impl Sync for Deliveries {}

impl Deliveries {
    pub(super) fn new(keeps_reports: bool) -> Self {
        Self { keeps_reports, ..Self::default() }
    }

    pub(super) fn sent(&self) {
        self.in_flight.set(self.in_flight.get() + 1);
    }

    pub(super) fn in_flight(&self) -> u64 {
        self.in_flight.get()
    }

    pub(super) fn delivered(&self) -> Delivered {
        self.delivered.borrow().clone()
    }

    pub(super) fn clear(&self) {
        *self.delivered.borrow_mut() = Delivered::default();
        for partitions in self.written.borrow_mut().iter_mut() {
            partitions.fill(Written::NOTHING);
        }
        *self.last_connection_error.borrow_mut() = None;
    }

    pub(super) fn take_reports(&self) -> Vec<Report> {
        std::mem::take(&mut self.reports.borrow_mut())
    }

    pub(super) fn connection_error(&self) -> Option<Error> {
        self.last_connection_error.borrow().clone()
    }

    pub(super) fn rejection(&self) -> Option<Error> {
        self.first_rejection.borrow().clone()
    }

    pub(super) fn written(&self, topic: usize, partition: Partition) -> Option<Written> {
        let topics = self.written.borrow();
        topics.get(topic)?.get(partition.get() as usize).copied().filter(|written| written.records > 0)
    }

    pub(super) fn last_offsets(&self, topic: usize, name: &TopicName) -> Vec<(TopicPartition, Offset)> {
        let topics = self.written.borrow();
        let Some(partitions) = topics.get(topic) else { return Vec::new() };
        let known = (0_u32..).zip(partitions).filter_map(|(partition, written)| {
            Some((TopicPartition::new(name.clone(), Partition::new(partition)), written.last()?))
        });
        known.collect()
    }

    fn report(&self, topic: usize, partition: i32, offset: i64, code: i32, token: u64) {
        self.in_flight.set(self.in_flight.get().saturating_sub(1));
        let error = (code != 0).then(|| error_of_code(code, None));
        {
            let mut delivered = self.delivered.borrow_mut();
            if let Some(error) = &error {
                // Codes above 0 are a broker's own.
                if code > 0 {
                    self.first_rejection.borrow_mut().get_or_insert_with(|| error.clone());
                }
                delivered.failed += 1;
                delivered.first_error.get_or_insert_with(|| error.clone());
            } else {
                delivered.records += 1;
                if let Ok(partition) = usize::try_from(partition) {
                    self.note_offset(topic, partition, offset);
                }
            }
        }
        if self.keeps_reports {
            self.reports.borrow_mut().push(Report { token, partition, offset, error });
        }
    }

    fn note_offset(&self, topic: usize, partition: usize, offset: i64) {
        let mut topics = self.written.borrow_mut();
        if topics.len() <= topic {
            topics.resize_with(topic + 1, Vec::new);
        }
        if let Some(partitions) = topics.get_mut(topic) {
            if partitions.len() <= partition {
                partitions.resize(partition + 1, Written::NOTHING);
            }
            if let Some(written) = partitions.get_mut(partition) {
                written.note(offset);
            }
        }
    }
}

/// `dr_msg_cb`: runs inside poll, flush, commit and abort.
pub(super) unsafe extern "C" fn delivered(
    _: *mut sys::rd_kafka_t,
    message: *const sys::rd_kafka_message_t,
    opaque: *mut c_void,
) {
    // SAFETY: the opaque pointer is the client's `Callbacks`, which outlive it; the message lives during the call. Its
    // error is read as a number, since a broker may know codes that the binding's enum does not. The topic's opaque
    // value is the number that the sender gave it.
    unsafe {
        let deliveries = &(*opaque.cast::<Callbacks>()).deliveries;
        let code = std::ptr::addr_of!((*message).err).cast::<i32>().read();
        let topic = sys::rd_kafka_topic_opaque((*message).rkt).addr();
        let token = (*message)._private.addr() as u64;
        deliveries.report(topic, (*message).partition, (*message).offset, code, token);
    }
}

/// `error_cb`: runs inside poll, flush, commit and abort.
pub(super) unsafe extern "C" fn error(
    _: *mut sys::rd_kafka_t,
    code: c_int,
    reason: *const c_char,
    opaque: *mut c_void,
) {
    // SAFETY: the opaque pointer is the client's `Callbacks`, which outlive it; the text lives during the call.
    let (deliveries, reason) = unsafe { (&(*opaque.cast::<Callbacks>()).deliveries, text_at(reason)) };
    let error = error_of_code(code, Some(&reason));
    tracing::debug!(%error, "producer");
    if matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::TimedOut) {
        *deliveries.last_connection_error.borrow_mut() = Some(error);
    }
}
