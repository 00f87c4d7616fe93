#![allow(unsafe_code, reason = "librdkafka's error callback")]

use std::ffi::{c_char, c_int, c_void};
use std::sync::{Mutex, PoisonError};

use rdkafka_sys as sys;

use super::code::{code_of, error_of_code};
use super::text::text_at;
use crate::{Error, ErrorKind};

/// Why no broker lets a client in, as far as its connections tell: a call's own answer is only that its time is over.
#[derive(Debug, Default)]
pub(crate) struct Refusal(Mutex<Option<Error>>);

impl Refusal {
    fn note(&self, error: Error) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A broker that does not believe who it is says more than one that can't be reached.
        if known.as_ref().is_none_or(|known| known.kind() != ErrorKind::Denied) {
            *known = Some(error);
        }
    }

    /// What a broker has against this client for good: who it says it is, or its certificate.
    pub(crate) fn for_good(&self) -> Option<Error> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone().filter(|error| error.kind() == ErrorKind::Denied).map(|error| {
            error.context("the broker refuses this client; check security.protocol and the properties sasl.* and ssl.*")
        })
    }

    /// An error of a call that had no answer, with what the last connection told.
    pub(crate) fn explain(&self, error: Error) -> Error {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref().filter(|_| error.kind() == ErrorKind::TimedOut) {
            Some(known) => Error::new(error.kind(), format!("{error}; the last connection: {known}")),
            None => error,
        }
    }
}

/// `error_cb` of a client whose opaque pointer is its [`Refusal`].
pub(super) unsafe extern "C" fn error(
    _: *mut sys::rd_kafka_t,
    code: c_int,
    reason: *const c_char,
    refusal: *mut c_void,
) {
    if code == code_of(sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        return;
    }
    // SAFETY: the client's refusal, which it keeps for as long as it may call back; the text lives during the call.
    let (refusal, reason) = unsafe { (&*refusal.cast::<Refusal>(), text_at(reason)) };
    refusal.note(error_of_code(code, Some(&reason)));
}

#[cfg(test)]
mod tests;
