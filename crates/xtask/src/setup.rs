//! What the build and the tests need from the machine: looked for, then installed or named.

mod libclang;
mod packages;
mod probe;

use std::process::Command;

use crate::failure::{Failure, Result};
use crate::process;
use packages::Manager;
use probe::Part;

/// What is about to be done, and so what must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Compiling the workspace.
    Build,
    /// Compiling, and the tests against Apache Kafka and the README's commands.
    Test,
    /// Only what runs Apache Kafka and the registry.
    Java,
}

/// Looks for every part that `purpose` needs, installs what is missing where it may,
/// and otherwise fails with the exact command.
pub fn ensure(purpose: Purpose) -> Result<()> {
    let missing = missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    for part in &missing {
        eprintln!("missing: {}", part.what());
    }
    let manager = Manager::of_this_machine();
    let Some(manager) = manager else {
        return Err(Failure::new(format!(
            "install these with your package manager, then run this again: {}",
            names(&missing)
        )));
    };
    let lines = manager.install_lines(&missing);
    if !(manager == Manager::Apt && is_root()) {
        let sudo = if manager == Manager::Apt { "sudo " } else { "" };
        return Err(Failure::new(format!(
            "install what is missing, then run this again:\n\n  {}\n",
            lines.iter().map(|line| format!("{sudo}{line}")).collect::<Vec<_>>().join("\n  ")
        )));
    }
    for line in &lines {
        eprintln!("setup: {line}");
        let mut command = Command::new("sh");
        command.args(["-c", line]).env("DEBIAN_FRONTEND", "noninteractive");
        process::run(&mut command)?;
    }
    let missing = self::missing(purpose);
    if missing.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("still missing after the installation: {}", names(&missing))))
}

fn missing(purpose: Purpose) -> Vec<Part> {
    Part::ALL.into_iter().filter(|part| part.serves(purpose) && !part.present()).collect()
}

fn names(parts: &[Part]) -> String {
    let names: Vec<&str> = parts.iter().map(|part| part.what()).collect();
    names.join(", ")
}

fn is_root() -> bool {
    process::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}

#[cfg(test)]
mod tests;
