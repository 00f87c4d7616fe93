//! A client that speaks one request at a time.

use std::time::Duration;

use bytes::{BufMut, Bytes, BytesMut};
use headwater_devbroker::{Broker, BrokerOptions, StorageKind};
use kafka_protocol::messages::create_topics_request::CreatableTopic;
use kafka_protocol::messages::produce_request::{PartitionProduceData, TopicProduceData};
use kafka_protocol::messages::produce_response::PartitionProduceResponse;
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable, HeaderVersion, Request, StrBytes};
use kafka_protocol::records::{
    Compression, NO_PARTITION_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, Record, RecordBatchEncoder,
    RecordEncodeOptions, TimestampType,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Time that any answer may take.
pub const PATIENCE: Duration = Duration::from_secs(20);

pub async fn broker() -> Broker {
    Broker::start(BrokerOptions::new(StorageKind::Memory)).await.unwrap()
}

pub fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}

pub struct Client {
    stream: TcpStream,
    correlation_id: i32,
}

impl Client {
    pub async fn connect(broker: &Broker) -> Self {
        Self { stream: TcpStream::connect(broker.address()).await.unwrap(), correlation_id: 0 }
    }

    /// Sends a frame as it is.
    pub async fn send_raw(&mut self, frame: &[u8]) {
        let mut bytes = BytesMut::new();
        bytes.put_i32(frame.len() as i32);
        bytes.extend_from_slice(frame);
        // The broker may close while this is written: what matters is what it does then.
        let _ = self.stream.write_all(&bytes).await;
    }

    /// Reads a frame, or `None` where the broker has closed the connection.
    pub async fn read_raw(&mut self) -> Option<Bytes> {
        let read = async {
            let length = self.stream.read_i32().await.ok()?;
            let mut frame = vec![0; length as usize];
            self.stream.read_exact(&mut frame).await.ok()?;
            Some(Bytes::from(frame))
        };
        tokio::time::timeout(PATIENCE, read).await.expect("an answer or an end of the connection")
    }

    pub async fn send<R: Request>(&mut self, request: &R, version: i16) {
        self.correlation_id += 1;
        let mut frame = BytesMut::new();
        let header = RequestHeader::default()
            .with_request_api_key(R::KEY)
            .with_request_api_version(version)
            .with_correlation_id(self.correlation_id)
            .with_client_id(Some(text("wire")));
        header.encode(&mut frame, R::header_version(version)).unwrap();
        request.encode(&mut frame, version).unwrap();
        self.send_raw(&frame).await;
    }

    pub async fn receive<R: Request>(&mut self, version: i16) -> R::Response {
        let mut frame = self.read_raw().await.expect("the connection is open");
        let header = ResponseHeader::decode(&mut frame, R::Response::header_version(version)).unwrap();
        assert_eq!(header.correlation_id, self.correlation_id);
        let response = R::Response::decode(&mut frame, version).unwrap();
        assert!(frame.is_empty(), "{} bytes too many", frame.len());
        response
    }

    pub async fn ask<R: Request>(&mut self, request: R, version: i16) -> R::Response {
        self.send(&request, version).await;
        self.receive::<R>(version).await
    }

    pub async fn create(&mut self, topic: &str, partitions: i32) {
        let topic = CreatableTopic::default()
            .with_name(TopicName(text(topic)))
            .with_num_partitions(partitions)
            .with_replication_factor(-1);
        let response = self.ask(CreateTopicsRequest::default().with_topics(vec![topic]).with_timeout_ms(1000), 7).await;
        assert_eq!(response.topics[0].error_code, 0);
    }

    pub async fn produce(&mut self, topic: &str, tx: Option<&str>, batch: Bytes) -> PartitionProduceResponse {
        let data = PartitionProduceData::default().with_index(0).with_records(Some(batch));
        let topic = TopicProduceData::default().with_name(TopicName(text(topic))).with_partition_data(vec![data]);
        let request = ProduceRequest::default()
            .with_acks(-1)
            .with_timeout_ms(1000)
            .with_transactional_id(tx.map(|id| TransactionalId(text(id))))
            .with_topic_data(vec![topic]);
        let response = self.ask(request, 9).await;
        response.responses[0].partition_responses[0].clone()
    }
}

/// A batch of one record.
pub fn batch(value: &str) -> Bytes {
    batch_of(value, None)
}

/// A batch of one record, transactional for a producer id, epoch and sequence.
pub fn batch_of(value: &str, producer: Option<(i64, i16, i32)>) -> Bytes {
    let (producer_id, producer_epoch, sequence) = producer.unwrap_or((NO_PRODUCER_ID, NO_PRODUCER_EPOCH, -1));
    let record = Record {
        transactional: producer.is_some(),
        control: false,
        delete_horizon: false,
        partition_leader_epoch: NO_PARTITION_LEADER_EPOCH,
        producer_id,
        producer_epoch,
        timestamp_type: TimestampType::Creation,
        offset: 0,
        sequence,
        timestamp: 1000,
        key: Some(Bytes::from_static(b"key")),
        value: Some(Bytes::copy_from_slice(value.as_bytes())),
        headers: Default::default(),
    };
    let mut bytes = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: Compression::None };
    RecordBatchEncoder::encode(&mut bytes, [&record], &options).unwrap();
    bytes.freeze()
}

pub fn fetch_request(topic: &str, offset: i64, wait_ms: i32, committed: bool) -> FetchRequest {
    use kafka_protocol::messages::fetch_request::{FetchPartition, FetchTopic};
    let partition = FetchPartition::default().with_fetch_offset(offset).with_partition_max_bytes(1 << 20);
    let topic = FetchTopic::default().with_topic(TopicName(text(topic))).with_partitions(vec![partition]);
    FetchRequest::default()
        .with_max_wait_ms(wait_ms)
        .with_min_bytes(1)
        .with_max_bytes(1 << 20)
        .with_isolation_level(i8::from(committed))
        .with_topics(vec![topic])
}
