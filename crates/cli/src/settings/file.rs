use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::Error;

/// Read where it lies in the current folder.
pub const PROJECT_FILE: &str = "headwater.yaml";

/// A project's or a profile's settings; unknown keys are refused, so that a typo can't be taken for a default.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FileSettings {
    /// `host:port[,host:port]`.
    pub brokers: Option<String>,
    /// The schema registry's URLs.
    pub registry: Option<String>,
    /// What stands in front of every topic's name.
    pub topic_prefix: Option<String>,
    /// librdkafka's properties.
    pub properties: BTreeMap<String, String>,
    /// Where `dev` keeps everything.
    pub data_dir: Option<PathBuf>,
    /// Where `run` keeps the stores.
    pub state_dir: Option<PathBuf>,
    /// The embedded broker's port.
    pub kafka_port: Option<u16>,
    /// The embedded registry's port.
    pub registry_port: Option<u16>,
    /// The HTTP API's port.
    pub http_port: Option<u16>,
    /// The HTTP API's address.
    pub http_listen: Option<IpAddr>,
    /// Threads that process records.
    pub workers: Option<usize>,
    /// Memory for stores, caches and fetches, in MiB.
    pub memory_mib: Option<usize>,
}

impl FileSettings {
    /// Reads a file.
    ///
    /// # Errors
    /// Usage, when it is not there or can't be understood.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let name = path.display();
        let text = std::fs::read_to_string(path)
            .map_err(|error| Error::usage(format!("settings {name} cannot be read: {error}")))?;
        Self::parse(&text).map_err(|error| error.context(format!("settings {name}")))
    }

    /// Reads the text of a file; an empty one sets nothing.
    ///
    /// # Errors
    /// Usage, when it can't be understood.
    pub fn parse(text: &str) -> Result<Self, Error> {
        if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#')) {
            return Ok(Self::default());
        }
        serde_saphyr::from_str(text).map_err(|error| Error::usage(error.to_string()))
    }
}
