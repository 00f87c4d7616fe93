use std::collections::BTreeMap;
use std::time::Duration;

use headwater_kafka::{Isolation, Next, OutgoingRecord, Producer, ProducerSettings};
use headwater_log::{Partition, TopicName, TopicPartition};
use serde::Serialize;

use super::letter::redriven_headers;
use super::{Holds, Letter, PATIENCE, RedriveArgs};
use crate::Error;
use crate::cluster::Cluster;
use crate::output::{Format, Grid, counted, note};
use crate::records::{Ends, Seen, read_range};

/// What is sent again, and what can't be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct RedrivePlan {
    /// Letters that go back.
    pub records: Vec<Planned>,
    /// Letters that can't, and why.
    pub left_out: Vec<LeftOut>,
}

/// A letter that goes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Planned {
    /// Why it was set aside, and where it came from.
    #[serde(flatten)]
    pub letter: Letter,
    #[serde(skip)]
    seen: Option<Seen>,
}

/// A letter that does not go back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Its place in the dead-letter topic.
    pub place: String,
    /// Why.
    pub why: String,
}

impl RedrivePlan {
    /// Sorts letters by whether they can be sent again; `reason` selects.
    pub fn of(letters: Vec<Seen>, reason: Option<&str>) -> Self {
        let mut plan = Self::default();
        for seen in letters {
            let letter = Letter::of(&seen);
            if reason.is_some_and(|reason| reason != letter.reason) {
                continue;
            }
            match letter.obstacle() {
                Some(why) => plan.left_out.push(LeftOut { place: letter.place, why }),
                None => plan.records.push(Planned { letter, seen: Some(seen) }),
            }
        }
        plan
    }

    fn table(&self) -> Grid {
        let mut grid = Grid::new(&["PLACE", "TO", "REASON", "REDRIVE"]);
        for planned in &self.records {
            let letter = &planned.letter;
            let to = letter.source().map(|(topic, partition, _)| format!("{topic} partition {partition}"));
            let how = if letter.holds == Holds::Reference { "from its topic" } else { "yes" };
            grid.row([letter.place.clone(), to.unwrap_or_default(), letter.reason.clone(), how.to_owned()]);
        }
        for left_out in &self.left_out {
            grid.row([&left_out.place, "-", "-", &format!("no: {}", left_out.why)]);
        }
        grid
    }
}

/// Shows the plan, and carries it out where that was asked for.
///
/// # Errors
/// Failed, when a record could not be sent.
pub fn run(cluster: &Cluster, letters: Vec<Seen>, arguments: &RedriveArgs) -> Result<(), Error> {
    let plan = RedrivePlan::of(letters, arguments.reason.as_deref());
    arguments.output.print(&plan, || plan.table().to_text())?;
    if plan.records.is_empty() {
        note("nothing to send again");
        return Ok(());
    }
    if !arguments.yes {
        if arguments.output.format == Format::Table {
            note(&format!("{} would be sent again: do it with --yes", counted(plan.records.len() as u64, "record")));
        }
        return Ok(());
    }
    let sent = Sender::new(cluster)?.send(plan)?;
    note(&format!("{} sent again", counted(sent, "record")));
    Ok(())
}

struct Sender<'a> {
    cluster: &'a Cluster,
    producer: Producer,
    topics: BTreeMap<String, (headwater_kafka::TopicHandle, usize)>,
}

impl<'a> Sender<'a> {
    fn new(cluster: &'a Cluster) -> Result<Self, Error> {
        let producer = Producer::new(&cluster.connection, &ProducerSettings::default())?;
        Ok(Self { cluster, producer, topics: BTreeMap::new() })
    }

    fn send(mut self, plan: RedrivePlan) -> Result<u64, Error> {
        let count = plan.records.len() as u64;
        let mut failures = Vec::new();
        let mut places = Vec::with_capacity(plan.records.len());
        for planned in plan.records {
            places.push(planned.letter.place.clone());
            let token = places.len() as u64 - 1;
            if let Err(error) = self.queue(planned, token) {
                failures.push(format!("{}: {error}", places.last().map_or("", String::as_str)));
            }
        }
        // The delivery time-out bounds each record; this only waits for the last.
        let deliveries = self.producer.flush(Duration::from_secs(40))?;
        for delivery in deliveries {
            if let Err(error) = delivery.result {
                let place = usize::try_from(delivery.token).ok().and_then(|token| places.get(token));
                failures.push(format!("{}: {error}", place.map_or("?", String::as_str)));
            }
        }
        if failures.is_empty() {
            return Ok(count);
        }
        Err(Error::failed(format!(
            "{} of {count} were not sent again:\n{}",
            counted(failures.len() as u64, "record"),
            failures.join("\n")
        )))
    }

    fn queue(&mut self, planned: Planned, token: u64) -> Result<(), Error> {
        let Planned { letter, seen } = planned;
        let (Some((topic, partition, _)), Some(mut seen)) = (letter.source(), seen) else {
            return Err(Error::failed("its headers do not say which topic it came from"));
        };
        if letter.holds == Holds::Reference {
            seen = self.original(&letter)?;
        }
        let (handle, partitions) = self.topic(topic)?;
        let is_there = usize::try_from(partition.get()).is_ok_and(|number| number < partitions);
        let headers = redriven_headers(&seen.headers);
        let record = OutgoingRecord {
            partition: is_there.then_some(partition),
            key: seen.key.as_deref(),
            value: seen.value.as_deref(),
            headers: Some(&headers),
            timestamp_ms: (seen.timestamp_ms > 0).then_some(seen.timestamp_ms),
        };
        Ok(self.producer.produce(handle, &record, token)?)
    }

    fn topic(&mut self, name: &str) -> Result<(headwater_kafka::TopicHandle, usize), Error> {
        if let Some(known) = self.topics.get(name) {
            return Ok(*known);
        }
        let topic = TopicName::new(name)?;
        let described = self.cluster.admin.describe_topic(&topic)?;
        let described = described.ok_or_else(|| Error::failed(format!("topic {name} does not exist any more")))?;
        let found = (self.producer.topic(&topic)?, described.partitions.len());
        self.topics.insert(name.to_owned(), found);
        Ok(found)
    }

    /// The record that a letter only refers to, from the topic it came from.
    fn original(&self, letter: &Letter) -> Result<Seen, Error> {
        let gone = || Error::failed("its original is no longer in the topic it came from");
        let (topic, partition, offset): (&str, Partition, _) = letter.source().ok_or_else(gone)?;
        let at = TopicPartition::new(TopicName::new(topic)?, partition);
        let range = BTreeMap::from([(at, Ends { beginning: offset, end: offset.next() })]);
        let mut found = None;
        read_range(&self.cluster.connection, &range, Isolation::ReadCommitted, PATIENCE, |seen| {
            found = Some(seen);
            Next::Stop
        })?;
        found.filter(|seen| seen.offset == offset).ok_or_else(gone)
    }
}
