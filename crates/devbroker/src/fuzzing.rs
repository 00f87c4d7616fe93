//! Ways in for fuzzing, to what no caller of this crate reaches otherwise. Nothing here is part of its interface.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use futures::FutureExt;

use crate::api::{self, Client, Node};
use crate::cluster::clock::Clock;
use crate::group::{records as group_records, subscription};
use crate::log::{read_records, rewrite};
use crate::server::broker::{BrokerOptions, StorageKind, open_node};
use crate::server::frame::{FrameError, parse_frame, read_frame};
use crate::storage::Storage;
use crate::transaction::records as transaction_records;
use crate::{Error, ErrorKind};

/// Where its clock begins: milliseconds since the epoch.
const STARTED_MS: i64 = 1_700_000_000_000;

/// A broker without a listener and without tasks of its own, whose clock stands still.
#[derive(Debug)]
pub struct OfflineBroker {
    node: Node,
    client: Client,
    now_ms: Arc<AtomicI64>,
}

/// What became of a connection.
#[derive(Debug)]
pub enum Exchange {
    /// The answers, one for each request, empty where the protocol wants none or the request still waits.
    Served(Vec<Answer>),
    /// The broker closed it after these answers, for this reason.
    Closed(Vec<Answer>, String),
}

/// One request and what came of it.
#[derive(Debug)]
pub struct Answer {
    /// The number that the client gave.
    pub correlation_id: i32,
    /// The frame as it goes out, its length before it; none for silence, and for a request that waits.
    pub frame: Option<Bytes>,
}

impl OfflineBroker {
    /// Opens what the storage holds.
    ///
    /// # Errors
    /// As a start of the broker.
    pub fn open(storage: Arc<dyn Storage>) -> Result<Self, Error> {
        let now_ms = Arc::new(AtomicI64::new(STARTED_MS));
        let reads = Arc::clone(&now_ms);
        let clock = Clock::new(move || reads.load(Ordering::Relaxed));
        let options = BrokerOptions { clock, ..BrokerOptions::new(StorageKind::Memory) };
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 9092));
        let node = open_node(storage, "memory".to_owned(), options, address)?;
        let client = Client { id: String::new(), host: "/127.0.0.1".to_owned(), reached: address };
        Ok(Self { node, client, now_ms })
    }

    /// Serves the bytes of one connection. A request that waits is given up, as when its client goes. Call it within a
    /// tokio runtime.
    pub fn serve(&mut self, mut bytes: &[u8]) -> Exchange {
        let mut answers = Vec::new();
        loop {
            match self.serve_one(&mut bytes) {
                Ok(Some(answer)) => answers.push(answer),
                Ok(None) => return Exchange::Served(answers),
                Err(error) => return Exchange::Closed(answers, error.to_string()),
            }
            self.now_ms.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn serve_one(&mut self, bytes: &mut &[u8]) -> Result<Option<Answer>, FrameError> {
        let read = read_frame(bytes).now_or_never().unwrap_or(Ok(None))?;
        let Some(frame) = read else { return Ok(None) };
        let frame = parse_frame(frame)?;
        self.client.id = frame.client_id.to_string();
        let answered = api::answer(&self.node, &self.client, &frame).now_or_never().unwrap_or(Ok(None))?;
        Ok(Some(Answer { correlation_id: frame.correlation_id, frame: answered }))
    }

    /// Lets time pass, and what is due happen.
    pub fn pass_ms(&self, ms: i64) {
        self.now_ms.fetch_add(ms, Ordering::Relaxed);
        while self.node.catalog.maintain(1 << 20) {}
    }

    /// Closes the logs cleanly.
    ///
    /// # Errors
    /// Of kind `Io`.
    pub fn close(self) -> Result<(), Error> {
        self.node.catalog.close()
    }

    /// The topics with their partition counts, the internal ones included.
    #[must_use]
    pub fn topics(&self) -> Vec<(String, usize)> {
        let topics = self.node.catalog.all();
        topics.iter().map(|topic| (topic.name.clone(), topic.partitions.len())).collect()
    }
}

/// Offset delta, time delta in milliseconds, key and value of a record.
pub type UnfoldedRecord = (i32, i64, Option<Bytes>, Option<Bytes>);

/// The records of one whole batch.
///
/// # Errors
/// As for an append to a compacted topic.
pub fn records_of(batch: &[u8]) -> Result<Vec<UnfoldedRecord>, Error> {
    read_records(batch)
}

/// The batch as compaction writes it when it keeps every record.
///
/// # Errors
/// As [`records_of`].
pub fn rewritten(batch: &[u8]) -> Result<Bytes, Error> {
    rewrite(batch)
}

/// Reads a record of an internal topic, of groups or of transactions, and writes what it read.
///
/// # Errors
/// Of kind `CorruptStorage` where it is none.
pub fn internal_record(is_group: bool, key: &[u8], value: &[u8]) -> Result<(Bytes, Bytes), Error> {
    let again = if is_group {
        // A group's members carry their subscriptions, which are read with each rebalance.
        let _ = subscription::topics(value);
        group_records::rewritten(key, value)
    } else {
        transaction_records::rewritten(key, value)
    };
    again.ok_or_else(|| Error::new(ErrorKind::CorruptStorage, "a record of an internal topic that is none"))
}
