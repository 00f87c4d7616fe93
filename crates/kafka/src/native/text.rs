use std::ffi::{CStr, CString, c_char, c_int};
use std::time::Duration;

use crate::Error;

/// A Rust text as a C one.
pub(crate) fn c_string(what: &str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::invalid(format!("{what} must not contain a zero byte")))
}

/// A C text that librdkafka owns, copied; empty for a null pointer.
///
/// # Safety
/// `text` is null or points to a zero-terminated text that lives during the call.
pub(crate) unsafe fn text_at(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and zero-terminated as the caller promises.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The text in a buffer that C has written an error into.
pub(crate) fn text_in(buffer: &[u8]) -> String {
    let end = buffer.iter().position(|byte| *byte == 0).unwrap_or(buffer.len());
    String::from_utf8_lossy(buffer.get(..end).unwrap_or_default()).into_owned()
}

/// A duration as librdkafka takes it: whole milliseconds, rounded up so that a short wait is never none.
pub(crate) fn millis(duration: Duration) -> c_int {
    c_int::try_from(duration.as_micros().div_ceil(1000)).unwrap_or(c_int::MAX)
}
