#![allow(unsafe_code, reason = "librdkafka's mock cluster is driven from here")]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ffi::CStr;

use headwater_log::TopicName;
use rdkafka_sys as sys;

use crate::ConnectionSettings;
use crate::native::{Client, NativeConfig, c_string};

/// librdkafka's own cluster of three, which can lose a broker for good.
pub(super) struct Cluster(Client);

impl Cluster {
    pub(super) fn new() -> Self {
        let mut config = NativeConfig::new();
        config.set("test.mock.num.brokers", "3").unwrap();
        Self(Client::new(sys::rd_kafka_type_t::RD_KAFKA_PRODUCER, config, Box::new(())).unwrap())
    }

    fn raw(&self) -> *mut sys::rd_kafka_mock_cluster_t {
        // SAFETY: the client is alive, and made with a mock cluster.
        unsafe { sys::rd_kafka_handle_mock_cluster(self.0.as_ptr()) }
    }

    pub(super) fn connection(&self) -> ConnectionSettings {
        // SAFETY: the text lives as long as the cluster.
        let brokers = unsafe { CStr::from_ptr(sys::rd_kafka_mock_cluster_bootstraps(self.raw())) };
        ConnectionSettings::new(brokers.to_str().unwrap())
            .with_property("topic.metadata.refresh.interval.ms", "100")
            .unwrap()
    }

    pub(super) fn set_coordinator(&self, kind: &str, key: &str, broker: i32) {
        let (kind, key) = (c_string("kind", kind).unwrap(), c_string("key", key).unwrap());
        // SAFETY: the cluster and the texts are alive.
        unsafe { sys::rd_kafka_mock_coordinator_set(self.raw(), kind.as_ptr(), key.as_ptr(), broker) };
    }

    /// The topic has one partition, led by broker 1.
    pub(super) fn create(&self, topic: &TopicName) {
        let topic = c_string("topic", topic.as_str()).unwrap();
        // SAFETY: as above.
        unsafe {
            sys::rd_kafka_mock_topic_create(self.raw(), topic.as_ptr(), 1, 1);
            sys::rd_kafka_mock_partition_set_leader(self.raw(), topic.as_ptr(), 0, 1);
        }
    }

    pub(super) fn lose(&self, broker: i32) {
        // SAFETY: as above.
        unsafe { sys::rd_kafka_mock_broker_decommission(self.raw(), broker) };
    }

    /// The next request of this kind is answered with an error.
    pub(super) fn refuse_once(&self, api_key: i16, error: sys::rd_kafka_resp_err_t) {
        // SAFETY: as above; the list has one error.
        unsafe { sys::rd_kafka_mock_push_request_errors_array(self.raw(), api_key, 1, &raw const error) };
    }
}
