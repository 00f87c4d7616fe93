//! Produce and fetch: long polling, acks, topic ids.

use std::time::{Duration, Instant};

use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
use kafka_protocol::messages::*;

use crate::client::{Client, batch, broker, fetch_request, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_at_the_end_waits_for_the_next_record() {
    let broker = broker().await;
    let (mut reader, mut writer) = (Client::connect(&broker).await, Client::connect(&broker).await);
    writer.create("t", 1).await;
    let started = Instant::now();
    reader.send(&fetch_request("t", 0, 30_000, false), 12).await;
    let produced = writer.produce("t", None, batch("v")).await;
    assert_eq!((produced.error_code, produced.base_offset), (0, 0));
    let fetched = reader.receive::<FetchRequest>(12).await;
    assert!(!fetched.responses[0].partitions[0].records.as_ref().unwrap().is_empty());
    assert!(started.elapsed() < Duration::from_secs(10), "woken by the record, not by the clock");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_finds_nothing_comes_back_in_time() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.create("t", 1).await;
    let started = Instant::now();
    let fetched = client.ask(fetch_request("t", 0, 200, true), 12).await;
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(fetched.session_id, 0, "no fetch session");
    let partition = &fetched.responses[0].partitions[0];
    assert_eq!((partition.error_code, partition.high_watermark), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_come_back_at_once() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.create("t", 1).await;
    for (topic, offset, code) in [("t", 5, 1), ("nowhere", 0, 3)] {
        let fetched = client.ask(fetch_request(topic, offset, 30_000, false), 12).await;
        assert_eq!(fetched.responses[0].partitions[0].error_code, code, "{topic} at {offset}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_acks_there_is_no_answer() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.create("t", 1).await;
    let data = produce_request::PartitionProduceData::default().with_records(Some(batch("v")));
    let topic =
        produce_request::TopicProduceData::default().with_name(TopicName(text("t"))).with_partition_data(vec![data]);
    client.send(&ProduceRequest::default().with_acks(0).with_topic_data(vec![topic]), 9).await;
    // The next answer is that of the next request.
    let fetched = client.ask(fetch_request("t", 0, 10_000, false), 12).await;
    assert_eq!(fetched.responses[0].partitions[0].high_watermark, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_go_by_id_too() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.create("t", 2).await;
    client.produce("t", None, batch("v")).await;
    let asked = metadata_request::MetadataRequestTopic::default().with_name(Some(TopicName(text("t"))));
    let metadata = client.ask(MetadataRequest::default().with_topics(Some(vec![asked])), 13).await;
    let id = metadata.topics[0].topic_id;
    let partition = FetchPartition::default().with_partition_max_bytes(1000);
    let topic = FetchTopic::default().with_topic_id(id).with_partitions(vec![partition]);
    let request = FetchRequest::default().with_max_bytes(1000).with_topics(vec![topic]);
    let fetched = client.ask(request, 17).await;
    assert_eq!(fetched.responses[0].partitions[0].high_watermark, 1);
    let by_id = metadata_request::MetadataRequestTopic::default().with_topic_id(id).with_name(None);
    let metadata = client.ask(MetadataRequest::default().with_topics(Some(vec![by_id])), 12).await;
    assert_eq!(metadata.topics[0].name.as_ref().unwrap().as_str(), "t");
    assert_eq!(metadata.topics[0].partitions.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn all_versions_that_are_advertised_are_answered() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.create("t", 1).await;
    client.produce("t", None, batch("v")).await;
    for version in 0..=13 {
        let asked = metadata_request::MetadataRequestTopic::default().with_name(Some(TopicName(text("t"))));
        let request = MetadataRequest::default().with_topics(Some(vec![asked])).with_allow_auto_topic_creation(true);
        assert_eq!(client.ask(request, version).await.topics[0].error_code, 0, "metadata v{version}");
    }
    for version in 4..=12 {
        let fetched = client.ask(fetch_request("t", 0, 0, true), version).await;
        assert_eq!(fetched.responses[0].partitions[0].high_watermark, 1, "fetch v{version}");
    }
    for version in 1..=10 {
        let partition = list_offsets_request::ListOffsetsPartition::default().with_timestamp(-1);
        let topic = list_offsets_request::ListOffsetsTopic::default()
            .with_name(TopicName(text("t")))
            .with_partitions(vec![partition]);
        let listed = client.ask(ListOffsetsRequest::default().with_topics(vec![topic]), version).await;
        assert_eq!(listed.topics[0].partitions[0].offset, 1, "list offsets v{version}");
    }
    for version in 0..=6 {
        let request = match version {
            0..=3 => FindCoordinatorRequest::default().with_key(text("g")),
            _ => FindCoordinatorRequest::default().with_coordinator_keys(vec![text("g")]),
        };
        let found = client.ask(request, version).await;
        let node = if version < 4 { found.node_id } else { found.coordinators[0].node_id };
        assert_eq!(node, BrokerId(1), "find coordinator v{version}");
    }
    for version in 0..=6 {
        let request = DescribeGroupsRequest::default().with_groups(vec![GroupId(text("none"))]);
        let described = client.ask(request, version).await;
        assert_eq!(described.groups[0].group_state.as_str(), "Dead", "describe groups v{version}");
    }
    for version in 1..=9 {
        let request = match version {
            1..=7 => OffsetFetchRequest::default().with_group_id(GroupId(text("g"))).with_topics(Some(Vec::new())),
            _ => OffsetFetchRequest::default().with_groups(vec![
                offset_fetch_request::OffsetFetchRequestGroup::default().with_group_id(GroupId(text("g"))),
            ]),
        };
        client.ask(request, version).await;
    }
    for version in 0..=4 {
        let heartbeat = HeartbeatRequest::default().with_group_id(GroupId(text("g")));
        assert_eq!(client.ask(heartbeat, version).await.error_code, 25, "heartbeat v{version}");
    }
}
