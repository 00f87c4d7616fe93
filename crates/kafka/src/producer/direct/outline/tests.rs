use bytes::BytesMut;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::Encodable as _;

use super::super::requests::{API_VERSIONS_VERSION, NEEDED};
use super::fits;

/// An answer with an element in each array, as the codec writes it; whoever adds a request adds its answer here.
fn sample(key: ApiKey, version: i16) -> BytesMut {
    let mut bytes = BytesMut::new();
    let (topic, name) = (TopicName::default(), || Some(TopicName::default()));
    match key {
        ApiKey::ApiVersions => {
            ApiVersionsResponse::default().with_api_keys(vec![Default::default()]).encode(&mut bytes, version)
        }
        ApiKey::Produce => {
            use produce_response::*;
            let errors = vec![BatchIndexAndErrorMessage::default()];
            let partition = PartitionProduceResponse::default().with_record_errors(errors);
            let topic = TopicProduceResponse::default().with_name(topic).with_partition_responses(vec![partition]);
            ProduceResponse::default().with_responses(vec![topic]).encode(&mut bytes, version)
        }
        ApiKey::Metadata => {
            use metadata_response::*;
            let nodes = || vec![BrokerId(1), BrokerId(2)];
            let partition = MetadataResponsePartition::default()
                .with_replica_nodes(nodes())
                .with_isr_nodes(nodes())
                .with_offline_replicas(nodes());
            let topic = MetadataResponseTopic::default().with_name(name()).with_partitions(vec![partition]);
            MetadataResponse::default()
                .with_brokers(vec![MetadataResponseBroker::default()])
                .with_topics(vec![topic])
                .encode(&mut bytes, version)
        }
        ApiKey::ListOffsets => {
            use list_offsets_response::*;
            let topic = ListOffsetsTopicResponse::default().with_name(topic).with_partitions(vec![Default::default()]);
            ListOffsetsResponse::default().with_topics(vec![topic]).encode(&mut bytes, version)
        }
        ApiKey::AddPartitionsToTxn => {
            use add_partitions_to_txn_response::*;
            let topic = AddPartitionsToTxnTopicResult::default()
                .with_name(topic)
                .with_results_by_partition(vec![Default::default()]);
            AddPartitionsToTxnResponse::default()
                .with_results_by_topic_v3_and_below(vec![topic])
                .encode(&mut bytes, version)
        }
        ApiKey::TxnOffsetCommit => {
            use txn_offset_commit_response::*;
            let topic =
                TxnOffsetCommitResponseTopic::default().with_name(topic).with_partitions(vec![Default::default()]);
            TxnOffsetCommitResponse::default().with_topics(vec![topic]).encode(&mut bytes, version)
        }
        ApiKey::FindCoordinator => FindCoordinatorResponse::default().encode(&mut bytes, version),
        ApiKey::InitProducerId => InitProducerIdResponse::default().encode(&mut bytes, version),
        ApiKey::AddOffsetsToTxn => AddOffsetsToTxnResponse::default().encode(&mut bytes, version),
        ApiKey::EndTxn => EndTxnResponse::default().encode(&mut bytes, version),
        other => panic!("{other:?} has no sample"),
    }
    .unwrap();
    bytes
}

#[test]
fn answers_fit_whole_and_not_cut_off() {
    let versions = (ApiKey::ApiVersions as i16, "ApiVersions", API_VERSIONS_VERSION);
    for (key, name, version) in NEEDED.into_iter().chain([versions]) {
        let bytes = sample(ApiKey::try_from(key).unwrap(), version);
        assert!(fits(key, &bytes), "{name}: {bytes:?}");
        assert!(!fits(key, &bytes[..bytes.len() - 1]), "{name} cut off");
    }
}

#[test]
fn an_array_that_claims_more_than_there_is_does_not_fit() {
    // No error, and so many versions, in five bytes of length.
    let claims = [0, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0];
    assert!(!fits(ApiKey::ApiVersions as i16, &claims));
}
