use headwater_contracts::inventory::CommandRejected;
use headwater_event::Message;
use headwater_streams::Rejected;
use serde::{Deserialize, Serialize};

/// [`CommandRejected`] for a command that does not fit its schema: what it calls its SKU may be no valid one, and still
/// wants an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct MisfitReply {
    sku: String,
    command_id: String,
    command_type: String,
    reason: String,
    field: Option<String>,
}

impl MisfitReply {
    pub(super) fn of(rejected: &Rejected) -> Self {
        let legal: String = rejected.aggregate_id.chars().filter(|letter| !letter.is_control()).take(200).collect();
        let sku = match legal.trim() {
            "" => "?",
            legal => legal,
        };
        Self {
            sku: sku.to_owned(),
            command_id: rejected.command_id.to_string(),
            command_type: rejected.command_type.clone(),
            reason: format!("{}: {}", rejected.reason, rejected.message),
            field: rejected.field.clone(),
        }
    }
}

impl Message for MisfitReply {
    const FULL_NAME: &'static str = CommandRejected::FULL_NAME;
    const SCHEMA: &'static str = CommandRejected::SCHEMA;

    fn subject(&self) -> &str {
        &self.sku
    }
}
