//! A small reader of command lines: `--name value`, `--name=value` and `--switch`, in any order.

use crate::failure::{Failure, Result};

/// The words of a command line that have not been read yet.
pub struct Args {
    rest: Vec<String>,
}

impl Args {
    /// Wraps the words after the command's name.
    pub fn new(words: &[String]) -> Self {
        Self { rest: words.to_vec() }
    }

    /// Takes the next word that is no option.
    pub fn word(&mut self) -> Option<String> {
        let at = self.rest.iter().position(|word| !word.starts_with('-'))?;
        Some(self.rest.remove(at))
    }

    /// Takes `--name value` or `--name=value`; given twice, the last one counts.
    pub fn option(&mut self, name: &str) -> Result<Option<String>> {
        let prefix = format!("{name}=");
        let mut found = None;
        while let Some(at) = self.rest.iter().position(|word| word == name || word.starts_with(&prefix)) {
            let word = self.rest.remove(at);
            found = Some(match word.strip_prefix(&prefix) {
                Some(value) => value.to_owned(),
                None if at < self.rest.len() => self.rest.remove(at),
                None => return Err(Failure::usage(format!("{name} needs a value"))),
            });
        }
        Ok(found)
    }

    /// Takes `--name value` as a number.
    pub fn number<N: std::str::FromStr>(&mut self, name: &str) -> Result<Option<N>> {
        let Some(value) = self.option(name)? else {
            return Ok(None);
        };
        value.parse().map(Some).map_err(|_| Failure::usage(format!("{name} takes a number, not `{value}`")))
    }

    /// Takes `--name` where it stands alone.
    pub fn switch(&mut self, name: &str) -> bool {
        let before = self.rest.len();
        self.rest.retain(|word| word != name);
        self.rest.len() != before
    }

    /// Refuses what nobody took.
    pub fn finish(self) -> Result<()> {
        match self.rest.first() {
            None => Ok(()),
            Some(word) => Err(Failure::usage(format!("unknown argument `{word}`; see `cargo xtask help`"))),
        }
    }
}

#[cfg(test)]
mod tests;
