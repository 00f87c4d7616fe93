use std::collections::BTreeMap;
use std::time::Duration;

use headwater_kafka::admin::OffsetAt;
use headwater_kafka::{
    Admin, ConnectionSettings, Isolation, LogReader, LogReaderSettings, Next, Record, StartAt, StartOffset,
};
use headwater_log::{Headers, Offset, Partition, TopicPartition};

use crate::Error;
use crate::clock::Deadline;

/// A copied record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The topic on the cluster.
    pub topic: String,
    /// The partition.
    pub partition: Partition,
    /// The offset.
    pub offset: Offset,
    /// Milliseconds since 1970 UTC.
    pub timestamp_ms: i64,
    /// The key.
    pub key: Option<Vec<u8>>,
    /// The value; None is a tombstone.
    pub value: Option<Vec<u8>>,
    /// The headers.
    pub headers: Headers,
}

impl Seen {
    /// Copies a record.
    pub fn copy(record: &Record<'_>) -> Self {
        Self {
            topic: record.topic().to_owned(),
            partition: record.partition(),
            offset: record.offset(),
            timestamp_ms: record.timestamp_ms(),
            key: record.key().map(<[u8]>::to_vec),
            value: record.value().map(<[u8]>::to_vec),
            headers: record.owned_headers(),
        }
    }

    /// `PARTITION:OFFSET`, as `dlq` takes it.
    pub fn place(&self) -> String {
        format!("{}:{}", self.partition, self.offset)
    }
}

/// Where a partition begins and ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ends {
    /// The first offset that still exists.
    pub beginning: Offset,
    /// The end: the last stable offset or the high watermark, by the isolation.
    pub end: Offset,
}

/// Where partitions begin and end.
///
/// # Errors
/// What the cluster answers.
pub fn ends_of(
    admin: &Admin,
    partitions: &[TopicPartition],
    isolation: Isolation,
) -> Result<BTreeMap<TopicPartition, Ends>, Error> {
    let ask = |at: OffsetAt, isolation| -> Result<BTreeMap<TopicPartition, Offset>, Error> {
        let asked: Vec<_> = partitions.iter().map(|partition| (partition.clone(), at)).collect();
        let listed = if asked.is_empty() { Vec::new() } else { admin.list_offsets(&asked, isolation)? };
        Ok(listed.into_iter().map(|listed| (listed.partition, listed.offset.unwrap_or(Offset::ZERO))).collect())
    };
    let ends = ask(OffsetAt::End, isolation)?;
    let beginnings = ask(OffsetAt::Beginning, Isolation::ReadUncommitted)?;
    Ok(ends
        .into_iter()
        .map(|(partition, end)| {
            let beginning = beginnings.get(&partition).copied().unwrap_or(Offset::ZERO);
            (partition, Ends { beginning, end })
        })
        .collect())
}

/// Reads partitions from an offset up to an end, both known before; ends early when `each` says so.
///
/// # Errors
/// What the cluster answers, or that nothing came for `patience`.
pub fn read_range(
    connection: &ConnectionSettings,
    ranges: &BTreeMap<TopicPartition, Ends>,
    isolation: Isolation,
    patience: Duration,
    mut each: impl FnMut(Seen) -> Next,
) -> Result<(), Error> {
    let targets: Vec<_> = ranges.iter().filter(|(_, range)| range.beginning < range.end).collect();
    if targets.is_empty() {
        return Ok(());
    }
    let mut reader = LogReader::new(connection, &LogReaderSettings { isolation, ..LogReaderSettings::default() })?;
    let starts: Vec<StartAt> = targets
        .iter()
        .map(|(partition, range)| StartAt { partition: (*partition).clone(), offset: StartOffset::At(range.beginning) })
        .collect();
    reader.assign(&starts)?;
    let mut deadline = Deadline::after(patience);
    let mut stopped = false;
    loop {
        let polled = reader.poll(Duration::from_millis(100), 10_000, |record| {
            let seen = Seen::copy(record);
            let range =
                targets.iter().find(|(at, _)| at.partition == seen.partition && at.topic.as_str() == seen.topic);
            if range.is_none_or(|(_, range)| seen.offset >= range.end) {
                return Next::Continue;
            }
            let next = each(seen);
            stopped = next == Next::Stop;
            next
        })?;
        if let Some(error) = polled.errors.into_iter().find(|error| !error.is_retriable()) {
            return Err(error.into());
        }
        if stopped {
            return Ok(());
        }
        if polled.records > 0 {
            deadline = Deadline::after(patience);
        }
        let mut behind = None;
        for (partition, range) in &targets {
            if reader.position(partition)?.is_none_or(|position| position < range.end) {
                behind = Some(*partition);
                break;
            }
        }
        match behind {
            None => return Ok(()),
            Some(partition) if deadline.has_passed() => {
                return Err(Error::failed(format!("{partition} could not be read to its end in time: try again")));
            }
            Some(_) => {}
        }
    }
}
