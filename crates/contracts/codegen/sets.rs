//! What each topic may hold: an enum, a typed topic and a row of the table.

use super::model::{Catalogue, Definition};
use super::topics::{Declarations, Strategy, TopicDeclaration};
use super::types::camel;
use super::{Error, schema_text};

/// The modules `sets`, `domains` and `topics`.
///
/// # Errors
/// When a topic names a schema that is not there.
pub fn write(catalogue: &Catalogue, declarations: &Declarations) -> Result<String, Error> {
    let mut sets = String::new();
    let mut topics = String::new();
    let mut rows = String::new();
    let mut visits = String::new();
    for topic in declarations.with_schemas() {
        let messages = topic.resolve(catalogue)?;
        sets.push_str(&set(topic, &messages));
        topics.push_str(&constant(topic));
        rows.push_str(&row(catalogue, topic, &messages)?);
        let name = &topic.name;
        visits.extend(messages.iter().map(|m| format!("visitor.visit::<{}, {}>({name:?});\n", m.path(), camel(name))));
    }
    let domains: String = declarations
        .domains()
        .iter()
        .map(|(name, anchor)| {
            let constant = name.to_uppercase();
            format!(
                "/// The set of topics keyed by {name}; anchor `{anchor}`.\n\
                 pub const {constant}: ::headwater_event::Domain = ::headwater_event::Domain::new({name:?}, {anchor:?});\n"
            )
        })
        .collect();
    Ok(format!(
        "/// What each topic may hold, as one enum for each.\npub mod sets {{\n{sets}\
         #[cfg(test)]\npub(crate) fn visit_all(visitor: &mut impl crate::tests::Visitor) {{\n{visits}}}\n}}\n\
         /// Co-partitioned sets of topics.\npub mod domains {{\n{domains}}}\n\
         /// Topics by their declared names.\npub mod topics {{\n{topics}\
         /// Every topic of topics.yaml that declares schemas, in its order.\n\
         pub const ALL_TOPICS: &[crate::DeclaredTopic] = &[\n{rows}];\n}}\n"
    ))
}

fn set(topic: &TopicDeclaration, messages: &[&Definition]) -> String {
    let name = camel(&topic.name);
    let each = |line: &dyn Fn(&Definition) -> String| messages.iter().map(|message| line(message)).collect::<String>();
    let variants = each(&|m| {
        // Avro's name of a union's branch, so that a set can be read from a union's bytes.
        format!("/// {}\n#[serde(rename = {:?})]\n{}({}),\n", first_sentence(&m.doc), m.full_name, m.name, m.path())
    });
    let types = each(&|m| format!("::headwater_event::MessageType::of::<{}>(),\n", m.path()));
    let full_names =
        each(&|m| format!("Self::{}(_) => <{} as ::headwater_event::Message>::FULL_NAME,\n", m.name, m.path()));
    let subjects = each(&|m| format!("Self::{}(message) => ::headwater_event::Message::subject(message),\n", m.name));
    let conversions = each(&|m| {
        format!(
            "impl From<{path}> for {name} {{\nfn from(message: {path}) -> Self {{ Self::{}(message) }}\n}}\n",
            m.name,
            path = m.path()
        )
    });
    format!(
        "/// What the topic `{topic_name}` may hold.\n\
         #[derive(Debug, Clone, PartialEq, Eq, ::serde::Serialize, ::serde::Deserialize)]\n\
         pub enum {name} {{\n{variants}}}\n\
         impl {name} {{\n\
         /// The Avro full name of the message inside.\n#[must_use]\n\
         pub const fn full_name(&self) -> &'static str {{\nmatch self {{\n{full_names}}}\n}}\n\
         /// The aggregate's id: the record's key.\n#[must_use]\n\
         pub fn subject(&self) -> &str {{\nmatch self {{\n{subjects}}}\n}}\n}}\n\
         impl ::headwater_event::MessageSet for {name} {{\n\
         const TYPES: &'static [::headwater_event::MessageType] = &[\n{types}];\n\
         const SUBJECT_PER_RECORD: bool = {per_record};\n}}\n{conversions}",
        topic_name = topic.name,
        per_record = topic.strategy == Strategy::TopicRecordName,
    )
}

fn constant(topic: &TopicDeclaration) -> String {
    format!(
        "/// `{name}`\npub const {constant}: ::headwater_event::Topic<crate::sets::{set}> = \
         ::headwater_event::Topic::new({name:?}, crate::domains::{domain});\n",
        name = topic.name,
        constant = topic.name.replace(['.', '-'], "_").to_uppercase(),
        set = camel(&topic.name),
        domain = topic.domain.to_uppercase(),
    )
}

fn row(catalogue: &Catalogue, topic: &TopicDeclaration, messages: &[&Definition]) -> Result<String, Error> {
    let names: Vec<&str> = messages.iter().map(|message| message.full_name.as_str()).collect();
    let value_schema = match (topic.strategy, names.as_slice()) {
        (Strategy::TopicRecordName, _) => None,
        (Strategy::TopicName, [name]) => Some(schema_text::of(catalogue, name)?),
        (Strategy::TopicName, names) => Some(schema_text::of_union(catalogue, names)?),
    };
    Ok(format!(
        "crate::DeclaredTopic {{ name: {:?}, domain: crate::domains::{}, \
         types: <crate::sets::{} as ::headwater_event::MessageSet>::TYPES, value_schema: {value_schema:?} }},\n",
        topic.name,
        topic.domain.to_uppercase(),
        camel(&topic.name),
    ))
}

fn first_sentence(doc: &str) -> &str {
    doc.lines().next().unwrap_or_default()
}
