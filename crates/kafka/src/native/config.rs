use std::ffi::{c_char, c_int, c_void};

use rdkafka_sys as sys;

use super::text::{c_string, text_at, text_in};
use crate::Error;

/// An owned `rd_kafka_conf_t`, before a client takes it over.
pub(crate) struct NativeConfig(*mut sys::rd_kafka_conf_t);

impl NativeConfig {
    /// librdkafka's defaults, with its log going to `tracing`.
    pub(crate) fn new() -> Self {
        // SAFETY: allocates a configuration that this value owns; the callback is a plain function that touches only
        // its arguments, so any thread may call it.
        unsafe {
            let raw = sys::rd_kafka_conf_new();
            sys::rd_kafka_conf_set_log_cb(raw, Some(log));
            Self(raw)
        }
    }

    /// Sets one property by librdkafka's name.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<(), Error> {
        let c_name = c_string("a property's name", name)?;
        let c_value = c_string(name, value)?;
        let mut reason = [0_u8; 512];
        // SAFETY: the texts and the buffer live during the call, and the buffer's true size is given.
        let result = unsafe {
            sys::rd_kafka_conf_set(
                self.0,
                c_name.as_ptr(),
                c_value.as_ptr(),
                reason.as_mut_ptr().cast::<c_char>(),
                reason.len(),
            )
        };
        match result {
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_OK => Ok(()),
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_UNKNOWN => Err(Error::invalid(format!(
                "property {name:?} is not known to librdkafka: see its CONFIGURATION.md for the names"
            ))),
            sys::rd_kafka_conf_res_t::RD_KAFKA_CONF_INVALID => {
                Err(Error::invalid(format!("property {name}: {}", text_in(&reason))))
            }
        }
    }

    /// The configuration itself, to set callbacks on.
    pub(crate) const fn as_ptr(&self) -> *mut sys::rd_kafka_conf_t {
        self.0
    }

    /// Gives the configuration away: the caller frees it, or a client does.
    pub(crate) fn into_raw(self) -> *mut sys::rd_kafka_conf_t {
        let raw = self.0;
        std::mem::forget(self);
        raw
    }

    /// Sets what callbacks get as their `opaque`.
    pub(crate) fn set_opaque(&mut self, opaque: *mut c_void) {
        // SAFETY: only stores the pointer.
        unsafe { sys::rd_kafka_conf_set_opaque(self.0, opaque) }
    }
}

impl Drop for NativeConfig {
    fn drop(&mut self) {
        // SAFETY: still owned, since `into_raw` forgets the value.
        unsafe { sys::rd_kafka_conf_destroy(self.0) }
    }
}

/// librdkafka's log lines; syslog levels.
unsafe extern "C" fn log(_: *const sys::rd_kafka_t, level: c_int, facility: *const c_char, line: *const c_char) {
    // SAFETY: librdkafka passes zero-terminated texts that live during the call.
    let (facility, line) = unsafe { (text_at(facility), text_at(line)) };
    match level {
        // Said again at every try to connect; the lines before it say which broker, and why, at a bounded rate.
        0..=3 if facility == "ERROR" && line.ends_with("brokers are down") => {
            tracing::debug!(target: "librdkafka", facility, "{line}");
        }
        0..=3 => tracing::error!(target: "librdkafka", facility, "{line}"),
        4 if facility != "CONFWARN" => tracing::warn!(target: "librdkafka", facility, "{line}"),
        5 | 6 => tracing::info!(target: "librdkafka", facility, "{line}"),
        _ => tracing::debug!(target: "librdkafka", facility, "{line}"),
    }
}
