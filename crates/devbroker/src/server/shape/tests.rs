#![allow(clippy::unwrap_used, clippy::expect_used)]
use bytes::{Bytes, BytesMut};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Encodable, Request, StrBytes};
use proptest::prelude::*;

use super::*;
use crate::server::outlines::{SERVED, served_api};

fn name(text: &'static str) -> StrBytes {
    StrBytes::from_static_str(text)
}

/// Every version of a request fits its outline to the last byte, and no cut of it does.
fn check_all<R: Request + Encodable>(make: impl Fn(i16) -> R) {
    let key = ApiKey::try_from(R::KEY).unwrap();
    let api = served_api(key).unwrap();
    for version in api.min_version..=api.max_version {
        let mut bytes = BytesMut::new();
        make(version).encode(&mut bytes, version).unwrap();
        let mut walk =
            Walk { rest: &bytes, flexible: version >= api.shape.flexible_since, version, elements_left: 1000 };
        walk.fields(api.shape.fields).unwrap_or_else(|error| panic!("{key:?} v{version}: {error}"));
        assert!(walk.rest.is_empty(), "{key:?} v{version}: {} bytes are left", walk.rest.len());
        for end in 0..bytes.len() {
            assert!(check(&api.shape, version, &bytes[..end]).is_err(), "{key:?} v{version} cut at {end}");
        }
    }
}

#[test]
fn outlines_are_those_of_the_codec() {
    use kafka_protocol::messages::*;
    check_all(|_| ApiVersionsRequest::default());
    check_all(|_| {
        let data = produce_request::PartitionProduceData::default().with_records(Some(Bytes::from_static(b"batch")));
        let topic = produce_request::TopicProduceData::default()
            .with_name(TopicName(name("t")))
            .with_partition_data(vec![data]);
        ProduceRequest::default().with_transactional_id(Some(TransactionalId(name("x")))).with_topic_data(vec![topic])
    });
    check_all(|version| {
        let partition = fetch_request::FetchPartition::default().with_fetch_offset(9);
        let topic = fetch_request::FetchTopic::default().with_partitions(vec![partition]);
        let topic = if version < 13 { topic.with_topic(TopicName(name("t"))) } else { topic };
        let forgotten = fetch_request::ForgottenTopic::default().with_partitions(vec![1, 2]);
        let request = FetchRequest::default().with_topics(vec![topic]);
        if version >= 7 { request.with_forgotten_topics_data(vec![forgotten]) } else { request }
    });
    check_all(|_| {
        let partition = list_offsets_request::ListOffsetsPartition::default();
        let topic = list_offsets_request::ListOffsetsTopic::default().with_partitions(vec![partition]);
        ListOffsetsRequest::default().with_topics(vec![topic])
    });
    check_all(|_| {
        let topic = metadata_request::MetadataRequestTopic::default().with_name(Some(TopicName(name("t"))));
        MetadataRequest::default().with_topics(Some(vec![topic])).with_allow_auto_topic_creation(true)
    });
    check_all(|_| {
        let partition =
            offset_commit_request::OffsetCommitRequestPartition::default().with_committed_metadata(Some(name("m")));
        let topic = offset_commit_request::OffsetCommitRequestTopic::default().with_partitions(vec![partition]);
        OffsetCommitRequest::default().with_topics(vec![topic])
    });
    check_all(|version| {
        if version < 8 {
            let topic = offset_fetch_request::OffsetFetchRequestTopic::default().with_partition_indexes(vec![1, 2]);
            return OffsetFetchRequest::default().with_group_id(GroupId(name("g"))).with_topics(Some(vec![topic]));
        }
        let topic = offset_fetch_request::OffsetFetchRequestTopics::default().with_partition_indexes(vec![1, 2]);
        let group = offset_fetch_request::OffsetFetchRequestGroup::default().with_topics(Some(vec![topic]));
        OffsetFetchRequest::default().with_groups(vec![group])
    });
    check_all(|version| match version {
        0..=3 => FindCoordinatorRequest::default().with_key(name("g")),
        _ => FindCoordinatorRequest::default().with_coordinator_keys(vec![name("g"), name("h")]),
    });
    check_all(|_| {
        let protocol = join_group_request::JoinGroupRequestProtocol::default().with_metadata(Bytes::from_static(b"m"));
        JoinGroupRequest::default().with_protocols(vec![protocol])
    });
    check_all(|_| {
        let assignment =
            sync_group_request::SyncGroupRequestAssignment::default().with_assignment(Bytes::from_static(b"a"));
        SyncGroupRequest::default().with_assignments(vec![assignment])
    });
    check_all(|_| HeartbeatRequest::default());
    check_all(|version| match version {
        0..=2 => LeaveGroupRequest::default().with_member_id(name("m")),
        _ => LeaveGroupRequest::default().with_members(vec![leave_group_request::MemberIdentity::default()]),
    });
    check_all(|_| DescribeGroupsRequest::default().with_groups(vec![GroupId(name("g"))]));
    check_all(|version| match version {
        0..=3 => ListGroupsRequest::default(),
        _ => ListGroupsRequest::default().with_states_filter(vec![name("Stable")]),
    });
    check_all(|_| DeleteGroupsRequest::default().with_groups_names(vec![GroupId(name("g"))]));
    check_all(|_| {
        let config = create_topics_request::CreatableTopicConfig::default().with_value(Some(name("v")));
        let assignment =
            create_topics_request::CreatableReplicaAssignment::default().with_broker_ids(vec![BrokerId(1)]);
        let topic = create_topics_request::CreatableTopic::default()
            .with_configs(vec![config])
            .with_assignments(vec![assignment]);
        CreateTopicsRequest::default().with_topics(vec![topic])
    });
    check_all(|version| match version {
        0..=5 => DeleteTopicsRequest::default().with_topic_names(vec![TopicName(name("t"))]),
        _ => DeleteTopicsRequest::default().with_topics(vec![delete_topics_request::DeleteTopicState::default()]),
    });
    check_all(|_| {
        let partition = delete_records_request::DeleteRecordsPartition::default();
        let topic = delete_records_request::DeleteRecordsTopic::default().with_partitions(vec![partition]);
        DeleteRecordsRequest::default().with_topics(vec![topic])
    });
    check_all(|_| {
        let assignment =
            create_partitions_request::CreatePartitionsAssignment::default().with_broker_ids(vec![BrokerId(1)]);
        let topic =
            create_partitions_request::CreatePartitionsTopic::default().with_assignments(Some(vec![assignment]));
        CreatePartitionsRequest::default().with_topics(vec![topic])
    });
    check_all(|_| InitProducerIdRequest::default());
    check_all(|_| {
        let partition = offset_for_leader_epoch_request::OffsetForLeaderPartition::default();
        let topic = offset_for_leader_epoch_request::OffsetForLeaderTopic::default().with_partitions(vec![partition]);
        OffsetForLeaderEpochRequest::default().with_topics(vec![topic])
    });
    check_all(|_| {
        let topic = add_partitions_to_txn_request::AddPartitionsToTxnTopic::default().with_partitions(vec![1]);
        AddPartitionsToTxnRequest::default().with_v3_and_below_topics(vec![topic])
    });
    check_all(|_| AddOffsetsToTxnRequest::default());
    check_all(|_| EndTxnRequest::default());
    check_all(|_| {
        let partition = txn_offset_commit_request::TxnOffsetCommitRequestPartition::default();
        let topic = txn_offset_commit_request::TxnOffsetCommitRequestTopic::default().with_partitions(vec![partition]);
        TxnOffsetCommitRequest::default().with_topics(vec![topic])
    });
    check_all(|_| DescribeAclsRequest::default());
    check_all(|_| {
        let resource =
            describe_configs_request::DescribeConfigsResource::default().with_configuration_keys(Some(vec![name("k")]));
        DescribeConfigsRequest::default().with_resources(vec![resource])
    });
    check_all(|_| {
        let config = alter_configs_request::AlterableConfig::default();
        let resource = alter_configs_request::AlterConfigsResource::default().with_configs(vec![config]);
        AlterConfigsRequest::default().with_resources(vec![resource])
    });
    check_all(|_| {
        let config = incremental_alter_configs_request::AlterableConfig::default();
        let resource = incremental_alter_configs_request::AlterConfigsResource::default().with_configs(vec![config]);
        IncrementalAlterConfigsRequest::default().with_resources(vec![resource])
    });
    check_all(|_| {
        let topic = describe_log_dirs_request::DescribableLogDirTopic::default().with_partitions(vec![1]);
        DescribeLogDirsRequest::default().with_topics(Some(vec![topic]))
    });
    check_all(|_| {
        let partition = offset_delete_request::OffsetDeleteRequestPartition::default();
        let topic = offset_delete_request::OffsetDeleteRequestTopic::default().with_partitions(vec![partition]);
        OffsetDeleteRequest::default().with_topics(vec![topic])
    });
    check_all(|_| DescribeClusterRequest::default());
    check_all(|_| {
        let topic = describe_producers_request::TopicRequest::default().with_partition_indexes(vec![1]);
        DescribeProducersRequest::default().with_topics(vec![topic])
    });
    check_all(|_| DescribeTransactionsRequest::default().with_transactional_ids(vec![TransactionalId(name("x"))]));
    check_all(|_| ListTransactionsRequest::default().with_producer_id_filters(vec![ProducerId(1)]));
    check_all(|version| match version {
        0 => ListConfigResourcesRequest::default(),
        _ => ListConfigResourcesRequest::default().with_resource_types(vec![2, 4]),
    });
    check_all(|_| {
        let cursor = describe_topic_partitions_request::Cursor::default();
        let topic = describe_topic_partitions_request::TopicRequest::default();
        DescribeTopicPartitionsRequest::default().with_topics(vec![topic]).with_cursor(Some(cursor))
    });
}

#[test]
fn a_count_that_the_bytes_cannot_hold_is_refused() {
    const FIELDS: &[Field] = &[each(&[fixed(4)])];
    let shape = Shape { flexible_since: 1, fields: FIELDS };
    assert_eq!(check(&shape, 0, &[0x7f, 0xff, 0xff, 0xff, 1, 2, 3, 4]), Err(Malformed::Truncated));
    assert_eq!(check(&shape, 0, &[0xff, 0xff, 0xff, 0xfe]), Err(Malformed::NegativeLength));
    assert_eq!(check(&shape, 1, &[0xff, 0xff, 0xff, 0xff, 0x0f, 1]), Err(Malformed::Truncated));
    assert_eq!(check(&shape, 1, &[0xff, 0xff, 0xff, 0xff, 0xff]), Err(Malformed::BadVarint));
    assert_eq!(check(&shape, 0, &[0xff, 0xff, 0xff, 0xff]), Ok(()), "null");
}

proptest! {
    /// Any bytes: the walk ends, without a panic and without memory.
    #[test]
    fn any_bytes_are_walked(api in 0..SERVED.len(), version in 0i16..20, bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = check(&SERVED[api].shape, version, &bytes);
    }
}
