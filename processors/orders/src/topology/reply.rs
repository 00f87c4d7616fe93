use headwater_contracts::orders::CommandRejected;
use headwater_event::Message;
use headwater_streams::Rejected;
use serde::{Deserialize, Serialize};

/// [`CommandRejected`], where what a command calls its order may be no valid id, and still wants an answer.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Reply {
    order_id: String,
    command_id: String,
    command_type: String,
    reason: String,
    field: Option<String>,
}

impl Reply {
    pub(super) fn of(rejected: &Rejected) -> Self {
        let legal: String = rejected.aggregate_id.chars().filter(|letter| !letter.is_control()).take(200).collect();
        let order_id = match legal.trim() {
            "" => "?",
            legal => legal,
        };
        Self {
            order_id: order_id.to_owned(),
            command_id: rejected.command_id.to_string(),
            command_type: rejected.command_type.clone(),
            reason: format!("{}: {}", rejected.reason, rejected.message),
            field: rejected.field.clone(),
        }
    }
}

impl Message for Reply {
    const FULL_NAME: &'static str = CommandRejected::FULL_NAME;
    const SCHEMA: &'static str = CommandRejected::SCHEMA;

    fn subject(&self) -> &str {
        &self.order_id
    }
}
