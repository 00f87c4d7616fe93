//! The bytes of one connection: frames with their lengths. Each request is answered under its own number, or the
//! connection is closed; the broker serves the next one, and what it keeps is opened again with the same topics.

use std::sync::{Arc, LazyLock};

use headwater_devbroker::fuzzing::{Answer, Exchange, OfflineBroker};
use headwater_devbroker::storage::MemoryStorage;
use tokio::runtime::{Builder, Runtime};

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime"));

/// ApiVersions, version 0, correlation id 7.
const API_VERSIONS: &[u8] = &[0, 0, 0, 10, 0, 18, 0, 0, 0, 0, 0, 7, 0xff, 0xff];
const HOUR_MS: i64 = 3_600_000;

pub fn target(bytes: &[u8]) {
    served(bytes);
}

/// How many requests were served; none where the broker closed the connection.
pub fn served(bytes: &[u8]) -> Option<usize> {
    let _entered = RUNTIME.enter();
    let storage = Arc::new(MemoryStorage::new());
    let mut broker = OfflineBroker::open(storage.clone()).expect("empty storage");
    let served = match broker.serve(bytes) {
        Exchange::Served(answers) => {
            hold(&answers);
            Some(answers.len())
        }
        Exchange::Closed(answers, why) => {
            hold(&answers);
            assert!(!why.contains("cannot be encoded"), "{why}");
            assert!(!why.contains("panicked"), "{why}");
            None
        }
    };
    broker.pass_ms(HOUR_MS);
    serves(&mut broker);
    let topics = broker.topics();
    // After a crash, and after a clean stop.
    drop(broker);
    let mut broker = OfflineBroker::open(storage.clone()).expect("what the broker wrote");
    assert_eq!(broker.topics(), topics);
    serves(&mut broker);
    broker.close().expect("memory");
    let broker = OfflineBroker::open(storage).expect("what the broker wrote");
    assert_eq!(broker.topics(), topics);
    served
}

fn hold(answers: &[Answer]) {
    for answer in answers {
        let Some(frame) = &answer.frame else { continue };
        let length = frame.first_chunk::<4>().map(|length| i32::from_be_bytes(*length));
        assert_eq!(length, i32::try_from(frame.len() - 4).ok(), "a frame begins with its length");
        let id = frame.get(4..).and_then(|rest| rest.first_chunk::<4>()).map(|id| i32::from_be_bytes(*id));
        assert_eq!(id, Some(answer.correlation_id));
    }
}

fn serves(broker: &mut OfflineBroker) {
    let Exchange::Served(answers) = broker.serve(API_VERSIONS) else { panic!("a good connection was closed") };
    let [Answer { correlation_id: 7, frame: Some(frame) }] = answers.as_slice() else { panic!("{answers:?}") };
    assert_eq!(frame.get(8..10), Some(&[0, 0][..]), "no error");
}
