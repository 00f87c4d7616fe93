use std::path::PathBuf;

use headwater_contracts::topics::ALL_TOPICS;
use headwater_kafka::Error;
use headwater_kafka::topics::full_name;
use serde_json::{Map, Value};

/// Types of Avro itself.
const PRIMITIVES: [&str; 8] = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"];
/// Records within records, at most.
const DEPTH_MAX: usize = 32;

/// Where the schemas of a declaration are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Catalogue {
    /// In this binary.
    BuiltIn,
    /// Files below a folder: `schemas/<context>/<Name>.avsc` has `headwater.<context>.<Name>`.
    Beside(PathBuf),
}

impl Catalogue {
    /// Of files beside a topics.yaml.
    pub const fn beside(folder: PathBuf) -> Self {
        Self::Beside(folder)
    }

    /// The full name of the record in a schema file.
    ///
    /// # Errors
    /// Invalid, when there is no such file or it is no named schema.
    pub fn full_name(&self, path: &str) -> Result<String, Error> {
        match self {
            Self::BuiltIn => of_path(path)
                .ok_or_else(|| Error::invalid(format!("{path}: a schema's path is schemas/<context>/<Name>.avsc"))),
            Self::Beside(_) => full_name(&self.read(path)?, path),
        }
    }

    /// What is registered for schema files: one schema, or the union of several; types that they refer to are written
    /// out where they are first used.
    ///
    /// # Errors
    /// Invalid, for a file that can't be read or a type that nobody defines.
    pub fn schema(&self, paths: &[String]) -> Result<String, Error> {
        match self {
            Self::BuiltIn => built_in(paths),
            Self::Beside(_) => {
                let mut defined = Vec::new();
                let mut branches = Vec::with_capacity(paths.len());
                for path in paths {
                    let schema = self.parse(path)?;
                    branches.push(self.complete(schema, "", &mut defined, DEPTH_MAX)?);
                }
                let whole = if branches.len() == 1 { branches.swap_remove(0) } else { Value::Array(branches) };
                Ok(whole.to_string())
            }
        }
    }

    fn read(&self, path: &str) -> Result<String, Error> {
        let Self::Beside(folder) = self else { return built_in(&[path.to_owned()]) };
        let file = folder.join(path);
        std::fs::read_to_string(&file)
            .map_err(|error| Error::invalid(format!("schema {} can't be read: {error}", file.display())))
    }

    fn parse(&self, path: &str) -> Result<Value, Error> {
        serde_json::from_str(&self.read(path)?).map_err(|error| Error::invalid(format!("schema {path}: {error}")))
    }

    /// Replaces the first use of a type that is defined elsewhere by its definition.
    fn complete(&self, schema: Value, space: &str, defined: &mut Vec<String>, depth: usize) -> Result<Value, Error> {
        let Some(depth) = depth.checked_sub(1) else {
            return Err(Error::invalid(format!("schemas are nested deeper than {DEPTH_MAX}: flatten them")));
        };
        match schema {
            Value::String(name) if PRIMITIVES.contains(&name.as_str()) => Ok(Value::String(name)),
            Value::String(name) => {
                let full = if name.contains('.') || space.is_empty() { name } else { format!("{space}.{name}") };
                if defined.contains(&full) {
                    return Ok(Value::String(full));
                }
                let path = to_path(&full).ok_or_else(|| {
                    Error::invalid(format!("type {full} is not defined: give it a file schemas/<context>/<Name>.avsc"))
                })?;
                let definition = self.parse(&path)?;
                self.complete(definition, "", defined, depth)
            }
            Value::Array(branches) => {
                let completed = branches.into_iter().map(|branch| self.complete(branch, space, defined, depth));
                Ok(Value::Array(completed.collect::<Result<_, _>>()?))
            }
            Value::Object(object) => self.complete_object(object, space, defined, depth),
            other => Ok(other),
        }
    }

    fn complete_object(
        &self,
        mut object: Map<String, Value>,
        space: &str,
        defined: &mut Vec<String>,
        depth: usize,
    ) -> Result<Value, Error> {
        let text = |name: &str| object.get(name).and_then(Value::as_str);
        let mut own_space = space.to_owned();
        if matches!(text("type"), Some("record" | "enum" | "fixed")) {
            let name = text("name").unwrap_or_default();
            let full = match (name.contains('.'), text("namespace").unwrap_or(space)) {
                (false, namespace) if !namespace.is_empty() => format!("{namespace}.{name}"),
                _ => name.to_owned(),
            };
            own_space = full.rsplit_once('.').map(|(space, _)| space.to_owned()).unwrap_or_default();
            defined.push(full);
        } else {
            for part in ["type", "items", "values"] {
                if let Some(inner) = object.get_mut(part)
                    && !matches!(inner.as_str(), Some("array" | "map"))
                {
                    *inner = self.complete(inner.take(), space, defined, depth)?;
                }
            }
        }
        if let Some(Value::Array(fields)) = object.get_mut("fields") {
            for field in fields {
                if let Some(kind) = field.get_mut("type") {
                    *kind = self.complete(kind.take(), &own_space, defined, depth)?;
                }
            }
        }
        Ok(Value::Object(object))
    }
}

/// `schemas/orders/OrderCreated.avsc` as `headwater.orders.OrderCreated`; what is shared has no context.
fn of_path(path: &str) -> Option<String> {
    let (context, name) = path.strip_prefix("schemas/")?.strip_suffix(".avsc")?.split_once('/')?;
    Some(if context == "shared" { format!("headwater.{name}") } else { format!("headwater.{context}.{name}") })
}

fn to_path(full_name: &str) -> Option<String> {
    let (space, name) =
        full_name.strip_prefix("headwater.").map(|rest| rest.rsplit_once('.').unwrap_or(("shared", rest)))?;
    Some(format!("schemas/{space}/{name}.avsc"))
}

fn built_in(paths: &[String]) -> Result<String, Error> {
    let names: Vec<String> = paths.iter().filter_map(|path| of_path(path)).collect();
    let found = ALL_TOPICS.iter().find_map(|topic| match (names.as_slice(), topic.value_schema) {
        ([one], None) => topic.types.iter().find(|message| message.full_name == one).map(|message| message.schema),
        (all, Some(schema)) => {
            let same = topic.types.len() == all.len()
                && topic.types.iter().zip(all).all(|(message, name)| message.full_name == name);
            same.then_some(schema)
        }
        _ => None,
    });
    found.map(str::to_owned).ok_or_else(|| {
        Error::invalid(format!("{} is not built in: name the declaration with --file", paths.join(" + ")))
    })
}
