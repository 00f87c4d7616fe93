//! Compatibility of a new schema with versions of a subject, in the words of the REST API.

use crate::avro::AvroSchema;
use crate::compatibility::{self, Conflict, Direction, Level};

use super::SubjectVersion;

/// Messages for each conflict, then what they are conflicts with; empty if there is none.
pub(super) fn messages(level: Level, new: &AvroSchema, earlier: &[&SubjectVersion]) -> Vec<String> {
    let readable: Vec<(&SubjectVersion, AvroSchema)> =
        earlier.iter().filter_map(|version| Some((*version, version.schema.as_deref()?.clone()))).collect();
    let schemas: Vec<AvroSchema> = readable.iter().map(|(_, schema)| schema.clone()).collect();
    let conflicts = compatibility::check(level, new, &schemas);
    let mut messages: Vec<String> = Vec::new();
    for conflict in &conflicts {
        let version = readable.get(conflict.earlier_index).map(|(version, _)| version.value.version);
        messages.push(describe(conflict, version.unwrap_or_default()));
    }
    if let Some(first) = conflicts.first()
        && let Some((version, _)) = readable.get(first.earlier_index)
    {
        messages.push(format!("{{oldSchemaVersion: {}}}", version.value.version));
        messages.push(format!("{{oldSchema: '{}'}}", version.value.schema));
        messages.push(format!("{{compatibility: '{level}'}}"));
    }
    messages
}

fn describe(conflict: &Conflict, version: u32) -> String {
    let found = &conflict.incompatibility;
    let (reader, writer) = match conflict.direction {
        Direction::Backward => ("new", format!("version {version}")),
        Direction::Forward => ("old", "the new schema".to_owned()),
    };
    let field = match found.field.as_str() {
        "" => String::new(),
        field => format!(" (field '{field}')"),
    };
    format!(
        "{{errorType:'{}', description:'the {reader} schema cannot read data of {writer} at path '{}'{field}: {}', additionalInfo:'{}'}}",
        found.rule, found.path, found.message, found.field
    )
}
