//! One member of a group.

use bytes::Bytes;

use super::protocol::{Join, ReplyId};

/// Time that a new member may wait in its first rebalance before it is given up (Kafka's own constant).
pub(crate) const NEW_MEMBER_TIMEOUT_MS: i64 = 5 * 60 * 1000;

/// One member of a group.
#[derive(Debug, Clone)]
pub(crate) struct Member {
    /// The id that the broker gave.
    pub(crate) id: String,
    /// `group.instance.id` of a static member.
    pub(crate) instance_id: Option<String>,
    /// What the client calls itself.
    pub(crate) client_id: String,
    /// The address it connects from.
    pub(crate) client_host: String,
    /// Silence after which the member is dead.
    pub(crate) session_timeout_ms: i32,
    /// Time that a rebalance waits for this member.
    pub(crate) rebalance_timeout_ms: i32,
    /// Assignors in order of preference, with the subscription of each.
    pub(crate) protocols: Vec<(String, Bytes)>,
    /// The assignment of the present generation.
    pub(crate) assignment: Bytes,
    /// A JoinGroup that waits for the rebalance to end.
    pub(crate) joining: Option<ReplyId>,
    /// A SyncGroup that waits for the leader's assignment.
    pub(crate) syncing: Option<ReplyId>,
    /// When the member is dead unless it is heard from.
    pub(crate) session_deadline_ms: i64,
}

impl Member {
    /// A member from its first join.
    pub(crate) fn new(id: String, join: &Join, now_ms: i64) -> Self {
        Self {
            id,
            instance_id: join.instance_id.clone(),
            client_id: join.client_id.clone(),
            client_host: join.client_host.clone(),
            session_timeout_ms: join.session_timeout_ms,
            rebalance_timeout_ms: join.rebalance_timeout_ms,
            protocols: join.protocols.clone(),
            assignment: Bytes::new(),
            joining: None,
            syncing: None,
            session_deadline_ms: now_ms + NEW_MEMBER_TIMEOUT_MS,
        }
    }

    /// Takes over what a later join says.
    pub(crate) fn update(&mut self, join: &Join) {
        self.client_id.clone_from(&join.client_id);
        self.client_host.clone_from(&join.client_host);
        self.session_timeout_ms = join.session_timeout_ms;
        self.rebalance_timeout_ms = join.rebalance_timeout_ms;
        self.protocols.clone_from(&join.protocols);
    }

    /// Heard from: the session starts again.
    pub(crate) fn touch(&mut self, now_ms: i64) {
        self.session_deadline_ms = now_ms + i64::from(self.session_timeout_ms);
    }

    /// A member whose request waits here is alive.
    pub(crate) fn is_waiting(&self) -> bool {
        self.joining.is_some() || self.syncing.is_some()
    }

    /// The subscription for an assignor.
    pub(crate) fn subscription(&self, protocol: &str) -> Bytes {
        self.protocols
            .iter()
            .find(|(name, _)| name == protocol)
            .map(|(_, metadata)| metadata.clone())
            .unwrap_or_default()
    }
}
