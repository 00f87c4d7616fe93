use std::fmt::Write as _;

use super::plan::{Note, Plan, TopicChange};
use crate::Error;

const GREEN: &str = "32";
const YELLOW: &str = "33";
const RED: &str = "31";
const DIM: &str = "2";
const BOLD: &str = "1";

struct Page {
    text: String,
    colour: bool,
}

impl Page {
    fn line(&mut self, code: &str, line: &str) {
        if self.colour {
            let _ = writeln!(self.text, "\x1b[{code}m{line}\x1b[0m");
        } else {
            let _ = writeln!(self.text, "{line}");
        }
    }
}

/// A plan for people: `+` creates, `~` changes, `-` deletes, and a summary at the end.
#[must_use]
pub fn render_text(plan: &Plan, colour: bool) -> String {
    let mut page = Page { text: String::new(), colour };
    for change in &plan.changes {
        render_change(&mut page, change);
    }
    for schema in &plan.schemas {
        let version = if schema.is_first { "first version" } else { "new version" };
        let files = schema.subject.schemas.join(" + ");
        let (code, sign) = if schema.is_first { (GREEN, "+") } else { (YELLOW, "~") };
        page.line(
            code,
            &format!("{sign} subject {} ({version}, {})", schema.subject.subject, schema.subject.compatibility),
        );
        page.line(DIM, &format!("    {files}"));
    }
    for note in &plan.notes {
        page.line(DIM, &format!("! {}", describe(note)));
    }
    let count = |is: fn(&TopicChange) -> bool| plan.changes.iter().filter(|change| is(change)).count();
    let create = count(|change| matches!(change, TopicChange::Create { .. }));
    let delete = count(|change| matches!(change, TopicChange::Delete { .. }));
    let change = plan.changes.len() - create - delete;
    let summary = if plan.is_empty() {
        format!("No changes: cluster {} is as declared.", plan.cluster_id)
    } else {
        format!(
            "Plan for cluster {}: {create} to create, {change} to change, {delete} to delete, {} schemas to register.",
            plan.cluster_id,
            plan.schemas.len()
        )
    };
    page.line(BOLD, &summary);
    page.text
}

fn render_change(page: &mut Page, change: &TopicChange) {
    match change {
        TopicChange::Create { topic, partitions, replication_factor, configs } => {
            let replicas = if *replication_factor < 0 {
                "the broker's default".to_owned()
            } else {
                replication_factor.to_string()
            };
            page.line(GREEN, &format!("+ topic {topic} ({partitions} partitions, replication factor {replicas})"));
            for (name, value) in configs {
                page.line(GREEN, &format!("    {name} = {value}"));
            }
        }
        TopicChange::AddPartitions { topic, from, to } => {
            page.line(YELLOW, &format!("~ topic {topic}: partitions {from} -> {to}"));
        }
        TopicChange::AlterConfigs { topic, configs } => {
            page.line(YELLOW, &format!("~ topic {topic}"));
            for config in configs {
                let before = config.before.as_deref().unwrap_or("(unknown)");
                let after = config.after.as_deref().unwrap_or("(the broker's default)");
                page.line(YELLOW, &format!("    {}: {before} -> {after}", config.name));
            }
        }
        TopicChange::Delete { topic, partitions } => {
            page.line(RED, &format!("- topic {topic} ({partitions} partitions and all their records)"));
        }
    }
}

fn describe(note: &Note) -> String {
    match note {
        Note::Undeclared { topic } => format!("topic {topic} is not declared: declare it, or use --allow-delete"),
        Note::DeletionNotAllowed { topic } => format!("topic {topic} is declared absent: use --allow-delete"),
        Note::ReplicationDiffers { topic, declared, actual } => format!(
            "topic {topic} has replication factor {actual}, and {declared} is declared: move it with \
             kafka-reassign-partitions"
        ),
        Note::KeysMove { topic, key } => format!(
            "topic {topic} is keyed by {key}: keys move to the new partitions, while their old records stay, and tasks \
             with state must be rebuilt"
        ),
    }
}

/// A plan for programs.
///
/// # Errors
/// Never in practice: a plan is plain data.
pub fn render_json(plan: &Plan) -> Result<String, Error> {
    serde_json::to_string_pretty(plan).map_err(|error| Error::invalid(format!("the plan cannot be written: {error}")))
}

#[cfg(test)]
mod tests;
