use std::sync::Arc;

use headwater_event::{EventId, Message};

use super::Source;
use crate::{Context, Failure, FailureKind, Policies, Policy};

/// A command that was refused: what a reply says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The aggregate the command was for.
    pub aggregate_id: String,
    /// The command's id.
    pub command_id: EventId,
    /// Its full name; empty where it did not say.
    pub command_type: String,
    /// A stable word.
    pub reason: String,
    /// The same for people.
    pub message: String,
    /// The field that is wrong, as a path.
    pub field: Option<String>,
}

pub(crate) type Refusals = Arc<dyn Fn(&Rejected, &mut Context<'_>) -> Result<(), Failure> + Send + Sync>;

/// Options of a source just declared.
pub struct SourceBuilder<'a> {
    pub(super) source: &'a mut Source,
    pub(super) policies: Policies,
}

impl SourceBuilder<'_> {
    /// Wants only this type; may be said for several. Records of other types are skipped by `ce_type`, never decoded.
    pub fn only<M: Message>(self) -> Self {
        self.source.only.push(M::FULL_NAME);
        self
    }

    /// Says what happens to records that fail at an edge.
    pub fn policy(self, edge: FailureKind, policy: Policy) -> Self {
        self.source.policies.get_or_insert(self.policies).set(edge, policy);
        self
    }

    /// Drops records whose id was seen within this window of stream time. Ids are remembered only once processed.
    pub fn deduplicate(self, window_ms: u64) -> Self {
        self.source.dedup_window_ms = Some(i64::try_from(window_ms).unwrap_or(i64::MAX));
        self
    }

    /// Drops and counts records that are older than stream time by more than this.
    pub fn grace(self, grace_ms: u64) -> Self {
        self.source.grace_ms = Some(i64::try_from(grace_ms).unwrap_or(i64::MAX));
        self
    }

    /// Answers commands that do not fit their schema but name their aggregate with a message on a sink, instead of
    /// dead-lettering them.
    pub fn refusals<M: Message>(self, sink: &str, reply: impl Fn(&Rejected) -> M + Send + Sync + 'static) -> Self {
        let sink = sink.to_owned();
        self.source.refusals = Some(Arc::new(move |refused, context| context.send(sink.as_str(), &reply(refused))));
        self
    }
}
