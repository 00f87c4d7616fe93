//! `headwater produce`: commands as people type them, checked before they are sent, none lost silently.

mod lines;
mod sending;

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::PathBuf;

use clap::Args;
use headwater_log::Headers;

use crate::Error;
use crate::args::ConnectionArgs;
use crate::cluster::{Cluster, partition_of};
use crate::output::{Progress, counted, note};
use crate::settings::Settings;
use lines::{KeyOf, LineReader, Reading};
use sending::Sending;

/// `headwater produce`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater produce orders.ndjson                                    commands on orders, a line each\n  \
    echo '{\"type\":\"ReceiveStock\",\"sku\":\"84029E\",\"quantity\":1000}' | headwater produce -t inventory.commands\n  \
    zcat orders.ndjson.gz | headwater produce -t orders.commands       from another program\n  \
    headwater produce -t my.topic --no-check --key-field id lines.json any topic, lines as they are\n\n\
    A line that does not fit its schema is named with the field and the remedy, and is not sent; the others are.\n\
    Exit code 1 if any line was not delivered.")]
pub struct ProduceArgs {
    /// NDJSON, a command on each line; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    /// The topic
    #[arg(short = 't', long, value_name = "TOPIC", default_value = "orders.commands")]
    pub topic: String,
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// The key of every record [default: the id of the command's aggregate]
    #[arg(short = 'k', long, value_name = "KEY", conflicts_with_all = ["key_field", "no_key"])]
    pub key: Option<String>,
    /// The field that holds the key
    #[arg(long, value_name = "FIELD", conflicts_with = "no_key")]
    pub key_field: Option<String>,
    /// Send records without a key, as consoles do
    #[arg(long)]
    pub no_key: bool,
    /// Send every record to this partition [default: by murmur2 of the key]
    #[arg(short = 'p', long, value_name = "N")]
    pub partition: Option<u32>,
    /// A header of every record; may be repeated
    #[arg(short = 'H', long = "header", value_name = "NAME=VALUE")]
    pub headers: Vec<String>,
    /// Send lines as they are, whatever they hold
    #[arg(long)]
    pub no_check: bool,
}

/// Runs it.
///
/// # Errors
/// Usage for flags that can't work; failed when a line was not delivered.
pub fn run(arguments: &ProduceArgs, settings: &Settings) -> Result<(), Error> {
    let headers = headers(&arguments.headers)?;
    let key = match (&arguments.key, &arguments.key_field) {
        (Some(key), _) => KeyOf::Fixed(key.clone()),
        (None, Some(field)) => KeyOf::Field(field.clone()),
        (None, None) if arguments.no_key => KeyOf::None,
        (None, None) => KeyOf::Aggregate,
    };
    let reader = LineReader::new(&arguments.topic, key, !arguments.no_check)?;
    let (input, bytes) = open(&arguments.file)?;
    let cluster = Cluster::reach(settings, &arguments.connection)?;
    let topic = cluster.topic(&arguments.topic)?;
    let partition = arguments.partition.map(|number| partition_of(&topic, number)).transpose()?;
    let progress = Progress::of_input(bytes);
    let mut sending = Sending::new(&cluster.connection, &topic.name, partition.map(|at| at.partition), headers)?;
    let outcome = send_all(input, &reader, &mut sending, &progress);
    progress.finish();
    let totals = outcome?;
    note(&format!(
        "{} delivered to {}, {} refused, {} failed",
        counted(totals.delivered, "record"),
        topic.name,
        totals.refused,
        totals.failed
    ));
    match totals.refused + totals.failed {
        0 => Ok(()),
        lost => Err(Error::failed(format!("{} not delivered: see above", was(lost)))),
    }
}

fn was(lines: u64) -> String {
    format!("{} {}", counted(lines, "line"), if lines == 1 { "was" } else { "were" })
}

/// What became of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// Records that the cluster has.
    pub delivered: u64,
    /// Lines that do not fit.
    pub refused: u64,
    /// Records that could not be delivered.
    pub failed: u64,
}

fn send_all(
    mut input: Box<dyn BufRead>,
    reader: &LineReader,
    sending: &mut Sending,
    progress: &Progress,
) -> Result<Totals, Error> {
    let (mut line, mut number, mut read) = (Vec::new(), 0_u64, 0_u64);
    let mut refused = 0;
    loop {
        line.clear();
        let length = match lines::next(&mut input, &mut line) {
            Ok(0) => break,
            Ok(length) => length,
            Err(error) => {
                // What was sent before is accounted for all the same.
                let totals = sending.finish(|failed| progress.line(failed));
                return Err(Error::failed(format!(
                    "the input can't be read after line {number}: {error}; {} of it delivered",
                    counted(totals.delivered, "record")
                )));
            }
        };
        number += 1;
        read += length as u64;
        match reader.read(&line) {
            Reading::Blank => {}
            Reading::Record(record) => sending.send(number, &record, |failed| progress.line(failed)),
            Reading::Refused(reason) => {
                refused += 1;
                progress.line(&format!("line {number}: {reason}"));
            }
        }
        progress.set(read);
        if number.is_multiple_of(1_000) {
            progress.say(format!("{} delivered", sending.delivered()));
        }
    }
    let totals = sending.finish(|failed| progress.line(failed));
    Ok(Totals { refused, ..totals })
}

fn open(file: &PathBuf) -> Result<(Box<dyn BufRead>, Option<u64>), Error> {
    if file.as_os_str() == "-" {
        return Ok((Box::new(BufReader::new(stdin())), None));
    }
    let unreadable = |error: std::io::Error| Error::usage(format!("{} can't be read: {error}", file.display()));
    let opened = File::open(file).map_err(unreadable)?;
    let length = opened.metadata().map_err(unreadable)?.len();
    Ok((Box::new(BufReader::with_capacity(1 << 18, opened)), Some(length)))
}

fn headers(given: &[String]) -> Result<Headers, Error> {
    let mut headers = Headers::new();
    for header in given {
        let (name, value) = header.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
            Error::usage(format!("-H {header}: write it as name=value, like -H ce_correlationid=batch-7"))
        })?;
        headers.push(name, value);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
