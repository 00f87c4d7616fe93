use std::ffi::{c_char, c_int};
use std::ptr::NonNull;

use rdkafka_sys as sys;
use sys::rd_kafka_resp_err_t as Code;

use super::text::text_at;
use crate::{Error, ErrorKind};

/// The binding's enum knows only the codes of its day, and a newer broker's code in it would be undefined behaviour:
/// codes that come from outside are read as plain numbers.
#[allow(clashing_extern_declarations, reason = "an enum of i32 and an i32 have the same form")]
pub(crate) mod as_number {
    use super::{c_char, c_int, sys};
    unsafe extern "C" {
        pub(crate) fn rd_kafka_error_code(error: *const sys::rd_kafka_error_t) -> c_int;
        pub(crate) fn rd_kafka_err2str(code: c_int) -> *const c_char;
        pub(crate) fn rd_kafka_err2name(code: c_int) -> *const c_char;
        pub(crate) fn rd_kafka_event_error(event: *mut sys::rd_kafka_event_t) -> c_int;
        pub(crate) fn rd_kafka_topic_result_error(result: *const sys::rd_kafka_topic_result_t) -> c_int;
        pub(crate) fn rd_kafka_ConfigResource_error(resource: *const sys::rd_kafka_ConfigResource_t) -> c_int;
        pub(crate) fn rd_kafka_ConfigEntry_source(entry: *const sys::rd_kafka_ConfigEntry_t) -> c_int;
        pub(crate) fn rd_kafka_ConsumerGroupListing_state(
            listing: *const sys::rd_kafka_ConsumerGroupListing_t,
        ) -> c_int;
        pub(crate) fn rd_kafka_ConsumerGroupDescription_state(
            description: *const sys::rd_kafka_ConsumerGroupDescription_t,
        ) -> c_int;
        pub(crate) fn rd_kafka_AclBinding_operation(binding: *const sys::rd_kafka_AclBinding_t) -> c_int;
        pub(crate) fn rd_kafka_AclBinding_permission_type(binding: *const sys::rd_kafka_AclBinding_t) -> c_int;
        pub(crate) fn rd_kafka_AclBinding_restype(binding: *const sys::rd_kafka_AclBinding_t) -> c_int;
        pub(crate) fn rd_kafka_AclBinding_resource_pattern_type(binding: *const sys::rd_kafka_AclBinding_t) -> c_int;
    }
}

/// The number of a code that librdkafka made itself.
pub(crate) const fn code_of(code: Code) -> i32 {
    code as i32
}

/// What to do about a code of the protocol (above 0) or of librdkafka (below 0).
fn kind_of(code: i32) -> ErrorKind {
    const INVALID: [Code; 6] = [
        Code::RD_KAFKA_RESP_ERR__INVALID_ARG,
        Code::RD_KAFKA_RESP_ERR__CONFLICT,
        Code::RD_KAFKA_RESP_ERR__STATE,
        Code::RD_KAFKA_RESP_ERR_INVALID_CONFIG,
        Code::RD_KAFKA_RESP_ERR_INVALID_PARTITIONS,
        Code::RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION,
    ];
    const TIMED_OUT: [Code; 4] = [
        Code::RD_KAFKA_RESP_ERR__TIMED_OUT,
        Code::RD_KAFKA_RESP_ERR__MSG_TIMED_OUT,
        Code::RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE,
        Code::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
    ];
    const NOT_FOUND: [Code; 9] = [
        // No leaders were found: the topic or partition does not exist.
        Code::RD_KAFKA_RESP_ERR__NOENT,
        Code::RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC,
        Code::RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
        Code::RD_KAFKA_RESP_ERR__UNKNOWN_GROUP,
        Code::RD_KAFKA_RESP_ERR__UNKNOWN_BROKER,
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID,
        Code::RD_KAFKA_RESP_ERR_GROUP_ID_NOT_FOUND,
        Code::RD_KAFKA_RESP_ERR_RESOURCE_NOT_FOUND,
    ];
    const EXISTS: [Code; 2] =
        [Code::RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, Code::RD_KAFKA_RESP_ERR_DUPLICATE_RESOURCE];
    const DENIED: [Code; 9] = [
        Code::RD_KAFKA_RESP_ERR__AUTHENTICATION,
        Code::RD_KAFKA_RESP_ERR__SSL,
        Code::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
        Code::RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
        Code::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
        Code::RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED,
        Code::RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_AUTHORIZATION_FAILED,
        Code::RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
        Code::RD_KAFKA_RESP_ERR_SECURITY_DISABLED,
    ];
    const FENCED: [Code; 5] = [
        Code::RD_KAFKA_RESP_ERR__FENCED,
        Code::RD_KAFKA_RESP_ERR_PRODUCER_FENCED,
        Code::RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH,
        Code::RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
        Code::RD_KAFKA_RESP_ERR_UNRELEASED_INSTANCE_ID,
    ];
    const REBALANCED: [Code; 9] = [
        Code::RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
        Code::RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
        Code::RD_KAFKA_RESP_ERR_MEMBER_ID_REQUIRED,
        Code::RD_KAFKA_RESP_ERR_STALE_MEMBER_EPOCH,
        Code::RD_KAFKA_RESP_ERR_FENCED_MEMBER_EPOCH,
        Code::RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
        Code::RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED,
        Code::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS,
    ];
    const TOO_LARGE: [Code; 2] =
        [Code::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, Code::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE];
    const UNAVAILABLE: [Code; 28] = [
        Code::RD_KAFKA_RESP_ERR__TRANSPORT,
        Code::RD_KAFKA_RESP_ERR__RESOLVE,
        Code::RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
        Code::RD_KAFKA_RESP_ERR__QUEUE_FULL,
        Code::RD_KAFKA_RESP_ERR__WAIT_COORD,
        Code::RD_KAFKA_RESP_ERR__IN_PROGRESS,
        Code::RD_KAFKA_RESP_ERR__PREV_IN_PROGRESS,
        Code::RD_KAFKA_RESP_ERR__WAIT_CACHE,
        Code::RD_KAFKA_RESP_ERR__RETRY,
        Code::RD_KAFKA_RESP_ERR__INTR,
        Code::RD_KAFKA_RESP_ERR__NODE_UPDATE,
        Code::RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE,
        Code::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
        Code::RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
        Code::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
        Code::RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        Code::RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE,
        Code::RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
        Code::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        Code::RD_KAFKA_RESP_ERR_NOT_CONTROLLER,
        Code::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
        Code::RD_KAFKA_RESP_ERR_CONCURRENT_TRANSACTIONS,
        Code::RD_KAFKA_RESP_ERR_UNSTABLE_OFFSET_COMMIT,
        Code::RD_KAFKA_RESP_ERR_THROTTLING_QUOTA_EXCEEDED,
        Code::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
        // A leader has moved, and one side knows it before the other.
        Code::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        Code::RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH,
    ];
    let is_in = |codes: &[Code]| codes.iter().any(|known| code_of(*known) == code);
    if code == code_of(Code::RD_KAFKA_RESP_ERR__FATAL) || code == code_of(Code::RD_KAFKA_RESP_ERR__DESTROY) {
        ErrorKind::Fatal
    } else if is_in(&INVALID) {
        ErrorKind::Invalid
    } else if is_in(&TIMED_OUT) {
        ErrorKind::TimedOut
    } else if is_in(&NOT_FOUND) {
        ErrorKind::NotFound
    } else if is_in(&EXISTS) {
        ErrorKind::Exists
    } else if is_in(&DENIED) {
        ErrorKind::Denied
    } else if is_in(&FENCED) {
        ErrorKind::Fenced
    } else if is_in(&REBALANCED) {
        ErrorKind::Rebalanced
    } else if is_in(&TOO_LARGE) {
        ErrorKind::TooLarge
    } else if is_in(&UNAVAILABLE) {
        ErrorKind::Unavailable
    } else {
        ErrorKind::Refused
    }
}

/// The error for a code, with what librdkafka says about it, or with `detail` where it is known better.
pub(crate) fn error_of_code(code: i32, detail: Option<&str>) -> Error {
    let kind = kind_of(code);
    let detail = detail.filter(|detail| !detail.is_empty());
    // SAFETY: any number is accepted, and the texts are constants of the library or thread-local buffers that outlive
    // the copy.
    let (name, meaning) =
        unsafe { (text_at(as_number::rd_kafka_err2name(code)), text_at(as_number::rd_kafka_err2str(code))) };
    Error::new(kind, format!("{} ({name})", detail.unwrap_or(&meaning))).with_code(code)
}

/// Ok for no error, else what `doing` ran into.
pub(crate) fn check(code: Code, doing: &str) -> Result<(), Error> {
    if code_of(code) == 0 { Ok(()) } else { Err(error_of_code(code_of(code), None).context(doing)) }
}

/// An owned `rd_kafka_error_t`.
pub(crate) struct NativeError(NonNull<sys::rd_kafka_error_t>);

impl NativeError {
    /// Takes over what a call returned; None means success.
    ///
    /// # Safety
    /// `error` is null or an error that the caller owns, and gives away here.
    pub(crate) unsafe fn take(error: *mut sys::rd_kafka_error_t) -> Option<Self> {
        NonNull::new(error).map(Self)
    }

    /// Copies an error that a result still owns; None means success.
    ///
    /// # Safety
    /// `error` is null or points to an error that lives during the call.
    pub(crate) unsafe fn read(error: *const sys::rd_kafka_error_t) -> Option<Error> {
        if error.is_null() {
            return None;
        }
        // SAFETY: not null and alive, as the caller promises.
        let (code, message) =
            unsafe { (as_number::rd_kafka_error_code(error), text_at(sys::rd_kafka_error_string(error))) };
        (code != 0).then(|| error_of_code(code, Some(&message)))
    }

    /// The code.
    pub(crate) fn code(&self) -> i32 {
        // SAFETY: the error is alive until drop.
        unsafe { as_number::rd_kafka_error_code(self.0.as_ptr()) }
    }

    /// Whether the same call may be made again.
    pub(crate) fn is_retriable(&self) -> bool {
        // SAFETY: the error is alive until drop.
        unsafe { sys::rd_kafka_error_is_retriable(self.0.as_ptr()) != 0 }
    }

    /// Whether the client is unusable.
    pub(crate) fn is_fatal(&self) -> bool {
        // SAFETY: the error is alive until drop.
        unsafe { sys::rd_kafka_error_is_fatal(self.0.as_ptr()) != 0 }
    }

    /// Whether the transaction must be aborted.
    pub(crate) fn requires_abort(&self) -> bool {
        // SAFETY: the error is alive until drop.
        unsafe { sys::rd_kafka_error_txn_requires_abort(self.0.as_ptr()) != 0 }
    }

    /// As this crate's error.
    pub(crate) fn to_error(&self) -> Error {
        // SAFETY: the error is alive until drop, and its text with it.
        let message = unsafe { text_at(sys::rd_kafka_error_string(self.0.as_ptr())) };
        error_of_code(self.code(), Some(&message))
    }
}

impl Drop for NativeError {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once.
        unsafe { sys::rd_kafka_error_destroy(self.0.as_ptr()) }
    }
}
