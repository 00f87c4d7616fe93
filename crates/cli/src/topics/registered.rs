use headwater_kafka::topics::{SchemaRegistry, SchemaStatus, SchemaSubject};
use headwater_kafka::{Error, ErrorKind};
use headwater_schema::avro::AvroSchema;
use headwater_schema::compatibility::{Direction, Level, check};
use headwater_schema::registry_client::{BlockingRegistry, RegisteredVersion, RegistryClient};

use super::Catalogue;

/// A registry as plans see it.
pub struct Registered {
    registry: BlockingRegistry,
    catalogue: Catalogue,
}

impl Registered {
    /// Compares with the schemas of a catalogue.
    pub const fn new(registry: BlockingRegistry, catalogue: Catalogue) -> Self {
        Self { registry, catalogue }
    }

    fn wanted(&self, subject: &SchemaSubject) -> Result<(AvroSchema, Level), Error> {
        let text = self.catalogue.schema(&subject.schemas)?;
        let schema = AvroSchema::parse(&text)
            .map_err(|error| Error::invalid(format!("{}: {error}", subject.schemas.join(" + "))))?;
        let level = subject.compatibility.as_str().parse().map_err(told)?;
        Ok((schema, level))
    }
}

impl SchemaRegistry for Registered {
    fn compare(&self, subject: &SchemaSubject) -> Result<SchemaStatus, Error> {
        let (schema, level) = self.wanted(subject)?;
        let name = subject.subject.clone();
        let own = schema.clone();
        let (known, actual_level, versions) = self
            .registry
            .wait(|client| async move {
                let versions = versions(&client, &name).await?;
                let known = match client.id_of(&name, &own).await {
                    Ok(id) => Some(id),
                    Err(error) if error.kind() == headwater_schema::ErrorKind::NotFound => None,
                    Err(error) => return Err(error),
                };
                Ok((known, client.level(Some(&name)).await?, versions))
            })
            .map_err(told)?;
        let Some(latest) = versions.last() else { return Ok(SchemaStatus::New) };
        if known == Some(latest.id) {
            return Ok(if actual_level == Some(level) { SchemaStatus::Registered } else { SchemaStatus::NewVersion });
        }
        let earlier: Vec<AvroSchema> = versions
            .iter()
            .map(|version| AvroSchema::parse(&version.schema))
            .collect::<Result<_, _>>()
            .map_err(told)?;
        let conflicts = check(level, &schema, &earlier);
        if conflicts.is_empty() {
            return Ok(SchemaStatus::NewVersion);
        }
        let reasons = conflicts.iter().map(|conflict| {
            let version = versions.get(conflict.earlier_index).map_or(0, |version| version.version.0);
            let direction = match conflict.direction {
                Direction::Backward => format!("it can't read version {version}"),
                Direction::Forward => format!("version {version} can't read it"),
            };
            format!("{direction}: {}", conflict.incompatibility)
        });
        Ok(SchemaStatus::Incompatible(reasons.collect::<Vec<_>>().join("; ")))
    }

    fn register(&self, subject: &SchemaSubject) -> Result<u32, Error> {
        let (schema, level) = self.wanted(subject)?;
        let name = subject.subject.clone();
        let id = self.registry.wait(|client| async move {
            if client.level(Some(&name)).await? != Some(level) {
                client.set_level(Some(&name), level).await?;
            }
            client.register(&name, &schema).await
        });
        id.map(|id| id.0).map_err(|error| told(error).context(format!("subject {}", subject.subject)))
    }
}

/// All versions of a subject, oldest first; none where there is no such subject.
async fn versions(client: &RegistryClient, subject: &str) -> Result<Vec<RegisteredVersion>, headwater_schema::Error> {
    let numbers = match client.versions(subject).await {
        Ok(numbers) => numbers,
        Err(error) if error.kind() == headwater_schema::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut versions = Vec::with_capacity(numbers.len());
    for number in numbers {
        versions.push(client.version(subject, Some(number)).await?);
    }
    Ok(versions)
}

fn told(error: headwater_schema::Error) -> Error {
    let kind = match error.kind() {
        headwater_schema::ErrorKind::Unavailable => ErrorKind::Unavailable,
        headwater_schema::ErrorKind::InvalidSchema => ErrorKind::Invalid,
        headwater_schema::ErrorKind::NotFound => ErrorKind::NotFound,
        _ => ErrorKind::Refused,
    };
    Error::new(kind, error.to_string())
}
