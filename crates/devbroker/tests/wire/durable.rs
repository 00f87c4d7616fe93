//! What a clean stop and a sudden end leave behind.

use headwater_devbroker::{Broker, BrokerOptions, StorageKind};
use kafka_protocol::messages::*;

use crate::client::{Client, batch, fetch_request, text};

async fn start(dir: &std::path::Path) -> Broker {
    Broker::start(BrokerOptions::new(StorageKind::Disk(dir.to_owned()))).await.unwrap()
}

async fn topic_id(client: &mut Client, name: &str) -> uuid::Uuid {
    let asked = metadata_request::MetadataRequestTopic::default().with_name(Some(TopicName(text(name))));
    let metadata = client.ask(MetadataRequest::default().with_topics(Some(vec![asked])), 12).await;
    metadata.topics[0].topic_id
}

#[tokio::test(flavor = "multi_thread")]
async fn topics_records_and_ids_are_there_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let broker = start(dir.path()).await;
    let cluster_id = broker.cluster_id().to_owned();
    assert_eq!(cluster_id.len(), 22);
    let mut client = Client::connect(&broker).await;
    client.create("kept", 3).await;
    client.create("deleted", 1).await;
    client.produce("kept", None, batch("one")).await;
    let id = topic_id(&mut client, "kept").await;
    let gone = delete_topics_request::DeleteTopicState::default().with_name(Some(TopicName(text("deleted"))));
    let deleted = client.ask(DeleteTopicsRequest::default().with_topics(vec![gone]), 6).await;
    assert_eq!(deleted.responses[0].error_code, 0);
    // Dropped, as in a crash, and then stopped cleanly.
    drop(broker);
    for clean in [false, true] {
        let broker = start(dir.path()).await;
        assert_eq!(broker.cluster_id(), cluster_id);
        let mut client = Client::connect(&broker).await;
        assert_eq!(topic_id(&mut client, "kept").await, id);
        let fetched = client.ask(fetch_request("kept", 0, 0, false), 12).await;
        assert!(fetched.responses[0].partitions[0].high_watermark >= 1);
        let missing = client.ask(fetch_request("deleted", 0, 0, false), 12).await;
        assert_eq!(missing.responses[0].partitions[0].error_code, 3);
        client.produce("kept", None, batch("more")).await;
        if clean {
            broker.stop().await.unwrap();
        }
    }
    let broker = start(dir.path()).await;
    let mut client = Client::connect(&broker).await;
    let fetched = client.ask(fetch_request("kept", 0, 0, false), 12).await;
    assert_eq!(fetched.responses[0].partitions[0].high_watermark, 3);
}
