//! Where a setting comes from: a flag, else the environment, else headwater.yaml, else a profile, else the default.

mod defaults;
mod file;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use headwater_kafka::{ConnectionSettings, MessageBroker};

use crate::Error;
use crate::args::{ConnectionArgs, GlobalArgs};

use defaults::data_home;
pub use defaults::host_name;
pub use file::FileSettings;

/// The variables of the environment, by name; a map, so that tests can say what is in it.
pub type Environment = BTreeMap<String, String>;

/// Everything under the flags.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    environment: Environment,
    project: FileSettings,
    profile: FileSettings,
}

impl Settings {
    /// Reads the project's file (headwater.yaml, where there is one) and the chosen profile.
    ///
    /// # Errors
    /// Usage, when a file that was named is not there, or one that is can't be understood.
    pub fn load(global: &GlobalArgs, environment: Environment) -> Result<Self, Error> {
        let named = |flag: Option<String>, variable: &str| flag.or_else(|| set(&environment, variable));
        let config = named(global.config.as_ref().map(|path| path.display().to_string()), "HEADWATER_CONFIG");
        let project = match config {
            Some(path) => FileSettings::read(Path::new(&path))?,
            None if Path::new(file::PROJECT_FILE).exists() => FileSettings::read(Path::new(file::PROJECT_FILE))?,
            None => FileSettings::default(),
        };
        let profile = match named(global.profile.clone(), "HEADWATER_PROFILE") {
            Some(name) => FileSettings::read(&defaults::profile_path(&environment, &name)?)?,
            None => FileSettings::default(),
        };
        Ok(Self { environment, project, profile })
    }

    /// Settings of these layers.
    #[cfg(test)]
    pub fn of_layers(environment: Environment, project: FileSettings, profile: FileSettings) -> Self {
        Self { environment, project, profile }
    }

    /// The environment.
    #[must_use]
    pub const fn environment(&self) -> &Environment {
        &self.environment
    }

    /// A text: flag, else variable, else file, else profile. Empty variables count as not set.
    pub fn text(
        &self,
        flag: Option<&str>,
        variable: &str,
        of_file: impl Fn(&FileSettings) -> Option<String>,
    ) -> Option<String> {
        flag.map(str::to_owned)
            .or_else(|| set(&self.environment, variable))
            .or_else(|| of_file(&self.project))
            .or_else(|| of_file(&self.profile))
    }

    /// Anything that is a number or word: flag, else variable, else file, else profile.
    ///
    /// # Errors
    /// Usage, when the variable holds something else.
    pub fn value<T: std::str::FromStr>(
        &self,
        flag: Option<T>,
        variable: &str,
        of_file: impl Fn(&FileSettings) -> Option<T>,
    ) -> Result<Option<T>, Error> {
        if flag.is_some() {
            return Ok(flag);
        }
        if let Some(text) = set(&self.environment, variable) {
            let value = text.parse().map_err(|_| Error::usage(format!("{variable}={text} can't be understood")))?;
            return Ok(Some(value));
        }
        Ok(of_file(&self.project).or_else(|| of_file(&self.profile)))
    }

    /// The brokers, where any layer names some.
    #[must_use]
    pub fn brokers(&self, arguments: &ConnectionArgs) -> Option<String> {
        self.text(arguments.brokers.as_deref(), "KAFKA_BOOTSTRAP_SERVERS", |file| file.brokers.clone())
    }

    /// The registry's URLs, where any layer names some.
    #[must_use]
    pub fn registry(&self, arguments: &ConnectionArgs) -> Option<String> {
        self.text(arguments.registry.as_deref(), "SCHEMA_REGISTRY_URL", |file| file.registry.clone())
    }

    /// How to reach the cluster. Properties of all layers count; where they name the same, the nearer one wins.
    ///
    /// # Errors
    /// Usage, for a property that is unknown or owned by the platform, or a prefix that no topic can have.
    pub fn connection(&self, arguments: &ConnectionArgs) -> Result<ConnectionSettings, Error> {
        let from_files = self.profile.properties.iter().chain(&self.project.properties);
        let mut properties: Vec<String> = from_files.map(|(name, value)| format!("{name}={value}")).collect();
        properties.extend(arguments.properties.iter().cloned());
        let prefix =
            self.text(arguments.topic_prefix.as_deref(), "KAFKA_TOPIC_PREFIX", |file| file.topic_prefix.clone());
        let brokers = self.brokers(arguments);
        Ok(ConnectionSettings::from_flags(brokers.as_deref(), prefix.as_deref(), &properties, |_| None)?)
    }

    /// `MESSAGE_BROKER`.
    ///
    /// # Errors
    /// Usage, with the reason, for anything but `kafka` and `in_memory`.
    pub fn message_broker(&self) -> Result<MessageBroker, Error> {
        Ok(MessageBroker::from_env(|name| self.environment.get(name).cloned())?)
    }

    /// The folder for data of `parts` below this user's data home, unless a flag, file or profile names one.
    ///
    /// # Errors
    /// Usage, when the user has no home.
    pub fn folder(
        &self,
        flag: Option<&Path>,
        of_file: impl Fn(&FileSettings) -> Option<PathBuf>,
        parts: &[&str],
    ) -> Result<PathBuf, Error> {
        let named = flag.map(Path::to_path_buf).or_else(|| of_file(&self.project)).or_else(|| of_file(&self.profile));
        match named {
            Some(folder) => Ok(folder),
            None => Ok(parts.iter().fold(data_home(&self.environment)?, |folder, part| folder.join(part))),
        }
    }
}

fn set(environment: &Environment, variable: &str) -> Option<String> {
    environment.get(variable).filter(|value| !value.trim().is_empty()).cloned()
}

#[cfg(test)]
mod tests;
