use std::time::Duration;

use headwater_kafka::{ConsumerHandle, GroupMetadata, Record, WorkerConsumer};
use headwater_log::{Offset, TopicName, TopicPartition};
use headwater_worker::ports::{
    CommittedOffset, ConsumerHandler, GroupConsumer, GroupCredentials, GroupMember, Next, OffsetToCommit, Polled,
    StartAt,
};

use super::fetched::{Fetched, start_at};
use crate::Error;
use crate::clock::Clock;
use crate::complaints::Complaints;
use crate::error::from_kafka;

/// A group's member on Kafka.
pub(super) struct KafkaMember(ConsumerHandle);

/// A group's consumer on Kafka.
pub(super) struct KafkaConsumer {
    worker: usize,
    consumer: WorkerConsumer,
    member: KafkaMember,
    clock: Clock,
    complaints: Complaints,
}

impl KafkaConsumer {
    pub(super) fn new(worker: usize, consumer: WorkerConsumer, clock: Clock) -> Self {
        let member = KafkaMember(consumer.handle().clone());
        Self { worker, consumer, member, clock, complaints: Complaints::default() }
    }
}

/// A member's credentials on Kafka.
pub(super) struct KafkaCredentials(pub(super) GroupMetadata);

impl GroupCredentials for KafkaCredentials {
    fn group(&self) -> String {
        self.0.group()
    }

    fn generation(&self) -> i32 {
        self.0.generation()
    }

    fn is_member(&self) -> bool {
        self.0.is_member()
    }
}

/// A position in the client's words.
pub(super) fn to_commit(offsets: &[OffsetToCommit]) -> Vec<headwater_kafka::OffsetToCommit> {
    let convert = |commit: &OffsetToCommit| headwater_kafka::OffsetToCommit {
        partition: commit.partition.clone(),
        offset: commit.offset,
        metadata: commit.metadata.clone(),
    };
    offsets.iter().map(convert).collect()
}

impl GroupMember for KafkaMember {
    type Credentials = KafkaCredentials;

    fn committed(&self, partitions: &[TopicPartition], deadline: Duration) -> Result<Vec<CommittedOffset>, Error> {
        let committed = self.0.committed(partitions, deadline).map_err(from_kafka)?;
        let convert = |found: headwater_kafka::CommittedOffset| CommittedOffset {
            partition: found.partition,
            offset: found.offset,
            metadata: found.metadata,
        };
        Ok(committed.into_iter().map(convert).collect())
    }

    fn commit(&self, offsets: &[OffsetToCommit]) -> Result<(), Error> {
        self.0.commit(&to_commit(offsets)).map_err(from_kafka)
    }

    fn seek(&self, starts: &[StartAt], deadline: Duration) -> Result<Vec<(TopicPartition, String)>, Error> {
        let starts: Vec<_> = starts.iter().map(start_at).collect();
        let refused = self.0.seek(&starts, deadline).map_err(from_kafka)?;
        Ok(refused.into_iter().map(|(partition, error)| (partition, error.to_string())).collect())
    }

    fn pause(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.0.pause(partitions).map_err(from_kafka)
    }

    fn resume(&self, partitions: &[TopicPartition]) -> Result<(), Error> {
        self.0.resume(partitions).map_err(from_kafka)
    }

    fn cached_end(&self, partition: &TopicPartition) -> Option<Offset> {
        self.0.cached_watermarks(partition).map(|(_, high)| high)
    }

    fn credentials(&self) -> Result<KafkaCredentials, Error> {
        self.0.group_metadata().map(KafkaCredentials).map_err(from_kafka)
    }

    fn assignment_is_lost(&self) -> bool {
        self.0.assignment_is_lost()
    }
}

/// Passes librdkafka's callbacks on, with records as they lie.
struct Callbacks<'h, H>(&'h mut H);

impl<H: ConsumerHandler<KafkaMember>> headwater_kafka::ConsumerHandler for Callbacks<'_, H> {
    fn record(&mut self, record: &Record<'_>) -> headwater_kafka::Next {
        match self.0.record(&Fetched(record)) {
            Next::Continue => headwater_kafka::Next::Continue,
            Next::Stop => headwater_kafka::Next::Stop,
        }
    }

    fn end(&mut self, partition: &TopicPartition, position: Offset) {
        self.0.end(partition, position);
    }

    fn assigned(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<headwater_kafka::StartAt> {
        self.0.assigned(partitions, &KafkaMember(consumer.clone())).iter().map(start_at).collect()
    }

    fn revoked(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<TopicPartition> {
        self.0.revoked(partitions, &KafkaMember(consumer.clone()))
    }

    fn lost(&mut self, partitions: &[TopicPartition], consumer: &ConsumerHandle) -> Vec<TopicPartition> {
        self.0.lost(partitions, &KafkaMember(consumer.clone()))
    }
}

impl GroupConsumer for KafkaConsumer {
    type Member = KafkaMember;

    fn member(&self) -> &KafkaMember {
        &self.member
    }

    fn subscribe(&mut self, topics: &[TopicName]) -> Result<(), Error> {
        self.consumer.subscribe(topics).map_err(from_kafka)
    }

    fn poll<H: ConsumerHandler<KafkaMember>>(
        &mut self,
        wait: Duration,
        records_max: usize,
        handler: &mut H,
    ) -> Result<Polled, Error> {
        let polled = self.consumer.poll(wait, records_max, &mut Callbacks(handler)).map_err(from_kafka)?;
        for error in &polled.errors {
            if let Some(repeated) = self.complaints.repeated(&error.to_string(), self.clock.monotonic()) {
                tracing::warn!(worker = self.worker, %error, repeated, "consumer");
            }
        }
        Ok(Polled { records: polled.records, drained: polled.drained })
    }

    fn close<H: ConsumerHandler<KafkaMember>>(self, handler: &mut H) -> Result<(), Error> {
        self.consumer.close(&mut Callbacks(handler)).map_err(from_kafka)
    }
}
