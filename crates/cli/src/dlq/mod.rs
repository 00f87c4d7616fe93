//! `headwater dlq`: what could not be processed, why, and another try.

mod letter;
mod redrive;

use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

use clap::{Args, Subcommand};
use headwater_kafka::admin::TopicDescription;
use headwater_kafka::{Isolation, Next};
use headwater_log::{Offset, Partition, TopicPartition};
use serde::Serialize;

use crate::Error;
use crate::args::ConnectionArgs;
use crate::cluster::{Cluster, partitions_of, registry};
use crate::output::{Format, Grid, OutputArgs, note, one_line};
use crate::records::{Decoder, Ends, Seen, ShownRecord, ends_of, read_range};
use crate::settings::Settings;
pub use letter::{Holds, Letter};

const SUFFIX: &str = ".dlq";
const PATIENCE: Duration = Duration::from_secs(15);
/// Reasons of a topic that are listed; a topic of failures has few kinds.
const REASONS_MAX: usize = 5;
const MESSAGE_CHARS: usize = 160;

/// `headwater dlq`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater dlq list\n  \
    headwater dlq show orders.commands              the newest dead letters of a topic\n  \
    headwater dlq show orders.commands 3:17         one of them, with its original\n  \
    headwater dlq redrive orders.commands 3:17      what would be sent again; --yes sends it\n  \
    headwater dlq redrive orders.events --all --reason decode --yes")]
pub struct DlqArgs {
    /// How to reach the cluster.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: DlqCommand,
}

/// What to do about dead letters.
#[derive(Debug, Clone, Subcommand)]
pub enum DlqCommand {
    /// List dead-letter topics with how many records they hold, and why.
    #[command(
        after_help = "Examples:\n  headwater dlq list\n  headwater dlq list -o json | jq '.[] | {topic, records}'"
    )]
    List {
        /// Also those that are empty
        #[arg(long)]
        all: bool,
        /// How the answer is written.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show dead letters, newest last; or one, with its reason and the original.
    #[command(
        after_help = "Examples:\n  headwater dlq show orders.commands --limit 50\n  headwater dlq show orders.commands 3:17 -o json"
    )]
    Show {
        /// The topic; its dead-letter topic is meant, with or without .dlq
        #[arg(value_name = "TOPIC")]
        topic: String,
        /// Which letters, as the list shows them
        #[arg(value_name = "PARTITION:OFFSET")]
        places: Vec<Place>,
        /// How many
        #[arg(long, value_name = "N", default_value_t = 20)]
        limit: usize,
        /// How the answer is written.
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Send dead letters to the topic they came from again, with their ids. Shows a plan; --yes does it.
    Redrive(RedriveArgs),
}

/// `headwater dlq redrive`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:\n  \
    headwater dlq redrive orders.commands 3:17 4:2\n  \
    headwater dlq redrive orders.commands --all --yes\n\n\
    The records stay in the dead-letter topic. Each keeps its id, and carries headwater-redriven: 1.")]
pub struct RedriveArgs {
    /// The topic; its dead-letter topic is meant, with or without .dlq
    #[arg(value_name = "TOPIC")]
    pub topic: String,
    /// Which letters, as `dlq show` shows them
    #[arg(value_name = "PARTITION:OFFSET", required_unless_present = "all", conflicts_with = "all")]
    pub places: Vec<Place>,
    /// All of them
    #[arg(long)]
    pub all: bool,
    /// Only those with this reason: decode, process, produce …
    #[arg(long, value_name = "REASON")]
    pub reason: Option<String>,
    /// Do it
    #[arg(long)]
    pub yes: bool,
    /// How the plan is written.
    #[command(flatten)]
    pub output: OutputArgs,
}

/// A place in a topic: `PARTITION:OFFSET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The partition.
    pub partition: Partition,
    /// The offset.
    pub offset: Offset,
}

impl FromStr for Place {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parsed = || {
            let (partition, offset) = text.split_once(':')?;
            let partition = Partition::from_wire(partition.parse().ok()?).ok()?;
            Some(Self { partition, offset: Offset::new(offset.parse().ok()?).ok()? })
        };
        parsed().ok_or_else(|| format!("{text} is no place: write it as PARTITION:OFFSET, like 3:17"))
    }
}

/// A dead-letter topic in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Summary {
    topic: String,
    records: u64,
    newest: Option<String>,
    reasons: Vec<Reason>,
}

/// Why records were set aside, and how many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Reason {
    reason: String,
    message: String,
    records: u64,
}

/// A letter with the record that it holds.
#[derive(Serialize)]
struct ShownLetter {
    #[serde(flatten)]
    letter: Letter,
    record: ShownRecord,
}

/// Runs it.
///
/// # Errors
/// Usage for what can't be selected; failed for what the cluster answers.
pub fn run(arguments: &DlqArgs, settings: &Settings) -> Result<(), Error> {
    let cluster = Cluster::reach(settings, &arguments.connection)?;
    match &arguments.command {
        DlqCommand::List { all, output } => {
            let mut summaries = Vec::new();
            for topic in dead_letter_topics(&cluster)? {
                let letters = read(&cluster, &topic, None, usize::MAX)?;
                if *all || !letters.is_empty() {
                    summaries.push(summary(topic.name.as_str(), &letters));
                }
            }
            output.print(&summaries, || table(&summaries).to_text())?;
            if summaries.is_empty() && output.format == Format::Table {
                note("no dead letters");
            }
            Ok(())
        }
        DlqCommand::Show { topic, places, limit, output } => {
            let topic = dead_letter_topic(&cluster, topic)?;
            let selected = (!places.is_empty()).then_some(places.as_slice());
            let letters = read(&cluster, &topic, selected, *limit)?;
            let mut decoder = Decoder::new(registry(settings, &arguments.connection)?);
            let shown: Vec<ShownLetter> = letters
                .iter()
                .map(|seen| ShownLetter { letter: Letter::of(seen), record: ShownRecord::of(seen, &mut decoder) })
                .collect();
            output.print(&shown, || match selected {
                Some(_) => shown.iter().map(describe).collect::<Vec<_>>().join("\n"),
                None => list(&shown).to_text(),
            })
        }
        DlqCommand::Redrive(arguments) => {
            let topic = dead_letter_topic(&cluster, &arguments.topic)?;
            let selected = (!arguments.all).then_some(arguments.places.as_slice());
            let letters = read(&cluster, &topic, selected, usize::MAX)?;
            redrive::run(&cluster, letters, arguments)
        }
    }
}

fn dead_letter_topics(cluster: &Cluster) -> Result<Vec<TopicDescription>, Error> {
    let prefix = cluster.connection.prefix();
    let mut names = cluster.admin.list_topics()?;
    names.retain(|name| name.as_str().ends_with(SUFFIX) && prefix.strip(name.as_str()).is_some());
    names.sort();
    cluster.admin.describe_topics(&names)?.into_iter().map(|(_, topic)| Ok(topic?)).collect()
}

fn dead_letter_topic(cluster: &Cluster, name: &str) -> Result<TopicDescription, Error> {
    if name.ends_with(SUFFIX) { cluster.topic(name) } else { cluster.topic(&format!("{name}{SUFFIX}")) }
}

/// Dead letters by time: those at these places, or the newest `limit`.
fn read(
    cluster: &Cluster,
    topic: &TopicDescription,
    places: Option<&[Place]>,
    limit: usize,
) -> Result<Vec<Seen>, Error> {
    let ends = ends_of(&cluster.admin, &partitions_of(topic), Isolation::ReadCommitted)?;
    let ranges = match places {
        None => ends,
        Some(places) => ranges_of(places, &ends)?,
    };
    let mut letters = Vec::new();
    read_range(&cluster.connection, &ranges, Isolation::ReadCommitted, PATIENCE, |seen| {
        let wanted = |place: &Place| place.partition == seen.partition && place.offset == seen.offset;
        if places.is_none_or(|places| places.iter().any(wanted)) {
            letters.push(seen);
        }
        Next::Continue
    })?;
    if let Some(missing) = places
        .unwrap_or_default()
        .iter()
        .find(|place| !letters.iter().any(|seen| seen.partition == place.partition && seen.offset == place.offset))
    {
        return Err(nothing_at(topic.name.as_str(), missing));
    }
    letters.sort_by_key(|seen| (seen.timestamp_ms, seen.partition, seen.offset));
    letters.drain(..letters.len().saturating_sub(limit));
    Ok(letters)
}

fn nothing_at(topic: &str, place: &Place) -> Error {
    Error::usage(format!(
        "{topic} has no record at {}:{}: `headwater dlq show` lists them",
        place.partition, place.offset
    ))
}

/// The least that has to be read to see all places.
fn ranges_of(places: &[Place], ends: &BTreeMap<TopicPartition, Ends>) -> Result<BTreeMap<TopicPartition, Ends>, Error> {
    let mut ranges: BTreeMap<TopicPartition, Ends> = BTreeMap::new();
    for place in places {
        let found = ends.iter().find(|(partition, ends)| {
            partition.partition == place.partition && place.offset >= ends.beginning && place.offset < ends.end
        });
        let (partition, _) = found.ok_or_else(|| nothing_at("the topic", place))?;
        let range = Ends { beginning: place.offset, end: place.offset.next() };
        let known = ranges.entry(partition.clone()).or_insert(range);
        known.beginning = known.beginning.min(range.beginning);
        known.end = known.end.max(range.end);
    }
    Ok(ranges)
}

fn summary(topic: &str, letters: &[Seen]) -> Summary {
    let mut reasons: BTreeMap<(String, String), u64> = BTreeMap::new();
    for seen in letters {
        let letter = Letter::of(seen);
        *reasons.entry((letter.reason, one_line(&letter.message, MESSAGE_CHARS))).or_default() += 1;
    }
    let mut reasons: Vec<Reason> =
        reasons.into_iter().map(|((reason, message), records)| Reason { reason, message, records }).collect();
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.records));
    let newest = letters.iter().map(|seen| seen.timestamp_ms).max();
    Summary {
        topic: topic.to_owned(),
        records: letters.len() as u64,
        newest: newest.map(|ms| headwater_event::Timestamp::from_millis(ms).to_string()),
        reasons,
    }
}

fn table(summaries: &[Summary]) -> Grid {
    let mut grid = Grid::new(&["TOPIC", "RECORDS", "REASON", "MESSAGE"]);
    for summary in summaries {
        if summary.reasons.is_empty() {
            grid.row([summary.topic.as_str(), "0", "-", "-"]);
        }
        for reason in summary.reasons.iter().take(REASONS_MAX) {
            grid.row([&summary.topic, &reason.records.to_string(), &reason.reason, &reason.message]);
        }
        let more = summary.reasons.get(REASONS_MAX..).unwrap_or_default();
        if !more.is_empty() {
            let records: u64 = more.iter().map(|reason| reason.records).sum();
            grid.row([&summary.topic, &records.to_string(), "…", &format!("{} more reasons", more.len())]);
        }
    }
    grid
}

fn list(letters: &[ShownLetter]) -> Grid {
    let mut grid = Grid::new(&["PLACE", "TIME", "KEY", "REASON", "MESSAGE"]);
    for ShownLetter { letter, record } in letters {
        grid.row([
            letter.place.clone(),
            record.timestamp.clone().unwrap_or_default(),
            one_line(record.key.as_deref().unwrap_or("-"), 40),
            letter.reason.clone(),
            one_line(&letter.message, MESSAGE_CHARS),
        ]);
    }
    grid
}

fn describe(shown: &ShownLetter) -> String {
    let ShownLetter { letter, record } = shown;
    let source = match letter.source() {
        Some((topic, partition, offset)) => format!("{topic} partition {partition} offset {offset}"),
        None => letter.source_topic.clone().unwrap_or_else(|| "unknown".to_owned()),
    };
    let mut text = format!(
        "place    {}\nreason   {}\nmessage  {}\nfrom     {source}\ntime     {}\nkey      {}\n",
        letter.place,
        letter.reason,
        one_line(&letter.message, 2_000),
        record.timestamp.as_deref().unwrap_or("-"),
        one_line(record.key.as_deref().unwrap_or("(none)"), 200),
    );
    if let Some(obstacle) = letter.obstacle() {
        text.push_str(&format!("redrive  not possible: {obstacle}\n"));
    }
    text.push_str("headers\n");
    for (name, value) in record.headers.iter().filter(|(name, _)| !name.starts_with("__streams.errors.")) {
        text.push_str(&format!("  {name}: {}\n", one_line(value.as_str().unwrap_or("null"), 500)));
    }
    if let Some(problem) = &record.problem {
        text.push_str(&format!("value    can't be decoded: {problem}\n"));
    }
    let value = match record.value.as_str() {
        Some(value) => one_line(value, 10_000),
        None => serde_json::to_string_pretty(&record.value).unwrap_or_default(),
    };
    text.push_str(&format!("value\n{value}\n"));
    text
}

#[cfg(test)]
mod tests;
