use std::any::Any;
use std::collections::HashSet;
use std::ffi::{CStr, c_char, c_int};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_log::TopicName;
use rdkafka_sys as sys;

use super::code::{code_of, error_of_code};
use super::config::NativeConfig;
use super::refusal::{self, Refusal};
use super::text::{c_string, millis, text_at, text_in};
use crate::clock::Deadline;
use crate::{Error, ErrorKind};

/// An owned `rd_kafka_t`, and what its callbacks point to.
pub(crate) struct Client {
    raw: NonNull<sys::rd_kafka_t>,
    /// Topics whose leaders it has been asked for.
    learnt: Mutex<HashSet<TopicName>>,
    /// Freed after the client is destroyed, since destroying may still call back.
    _callbacks: Box<dyn Any + Send + Sync>,
    /// Where this client only asks: why brokers refuse it.
    refusal: Option<Arc<Refusal>>,
}

// SAFETY: librdkafka documents its client handle as thread-safe; the callbacks' state is Send and Sync by its bound.
unsafe impl Send for Client {}
// SAFETY: as above.
unsafe impl Sync for Client {}

impl Client {
    /// Makes a client. `callbacks` is kept for as long as librdkafka may call back.
    pub(crate) fn new(
        kind: sys::rd_kafka_type_t,
        config: NativeConfig,
        callbacks: Box<dyn Any + Send + Sync>,
    ) -> Result<Self, Error> {
        let mut reason = [0_u8; 512];
        let config = config.into_raw();
        // SAFETY: the configuration is valid; on success the client owns it, on failure it stays ours and is freed.
        let raw = unsafe { sys::rd_kafka_new(kind, config, reason.as_mut_ptr().cast::<c_char>(), reason.len()) };
        match NonNull::new(raw) {
            Some(raw) => Ok(Self { raw, learnt: Mutex::default(), _callbacks: callbacks, refusal: None }),
            None => {
                // SAFETY: not taken over, as `rd_kafka_new` returned null.
                unsafe { sys::rd_kafka_conf_destroy(config) };
                Err(Error::invalid(format!("the Kafka client cannot be made: {}", text_in(&reason))))
            }
        }
    }

    /// Makes a client that only asks and administers, and knows why brokers refuse it.
    pub(crate) fn asking(mut config: NativeConfig) -> Result<Self, Error> {
        let refusal = Arc::new(Refusal::default());
        config.set_opaque(Arc::as_ptr(&refusal).cast_mut().cast());
        // SAFETY: the configuration is alive; the callback gets the refusal set above, which the client keeps.
        unsafe { sys::rd_kafka_conf_set_error_cb(config.as_ptr(), Some(refusal::error)) };
        let mut client = Self::new(sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, config, Box::new(Arc::clone(&refusal)))?;
        client.refusal = Some(refusal);
        Ok(client)
    }

    /// Why brokers refuse this client, as its connections have told by now; none for clients that serve callbacks
    /// themselves.
    pub(crate) fn refusal(&self) -> Option<&Refusal> {
        let refusal = self.refusal.as_deref()?;
        self.serve(Duration::ZERO);
        Some(refusal)
    }

    /// The handle, for calls.
    pub(crate) const fn as_ptr(&self) -> *mut sys::rd_kafka_t {
        self.raw.as_ptr()
    }

    /// Serves callbacks, waiting for the first up to `timeout`; returns how many events were served.
    pub(crate) fn serve(&self, timeout: Duration) -> c_int {
        // SAFETY: the handle is alive.
        unsafe { sys::rd_kafka_poll(self.as_ptr(), millis(timeout)) }
    }

    /// The error that made this client unusable, if any.
    pub(crate) fn fatal_error(&self) -> Option<Error> {
        let mut reason = [0_u8; 512];
        // SAFETY: the handle is alive, and the buffer's true size is given.
        let code =
            unsafe { sys::rd_kafka_fatal_error(self.as_ptr(), reason.as_mut_ptr().cast::<c_char>(), reason.len()) };
        if code_of(code) == 0 {
            return None;
        }
        let error = error_of_code(code_of(code), Some(&text_in(&reason)));
        Some(match error.kind() {
            ErrorKind::Fenced => error,
            _ => Error::new(ErrorKind::Fatal, error.to_string()).with_code(code_of(code)),
        })
    }

    /// Has the client learn anew who leads what. A failure shows in what is asked next.
    pub(crate) fn look_up_leaders(&self, deadline: Duration) {
        // SAFETY: null stands for all topics.
        let _answered = unsafe { self.ask_for_leaders(std::ptr::null_mut(), deadline) };
    }

    /// Asks who leads one topic, or where it is null all of them, which the client takes note of; whether there was an answer.
    ///
    /// # Safety
    /// The topic is null, or a handle of this client that lives.
    unsafe fn ask_for_leaders(&self, topic: *mut sys::rd_kafka_topic_t, deadline: Duration) -> bool {
        let mut found = std::ptr::null();
        // SAFETY: the client and the topic are alive; what is found is ours to destroy, and null where nothing was.
        unsafe {
            let all = c_int::from(topic.is_null());
            sys::rd_kafka_metadata(self.as_ptr(), all, topic, &raw mut found, millis(deadline).max(1));
            if !found.is_null() {
                sys::rd_kafka_metadata_destroy(found);
            }
        }
        !found.is_null()
    }

    /// Has the client learn who leads the partitions of topics that it has not been asked of before, and waits for that:
    /// told to fetch what it does not know, it asks by itself, but now and then a second late. Without an answer it is
    /// left to that.
    pub(crate) fn learn_topics<'t>(
        &self,
        names: impl Iterator<Item = &'t TopicName>,
        deadline: Duration,
    ) -> Result<(), Error> {
        let deadline = Deadline::after(deadline);
        for name in names {
            let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
            if deadline.has_passed() || learnt.contains(name) {
                continue;
            }
            if self.learn_topic(&c_string("a topic's name", name.as_str())?, deadline.left()) {
                learnt.insert(name.clone());
            }
        }
        Ok(())
    }

    fn learn_topic(&self, name: &CStr, deadline: Duration) -> bool {
        // SAFETY: the client is alive; the topic's handle is ours to destroy, after its last use.
        unsafe {
            let topic = sys::rd_kafka_topic_new(self.as_ptr(), name.as_ptr(), std::ptr::null_mut());
            if topic.is_null() {
                return false;
            }
            let is_answered = self.ask_for_leaders(topic, deadline);
            sys::rd_kafka_topic_destroy(topic);
            is_answered
        }
    }

    /// The cluster's id, from metadata; None when no broker answers in time.
    pub(crate) fn cluster_id(&self, deadline: Duration) -> Option<String> {
        // SAFETY: the handle is alive; the text that is returned is ours to free with rd_kafka_mem_free.
        unsafe {
            let text = sys::rd_kafka_clusterid(self.as_ptr(), millis(deadline));
            if text.is_null() {
                return None;
            }
            let id = text_at(text);
            sys::rd_kafka_mem_free(self.as_ptr(), text.cast());
            Some(id)
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // SAFETY: owned, and destroyed once; every object made from it borrows the client or is destroyed before.
        unsafe { sys::rd_kafka_destroy(self.as_ptr()) }
    }
}
