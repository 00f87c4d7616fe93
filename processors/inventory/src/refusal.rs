/// Why a command changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// A stable word.
    pub reason: &'static str,
    /// A sentence for people.
    pub message: String,
    /// The path of the field to mend.
    pub field: Option<String>,
}

impl Refusal {
    pub(crate) fn of_field(reason: &'static str, field: &str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), field: Some(field.to_owned()) }
    }
}
