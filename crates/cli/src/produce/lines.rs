use std::io::{self, BufRead};

use headwater_contracts::topics::ALL_TOPICS;
use headwater_schema::json_command::{CommandSet, peek_string};
use headwater_streams::SourceKind;

use crate::Error;
use crate::platform;

/// Longer lines than this are no records that any topic takes.
const LINE_BYTES_MAX: usize = 32 << 20;

/// Where a record's key comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyOf {
    /// The id of the command's aggregate: its first field.
    Aggregate,
    /// The same for all.
    Fixed(String),
    /// A field of the line.
    Field(String),
    /// There is none.
    None,
}

/// A line as it is sent.
#[derive(Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value: the line itself, so that what arrives is what was typed.
    pub value: &'a [u8],
}

/// What a line is.
#[derive(Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// Nothing.
    Blank,
    /// A record.
    Record(Line<'a>),
    /// It does not fit: why.
    Refused(String),
}

/// Reads lines for one topic.
pub struct LineReader {
    commands: Option<CommandSet>,
    key: KeyOf,
    check: bool,
}

impl LineReader {
    /// A reader for a topic by its declared name; `check` compares lines with what the topic takes.
    ///
    /// # Errors
    /// Usage, when lines of the topic can't be checked, or have no key that can be told.
    pub fn new(topic: &str, key: KeyOf, check: bool) -> Result<Self, Error> {
        let commands = commands_of(topic)?;
        if commands.is_none() && check {
            let topics = command_topics()?.join(", ");
            return Err(Error::usage(format!(
                "{topic} takes no commands, so lines for it can't be checked: choose from {topics}, or send lines as they \
                 are with --no-check"
            )));
        }
        if commands.is_none() && key == KeyOf::Aggregate {
            return Err(Error::usage(format!(
                "what the key of a line for {topic} is can't be told: use --key, --key-field or --no-key"
            )));
        }
        Ok(Self { commands, key, check })
    }

    /// Reads one line, its line break included or not.
    pub fn read<'a>(&self, line: &'a [u8]) -> Reading<'a> {
        let value = line.trim_ascii();
        if value.is_empty() {
            return Reading::Blank;
        }
        match self.key_of(value) {
            Ok(key) => Reading::Record(Line { key, value }),
            Err(reason) => Reading::Refused(reason),
        }
    }

    /// Unchecked lines get the key that can be found in them, or none.
    fn key_of(&self, value: &[u8]) -> Result<Option<Vec<u8>>, String> {
        let wants_id = self.check || self.key == KeyOf::Aggregate;
        let id = match self.commands.as_ref().filter(|_| wants_id).map(|commands| commands.check(value)) {
            Some(Ok(command)) => first_text(&command.value).filter(|id| !id.trim().is_empty()),
            Some(Err(rejection)) if self.check => return Err(rejection.to_string()),
            Some(Err(_)) | None => None,
        };
        match &self.key {
            KeyOf::None => Ok(None),
            KeyOf::Fixed(key) => Ok(Some(key.clone().into_bytes())),
            KeyOf::Aggregate if id.is_none() && self.check => {
                Err("the id is empty: every command names its aggregate".to_owned())
            }
            KeyOf::Aggregate => Ok(id.map(String::into_bytes)),
            KeyOf::Field(field) => match peek_string(value, field) {
                Some(key) => Ok(Some(key.into_bytes())),
                None => Err(format!("no text in field {field:?} to be the key: add it, or use --key or --no-key")),
            },
        }
    }
}

/// Reads the next line, up to a bound; 0 at the end.
///
/// # Errors
/// What the input answers, and a line that is too long.
pub fn next(input: &mut dyn BufRead, line: &mut Vec<u8>) -> io::Result<usize> {
    let length = io::Read::take(&mut *input, LINE_BYTES_MAX as u64 + 1).read_until(b'\n', line)?;
    if length > LINE_BYTES_MAX {
        return Err(io::Error::other(format!("a line is longer than {} MiB", LINE_BYTES_MAX >> 20)));
    }
    Ok(length)
}

fn first_text(command: &serde_json::Value) -> Option<String> {
    command.as_object()?.values().next()?.as_str().map(str::to_owned)
}

/// The commands that a topic takes; None where it takes none.
fn commands_of(topic: &str) -> Result<Option<CommandSet>, Error> {
    if !command_topics()?.iter().any(|known| known == topic) {
        return Ok(None);
    }
    let declared = ALL_TOPICS.iter().find(|declared| declared.name == topic);
    let schemas: Vec<&str> =
        declared.iter().flat_map(|declared| declared.types).map(|message| message.schema).collect();
    Ok(Some(CommandSet::compile(&schemas)?))
}

/// The topics that processors read commands from, by declared name.
fn command_topics() -> Result<Vec<String>, Error> {
    let topologies = platform::all()?;
    let sources = topologies.iter().flat_map(|topology| topology.subtopologies()).flat_map(|part| &part.sources);
    let commands = sources.filter(|source| source.kind == SourceKind::Commands);
    let mut topics: Vec<String> = commands.map(|source| source.topic.clone()).collect();
    topics.sort();
    topics.dedup();
    Ok(topics)
}
