//! `headwater consume`: a topic's records, decoded, with kcat's words for where to begin.

mod offsets;
mod printing;
mod tail;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::{Args, ValueEnum};
use headwater_kafka::admin::OffsetAt;
use headwater_kafka::{Isolation, LogReader, LogReaderSettings, Next, StartAt, StartOffset};
use headwater_log::{Offset, TopicPartition};

use crate::Error;
use crate::args::ConnectionArgs;
use crate::cluster::{Cluster, partition_of, partitions_of, registry};
use crate::output::write_bytes;
use crate::records::{Decoder, Ends, Seen, ends_of};
use crate::settings::Settings;
use offsets::{OffsetWord, Range};
use printing::Printer;
use tail::Tail;

/// `headwater consume`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater consume -t orders.events -e                        everything, then exit\n  \
    headwater consume -t orders.events -o end                    what comes from now on\n  \
    headwater consume -t orders.events -o -10 -e -f table        the last 10 of each partition\n  \
    headwater consume -t orders.replies -k o-1 -e                what was answered about an order\n  \
    headwater consume -t orders.events -o s@1767225600000 -c 5   5 records since a time, in milliseconds\n  \
    headwater consume -t orders.events -e | jq .value")]
pub struct ConsumeArgs {
    /// The topic
    #[arg(short = 't', long, value_name = "TOPIC")]
    pub topic: String,
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// Where to begin: beginning, end, an offset, -N for the last N of each partition, s@MS at a time; e@MS ends there
    #[arg(
        short = 'o',
        long = "offset",
        value_name = "OFFSET",
        default_value = "beginning",
        allow_hyphen_values = true
    )]
    pub offsets: Vec<OffsetWord>,
    /// Only this partition
    #[arg(short = 'p', long, value_name = "N")]
    pub partition: Option<u32>,
    /// Exit after this many records
    #[arg(short = 'c', long, value_name = "N")]
    pub count: Option<u64>,
    /// Exit at the end of the topic, as it was at the start
    #[arg(short = 'e', long)]
    pub exit: bool,
    /// Only records with this key
    #[arg(short = 'k', long, value_name = "KEY")]
    pub key: Option<String>,
    /// Which records count: those of committed transactions, or all
    #[arg(long, value_enum, value_name = "LEVEL", default_value_t = Level::ReadCommitted)]
    pub isolation: Level,
    /// json: NDJSON with place, headers and decoded value; table: a line for people; raw: the value's bytes
    #[arg(short = 'f', long, value_enum, value_name = "FORMAT", default_value_t = RecordFormat::Json)]
    pub format: RecordFormat,
}

/// Kafka's `isolation.level`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Level {
    /// Records of committed transactions.
    #[value(name = "read_committed", alias = "read-committed")]
    ReadCommitted,
    /// All records.
    #[value(name = "read_uncommitted", alias = "read-uncommitted")]
    ReadUncommitted,
}

/// How records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordFormat {
    /// A JSON object each.
    Json,
    /// A line each, for people.
    Table,
    /// The value's bytes and a line break.
    Raw,
}

/// Runs it.
///
/// # Errors
/// Usage for flags that can't work; failed for what the cluster answers.
pub fn run(arguments: &ConsumeArgs, settings: &Settings) -> Result<(), Error> {
    let range = Range::of(&arguments.offsets)?;
    let cluster = Cluster::reach(settings, &arguments.connection)?;
    let topic = cluster.topic(&arguments.topic)?;
    let partitions = match arguments.partition {
        Some(number) => vec![partition_of(&topic, number)?],
        None => partitions_of(&topic),
    };
    let isolation = match arguments.isolation {
        Level::ReadCommitted => Isolation::ReadCommitted,
        Level::ReadUncommitted => Isolation::ReadUncommitted,
    };
    let ends = ends_of(&cluster.admin, &partitions, isolation)?;
    let times = times(&cluster, &partitions, range.start)?;
    let mut consuming = Consuming {
        printer: Printer::new(arguments.format, Decoder::new(registry(settings, &arguments.connection)?)),
        tail: Tail::new(range.start, &ends),
        until_ms: range.until_ms,
        key: arguments.key.clone().map(String::into_bytes),
        left: arguments.count.unwrap_or(u64::MAX),
    };
    let starts = partitions.iter().map(|partition| StartAt {
        partition: partition.clone(),
        offset: start(range.start, partition, &ends, &times),
    });
    let mut reader =
        LogReader::new(&cluster.connection, &LogReaderSettings { isolation, ..LogReaderSettings::default() })?;
    let starts: Vec<_> = starts.collect();
    reader.assign(&starts)?;
    let mut open: Vec<(TopicPartition, Offset)> = starts
        .iter()
        .filter_map(|start| Some((start, ends.get(&start.partition)?)))
        .filter(|(start, ends)| match start.offset {
            StartOffset::At(offset) => offset < ends.end,
            StartOffset::Beginning | StartOffset::End => false,
        })
        .map(|(start, ends)| (start.partition.clone(), ends.end))
        .collect();
    consuming.printer.begin()?;
    while consuming.left > 0 && !(arguments.exit && open.is_empty()) {
        let polled = reader.poll(Duration::from_millis(200), 1_000, |record| {
            consuming.take(record.partition().get(), Seen::copy(record));
            if consuming.left == 0 { Next::Stop } else { Next::Continue }
        })?;
        if let Some(error) = polled.errors.into_iter().find(|error| !error.is_retriable()) {
            return Err(error.into());
        }
        let mut still_open = Vec::with_capacity(open.len());
        for (partition, end) in open {
            if reader.position(&partition)?.is_some_and(|position| position >= end) {
                consuming.reached_end(partition.partition.get());
            } else {
                still_open.push((partition, end));
            }
        }
        open = still_open;
        consuming.printer.flush()?;
    }
    consuming.printer.flush()
}

/// The offsets of the time to begin at, where one was given; None past the end.
fn times(
    cluster: &Cluster,
    partitions: &[TopicPartition],
    start: OffsetWord,
) -> Result<BTreeMap<TopicPartition, Option<Offset>>, Error> {
    let OffsetWord::Since(time_ms) = start else { return Ok(BTreeMap::new()) };
    let asked: Vec<_> = partitions.iter().map(|partition| (partition.clone(), OffsetAt::Time(time_ms))).collect();
    let listed = cluster.admin.list_offsets(&asked, Isolation::ReadUncommitted)?;
    Ok(listed.into_iter().map(|listed| (listed.partition, listed.offset)).collect())
}

/// Where to begin in a partition; always an offset, so that nothing is missed between the question and the fetch.
fn start(
    word: OffsetWord,
    partition: &TopicPartition,
    ends: &BTreeMap<TopicPartition, Ends>,
    times: &BTreeMap<TopicPartition, Option<Offset>>,
) -> StartOffset {
    let Some(ends) = ends.get(partition) else { return StartOffset::Beginning };
    StartOffset::At(match word {
        OffsetWord::Beginning | OffsetWord::Until(_) => ends.beginning,
        OffsetWord::End => ends.end,
        OffsetWord::At(offset) => offset.max(ends.beginning),
        OffsetWord::Last(count) => tail::start(count, *ends),
        OffsetWord::Since(_) => times.get(partition).copied().flatten().unwrap_or(ends.end),
    })
}

struct Consuming {
    printer: Printer,
    tail: Tail,
    until_ms: Option<i64>,
    key: Option<Vec<u8>>,
    left: u64,
}

impl Consuming {
    fn take(&mut self, partition: u32, seen: Seen) {
        let other_key = self.key.is_some() && self.key != seen.key;
        if other_key || self.until_ms.is_some_and(|until| seen.timestamp_ms > until) {
            return;
        }
        if let Some(seen) = self.tail.offer(partition, seen) {
            self.print(&seen);
        }
    }

    fn reached_end(&mut self, partition: u32) {
        for seen in self.tail.reached_end(partition) {
            self.print(&seen);
        }
    }

    fn print(&mut self, seen: &Seen) {
        if self.left > 0 {
            self.left -= 1;
            self.printer.print(seen);
        }
    }
}

/// Writes what was printed.
fn write(bytes: &mut Vec<u8>) -> Result<(), Error> {
    if !bytes.is_empty() {
        write_bytes(bytes)?;
        bytes.clear();
    }
    Ok(())
}

#[cfg(test)]
mod tests;
