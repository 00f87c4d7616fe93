#![allow(unsafe_code, reason = "records go to librdkafka without a detour")]

use std::collections::HashMap;
use std::ffi::c_void;
use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Headers, TopicName};
use rdkafka_sys as sys;
use sys::rd_kafka_vtype_t as Field;

use super::callbacks::Callbacks;
use super::deliveries::{self, Deliveries};
use super::record::OutgoingRecord;
use super::registrations::Registrations;
use super::sockets::{self, Sockets};
use crate::clock::Deadline;
use crate::native::{Client, NativeConfig, NativeError, c_string};
use crate::{Error, ErrorKind};

/// A topic that a producer writes to, by number: cheap to copy, and valid for the producer that gave it only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TopicHandle(usize);

impl TopicHandle {
    pub(super) const fn of(number: usize) -> Self {
        Self(number)
    }

    /// The number: counted from 0 in the order of first use.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0
    }
}

/// The part that both producers share.
pub(super) struct Sender {
    topics: Vec<(TopicName, *mut sys::rd_kafka_topic_t)>,
    numbers: HashMap<TopicName, usize>,
    unserved: u32,
    callbacks: Arc<Callbacks>,
    client: Client,
}

// SAFETY: the topic objects belong to the client, which is thread-safe, and are used through `&mut self` only.
unsafe impl Send for Sender {}

impl Sender {
    pub(super) fn new(mut config: NativeConfig, keeps_reports: bool) -> Result<Self, Error> {
        let callbacks = Arc::new(Callbacks {
            deliveries: Deliveries::new(keeps_reports),
            sockets: Sockets::default(),
            registrations: Registrations::default(),
        });
        Registrations::watch(&config, Arc::as_ptr(&callbacks))?;
        config.set_opaque(Arc::as_ptr(&callbacks).cast_mut().cast());
        // SAFETY: the configuration is alive; the callbacks get the `Callbacks` set above, which the client keeps.
        unsafe {
            sys::rd_kafka_conf_set_socket_cb(config.as_ptr(), Some(sockets::open));
            sys::rd_kafka_conf_set_closesocket_cb(config.as_ptr(), Some(sockets::close));
            sys::rd_kafka_conf_set_dr_msg_cb(config.as_ptr(), Some(deliveries::delivered));
            sys::rd_kafka_conf_set_error_cb(config.as_ptr(), Some(deliveries::error));
        }
        let client = Client::new(sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, config, Box::new(Arc::clone(&callbacks)))?;
        Ok(Self { topics: Vec::new(), numbers: HashMap::new(), unserved: 0, callbacks, client })
    }

    pub(super) const fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn deliveries(&self) -> &Deliveries {
        &self.callbacks.deliveries
    }

    pub(super) const fn callbacks(&self) -> &Arc<Callbacks> {
        &self.callbacks
    }

    pub(super) fn topic(&mut self, name: &TopicName) -> Result<TopicHandle, Error> {
        if let Some(number) = self.numbers.get(name) {
            return Ok(TopicHandle(*number));
        }
        let number = self.topics.len();
        let c_name = c_string("a topic's name", name.as_str())?;
        // SAFETY: the name is copied; the configuration is taken over by the call, and its opaque value is only a
        // number, never followed.
        let raw = unsafe {
            let config = sys::rd_kafka_default_topic_conf_dup(self.client.as_ptr());
            sys::rd_kafka_topic_conf_set_opaque(config, std::ptr::without_provenance_mut(number));
            sys::rd_kafka_topic_new(self.client.as_ptr(), c_name.as_ptr(), config)
        };
        if raw.is_null() {
            return Err(Error::new(ErrorKind::Invalid, format!("topic {name} cannot be written to")));
        }
        self.topics.push((name.clone(), raw));
        self.numbers.insert(name.clone(), number);
        Ok(TopicHandle(number))
    }

    pub(super) fn topic_name(&self, topic: TopicHandle) -> Option<&TopicName> {
        self.topics.get(topic.0).map(|(name, _)| name)
    }

    pub(super) fn topics(&self) -> impl Iterator<Item = (usize, &TopicName)> {
        self.topics.iter().enumerate().map(|(number, (name, _))| (number, name))
    }

    /// Hands a record over; waits up to `deadline` for room in librdkafka's queue.
    pub(super) fn produce(
        &mut self,
        topic: TopicHandle,
        record: &OutgoingRecord<'_>,
        token: u64,
        deadline: Duration,
    ) -> Result<(), Error> {
        /// Reports hold memory and room in the queue: they are collected now and then.
        const UNSERVED_MAX: u32 = 1_000;
        let Some((_, raw)) = self.topics.get(topic.0) else {
            return Err(Error::invalid("this topic handle belongs to another producer"));
        };
        let raw = *raw;
        let name = |sender: &Self| sender.topic_name(topic).map(ToString::to_string).unwrap_or_default();
        let mut waiting: Option<Deadline> = None;
        loop {
            let Some(error) = self.enqueue(raw, record, token)? else { break };
            if error.code() != crate::native::code_of(sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__QUEUE_FULL) {
                return Err(error.to_error().context(format!("topic {}", name(self))));
            }
            if waiting.get_or_insert_with(|| Deadline::after(deadline)).has_passed() {
                return Err(error.to_error().context(format!("topic {}: no room to produce in time", name(self))));
            }
            self.client.serve(Duration::from_millis(1));
        }
        self.callbacks.deliveries.sent();
        self.unserved += 1;
        if self.unserved >= UNSERVED_MAX {
            self.unserved = 0;
            self.client.serve(Duration::ZERO);
        }
        Ok(())
    }

    fn enqueue(
        &self,
        topic: *mut sys::rd_kafka_topic_t,
        record: &OutgoingRecord<'_>,
        token: u64,
    ) -> Result<Option<NativeError>, Error> {
        use sys::rd_kafka_vu_s__bindgen_ty_1 as Value;
        let headers = match record.headers {
            Some(headers) if !headers.is_empty() => Some(NativeHeaders::new(headers)?),
            _ => None,
        };
        let memory = |bytes: Option<&[u8]>| {
            let (ptr, size) =
                bytes.map_or((std::ptr::null_mut(), 0), |bytes| (bytes.as_ptr().cast_mut().cast(), bytes.len()));
            Value { mem: sys::rd_kafka_vu_s__bindgen_ty_1__bindgen_ty_1 { ptr, size } }
        };
        let field = |vtype: Field, u: Value| sys::rd_kafka_vu_t { vtype, u };
        let opaque: *mut c_void = std::ptr::without_provenance_mut(usize::try_from(token).unwrap_or(0));
        let fields = [
            field(Field::RD_KAFKA_VTYPE_RKT, Value { rkt: topic }),
            field(
                Field::RD_KAFKA_VTYPE_PARTITION,
                Value { i32_: record.partition.map_or(-1, headwater_log::Partition::to_wire) },
            ),
            field(Field::RD_KAFKA_VTYPE_VALUE, memory(record.value)),
            field(Field::RD_KAFKA_VTYPE_KEY, memory(record.key)),
            field(Field::RD_KAFKA_VTYPE_TIMESTAMP, Value { i64_: record.timestamp_ms.unwrap_or(0) }),
            field(Field::RD_KAFKA_VTYPE_MSGFLAGS, Value { i: sys::RD_KAFKA_MSG_F_COPY }),
            field(Field::RD_KAFKA_VTYPE_OPAQUE, Value { ptr: opaque }),
            field(
                Field::RD_KAFKA_VTYPE_HEADERS,
                Value { headers: headers.as_ref().map_or(std::ptr::null_mut(), |headers| headers.0) },
            ),
        ];
        let count = fields.len() - usize::from(headers.is_none());
        // SAFETY: client and topic are alive, and the bytes live during the call, which copies them (MSG_F_COPY). On
        // success the headers belong to the message; otherwise they stay ours.
        let error = unsafe {
            let error = sys::rd_kafka_produceva(self.client.as_ptr(), fields.as_ptr(), count);
            NativeError::take(error)
        };
        if error.is_none() {
            std::mem::forget(headers);
        }
        Ok(error)
    }
}

impl Drop for Sender {
    fn drop(&mut self) {
        for (_, raw) in &self.topics {
            // SAFETY: made by `topic` and destroyed once, before the client.
            unsafe { sys::rd_kafka_topic_destroy(*raw) }
        }
    }
}

/// Headers as librdkafka takes them.
struct NativeHeaders(*mut sys::rd_kafka_headers_t);

impl NativeHeaders {
    fn new(headers: &Headers) -> Result<Self, Error> {
        // SAFETY: allocates headers that this value owns.
        let native = Self(unsafe { sys::rd_kafka_headers_new(headers.len()) });
        for (name, value) in headers.iter_bytes() {
            let (value, size) = match value {
                Some(value) => (value.as_ptr().cast(), value.len().cast_signed()),
                None => (std::ptr::null(), 0),
            };
            // SAFETY: the name and the value live during the call, with their true lengths, and are copied.
            let code = unsafe {
                sys::rd_kafka_header_add(native.0, name.as_ptr().cast(), name.len().cast_signed(), value, size)
            };
            crate::native::check(code, "a header cannot be added")?;
        }
        Ok(native)
    }
}

impl Drop for NativeHeaders {
    fn drop(&mut self) {
        // SAFETY: still owned, since a message that takes them over makes them be forgotten.
        unsafe { sys::rd_kafka_headers_destroy(self.0) }
    }
}
