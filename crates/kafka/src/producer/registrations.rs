#![allow(unsafe_code, reason = "librdkafka's interceptors tell of requests")]

use std::ffi::{c_char, c_int, c_void};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

use super::callbacks::Callbacks;
use crate::Error;
use crate::clock::Stopwatch;
use crate::native::NativeConfig;

/// AddPartitionsToTxn.
const API_KEY: i16 = 24;
/// After CONCURRENT_TRANSACTIONS librdkafka asks again after 20 ms, whatever is configured. Other partitions are asked for
/// at any time, so the window is narrow.
const ASKED_AGAIN_AFTER: std::ops::Range<Duration> = Duration::from_millis(20)..Duration::from_millis(28);

/// When a producer's partitions were registered with its transaction, as seen from outside: librdkafka does not tell that
/// a broker refused them at first, since the markers of the last transaction were not all written.
#[derive(Default)]
pub(super) struct Registrations {
    clock: Stopwatch,
    /// Since the clock's start, in microseconds; 0 when nothing has been answered in this transaction.
    answered_at_us: AtomicU64,
    was_refused: AtomicBool,
}

impl Registrations {
    /// A transaction begins.
    pub(super) fn clear(&self) {
        self.answered_at_us.store(0, Ordering::Relaxed);
        self.was_refused.store(false, Ordering::Relaxed);
    }

    /// Whether the broker refused the transaction's partitions at first.
    pub(super) fn were_refused(&self) -> bool {
        self.was_refused.load(Ordering::Relaxed)
    }

    fn sent(&self) {
        let answered_at_us = self.answered_at_us.load(Ordering::Relaxed);
        let since = Duration::from_micros(self.clock.elapsed_us().saturating_sub(answered_at_us));
        if answered_at_us > 0 && ASKED_AGAIN_AFTER.contains(&since) {
            self.was_refused.store(true, Ordering::Relaxed);
        }
    }

    fn answered(&self) {
        self.answered_at_us.store(self.clock.elapsed_us().max(1), Ordering::Relaxed);
    }

    /// Has the client tell its callbacks' registrations of its requests.
    pub(super) fn watch(config: &NativeConfig, callbacks: *const Callbacks) -> Result<(), Error> {
        // SAFETY: the configuration is alive, the name is static; the callbacks outlive the client.
        let code = unsafe {
            sys::rd_kafka_conf_interceptor_add_on_new(
                config.as_ptr(),
                NAME.as_ptr(),
                Some(on_new),
                callbacks.cast_mut().cast(),
            )
        };
        if code == Code::RD_KAFKA_RESP_ERR_NO_ERROR {
            Ok(())
        } else {
            Err(Error::invalid("librdkafka takes no interceptor for transactions".to_owned()))
        }
    }
}

const NAME: &std::ffi::CStr = c"headwater-registrations";

unsafe extern "C" fn on_new(
    client: *mut sys::rd_kafka_t,
    _: *const sys::rd_kafka_conf_t,
    callbacks: *mut c_void,
    _: *mut c_char,
    _: usize,
) -> Code {
    // SAFETY: librdkafka passes the client that is being made, and asks for interceptors to be added here.
    unsafe {
        match sys::rd_kafka_interceptor_add_on_request_sent(client, NAME.as_ptr(), Some(on_sent), callbacks) {
            Code::RD_KAFKA_RESP_ERR_NO_ERROR => {
                sys::rd_kafka_interceptor_add_on_response_received(client, NAME.as_ptr(), Some(on_answer), callbacks)
            }
            refused => refused,
        }
    }
}

unsafe extern "C" fn on_sent(
    _: *mut sys::rd_kafka_t,
    _: c_int,
    _: *const c_char,
    _: i32,
    api_key: i16,
    _: i16,
    _: i32,
    _: usize,
    callbacks: *mut c_void,
) -> Code {
    if api_key == API_KEY {
        // SAFETY: the client's `Callbacks`, which outlive it; broker threads touch only atomics here.
        unsafe { &(*callbacks.cast::<Callbacks>()).registrations }.sent();
    }
    Code::RD_KAFKA_RESP_ERR_NO_ERROR
}

unsafe extern "C" fn on_answer(
    _: *mut sys::rd_kafka_t,
    _: c_int,
    _: *const c_char,
    _: i32,
    api_key: i16,
    _: i16,
    _: i32,
    _: usize,
    _: i64,
    _: Code,
    callbacks: *mut c_void,
) -> Code {
    if api_key == API_KEY {
        // SAFETY: as above.
        unsafe { &(*callbacks.cast::<Callbacks>()).registrations }.answered();
    }
    Code::RD_KAFKA_RESP_ERR_NO_ERROR
}

#[cfg(test)]
mod tests;
