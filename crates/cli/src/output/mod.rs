//! How tools speak: tables for people, JSON and YAML for programs, progress on standard error.

mod grid;
mod progress;

use std::io::{ErrorKind, IsTerminal, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::Error;

pub use grid::{Grid, one_line};
pub use progress::Progress;

/// How an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// One JSON document.
    Json,
    /// One YAML document.
    Yaml,
}

/// The flag that says how an answer is written.
#[derive(Debug, Clone, Copy, Default, Args)]
pub struct OutputArgs {
    /// How the answer is written
    #[arg(short = 'o', long = "output", value_enum, default_value_t = Format::Table, value_name = "FORMAT")]
    pub format: Format,
}

impl OutputArgs {
    /// Writes a document as asked for; `table` is only made where it is shown.
    ///
    /// # Errors
    /// When standard output can't be written.
    pub fn print<T: Serialize + ?Sized>(self, document: &T, table: impl FnOnce() -> String) -> Result<(), Error> {
        write_out(&render(self.format, document, table)?)
    }
}

/// A document as text, ending with a line break.
///
/// # Errors
/// When it can't be written as JSON or YAML.
pub fn render<T: Serialize + ?Sized>(
    format: Format,
    document: &T,
    table: impl FnOnce() -> String,
) -> Result<String, Error> {
    let mut text = match format {
        Format::Table => table(),
        Format::Json => serde_json::to_string_pretty(document)
            .map_err(|error| Error::failed(format!("the answer can't be written as JSON: {error}")))?,
        Format::Yaml => serde_saphyr::to_string(&document)
            .map_err(|error| Error::failed(format!("the answer can't be written as YAML: {error}")))?,
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Writes to standard output. Where the reader has gone away (`| head`), the process ends quietly.
///
/// # Errors
/// When it can't be written for another reason.
pub fn write_out(text: &str) -> Result<(), Error> {
    write_bytes(text.as_bytes())
}

/// As [`write_out`], for bytes.
///
/// # Errors
/// As [`write_out`].
pub fn write_bytes(bytes: &[u8]) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(error) => Err(Error::failed(format!("standard output can't be written: {error}"))),
    }
}

/// Says something to the person at the terminal that is no answer.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// Whether standard output shows colours.
pub fn has_colours() -> bool {
    console::colors_enabled()
}

/// The terminal's width; None where standard output is none.
pub fn width() -> Option<u16> {
    std::io::stdout().is_terminal().then(|| console::Term::stdout().size().1)
}

/// A word that is singular or plural by its count: `1 record`, `2 records`.
pub fn counted(count: u64, word: &str) -> String {
    if count == 1 { format!("1 {word}") } else { format!("{count} {word}s") }
}

#[cfg(test)]
mod tests;
