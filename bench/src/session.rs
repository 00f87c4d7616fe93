//! One benchmark's place on a Kafka: the names that are its own, both sides' processes, and no trace left behind.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use headwater_kafka::{Admin, ConnectionSettings, ErrorKind};

use crate::figures::Figures;
use crate::peer::{Peer, read};
use crate::work::Failure;

/// What a topic of input holds; the same is loaded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contents {
    pub records: u64,
    pub keys: u64,
    pub value_bytes: u64,
    pub partitions: u64,
}

pub struct Session {
    pub bootstrap: String,
    peer: Peer,
    program: PathBuf,
    /// Keeps names of topics and applications apart from those of other benchmarks on this Kafka.
    tag: String,
    scratch: tempfile::TempDir,
    loaded: RefCell<Vec<Contents>>,
}

impl Session {
    pub fn open(bootstrap: &str) -> Result<Self, Failure> {
        Ok(Self {
            bootstrap: bootstrap.to_owned(),
            peer: Peer::build(bootstrap)?,
            program: std::env::current_exe()?,
            tag: format!("hwbench-{}", std::process::id()),
            scratch: tempfile::tempdir()?,
            loaded: RefCell::default(),
        })
    }

    /// A name that nobody else on this Kafka has.
    pub fn name(&self, rest: &str) -> String {
        format!("{}-{rest}", self.tag)
    }

    /// A folder for a process's state, not made yet.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    /// The topic with these contents; loaded now, unless it was before.
    pub fn input(&self, contents: &Contents) -> Result<String, Failure> {
        let Contents { records, keys, value_bytes, partitions } = contents;
        let topic = self.name(&format!("in-{records}-{keys}-{value_bytes}-{partitions}"));
        if !self.loaded.borrow().contains(contents) {
            eprintln!("loading {records} records of {keys} keys, {value_bytes} bytes, {partitions} partitions");
            let sizes = [("n", records), ("keys", keys), ("value", value_bytes), ("parts", partitions)];
            let sizes = sizes.map(|(name, value)| (name, value.to_string()));
            if let Err(error) = self.peer(&sizes, &["load", &topic]) {
                // Half of it must not be taken for the whole by who comes next.
                delete_topics(&self.bootstrap, |name| name == topic)
                    .map_err(|left| format!("{error}; and what was loaded is left: {left}"))?;
                return Err(error);
            }
            self.loaded.borrow_mut().push(contents.clone());
        }
        Ok(topic)
    }

    /// Runs a mode of the peer to its end.
    pub fn peer(&self, properties: &[(&str, String)], arguments: &[&str]) -> Result<Figures, Failure> {
        read(self.peer.command(properties, arguments), "the peer")
    }

    pub fn peer_command(&self, properties: &[(&str, String)], arguments: &[&str]) -> Command {
        self.peer.command(properties, arguments)
    }

    /// Runs a mode of ours to its end.
    pub fn own(&self, arguments: &[String]) -> Result<Figures, Failure> {
        read(self.own_command(arguments), "headwater")
    }

    pub fn own_command<A: AsRef<str>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("work").args(arguments.iter().map(AsRef::as_ref));
        command.env("KAFKA_BOOTSTRAP_SERVERS", &self.bootstrap);
        command
    }

    /// Ends a piece of work: its topics, changelogs among them, and its folder.
    pub fn forget(&self, name: &str) -> Result<(), Failure> {
        delete_topics(&self.bootstrap, |topic| topic.starts_with(name))?;
        remove_folder(&self.folder(name))
    }

    /// The topics of input go, too.
    pub fn forget_inputs(&self) -> Result<(), Failure> {
        self.loaded.borrow_mut().clear();
        let inputs = self.name("in-");
        delete_topics(&self.bootstrap, |topic| topic.starts_with(&inputs))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        // What a failure has left behind.
        if let Err(error) = delete_topics(&self.bootstrap, |topic| topic.starts_with(&format!("{}-", self.tag))) {
            eprintln!("topics {}* are left on {}: {error}", self.tag, self.bootstrap);
        }
    }
}

fn remove_folder(folder: &Path) -> Result<(), Failure> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// Deletes the topics with these names.
pub fn delete_topics(bootstrap: &str, is_wanted: impl Fn(&str) -> bool) -> Result<(), Failure> {
    let admin = Admin::new(&ConnectionSettings::new(bootstrap), Duration::from_secs(30))?;
    let mut names = admin.list_topics()?;
    names.retain(|name| is_wanted(name.as_str()));
    if names.is_empty() {
        return Ok(());
    }
    for (name, outcome) in admin.delete_topics(&names)? {
        match outcome {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                return Err(format!("topic {name} can't be deleted: {error}").into());
            }
            _ => {}
        }
    }
    Ok(())
}
