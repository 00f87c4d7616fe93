#![allow(unsafe_code, reason = "librdkafka's interceptors tell of answers")]

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

    /// A request was answered; `took` is how long that took since it was sent.
    fn answered(&self, took: Duration) {
        let now_us = self.clock.elapsed_us();
        let sent_at = Duration::from_micros(now_us).saturating_sub(took);
        let before = Duration::from_micros(self.answered_at_us.swap(now_us.max(1), Ordering::Relaxed));
        if !before.is_zero() && ASKED_AGAIN_AFTER.contains(&sent_at.saturating_sub(before)) {
            self.was_refused.store(true, Ordering::Relaxed);
        }
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
    unsafe { sys::rd_kafka_interceptor_add_on_response_received(client, NAME.as_ptr(), Some(on_answer), callbacks) }
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
    took_us: i64,
    _: Code,
    callbacks: *mut c_void,
) -> Code {
    if api_key == API_KEY {
        // SAFETY: the client's `Callbacks`, which outlive it; broker threads touch only atomics here.
        let registrations = unsafe { &(*callbacks.cast::<Callbacks>()).registrations };
        // Below 0 when it is not known.
        registrations.answered(Duration::from_micros(u64::try_from(took_us).unwrap_or(0)));
    }
    Code::RD_KAFKA_RESP_ERR_NO_ERROR
}

#[cfg(test)]
mod tests;
