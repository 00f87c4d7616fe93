//! A broker for tests that answers as it is told: one node that leads everything and coordinates everything, and goes
//! silent, or hangs up, or refuses, at a chosen request.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use bytes::{BufMut as _, Bytes, BytesMut};
use kafka_protocol::messages::add_partitions_to_txn_response::{
    AddPartitionsToTxnPartitionResult, AddPartitionsToTxnTopicResult,
};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use kafka_protocol::messages::produce_response::{PartitionProduceResponse, TopicProduceResponse};
use kafka_protocol::messages::*;
use kafka_protocol::protocol::{Decodable, Encodable, Request, StrBytes};

use super::requests::NEEDED;

/// What becomes of a request instead of being served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Instead {
    /// It is served, and then the connection is closed without an answer.
    HangUp,
    /// The answer is this code, for all partitions.
    Refuse(i16),
}

/// What was asked, in order: the request's name, and for InitProducerId the epoch that was told, for EndTxn `commit` or
/// `abort`, for Produce the first sequence of each partition.
pub(super) type Asked = Arc<Mutex<Vec<String>>>;

pub(super) struct ScriptedBroker {
    pub(super) servers: String,
    pub(super) asked: Asked,
}

impl ScriptedBroker {
    /// Serves until the test ends. `script` says which requests meet with something: the n-th of a name, from 1.
    pub(super) fn start(script: &[(&'static str, usize, Instead)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let servers = listener.local_addr().unwrap().to_string();
        let asked = Asked::default();
        let node = Node { port: listener.local_addr().unwrap().port(), script: script.to_vec(), asked: asked.clone() };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let node = node.clone();
                // A connection that ends is an end of its thread, and nothing else.
                std::thread::spawn(move || node.serve(stream));
            }
        });
        Self { servers, asked }
    }

    pub(super) fn asked(&self) -> Vec<String> {
        let of_interest = |asked: &&String| !["ApiVersions", "Metadata", "FindCoordinator"].contains(&asked.as_str());
        self.asked.lock().unwrap().iter().filter(of_interest).cloned().collect()
    }
}

#[derive(Clone)]
struct Node {
    port: u16,
    script: Vec<(&'static str, usize, Instead)>,
    asked: Asked,
}

impl Node {
    fn serve(&self, mut stream: TcpStream) -> Option<()> {
        loop {
            let mut length = [0; 4];
            stream.read_exact(&mut length).ok()?;
            let mut frame = vec![0; i32::from_be_bytes(length) as usize];
            stream.read_exact(&mut frame).ok()?;
            let mut frame = Bytes::from(frame);
            let key = ApiKey::try_from(i16::from_be_bytes([frame[0], frame[1]])).unwrap();
            let version = i16::from_be_bytes([frame[2], frame[3]]);
            let header = RequestHeader::decode(&mut frame, key.request_header_version(version)).unwrap();
            let answer = self.answer(key, version, &mut frame)?;
            let mut whole = BytesMut::new();
            whole.put_i32(0);
            let told = ResponseHeader::default().with_correlation_id(header.correlation_id);
            told.encode(&mut whole, key.response_header_version(version)).unwrap();
            whole.extend_from_slice(&answer);
            let length = (whole.len() - 4) as i32;
            whole[..4].copy_from_slice(&length.to_be_bytes());
            stream.write_all(&whole).ok()?;
        }
    }

    /// Notes a request, and what it meets with.
    fn meets(&self, name: &str, detail: &str) -> Option<Instead> {
        let mut asked = self.asked.lock().unwrap();
        asked.push(if detail.is_empty() { name.to_owned() } else { format!("{name} {detail}") });
        let count = asked.iter().filter(|asked| asked.split(' ').next() == Some(name)).count();
        self.script.iter().find(|(scripted, at, _)| *scripted == name && *at == count).map(|(.., instead)| *instead)
    }

    fn answer(&self, key: ApiKey, version: i16, body: &mut Bytes) -> Option<Bytes> {
        match key {
            ApiKey::ApiVersions => {
                let known = NEEDED.iter().map(|(key, _, version)| {
                    ApiVersion::default().with_api_key(*key).with_min_version(0).with_max_version(*version)
                });
                self.reply::<ApiVersionsRequest>("ApiVersions", "", version, |_| {
                    ApiVersionsResponse::default().with_api_keys(known.collect())
                })
            }
            ApiKey::Metadata => {
                let asked = read::<MetadataRequest>(body, version);
                self.reply::<MetadataRequest>("Metadata", "", version, |_| self.metadata(asked))
            }
            ApiKey::FindCoordinator => self.reply::<FindCoordinatorRequest>("FindCoordinator", "", version, |code| {
                FindCoordinatorResponse::default()
                    .with_error_code(code)
                    .with_node_id(BrokerId(1))
                    .with_host(StrBytes::from_static_str("127.0.0.1"))
                    .with_port(i32::from(self.port))
            }),
            ApiKey::InitProducerId => {
                let epoch = read::<InitProducerIdRequest>(body, version).producer_epoch;
                self.reply::<InitProducerIdRequest>("InitProducerId", &epoch.to_string(), version, |code| {
                    InitProducerIdResponse::default()
                        .with_error_code(code)
                        .with_producer_id(ProducerId(7))
                        .with_producer_epoch(epoch + 1)
                })
            }
            ApiKey::AddPartitionsToTxn => {
                let asked = read::<AddPartitionsToTxnRequest>(body, version);
                self.reply::<AddPartitionsToTxnRequest>("AddPartitionsToTxn", "", version, |code| added(asked, code))
            }
            ApiKey::EndTxn => {
                let kind = if read::<EndTxnRequest>(body, version).committed { "commit" } else { "abort" };
                let told = |code| EndTxnResponse::default().with_error_code(code);
                self.reply::<EndTxnRequest>("EndTxn", kind, version, told)
            }
            ApiKey::Produce => {
                let asked = read::<ProduceRequest>(body, version);
                let detail = sequences(&asked);
                self.reply::<ProduceRequest>("Produce", &detail, version, |code| produced(asked, code))
            }
            other => panic!("{other:?} is not scripted"),
        }
    }

    /// The answer, made with the code that the script has for it; None closes the connection.
    fn reply<R: Request>(
        &self,
        name: &'static str,
        detail: &str,
        version: i16,
        answer: impl FnOnce(i16) -> R::Response,
    ) -> Option<Bytes> {
        let code = match self.meets(name, detail) {
            Some(Instead::HangUp) => return None,
            Some(Instead::Refuse(code)) => code,
            None => 0,
        };
        let mut bytes = BytesMut::new();
        answer(code).encode(&mut bytes, version).unwrap();
        Some(bytes.freeze())
    }

    fn metadata(&self, asked: MetadataRequest) -> MetadataResponse {
        let broker = MetadataResponseBroker::default()
            .with_node_id(BrokerId(1))
            .with_host(StrBytes::from_static_str("127.0.0.1"))
            .with_port(i32::from(self.port));
        let partition =
            |index| MetadataResponsePartition::default().with_partition_index(index).with_leader_id(BrokerId(1));
        let topics = asked.topics.unwrap_or_default().into_iter().map(|topic| {
            MetadataResponseTopic::default().with_name(topic.name).with_partitions(vec![partition(0), partition(1)])
        });
        MetadataResponse::default().with_brokers(vec![broker]).with_topics(topics.collect())
    }
}

fn read<R: Decodable>(body: &mut Bytes, version: i16) -> R {
    R::decode(body, version).unwrap()
}

/// The first sequence in each batch, which stands at a fixed place.
fn sequences(asked: &ProduceRequest) -> String {
    let partitions = asked.topic_data.iter().flat_map(|topic| &topic.partition_data);
    let each = partitions.map(|partition| {
        let records = partition.records.as_ref().unwrap();
        let sequence = i32::from_be_bytes(records[53..57].try_into().unwrap());
        format!("{}@{sequence}", partition.index)
    });
    each.collect::<Vec<_>>().join(" ")
}

fn added(asked: AddPartitionsToTxnRequest, code: i16) -> AddPartitionsToTxnResponse {
    let topics = asked.v3_and_below_topics.into_iter().map(|topic| {
        let results = topic.partitions.iter().map(|partition| {
            AddPartitionsToTxnPartitionResult::default()
                .with_partition_index(*partition)
                .with_partition_error_code(code)
        });
        AddPartitionsToTxnTopicResult::default().with_name(topic.name).with_results_by_partition(results.collect())
    });
    AddPartitionsToTxnResponse::default().with_results_by_topic_v3_and_below(topics.collect())
}

fn produced(asked: ProduceRequest, code: i16) -> ProduceResponse {
    let responses = asked.topic_data.into_iter().map(|topic| {
        let partitions = topic.partition_data.iter().map(|partition| {
            PartitionProduceResponse::default()
                .with_index(partition.index)
                .with_error_code(code)
                .with_base_offset(if code == 0 { 100 } else { -1 })
        });
        TopicProduceResponse::default().with_name(topic.name).with_partition_responses(partitions.collect())
    });
    ProduceResponse::default().with_responses(responses.collect())
}
