//! What librdkafka and the Java client do not let one see of transactions.

use kafka_protocol::messages::*;

use crate::client::{Client, batch_of, broker, fetch_request, text};

const TX: &str = "writer";

struct Writer {
    client: Client,
    id: ProducerId,
    epoch: i16,
}

impl Writer {
    async fn new(mut client: Client) -> Self {
        let request = InitProducerIdRequest::default()
            .with_transactional_id(Some(TransactionalId(text(TX))))
            .with_transaction_timeout_ms(60_000);
        let response = client.ask(request, 4).await;
        assert_eq!(response.error_code, 0);
        Self { client, id: response.producer_id, epoch: response.producer_epoch }
    }

    async fn add(&mut self, topic: &str) -> i16 {
        let topic = add_partitions_to_txn_request::AddPartitionsToTxnTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(vec![0]);
        let request = AddPartitionsToTxnRequest::default()
            .with_v3_and_below_transactional_id(TransactionalId(text(TX)))
            .with_v3_and_below_producer_id(self.id)
            .with_v3_and_below_producer_epoch(self.epoch)
            .with_v3_and_below_topics(vec![topic]);
        let response = self.client.ask(request, 3).await;
        response.results_by_topic_v3_and_below[0].results_by_partition[0].partition_error_code
    }

    async fn write(&mut self, topic: &str, sequence: i32) -> i16 {
        let batch = batch_of("v", Some((self.id.0, self.epoch, sequence)));
        self.client.produce(topic, Some(TX), batch).await.error_code
    }

    async fn end(&mut self, commit: bool) -> i16 {
        let request = EndTxnRequest::default()
            .with_transactional_id(TransactionalId(text(TX)))
            .with_producer_id(self.id)
            .with_producer_epoch(self.epoch)
            .with_committed(commit);
        self.client.ask(request, 3).await.error_code
    }

    async fn commit_offset(&mut self, topic: &str, offset: i64) -> i16 {
        let request = AddOffsetsToTxnRequest::default()
            .with_transactional_id(TransactionalId(text(TX)))
            .with_producer_id(self.id)
            .with_producer_epoch(self.epoch)
            .with_group_id(GroupId(text("g")));
        assert_eq!(self.client.ask(request, 3).await.error_code, 0);
        let partition =
            txn_offset_commit_request::TxnOffsetCommitRequestPartition::default().with_committed_offset(offset);
        let topic = txn_offset_commit_request::TxnOffsetCommitRequestTopic::default()
            .with_name(TopicName(text(topic)))
            .with_partitions(vec![partition]);
        let request = TxnOffsetCommitRequest::default()
            .with_transactional_id(TransactionalId(text(TX)))
            .with_producer_id(self.id)
            .with_producer_epoch(self.epoch)
            .with_group_id(GroupId(text("g")))
            .with_generation_id(-1)
            .with_topics(vec![topic]);
        self.client.ask(request, 3).await.topics[0].partitions[0].error_code
    }
}

async fn committed_offset(client: &mut Client, topic: &str, require_stable: bool) -> (i16, i64) {
    let topic = offset_fetch_request::OffsetFetchRequestTopics::default()
        .with_name(TopicName(text(topic)))
        .with_partition_indexes(vec![0]);
    let group = offset_fetch_request::OffsetFetchRequestGroup::default()
        .with_group_id(GroupId(text("g")))
        .with_topics(Some(vec![topic]));
    let request = OffsetFetchRequest::default().with_groups(vec![group]).with_require_stable(require_stable);
    let response = client.ask(request, 8).await;
    let partition = &response.groups[0].topics[0].partitions[0];
    (partition.error_code, partition.committed_offset)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_write_cannot_open_a_transaction_that_nobody_ends() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.create("t", 1).await;
    let mut writer = Writer::new(client).await;
    assert_eq!(writer.write("t", 0).await, 48, "not added: INVALID_TXN_STATE");
    assert_eq!(writer.add("t").await, 0);
    assert_eq!(writer.write("t", 0).await, 0);
    assert_eq!(writer.end(true).await, 0);
    assert_eq!(writer.write("t", 1).await, 48, "the transaction has ended");
    let fetched = writer.client.ask(fetch_request("t", 0, 0, true), 12).await;
    let partition = &fetched.responses[0].partitions[0];
    assert_eq!((partition.high_watermark, partition.last_stable_offset), (2, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn ending_is_done_when_it_is_answered() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.create("t", 1).await;
    let mut writer = Writer::new(client).await;
    for (sequence, commit) in [true, false, true, false].into_iter().enumerate() {
        assert_eq!(writer.add("t").await, 0, "no CONCURRENT_TRANSACTIONS");
        assert_eq!(writer.write("t", sequence as i32).await, 0);
        assert_eq!(writer.end(commit).await, 0);
        assert_eq!(writer.end(commit).await, 0, "a repeat is answered the same");
        assert_eq!(writer.end(!commit).await, 48, "the opposite is refused");
    }
    let fetched = writer.client.ask(fetch_request("t", 0, 0, true), 12).await;
    let partition = &fetched.responses[0].partitions[0];
    assert_eq!(partition.last_stable_offset, 8);
    let aborted: Vec<_> =
        partition.aborted_transactions.as_ref().unwrap().iter().map(|aborted| aborted.first_offset).collect();
    assert_eq!(aborted, [2, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn pending_offsets_are_unstable() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.create("t", 1).await;
    let mut other = Client::connect(&broker).await;
    let mut writer = Writer::new(client).await;
    for (offset, commit, expected) in [(5, false, -1), (7, true, 7), (9, false, 7)] {
        let before = committed_offset(&mut other, "t", false).await;
        assert_eq!(writer.commit_offset("t", offset).await, 0);
        assert_eq!(committed_offset(&mut other, "t", true).await, (88, -1), "UNSTABLE_OFFSET_COMMIT");
        assert_eq!(committed_offset(&mut other, "t", false).await, before);
        assert_eq!(writer.end(commit).await, 0);
        assert_eq!(committed_offset(&mut other, "t", true).await, (0, expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_predecessor_is_fenced_everywhere() {
    let broker = broker().await;
    let mut client = Client::connect(&broker).await;
    client.create("t", 1).await;
    let mut zombie = Writer::new(client).await;
    assert_eq!(zombie.add("t").await, 0);
    assert_eq!(zombie.write("t", 0).await, 0);
    let mut successor = Writer::new(Client::connect(&broker).await).await;
    assert_eq!(successor.id, zombie.id);
    assert!(successor.epoch > zombie.epoch);
    assert_eq!(zombie.write("t", 1).await, 47, "INVALID_PRODUCER_EPOCH");
    assert_eq!(zombie.add("t").await, 90, "PRODUCER_FENCED");
    assert_eq!(zombie.end(true).await, 90);
    assert_eq!(successor.add("t").await, 0);
    assert_eq!(successor.write("t", 0).await, 0);
    assert_eq!(successor.end(true).await, 0);
}
