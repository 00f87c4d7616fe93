use std::path::PathBuf;

use super::{Environment, set};
use crate::Error;

/// `$XDG_DATA_HOME/headwater`, or `~/.local/share/headwater`.
///
/// # Errors
/// Usage, when neither XDG_DATA_HOME nor HOME is set.
pub fn data_home(environment: &Environment) -> Result<PathBuf, Error> {
    home(environment, "XDG_DATA_HOME", ".local/share")
        .map(|home| home.join("headwater"))
        .ok_or_else(|| Error::usage("there is no HOME to keep data in: name a folder with --data-dir or --state-dir"))
}

/// The file of a profile.
///
/// # Errors
/// Usage, when there is no home, or the name would lead elsewhere.
pub fn profile_path(environment: &Environment, name: &str) -> Result<PathBuf, Error> {
    if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\']) {
        return Err(Error::usage(format!("profile {name:?}: a name holds no slash and starts with no dot")));
    }
    let home = home(environment, "XDG_CONFIG_HOME", ".config")
        .ok_or_else(|| Error::usage("there is no HOME to read profiles from: name a file with --config"))?;
    Ok(home.join("headwater/profiles").join(format!("{name}.yaml")))
}

fn home(environment: &Environment, variable: &str, below_home: &str) -> Option<PathBuf> {
    let own = set(environment, variable).map(PathBuf::from).filter(|path| path.is_absolute());
    own.or_else(|| set(environment, "HOME").map(|home| PathBuf::from(home).join(below_home)))
}

/// The host's name, which an instance is called by unless told otherwise.
pub fn host_name(environment: &Environment) -> String {
    let from_kernel = || std::fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let name = set(environment, "HOSTNAME").or_else(from_kernel).unwrap_or_default();
    let legal: String = name.trim().chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    if legal.is_empty() { "local".to_owned() } else { legal }
}
