//! DescribeGroups, ListGroups, DeleteGroups.

use kafka_protocol::ResponseError;
use kafka_protocol::messages::delete_groups_response::DeletableGroupResult;
use kafka_protocol::messages::describe_groups_response::{DescribedGroup, DescribedGroupMember};
use kafka_protocol::messages::list_groups_response::ListedGroup;
use kafka_protocol::messages::{
    DeleteGroupsRequest, DeleteGroupsResponse, DescribeGroupsRequest, DescribeGroupsResponse, GroupId,
    ListGroupsRequest, ListGroupsResponse,
};

use super::Node;
use super::answers::{code, text};
use crate::group::machine::{Group, State};

/// DescribeGroups.
pub(super) fn describe(node: &Node, request: DescribeGroupsRequest, version: i16) -> DescribeGroupsResponse {
    let groups = node.groups.look(|groups| {
        let one = |id: GroupId| match groups.get(id.as_str()) {
            Some(slot) => described(&slot.group).with_group_id(id),
            None => missing(id, version),
        };
        request.groups.into_iter().map(one).collect()
    });
    DescribeGroupsResponse::default().with_groups(groups)
}

/// A group that is not there: Dead without an error before version 6 (KIP-1043).
fn missing(id: GroupId, version: i16) -> DescribedGroup {
    let group = DescribedGroup::default().with_group_state(text(State::Dead.name()));
    if version < 6 {
        return group.with_group_id(id);
    }
    let message = text(&format!("group {} not found", id.as_str()));
    group.with_group_id(id).with_error_code(ResponseError::GroupIdNotFound.code()).with_error_message(Some(message))
}

fn described(group: &Group) -> DescribedGroup {
    let protocol = group.protocol_name.as_deref().unwrap_or_default();
    let stable = group.state == State::Stable;
    let members = group.members.values().map(|member| {
        let described = DescribedGroupMember::default()
            .with_member_id(text(&member.id))
            .with_group_instance_id(member.instance_id.as_deref().map(text))
            .with_client_id(text(&member.client_id))
            .with_client_host(text(&member.client_host));
        if !stable {
            return described;
        }
        described.with_member_metadata(member.subscription(protocol)).with_member_assignment(member.assignment.clone())
    });
    DescribedGroup::default()
        .with_group_state(text(group.state.name()))
        .with_protocol_type(text(group.protocol_type.as_deref().unwrap_or_default()))
        .with_protocol_data(text(if stable { protocol } else { "" }))
        .with_members(members.collect())
}

/// ListGroups, by state and type where asked.
pub(super) fn list(node: &Node, request: ListGroupsRequest) -> ListGroupsResponse {
    let named = |names: &[kafka_protocol::protocol::StrBytes], name: &str| {
        names.is_empty() || names.iter().any(|wanted| wanted.eq_ignore_ascii_case(name))
    };
    let groups = node.groups.look(|groups| {
        groups
            .iter()
            .filter(|(_, slot)| named(&request.states_filter, slot.group.state.name()))
            .filter(|_| named(&request.types_filter, "classic"))
            .map(|(id, slot)| {
                ListedGroup::default()
                    .with_group_id(GroupId(text(id)))
                    .with_protocol_type(text(slot.group.protocol_type.as_deref().unwrap_or_default()))
                    .with_group_state(text(slot.group.state.name()))
                    .with_group_type(text("classic"))
            })
            .collect()
    });
    ListGroupsResponse::default().with_groups(groups)
}

/// DeleteGroups.
pub(super) fn delete(node: &Node, request: DeleteGroupsRequest) -> DeleteGroupsResponse {
    let results = request.groups_names.into_iter().map(|id| {
        let result = node.groups.delete(&id);
        DeletableGroupResult::default().with_error_code(code(&result)).with_group_id(id)
    });
    DeleteGroupsResponse::default().with_results(results.collect())
}
