//! Fetch, with long polling. Sessions are declined (session id 0), so that every fetch is whole.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use kafka_protocol::ResponseError;
use kafka_protocol::messages::fetch_response::{AbortedTransaction, FetchableTopicResponse, PartitionData};
use kafka_protocol::messages::{FetchRequest, FetchResponse, ProducerId};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Node;
use crate::cluster::partition::Partition;
use crate::log::{Fetched, Isolation};

/// Time that a fetch may wait, whatever it asks for.
const WAIT_MS_MAX: i32 = 60_000;
/// Bytes of one response, whatever it asks for.
const RESPONSE_BYTES_MAX: i32 = 64 * 1024 * 1024;

/// One partition of a fetch, resolved once.
struct Wanted {
    topic: usize,
    index: i32,
    offset: i64,
    max_bytes: usize,
    partition: Result<Arc<Partition>, ResponseError>,
}

/// Waits until `min_bytes` are there, the time is up, or a partition has an error to tell.
pub(super) async fn fetch(node: &Node, request: FetchRequest, version: i16) -> FetchResponse {
    let isolation = match request.isolation_level {
        1 => Isolation::ReadCommitted,
        _ => Isolation::ReadUncommitted,
    };
    let wanted = resolve(node, &request, version);
    let max_bytes = request.max_bytes.clamp(0, RESPONSE_BYTES_MAX) as usize;
    let min_bytes = usize::try_from(request.min_bytes).unwrap_or(0).min(max_bytes);
    let deadline = Instant::now() + Duration::from_millis(request.max_wait_ms.clamp(0, WAIT_MS_MAX) as u64);
    let watch = Watch { wanted: &wanted, isolation, wake: Arc::new(Notify::new()) };
    let results = loop {
        // First registered, then read: an append in between leaves its permit with the notification.
        watch.register();
        let results = read_all(&wanted, isolation, max_bytes);
        let bytes: usize = results.iter().flatten().map(|fetched| fetched.records.len()).sum();
        if bytes >= min_bytes || results.iter().any(Result::is_err) || wanted.is_empty() {
            break results;
        }
        if tokio::time::timeout_at(deadline, watch.wake.notified()).await.is_err() {
            break read_all(&wanted, isolation, max_bytes);
        }
        watch.unregister();
    };
    drop(watch);
    respond(request, wanted, results, isolation)
}

/// The registrations of one waiting fetch, taken back however it ends.
struct Watch<'a> {
    wanted: &'a [Wanted],
    isolation: Isolation,
    wake: Arc<Notify>,
}

impl Watch<'_> {
    fn partitions(&self) -> impl Iterator<Item = &Arc<Partition>> {
        self.wanted.iter().filter_map(|wanted| wanted.partition.as_ref().ok())
    }
    fn register(&self) {
        self.partitions().for_each(|partition| partition.watch(self.isolation, &self.wake));
    }
    fn unregister(&self) {
        self.partitions().for_each(|partition| partition.unwatch(&self.wake));
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        self.unregister();
    }
}

fn resolve(node: &Node, request: &FetchRequest, version: i16) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (topic, asked) in request.topics.iter().enumerate() {
        let (found, unknown) = if version >= 13 {
            (node.catalog.topic_by_id(asked.topic_id), ResponseError::UnknownTopicId)
        } else {
            (node.catalog.topic(&asked.topic), ResponseError::UnknownTopicOrPartition)
        };
        for partition in &asked.partitions {
            let log = match &found {
                None => Err(unknown),
                Some(found) => {
                    found.partition(partition.partition).cloned().ok_or(ResponseError::UnknownTopicOrPartition)
                }
            };
            wanted.push(Wanted {
                topic,
                index: partition.partition,
                offset: partition.fetch_offset,
                max_bytes: usize::try_from(partition.partition_max_bytes).unwrap_or(0),
                partition: log,
            });
        }
    }
    wanted
}

fn read_all(wanted: &[Wanted], isolation: Isolation, max_bytes: usize) -> Vec<Result<Fetched, ResponseError>> {
    let mut left = max_bytes;
    let mut any = false;
    let read_one = |wanted: &Wanted| {
        let partition = wanted.partition.as_ref().map_err(|error| *error)?;
        let mut fetched = partition.read(wanted.offset, wanted.max_bytes.min(left), isolation)?;
        // The first partition gives a batch of any size, so that a consumer gets on; the others keep the bound.
        if any && fetched.records.len() > left {
            fetched.records = Bytes::new();
            fetched.aborted.clear();
        }
        left = left.saturating_sub(fetched.records.len());
        any |= !fetched.records.is_empty();
        Ok(fetched)
    };
    wanted.iter().map(read_one).collect()
}

fn respond(
    request: FetchRequest,
    wanted: Vec<Wanted>,
    results: Vec<Result<Fetched, ResponseError>>,
    isolation: Isolation,
) -> FetchResponse {
    let mut topics: Vec<_> = request
        .topics
        .iter()
        .map(|asked| FetchableTopicResponse::default().with_topic(asked.topic.clone()).with_topic_id(asked.topic_id))
        .collect();
    for (wanted, result) in wanted.into_iter().zip(results) {
        if let Some(topic) = topics.get_mut(wanted.topic) {
            topic.partitions.push(partition_data(wanted.index, result, isolation));
        }
    }
    FetchResponse::default().with_responses(topics)
}

fn partition_data(index: i32, result: Result<Fetched, ResponseError>, isolation: Isolation) -> PartitionData {
    let data = PartitionData::default().with_partition_index(index);
    match result {
        Err(error) => data.with_error_code(error.code()).with_high_watermark(-1).with_records(Some(Bytes::new())),
        Ok(fetched) => {
            let aborted = fetched.aborted.iter().map(|aborted| {
                AbortedTransaction::default()
                    .with_producer_id(ProducerId(aborted.producer_id))
                    .with_first_offset(aborted.first_offset)
            });
            data.with_high_watermark(fetched.high_watermark)
                .with_last_stable_offset(fetched.last_stable_offset)
                .with_log_start_offset(fetched.log_start_offset)
                .with_aborted_transactions((isolation == Isolation::ReadCommitted).then(|| aborted.collect()))
                .with_records(Some(fetched.records))
        }
    }
}
