//! FindCoordinator, DescribeCluster, DescribeLogDirs, DescribeAcls.

use std::collections::BTreeMap;

use kafka_protocol::ResponseError;
use kafka_protocol::messages::describe_cluster_response::DescribeClusterBroker;
use kafka_protocol::messages::describe_log_dirs_response::{
    DescribeLogDirsPartition, DescribeLogDirsResult, DescribeLogDirsTopic,
};
use kafka_protocol::messages::find_coordinator_response::Coordinator;
use kafka_protocol::messages::{
    DescribeAclsRequest, DescribeAclsResponse, DescribeClusterRequest, DescribeClusterResponse, DescribeLogDirsRequest,
    DescribeLogDirsResponse, FindCoordinatorRequest, FindCoordinatorResponse,
};
use kafka_protocol::protocol::StrBytes;

use super::answers::{NODE, code_of, text, topic_name};
use super::{Client, Node};
use crate::log::PartitionLog;

/// FindCoordinator: this node, for groups and transactions.
pub(super) fn find_coordinator(
    node: &Node,
    client: &Client,
    request: FindCoordinatorRequest,
    version: i16,
) -> FindCoordinatorResponse {
    let address = node.advertised(client);
    let error = (!matches!(request.key_type, 0 | 1)).then_some(ResponseError::InvalidRequest);
    let host = text(&address.ip().to_string());
    let port = i32::from(address.port());
    if version < 4 {
        return FindCoordinatorResponse::default()
            .with_error_code(code_of(error))
            .with_node_id(NODE)
            .with_host(host)
            .with_port(port);
    }
    let coordinators = request.coordinator_keys.into_iter().map(|key| {
        Coordinator::default()
            .with_key(key)
            .with_error_code(code_of(error))
            .with_node_id(NODE)
            .with_host(host.clone())
            .with_port(port)
    });
    FindCoordinatorResponse::default().with_coordinators(coordinators.collect())
}

/// DescribeCluster.
pub(super) fn describe_cluster(
    node: &Node,
    client: &Client,
    request: DescribeClusterRequest,
    version: i16,
) -> DescribeClusterResponse {
    let address = node.advertised(client);
    let broker = DescribeClusterBroker::default()
        .with_broker_id(NODE)
        .with_host(text(&address.ip().to_string()))
        .with_port(i32::from(address.port()));
    let response = DescribeClusterResponse::default().with_cluster_id(text(node.catalog.cluster_id()));
    if version >= 1 && request.endpoint_type != 1 {
        return response
            .with_error_code(ResponseError::MismatchedEndpointType.code())
            .with_error_message(Some(StrBytes::from_static_str("this listener is for brokers")))
            .with_endpoint_type(request.endpoint_type);
    }
    response.with_controller_id(NODE).with_brokers(vec![broker])
}

/// DescribeLogDirs: one folder with everything in it.
pub(super) fn describe_log_dirs(node: &Node, request: DescribeLogDirsRequest) -> DescribeLogDirsResponse {
    let asked: Option<BTreeMap<String, Vec<i32>>> =
        request.topics.map(|topics| topics.into_iter().map(|t| (t.topic.to_string(), t.partitions)).collect());
    let mut topics = Vec::new();
    for topic in node.catalog.all() {
        let wanted = |index: i32| {
            asked.as_ref().is_none_or(|asked| asked.get(&topic.name).is_some_and(|all| all.contains(&index)))
        };
        let partitions: Vec<_> = (0..)
            .zip(&topic.partitions)
            .filter(|(index, _)| wanted(*index))
            .filter_map(|(index, partition)| {
                let size_bytes = partition.with_log(|log| Ok(PartitionLog::size_bytes(log))).ok()?;
                Some(
                    DescribeLogDirsPartition::default()
                        .with_partition_index(index)
                        .with_partition_size(i64::try_from(size_bytes).unwrap_or(i64::MAX)),
                )
            })
            .collect();
        if !partitions.is_empty() {
            let name = topic_name(&topic.name);
            topics.push(DescribeLogDirsTopic::default().with_name(name).with_partitions(partitions));
        }
    }
    let dir = DescribeLogDirsResult::default().with_log_dir(text(&node.log_dir)).with_topics(topics);
    DescribeLogDirsResponse::default().with_results(vec![dir])
}

/// DescribeAcls: there is no authorizer.
pub(super) fn describe_acls(_request: DescribeAclsRequest) -> DescribeAclsResponse {
    DescribeAclsResponse::default()
        .with_error_code(ResponseError::SecurityDisabled.code())
        .with_error_message(Some(StrBytes::from_static_str("no authorizer is configured on the broker")))
}
