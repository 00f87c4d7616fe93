//! One file for each family of APIs: a decoded request in, a response out.

mod answers;
mod cluster;
mod configs;
mod fetch;
mod group_admin;
mod groups;
mod list_offsets;
mod metadata;
mod node;
mod offsets;
mod produce;
mod records_admin;
mod topics;
mod transaction_admin;
mod transactions;
mod versions;

use bytes::Bytes;
use kafka_protocol::messages::ApiKey;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request};

pub(crate) use node::{Client, Node};

use crate::server::frame::{FrameError, RequestFrame, decode_body, encode_response};

/// Answers one request; `None` where the protocol wants silence (produce with acks=0).
pub(crate) async fn answer(node: &Node, client: &Client, frame: &RequestFrame) -> Result<Option<Bytes>, FrameError> {
    let version = frame.version;
    let response = match frame.api.key {
        ApiKey::Produce => {
            let request = decode_body(frame)?;
            return produce::produce(node, request).map(|answer| encode_response(frame, &answer)).transpose();
        }
        ApiKey::ApiVersions => encode_response(frame, &versions::api_versions(frame))?,
        ApiKey::Fetch => {
            let request = decode_body(frame)?;
            encode_response(frame, &fetch::fetch(node, request, version).await)?
        }
        ApiKey::JoinGroup => {
            let request = decode_body(frame)?;
            encode_response(frame, &groups::join(node, client, request, version).await)?
        }
        ApiKey::SyncGroup => {
            let request = decode_body(frame)?;
            encode_response(frame, &groups::sync(node, request).await)?
        }
        ApiKey::ListOffsets => with(frame, |r| list_offsets::list_offsets(node, r, version))?,
        ApiKey::OffsetForLeaderEpoch => with(frame, |r| list_offsets::offset_for_leader_epoch(node, r))?,
        ApiKey::Metadata => with(frame, |r| metadata::metadata(node, client, r, version))?,
        ApiKey::DescribeTopicPartitions => with(frame, |r| metadata::describe_topic_partitions(node, r))?,
        ApiKey::FindCoordinator => with(frame, |r| cluster::find_coordinator(node, client, r, version))?,
        ApiKey::DescribeCluster => with(frame, |r| cluster::describe_cluster(node, client, r, version))?,
        ApiKey::DescribeLogDirs => with(frame, |r| cluster::describe_log_dirs(node, r))?,
        ApiKey::DescribeAcls => with(frame, cluster::describe_acls)?,
        ApiKey::Heartbeat => with(frame, |r| groups::heartbeat(node, r))?,
        ApiKey::LeaveGroup => with(frame, |r| groups::leave(node, r, version))?,
        ApiKey::OffsetCommit => with(frame, |r| offsets::commit(node, r))?,
        ApiKey::OffsetFetch => with(frame, |r| offsets::fetch(node, r, version))?,
        ApiKey::OffsetDelete => with(frame, |r| offsets::delete(node, r))?,
        ApiKey::TxnOffsetCommit => with(frame, |r| offsets::commit_in_transaction(node, r, version))?,
        ApiKey::DescribeGroups => with(frame, |r| group_admin::describe(node, r, version))?,
        ApiKey::ListGroups => with(frame, |r| group_admin::list(node, r))?,
        ApiKey::DeleteGroups => with(frame, |r| group_admin::delete(node, r))?,
        ApiKey::InitProducerId => with(frame, |r| transactions::init_producer_id(node, r, version))?,
        ApiKey::AddPartitionsToTxn => with(frame, |r| transactions::add_partitions(node, r, version))?,
        ApiKey::AddOffsetsToTxn => with(frame, |r| transactions::add_offsets(node, r, version))?,
        ApiKey::EndTxn => with(frame, |r| transactions::end(node, r, version))?,
        ApiKey::DescribeProducers => with(frame, |r| transaction_admin::describe_producers(node, r))?,
        ApiKey::DescribeTransactions => with(frame, |r| transaction_admin::describe_transactions(node, r))?,
        ApiKey::ListTransactions => with(frame, |r| transaction_admin::list_transactions(node, r))?,
        ApiKey::CreateTopics => with(frame, |r| topics::create(node, r, version))?,
        ApiKey::DeleteTopics => with(frame, |r| topics::delete(node, r, version))?,
        ApiKey::CreatePartitions => with(frame, |r| topics::create_partitions(node, r))?,
        ApiKey::DeleteRecords => with(frame, |r| records_admin::delete_records(node, r))?,
        ApiKey::DescribeConfigs => with(frame, |r| configs::describe(node, r))?,
        ApiKey::AlterConfigs => with(frame, |r| configs::alter(node, r))?,
        ApiKey::IncrementalAlterConfigs => with(frame, |r| configs::incremental_alter(node, r))?,
        ApiKey::ListConfigResources => with(frame, |r| configs::list_resources(node, r))?,
        other => return Err(FrameError::UnknownApi(other as i16)),
    };
    Ok(Some(response))
}

/// Decodes, answers and encodes one request whose answer waits for nothing.
fn with<R, A>(frame: &RequestFrame, answer: impl FnOnce(R) -> A) -> Result<Bytes, FrameError>
where
    R: Request<Response = A> + Decodable,
    A: Encodable + HeaderVersion,
{
    encode_response(frame, &answer(decode_body::<R>(frame)?))
}
