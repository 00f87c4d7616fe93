//! What is asked of brokers, and in which version: those of Kafka 2.8, which every broker since then serves.

use headwater_log::TopicName;
use kafka_protocol::messages::add_partitions_to_txn_request::AddPartitionsToTxnTopic;
use kafka_protocol::messages::find_coordinator_request::FindCoordinatorRequest;
use kafka_protocol::messages::list_offsets_request::{ListOffsetsPartition, ListOffsetsTopic};
use kafka_protocol::messages::metadata_request::MetadataRequestTopic;
use kafka_protocol::messages::txn_offset_commit_request::{
    TxnOffsetCommitRequestPartition, TxnOffsetCommitRequestTopic,
};
use kafka_protocol::messages::{
    AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, BrokerId, EndTxnRequest, GroupId, InitProducerIdRequest,
    ListOffsetsRequest, MetadataRequest, ProduceRequest, ProducerId, TransactionalId, TxnOffsetCommitRequest,
};
use kafka_protocol::protocol::{Request, StrBytes};

use crate::{GroupMetadata, Isolation, OffsetToCommit};

pub(super) const API_VERSIONS_VERSION: i16 = 3;
pub(super) const PRODUCE_VERSION: i16 = 9;
pub(super) const METADATA_VERSION: i16 = 9;
pub(super) const LIST_OFFSETS_VERSION: i16 = 6;
pub(super) const FIND_COORDINATOR_VERSION: i16 = 3;
pub(super) const INIT_PRODUCER_ID_VERSION: i16 = 4;
pub(super) const ADD_PARTITIONS_VERSION: i16 = 3;
pub(super) const ADD_OFFSETS_VERSION: i16 = 3;
pub(super) const TXN_OFFSET_COMMIT_VERSION: i16 = 3;
pub(super) const END_TXN_VERSION: i16 = 3;

/// Every request that is made, by key, name and version.
pub(super) const NEEDED: [(i16, &str, i16); 9] = [
    (ProduceRequest::KEY, "Produce", PRODUCE_VERSION),
    (MetadataRequest::KEY, "Metadata", METADATA_VERSION),
    (ListOffsetsRequest::KEY, "ListOffsets", LIST_OFFSETS_VERSION),
    (FindCoordinatorRequest::KEY, "FindCoordinator", FIND_COORDINATOR_VERSION),
    (InitProducerIdRequest::KEY, "InitProducerId", INIT_PRODUCER_ID_VERSION),
    (AddPartitionsToTxnRequest::KEY, "AddPartitionsToTxn", ADD_PARTITIONS_VERSION),
    (AddOffsetsToTxnRequest::KEY, "AddOffsetsToTxn", ADD_OFFSETS_VERSION),
    (TxnOffsetCommitRequest::KEY, "TxnOffsetCommit", TXN_OFFSET_COMMIT_VERSION),
    (EndTxnRequest::KEY, "EndTxn", END_TXN_VERSION),
];

const NO_LEADER_EPOCH: i32 = -1;

/// A producer as the transaction coordinator knows it (KIP-98, KIP-360).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) transactional_id: StrBytes,
    pub(super) id: i64,
    pub(super) epoch: i16,
}

impl Identity {
    /// One that has no id yet.
    pub(super) fn unknown(transactional_id: &str) -> Self {
        Self { transactional_id: text(transactional_id), id: -1, epoch: -1 }
    }

    fn name(&self) -> TransactionalId {
        TransactionalId(self.transactional_id.clone())
    }

    pub(super) fn init(&self, transaction_timeout_ms: i32) -> InitProducerIdRequest {
        InitProducerIdRequest::default()
            .with_transactional_id(Some(self.name()))
            .with_transaction_timeout_ms(transaction_timeout_ms)
            .with_producer_id(ProducerId(self.id))
            .with_producer_epoch(self.epoch)
    }

    pub(super) fn add_partitions(&self, topics: Vec<AddPartitionsToTxnTopic>) -> AddPartitionsToTxnRequest {
        AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(self.name())
            .with_v3_and_below_producer_id(ProducerId(self.id))
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(topics)
    }

    pub(super) fn add_offsets(&self, group: &str) -> AddOffsetsToTxnRequest {
        AddOffsetsToTxnRequest::default()
            .with_transactional_id(self.name())
            .with_producer_id(ProducerId(self.id))
            .with_producer_epoch(self.epoch)
            .with_group_id(GroupId(text(group)))
    }

    pub(super) fn commit_offsets(&self, offsets: &[OffsetToCommit], group: &GroupMetadata) -> TxnOffsetCommitRequest {
        let mut topics: Vec<TxnOffsetCommitRequestTopic> = Vec::new();
        for commit in offsets {
            let partition = TxnOffsetCommitRequestPartition::default()
                .with_partition_index(commit.partition.partition.to_wire())
                .with_committed_offset(commit.offset.get())
                .with_committed_leader_epoch(NO_LEADER_EPOCH)
                .with_committed_metadata(Some(text(&commit.metadata)));
            let name = commit.partition.topic.as_str();
            match topics.iter_mut().find(|topic| topic.name.as_str() == name) {
                Some(topic) => topic.partitions.push(partition),
                None => topics.push(
                    TxnOffsetCommitRequestTopic::default().with_name(wire_name(name)).with_partitions(vec![partition]),
                ),
            }
        }
        TxnOffsetCommitRequest::default()
            .with_transactional_id(self.name())
            .with_group_id(GroupId(text(&group.group())))
            .with_producer_id(ProducerId(self.id))
            .with_producer_epoch(self.epoch)
            .with_generation_id(group.generation())
            .with_member_id(text(&group.member()))
            .with_group_instance_id(group.instance().as_deref().map(text))
            .with_topics(topics)
    }

    pub(super) fn end(&self, committed: bool) -> EndTxnRequest {
        EndTxnRequest::default()
            .with_transactional_id(self.name())
            .with_producer_id(ProducerId(self.id))
            .with_producer_epoch(self.epoch)
            .with_committed(committed)
    }

    pub(super) fn produce(&self, timeout_ms: i32) -> ProduceRequest {
        ProduceRequest::default().with_transactional_id(Some(self.name())).with_acks(-1).with_timeout_ms(timeout_ms)
    }
}

/// Where topics' partitions are.
pub(super) fn metadata(topics: &[TopicName]) -> MetadataRequest {
    let named = |topic: &TopicName| MetadataRequestTopic::default().with_name(Some(wire_name(topic.as_str())));
    MetadataRequest::default()
        .with_topics(Some(topics.iter().map(named).collect()))
        .with_allow_auto_topic_creation(false)
}

/// Where partitions end.
pub(super) fn ends(topics: Vec<ListOffsetsTopic>, isolation: Isolation) -> ListOffsetsRequest {
    ListOffsetsRequest::default()
        .with_replica_id(BrokerId(-1))
        .with_isolation_level(i8::from(isolation == Isolation::ReadCommitted))
        .with_topics(topics)
}

/// The end of a partition, whichever leader it has.
pub(super) fn end_of(partition: i32) -> ListOffsetsPartition {
    const LATEST: i64 = -1;
    ListOffsetsPartition::default()
        .with_partition_index(partition)
        .with_current_leader_epoch(NO_LEADER_EPOCH)
        .with_timestamp(LATEST)
}

pub(super) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

pub(super) fn wire_name(topic: &str) -> kafka_protocol::messages::TopicName {
    kafka_protocol::messages::TopicName(text(topic))
}
