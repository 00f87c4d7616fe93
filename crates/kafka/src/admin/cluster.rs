#![allow(unsafe_code, reason = "DescribeCluster through librdkafka's admin calls")]

use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Op;

use super::Admin;
use super::acls::{Operation, operations_at};
use super::call::{Options, call, each};
use crate::Error;
use crate::native::text_at;

/// A broker by what it advertises.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broker {
    /// `node.id`.
    pub id: i32,
    /// Host name or address.
    pub host: String,
    /// Port.
    pub port: u16,
    /// `broker.rack`.
    pub rack: Option<String>,
}

/// A cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterDescription {
    /// Its id, unique in the world.
    pub cluster_id: String,
    /// The broker id of the controller, or of the broker that stands in for it.
    pub controller: Option<i32>,
    /// The brokers that are up.
    pub brokers: Vec<Broker>,
    /// What this principal may do with the cluster.
    pub operations: Vec<Operation>,
}

impl Admin {
    /// Describes the cluster.
    ///
    /// # Errors
    /// By kind; [`ErrorKind::TimedOut`](crate::ErrorKind::TimedOut) when no broker can be reached.
    pub fn describe_cluster(&self) -> Result<ClusterDescription, Error> {
        let options = Options { authorized_operations: true, ..Options::default() };
        let answer =
            call(&self.client, Op::RD_KAFKA_ADMIN_OP_DESCRIBECLUSTER, self.deadline, &options, |rk, options, queue| {
                // SAFETY: all of them are alive.
                unsafe { sys::rd_kafka_DescribeCluster(rk, options, queue) }
            })
            .map_err(|error| error.context("the cluster cannot be described"))?;
        let (mut count, mut operation_count) = (0, 0);
        // SAFETY: the answer is of this kind, and owns everything that is read here.
        unsafe {
            let result = sys::rd_kafka_event_DescribeCluster_result(answer.as_ptr());
            let controller = sys::rd_kafka_DescribeCluster_result_controller(result);
            let nodes = sys::rd_kafka_DescribeCluster_result_nodes(result, &raw mut count);
            let operations =
                sys::rd_kafka_DescribeCluster_result_authorized_operations(result, &raw mut operation_count);
            Ok(ClusterDescription {
                cluster_id: text_at(sys::rd_kafka_DescribeCluster_result_cluster_id(result)),
                controller: (!controller.is_null()).then(|| sys::rd_kafka_Node_id(controller)),
                brokers: each(nodes, count).map(|node| read_broker(node)).collect(),
                operations: operations_at(operations, operation_count),
            })
        }
    }
}

/// # Safety
/// `node` is alive.
pub(super) unsafe fn read_broker(node: *const sys::rd_kafka_Node_t) -> Broker {
    // SAFETY: alive, as the caller promises.
    unsafe {
        let rack = text_at(sys::rd_kafka_Node_rack(node));
        Broker {
            id: sys::rd_kafka_Node_id(node),
            host: text_at(sys::rd_kafka_Node_host(node)),
            port: sys::rd_kafka_Node_port(node),
            rack: (!rack.is_empty()).then_some(rack),
        }
    }
}
