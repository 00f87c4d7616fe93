#![allow(unsafe_code, reason = "ACLs through librdkafka's admin calls")]

use rdkafka_sys as sys;
use sys::rd_kafka_admin_op_t as Op;

use super::Admin;
use super::call::{Options, Parts, call, each};
use crate::Error;
use crate::native::{as_number, text_at, text_in};

/// Something that a principal may do (`org.apache.kafka.common.acl.AclOperation`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the words are Kafka's")]
pub enum Operation {
    All,
    Read,
    Write,
    Create,
    Delete,
    Alter,
    Describe,
    ClusterAction,
    DescribeConfigs,
    AlterConfigs,
    IdempotentWrite,
    /// One that this program does not know.
    Other(i32),
}

impl Operation {
    fn from_wire(code: i32) -> Self {
        match code {
            2 => Self::All,
            3 => Self::Read,
            4 => Self::Write,
            5 => Self::Create,
            6 => Self::Delete,
            7 => Self::Alter,
            8 => Self::Describe,
            9 => Self::ClusterAction,
            10 => Self::DescribeConfigs,
            11 => Self::AlterConfigs,
            12 => Self::IdempotentWrite,
            other => Self::Other(other),
        }
    }
}

/// Copies operations that an answer owns.
///
/// # Safety
/// `operations` is null or points to `count` operations that live during the call.
pub(super) unsafe fn operations_at(operations: *const sys::rd_kafka_AclOperation_t, count: usize) -> Vec<Operation> {
    let count = if operations.is_null() { 0 } else { count };
    // SAFETY: every index is below the count; they are read as numbers, since a broker may know more than the enum.
    (0..count).map(|index| Operation::from_wire(unsafe { operations.cast::<i32>().add(index).read() })).collect()
}

/// One rule about who may do what; texts as Kafka's own tool prints them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acl {
    /// What kind of thing: 2 topic, 3 group, 4 cluster, 5 transactional id.
    pub resource_kind: i32,
    /// Its name, or the beginning of its name.
    pub resource: String,
    /// Whether the name is only a beginning.
    pub is_prefix: bool,
    /// Who: `User:orders`.
    pub principal: String,
    /// From where; `*` is anywhere.
    pub host: String,
    /// What.
    pub operation: Operation,
    /// Whether it is allowed, or denied.
    pub is_allowed: bool,
}

impl Admin {
    /// All rules that this principal may see.
    ///
    /// # Errors
    /// By kind; [`ErrorKind::Denied`](crate::ErrorKind::Denied) also where the cluster has no authorizer.
    pub fn describe_acls(&self) -> Result<Vec<Acl>, Error> {
        let mut reason = [0_u8; 256];
        let mut request = Parts::new(sys::rd_kafka_AclBinding_destroy);
        // SAFETY: null means any; the buffer's true size is given.
        let filter = unsafe {
            sys::rd_kafka_AclBindingFilter_new(
                sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_ANY,
                std::ptr::null(),
                sys::rd_kafka_ResourcePatternType_t::RD_KAFKA_RESOURCE_PATTERN_ANY,
                std::ptr::null(),
                std::ptr::null(),
                sys::rd_kafka_AclOperation_t::RD_KAFKA_ACL_OPERATION_ANY,
                sys::rd_kafka_AclPermissionType_t::RD_KAFKA_ACL_PERMISSION_TYPE_ANY,
                reason.as_mut_ptr().cast(),
                reason.len(),
            )
        };
        request.push(filter, || text_in(&reason))?;
        let options = Options::default();
        let answer =
            call(&self.client, Op::RD_KAFKA_ADMIN_OP_DESCRIBEACLS, self.deadline, &options, |rk, options, queue| {
                // SAFETY: all of them are alive; the filter is copied.
                unsafe { sys::rd_kafka_DescribeAcls(rk, filter, options, queue) }
            })
            .map_err(|error| error.context("ACLs cannot be described"))?;
        let mut count = 0;
        // SAFETY: the answer is of this kind, and owns everything that is read here.
        unsafe {
            let result = sys::rd_kafka_event_DescribeAcls_result(answer.as_ptr());
            let bindings = sys::rd_kafka_DescribeAcls_result_acls(result, &raw mut count);
            Ok(each(bindings, count)
                .map(|binding| Acl {
                    resource_kind: as_number::rd_kafka_AclBinding_restype(binding),
                    resource: text_at(sys::rd_kafka_AclBinding_name(binding)),
                    is_prefix: as_number::rd_kafka_AclBinding_resource_pattern_type(binding) == 4,
                    principal: text_at(sys::rd_kafka_AclBinding_principal(binding)),
                    host: text_at(sys::rd_kafka_AclBinding_host(binding)),
                    operation: Operation::from_wire(as_number::rd_kafka_AclBinding_operation(binding)),
                    is_allowed: as_number::rd_kafka_AclBinding_permission_type(binding) == 3,
                })
                .collect())
        }
    }
}
