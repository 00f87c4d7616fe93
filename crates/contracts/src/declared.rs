use headwater_event::{Domain, MessageType};

/// A topic of topics.yaml with the messages it may hold.
#[derive(Debug, Clone, Copy)]
pub struct DeclaredTopic {
    /// The declared name, without the prefix of an installation.
    pub name: &'static str,
    /// Which co-partitioned set it belongs to.
    pub domain: Domain,
    /// Its messages, in the order of topics.yaml.
    pub types: &'static [MessageType],
    /// The schema of `<topic>-value` where subjects follow TopicNameStrategy: the message's own, or a union of several.
    /// None where they follow TopicRecordNameStrategy.
    pub value_schema: Option<&'static str>,
}

/// A name in the schema registry and the Avro schema to register under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The subject: `orders.events-headwater.orders.OrderCreated`, `orders.commands-value`.
    pub name: String,
    /// The Avro schema as JSON, self-contained.
    pub schema: &'static str,
}

impl DeclaredTopic {
    /// What to register for this topic; `topic` is its name in the installation, prefix included.
    #[must_use]
    pub fn subjects(&self, topic: &str) -> Vec<Subject> {
        match self.value_schema {
            Some(schema) => vec![Subject { name: format!("{topic}-value"), schema }],
            None => {
                let subject = |message: &MessageType| Subject {
                    name: format!("{topic}-{}", message.full_name),
                    schema: message.schema,
                };
                self.types.iter().map(subject).collect()
            }
        }
    }
}
