//! What goes into a group's machine and what comes out of it.

use bytes::Bytes;
use kafka_protocol::ResponseError;

/// Ties a reply to the request that waits for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct ReplyId(pub(crate) u64);

/// A JoinGroup request.
#[derive(Debug, Clone)]
pub(crate) struct Join {
    /// Empty for a member that is new.
    pub(crate) member_id: String,
    /// The id to give to a new member; made by the edge, since the machine has no randomness.
    pub(crate) fresh_member_id: String,
    /// `group.instance.id` of a static member (KIP-345).
    pub(crate) instance_id: Option<String>,
    /// What the client calls itself.
    pub(crate) client_id: String,
    /// The address it connects from.
    pub(crate) client_host: String,
    /// Silence after which the member is dead.
    pub(crate) session_timeout_ms: i32,
    /// Time that a rebalance waits for this member.
    pub(crate) rebalance_timeout_ms: i32,
    /// `consumer` or `connect`.
    pub(crate) protocol_type: String,
    /// Assignors in order of preference, with the subscription of each.
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// The member must come back with an id of its own (KIP-394; JoinGroup v4 and later).
    pub(crate) member_id_required: bool,
    /// A static leader can be told to skip the assignment (KIP-814; JoinGroup v9 and later).
    pub(crate) can_skip_assignment: bool,
}

/// The answer to JoinGroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined {
    /// Set when the join failed.
    pub(crate) error: Option<ResponseError>,
    /// The generation joined, -1 on failure.
    pub(crate) generation: i32,
    /// The group's protocol type.
    pub(crate) protocol_type: Option<String>,
    /// The assignor chosen.
    pub(crate) protocol_name: Option<String>,
    /// The leader's member id.
    pub(crate) leader: String,
    /// The id of this member.
    pub(crate) member_id: String,
    /// The leader keeps the assignment that the group has.
    pub(crate) skip_assignment: bool,
    /// For the leader: each member's id, instance id and subscription.
    pub(crate) members: Vec<(String, Option<String>, Bytes)>,
}

impl Joined {
    /// A failed join.
    pub(crate) fn failed(member_id: &str, error: ResponseError) -> Self {
        Self {
            error: Some(error),
            generation: -1,
            protocol_type: None,
            protocol_name: None,
            leader: String::new(),
            member_id: member_id.to_owned(),
            skip_assignment: false,
            members: Vec::new(),
        }
    }
}

/// A SyncGroup request.
#[derive(Debug, Clone)]
pub(crate) struct Sync {
    /// Who asks.
    pub(crate) who: Identity,
    /// `None` from clients before v5.
    pub(crate) protocol_type: Option<String>,
    /// `None` from clients before v5.
    pub(crate) protocol_name: Option<String>,
    /// From the leader: each member's assignment.
    pub(crate) assignments: Vec<(String, Bytes)>,
}

/// The answer to SyncGroup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Synced {
    /// Set when the sync failed.
    pub(crate) error: Option<ResponseError>,
    /// The group's protocol type.
    pub(crate) protocol_type: Option<String>,
    /// The assignor chosen.
    pub(crate) protocol_name: Option<String>,
    /// This member's assignment.
    pub(crate) assignment: Bytes,
}

impl Synced {
    /// A failed sync.
    pub(crate) fn failed(error: ResponseError) -> Self {
        Self { error: Some(error), protocol_type: None, protocol_name: None, assignment: Bytes::new() }
    }
}

/// A member as a request names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The member id.
    pub(crate) member_id: String,
    /// The instance id of a static member.
    pub(crate) instance_id: Option<String>,
    /// The generation it believes in, -1 for none.
    pub(crate) generation: i32,
}

/// What the edge must do, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Action {
    /// Log the group's metadata; if that fails, the replies that follow become errors.
    Persist,
    /// Answer a JoinGroup.
    Joined(ReplyId, Joined),
    /// Answer a SyncGroup.
    Synced(ReplyId, Synced),
}
