use serde_json::Value;

use super::{RecordFormat, write};
use crate::Error;
use crate::output::one_line;
use crate::records::{Decoder, Seen, ShownRecord};

const KEY_CHARS: usize = 24;
const TYPE_CHARS: usize = 28;
const VALUE_CHARS: usize = 300;

/// Writes records as they come.
pub struct Printer {
    format: RecordFormat,
    decoder: Decoder,
    bytes: Vec<u8>,
}

impl Printer {
    /// A printer with nothing written.
    pub fn new(format: RecordFormat, decoder: Decoder) -> Self {
        Self { format, decoder, bytes: Vec::new() }
    }

    /// Writes the header, where the format has one.
    ///
    /// # Errors
    /// When standard output can't be written.
    pub fn begin(&mut self) -> Result<(), Error> {
        if self.format == RecordFormat::Table {
            self.bytes.extend_from_slice(row("PLACE", "TIME", "KEY", "TYPE", "VALUE").as_bytes());
        }
        self.flush()
    }

    /// Takes a record in.
    pub fn print(&mut self, seen: &Seen) {
        match self.format {
            RecordFormat::Raw => self.bytes.extend_from_slice(seen.value.as_deref().unwrap_or_default()),
            RecordFormat::Json => {
                let shown = ShownRecord::of(seen, &mut self.decoder);
                // Plain data: it can always be written.
                let _ = serde_json::to_writer(&mut self.bytes, &shown);
            }
            RecordFormat::Table => {
                let shown = ShownRecord::of(seen, &mut self.decoder);
                let line = table_row(&shown);
                self.bytes.extend_from_slice(line.as_bytes());
                return;
            }
        }
        self.bytes.push(b'\n');
    }

    /// Writes what was taken in.
    ///
    /// # Errors
    /// When standard output can't be written.
    pub fn flush(&mut self) -> Result<(), Error> {
        write(&mut self.bytes)
    }
}

/// A record as a line for people.
pub fn table_row(shown: &ShownRecord) -> String {
    let value = match (&shown.problem, &shown.value) {
        (Some(problem), _) => format!("({problem})"),
        (None, Value::Null) => "(deleted)".to_owned(),
        (None, value) => value.to_string(),
    };
    let place = format!("{}:{}", shown.partition, shown.offset);
    let time = shown.timestamp.as_deref().unwrap_or("-");
    row(&place, time, shown.key.as_deref().unwrap_or("-"), shown.short_type(), &value)
}

fn row(place: &str, time: &str, key: &str, kind: &str, value: &str) -> String {
    let key = one_line(key, KEY_CHARS);
    let kind = one_line(kind, TYPE_CHARS);
    let value = one_line(value, VALUE_CHARS);
    format!("{place:<10}  {time:<24}  {key:<12}  {kind:<22}  {value}\n")
}
