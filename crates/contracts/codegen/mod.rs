//! The generator: Avro schemas and topics.yaml in, Rust source out. Pure; the build script does the reading and writing.

mod error;
mod model;
mod schema_text;
mod sets;
mod topics;
mod types;

pub use error::Error;
pub use model::SchemaFile;

use model::Catalogue;
use topics::Declarations;

/// Rust source of every module of the crate: one by context, then `sets`, `domains` and `topics`.
///
/// # Errors
/// When a schema or topics.yaml is not what the generator can turn into types; the message names the place.
pub fn generate(schemas: &[SchemaFile], topics_yaml: &str) -> Result<String, Error> {
    let catalogue = Catalogue::parse(schemas)?;
    let declarations = Declarations::parse(topics_yaml)?;
    declarations.check(&catalogue)?;
    let mut code = types::write(&catalogue, &declarations)?;
    code.push_str(&sets::write(&catalogue, &declarations)?);
    Ok(code)
}

#[cfg(test)]
mod tests;
