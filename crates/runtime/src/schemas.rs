use std::sync::Arc;

use headwater_event::MessageType;
use headwater_kafka::TopicPrefix;
use headwater_log::TopicName;
use headwater_schema::{Error, ErrorKind, SchemaBook, SchemaId, SubjectStrategy, WriterSchema};
use headwater_streams::{Encoder, Naming, Schemas, Topology, union_schema};

/// A registry's schemas as tasks ask for them: subjects are named by the real topics.
pub struct RegistrySchemas {
    book: SchemaBook,
    prefix: TopicPrefix,
}

impl RegistrySchemas {
    /// Schemas of a book, for an installation's topics.
    #[must_use]
    pub const fn new(book: SchemaBook, prefix: TopicPrefix) -> Self {
        Self { book, prefix }
    }

    fn real_name(&self, topic: &str) -> Result<String, Error> {
        let invalid = |error: String| Error::new(ErrorKind::Refused, error);
        let name = TopicName::new(topic).map_err(|error| invalid(error.to_string()))?;
        Ok(self.prefix.apply(&name).map_err(|error| invalid(error.to_string()))?.to_string())
    }
}

impl Schemas for RegistrySchemas {
    fn writer(&self, id: SchemaId) -> Result<Arc<WriterSchema>, Error> {
        self.book.writer(id)
    }

    fn encoder(&self, topic: &str, message: MessageType, naming: &Naming) -> Result<Encoder, Error> {
        let topic = self.real_name(topic)?;
        let own = || WriterSchema::compile(message.schema).map(Arc::new);
        match naming {
            Naming::PerRecord => {
                let id = self.book.declare(&topic, SubjectStrategy::TopicRecordNameStrategy, message.schema)?;
                Ok(Encoder { id, branch: None, schema: own()? })
            }
            Naming::Union([_only]) => {
                let id = self.book.declare(&topic, SubjectStrategy::TopicNameStrategy, message.schema)?;
                Ok(Encoder { id, branch: None, schema: own()? })
            }
            Naming::Union(types) => {
                let id = self.book.declare(&topic, SubjectStrategy::TopicNameStrategy, &union_schema(types)?)?;
                let branch = types.iter().position(|known| known.full_name == message.full_name);
                let branch = branch.and_then(|branch| u32::try_from(branch).ok());
                Ok(Encoder { id, branch, schema: own()? })
            }
        }
    }
}

/// Finds the schema of every message that the topologies may write, before anything is processed: one that is missing
/// would make dead letters of good records.
///
/// # Errors
/// [`crate::Error::Configuration`] for a schema that is not there or is refused, [`crate::Error::Kafka`] when the
/// registry can't be reached.
pub(crate) fn check(topologies: &[Topology], schemas: &dyn Schemas) -> Result<(), crate::Error> {
    let sinks = topologies.iter().flat_map(Topology::subtopologies).flat_map(|part| &part.sinks);
    for sink in sinks {
        for message in sink.types {
            let Err(error) = schemas.encoder(&sink.topic, *message, &sink.naming) else { continue };
            if error.kind() == ErrorKind::Unavailable {
                return Err(crate::Error::Kafka(error.to_string()));
            }
            return Err(crate::Error::Configuration(format!(
                "topic {} is to hold {}, whose schema can't be used: {error}: run `headwater topics apply`",
                sink.topic, message.full_name
            )));
        }
    }
    Ok(())
}
