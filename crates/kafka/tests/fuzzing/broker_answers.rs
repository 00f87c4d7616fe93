//! What a broker answers to the direct producer. Pieces of the input are the answers to its requests, one after another;
//! with the last of them the connection ends. Whatever they say, each call comes back; and a transaction counts as
//! committed only with an acknowledgement and an offset for each of its records.
//!
//! A piece is its length in two bytes, and what stands behind the number of the request; with the highest bit of the length
//! set, it is the whole answer, frame and number included. `PORT` stands for the port of the broker itself.

use std::collections::VecDeque;
use std::io::{Read, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use headwater_kafka::{
    ConnectionSettings, GroupMetadata, Isolation, OffsetToCommit, OutgoingRecord, ProducerEngine,
    TransactionalProducer, TransactionalProducerSettings,
};
use headwater_log::{Offset, Partition, TopicName, TopicPartition};

/// How long a call may wait for an answer that does not come.
const WAIT: Duration = Duration::from_millis(4);
/// In an answer, the port of a broker: four bytes.
const PORT: [u8; 4] = *b"PORT";
const WHOLE: u16 = 1 << 15;
const API_VERSIONS: u16 = 18;
/// Each request that the producer makes, with the version that it asks for.
const SERVED: [(u16, u16); 10] =
    [(0, 9), (2, 6), (3, 9), (10, 3), (18, 3), (22, 4), (24, 3), (25, 3), (26, 3), (28, 3)];
/// One for each of two partitions.
const RECORDS: u64 = 2;

type Answers = Arc<Mutex<VecDeque<Vec<u8>>>>;

/// One broker for all inputs, that answers with what is left of the present one.
struct Broker {
    port: u16,
    answers: Answers,
}

fn broker() -> &'static Broker {
    static BROKER: OnceLock<Broker> = OnceLock::new();
    BROKER.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("its address").port();
        let answers = Answers::default();
        let shared = Arc::clone(&answers);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let answers = Arc::clone(&shared);
                // A connection that breaks ends its thread, and nothing else.
                std::thread::spawn(move || serve(stream, port, &answers));
            }
        });
        Broker { port, answers }
    })
}

fn serve(mut stream: TcpStream, port: u16, answers: &Answers) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        stream.read_exact(&mut request)?;
        let number = &request[4..8];
        if request[..2] == API_VERSIONS.to_be_bytes() {
            stream.write_all(&framed(number, &versions()))?;
            continue;
        }
        let Some(piece) = answers.lock().expect("no panic while it is held").pop_front() else { return Ok(()) };
        let (length, body) = piece.split_at(2);
        let body = with_port(body, port);
        let is_whole = u16::from_be_bytes([length[0], length[1]]) & WHOLE != 0;
        stream.write_all(&if is_whole { body } else { framed(number, &body) })?;
    }
}

fn framed(number: &[u8], body: &[u8]) -> Vec<u8> {
    let length = (number.len() + body.len()) as u32;
    [&length.to_be_bytes(), number, body].concat()
}

/// ApiVersions, always as it should be: no error, each request with its version, no throttling and no tagged fields.
fn versions() -> Vec<u8> {
    let mut body = vec![0, 0, SERVED.len() as u8 + 1];
    for (key, version) in SERVED {
        body.extend(key.to_be_bytes());
        body.extend([0, 0]);
        body.extend(version.to_be_bytes());
        body.push(0);
    }
    body.extend([0, 0, 0, 0, 0]);
    body
}

fn with_port(body: &[u8], port: u16) -> Vec<u8> {
    let mut body = body.to_vec();
    let places: Vec<usize> =
        body.windows(PORT.len()).enumerate().filter(|(_, at)| *at == PORT).map(|(at, _)| at).collect();
    for at in places {
        body[at..at + PORT.len()].copy_from_slice(&u32::from(port).to_be_bytes());
    }
    body
}

/// The pieces, each with its length before it; the last may be cut off.
fn pieces(mut bytes: &[u8]) -> VecDeque<Vec<u8>> {
    let mut pieces = VecDeque::new();
    while let Some((length, rest)) = bytes.split_first_chunk::<2>() {
        let end = usize::from(u16::from_be_bytes(*length) & !WHOLE).min(rest.len());
        pieces.push_back(bytes[..2 + end].to_vec());
        bytes = &rest[end..];
    }
    pieces
}

pub fn target(bytes: &[u8]) {
    run(bytes, WAIT);
}

fn run(bytes: &[u8], wait: Duration) {
    let broker = broker();
    *broker.answers.lock().expect("no panic while it is held") = pieces(bytes);
    let mut settings = TransactionalProducerSettings::new("worker");
    settings.engine = ProducerEngine::Direct;
    let connection = ConnectionSettings::new(&format!("127.0.0.1:{}", broker.port));
    let mut producer = TransactionalProducer::new(&connection, &settings).expect("plain settings");
    if !producer.initialize(wait).is_done() {
        return;
    }
    assert!(producer.begin().is_done(), "an initialised producer begins");
    let name = TopicName::new("orders.events").expect("a name");
    let topic = producer.topic(&name).expect("a handle");
    for partition in 0..RECORDS as u32 {
        let partition = Some(Partition::new(partition));
        let record = OutgoingRecord { partition, value: Some(b"value"), ..OutgoingRecord::default() };
        producer.produce(topic, &record).expect("what waits is written nowhere yet");
    }
    let offsets = [OffsetToCommit {
        partition: TopicPartition::new(TopicName::new("orders.commands").expect("a name"), Partition::new(0)),
        offset: Offset::new(7).expect("an offset"),
        metadata: String::new(),
    }];
    let group = GroupMetadata::forged("orders", 3, "member", None).expect("plain texts");
    let flushed = producer.flush(wait);
    let sent = flushed.is_done().then(|| producer.send_offsets(&offsets, &group, wait).is_done());
    if sent == Some(true) && producer.commit(wait).is_done() {
        assert_eq!(producer.delivered().records, RECORDS, "each record was acknowledged");
        for partition in 0..RECORDS as u32 {
            let written = producer.written(topic, Partition::new(partition)).expect("its batch was acknowledged");
            assert!(written.records() == 1 && written.last().is_some(), "{written:?}");
        }
    } else if !producer.abort(wait).is_done() {
        // Only a new producer goes on from there, as the worker has it.
        let _answered = producer.renew(wait);
    }
    // Any answer will do, as long as it is one.
    let partitions = [TopicPartition::new(name, Partition::new(1))];
    if let Ok(ends) = producer.ends(&partitions, Isolation::ReadUncommitted, wait) {
        assert_eq!(ends.len(), partitions.len());
    }
}

/// The sample that all others are made from is asked for to its end.
pub fn the_transaction_is_whole() {
    let seeds = headwater_fuzzing::corpus::read("broker_answers").expect("the corpus");
    let transaction = seeds.iter().find(|seed| seed.name == "transaction").expect("a transaction");
    run(&transaction.bytes, Duration::from_secs(10));
    let left = broker().answers.lock().expect("no panic while it is held").len();
    assert_eq!(left, 0, "answers that nobody asked for: the producer gave up before");
}
