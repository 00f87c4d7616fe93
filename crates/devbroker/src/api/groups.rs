//! JoinGroup, SyncGroup, Heartbeat, LeaveGroup.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::join_group_response::JoinGroupResponseMember;
use kafka_protocol::messages::leave_group_response::MemberResponse;
use kafka_protocol::messages::{
    HeartbeatRequest, HeartbeatResponse, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, LeaveGroupResponse,
    SyncGroupRequest, SyncGroupResponse,
};

use super::answers::{code, code_of, text};
use super::{Client, Node};
use crate::cluster::clock::fresh_uuid;
use crate::group::protocol::{Identity, Join, Joined, Sync};

fn owned<T: AsRef<str>>(value: Option<T>) -> Option<String> {
    value.map(|value| value.as_ref().to_owned())
}

/// JoinGroup: answers when the rebalance has ended.
pub(super) async fn join(node: &Node, client: &Client, request: JoinGroupRequest, version: i16) -> JoinGroupResponse {
    let member_id = request.member_id.to_string();
    let joined = if request.group_id.is_empty() {
        Joined::failed(&member_id, ResponseError::InvalidGroupId)
    } else if !node.session_timeout_ms.contains(&request.session_timeout_ms) {
        Joined::failed(&member_id, ResponseError::InvalidSessionTimeout)
    } else {
        let group_id = request.group_id.clone();
        node.groups.join(&group_id, join_of(client, request, version)).await
    };
    let members = joined.members.into_iter().map(|(id, instance, metadata)| {
        JoinGroupResponseMember::default()
            .with_member_id(text(&id))
            .with_group_instance_id(instance.as_deref().map(text))
            .with_metadata(metadata)
    });
    // Before version 7 the name may not be null.
    let protocol_name = joined.protocol_name.as_deref().map(text);
    let protocol_name = if version < 7 { Some(protocol_name.unwrap_or_default()) } else { protocol_name };
    JoinGroupResponse::default()
        .with_error_code(code_of(joined.error))
        .with_generation_id(joined.generation)
        .with_protocol_type(joined.protocol_type.as_deref().map(text))
        .with_protocol_name(protocol_name)
        .with_leader(text(&joined.leader))
        .with_skip_assignment(joined.skip_assignment)
        .with_member_id(text(&joined.member_id))
        .with_members(members.collect())
}

fn join_of(client: &Client, request: JoinGroupRequest, version: i16) -> Join {
    let instance_id = owned(request.group_instance_id.as_deref());
    let prefix = instance_id.as_deref().unwrap_or(&client.id);
    Join {
        fresh_member_id: format!("{prefix}-{}", fresh_uuid()),
        member_id: request.member_id.to_string(),
        instance_id,
        client_id: client.id.clone(),
        client_host: client.host.clone(),
        session_timeout_ms: request.session_timeout_ms,
        // Version 0 knows one timeout only.
        rebalance_timeout_ms: if version == 0 { request.session_timeout_ms } else { request.rebalance_timeout_ms },
        protocol_type: request.protocol_type.to_string(),
        protocols: request.protocols.into_iter().map(|p| (p.name.to_string(), p.metadata)).collect(),
        member_id_required: version >= 4,
        can_skip_assignment: version >= 9,
    }
}

/// SyncGroup: answers when the leader has assigned.
pub(super) async fn sync(node: &Node, request: SyncGroupRequest) -> SyncGroupResponse {
    let sync = Sync {
        who: Identity {
            member_id: request.member_id.to_string(),
            instance_id: owned(request.group_instance_id.as_deref()),
            generation: request.generation_id,
        },
        protocol_type: owned(request.protocol_type.as_deref()),
        protocol_name: owned(request.protocol_name.as_deref()),
        assignments: request.assignments.into_iter().map(|a| (a.member_id.to_string(), a.assignment)).collect(),
    };
    let synced = node.groups.sync(&request.group_id, sync).await;
    SyncGroupResponse::default()
        .with_error_code(code_of(synced.error))
        .with_protocol_type(synced.protocol_type.as_deref().map(text))
        .with_protocol_name(synced.protocol_name.as_deref().map(text))
        .with_assignment(synced.assignment)
}

/// Heartbeat.
pub(super) fn heartbeat(node: &Node, request: HeartbeatRequest) -> HeartbeatResponse {
    let who = Identity {
        member_id: request.member_id.to_string(),
        instance_id: owned(request.group_instance_id.as_deref()),
        generation: request.generation_id,
    };
    let result = node.groups.heartbeat(&request.group_id, &who);
    HeartbeatResponse::default().with_error_code(code(&result))
}

/// LeaveGroup: one member, or since version 3 many.
pub(super) fn leave(node: &Node, request: LeaveGroupRequest, version: i16) -> LeaveGroupResponse {
    if version < 3 {
        let results = node.groups.leave(&request.group_id, &[(request.member_id.to_string(), None)]);
        let error = results.into_iter().find_map(Result::err);
        return LeaveGroupResponse::default().with_error_code(code_of(error));
    }
    let named: Vec<_> = request
        .members
        .iter()
        .map(|member| (member.member_id.to_string(), owned(member.group_instance_id.as_deref())))
        .collect();
    let results = node.groups.leave(&request.group_id, &named);
    let members = request.members.into_iter().zip(results).map(|(member, result)| {
        MemberResponse::default()
            .with_member_id(member.member_id)
            .with_group_instance_id(member.group_instance_id)
            .with_error_code(code(&result))
    });
    LeaveGroupResponse::default().with_members(members.collect())
}
