#![allow(unsafe_code, reason = "a record is read where librdkafka has it, without a copy")]

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;

use headwater_log::{Header, Headers, Offset, Partition};
use rdkafka_sys as sys;

/// Whose clock a record's timestamp is from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimestampKind {
    /// The producer's, or what it was told to write.
    CreateTime,
    /// The broker's.
    LogAppendTime,
    /// The record has none.
    None,
}

/// A fetched record, read where librdkafka has it: nothing is copied, and it can't outlive the callback.
#[derive(Clone, Copy)]
pub struct Record<'a> {
    message: *const sys::rd_kafka_message_t,
    lives: PhantomData<&'a sys::rd_kafka_message_t>,
}

impl<'a> Record<'a> {
    /// Wraps a message without error.
    ///
    /// # Safety
    /// `message` points to a fetched message whose `err` is 0 and that lives, unchanged, for `'a`.
    pub(crate) const unsafe fn new(message: *const sys::rd_kafka_message_t) -> Self {
        Self { message, lives: PhantomData }
    }

    const fn message(&self) -> &'a sys::rd_kafka_message_t {
        // SAFETY: alive and unchanged for 'a by the constructor's contract; its `err` is a valid code, namely 0.
        unsafe { &*self.message }
    }

    /// The topic's name on the cluster.
    #[must_use]
    pub fn topic(&self) -> &'a str {
        // SAFETY: a message holds a reference to its topic, whose name is zero-terminated and never changes.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.message().rkt)) };
        name.to_str().unwrap_or_default()
    }

    /// The partition.
    #[must_use]
    pub fn partition(&self) -> Partition {
        Partition::new(self.message().partition.unsigned_abs())
    }

    /// The offset.
    #[must_use]
    pub fn offset(&self) -> Offset {
        Offset::new(self.message().offset).unwrap_or(Offset::ZERO)
    }

    /// Milliseconds since 1970 UTC; -1 when the record has no timestamp.
    #[must_use]
    pub fn timestamp_ms(&self) -> i64 {
        // SAFETY: the message is alive; the kind is not asked for.
        unsafe { sys::rd_kafka_message_timestamp(self.message, std::ptr::null_mut()) }
    }

    /// Whose clock the timestamp is from.
    #[must_use]
    pub fn timestamp_kind(&self) -> TimestampKind {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is alive, and librdkafka writes one of the enum's own values.
        unsafe { sys::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        match kind {
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_CREATE_TIME => TimestampKind::CreateTime,
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME => TimestampKind::LogAppendTime,
            sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE => TimestampKind::None,
        }
    }

    /// The key, or null.
    #[must_use]
    pub fn key(&self) -> Option<&'a [u8]> {
        let message = self.message();
        // SAFETY: librdkafka gives `key_len` bytes at `key`, which live as long as the message.
        unsafe { bytes_at(message.key, message.key_len) }
    }

    /// The value, or null: a tombstone.
    #[must_use]
    pub fn value(&self) -> Option<&'a [u8]> {
        let message = self.message();
        // SAFETY: librdkafka gives `len` bytes at `payload`, which live as long as the message.
        unsafe { bytes_at(message.payload, message.len) }
    }

    /// The headers in their order, read one by one.
    #[must_use]
    pub fn headers(&self) -> RecordHeaders<'a> {
        let mut headers = std::ptr::null_mut();
        // SAFETY: the message is alive; librdkafka parses its headers at the first call, keeps them with the message,
        // and writes null (with an error) when there are none. The message is used by this thread alone.
        let code = unsafe { sys::rd_kafka_message_headers(self.message, &raw mut headers) };
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
            headers = std::ptr::null_mut();
        }
        RecordHeaders { headers, next: 0, lives: PhantomData }
    }

    /// The headers, copied.
    #[must_use]
    pub fn owned_headers(&self) -> Headers {
        self.headers().collect()
    }
}

/// Bytes that C describes by address and length.
///
/// # Safety
/// `start` is null or points to `length` bytes that live, unchanged, for `'a`.
unsafe fn bytes_at<'a>(start: *const c_void, length: usize) -> Option<&'a [u8]> {
    // SAFETY: not null here, and as the caller promises.
    (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast::<u8>(), length) })
}

/// The headers of one record, read in place. Names that are no UTF-8 read as empty.
pub struct RecordHeaders<'a> {
    headers: *const sys::rd_kafka_headers_t,
    next: usize,
    lives: PhantomData<&'a sys::rd_kafka_message_t>,
}

impl<'a> Iterator for RecordHeaders<'a> {
    type Item = Header<'a>;

    fn next(&mut self) -> Option<Header<'a>> {
        if self.headers.is_null() {
            return None;
        }
        let (mut name, mut value, mut length) = (std::ptr::null::<c_char>(), std::ptr::null::<c_void>(), 0_usize);
        // SAFETY: the headers live with their message, for 'a; past the last index the call says so and writes nothing.
        let code = unsafe {
            sys::rd_kafka_header_get_all(self.headers, self.next, &raw mut name, &raw mut value, &raw mut length)
        };
        if code != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
            return None;
        }
        self.next += 1;
        // SAFETY: the name is zero-terminated and the value `length` bytes; both live with the headers.
        unsafe {
            let name = CStr::from_ptr(name).to_str().unwrap_or_default();
            Some(Header { name, value: bytes_at(value, length) })
        }
    }
}
