//! A worker's thread: the ports over Kafka and RocksDB, and the loop that gives the worker its turns. What a worker does
//! is in `headwater-worker`.

mod consumer;
mod fetched;
mod observer;
mod producer;

use std::marker::PhantomData;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Duration;

use headwater_kafka::{TransactionalProducerSettings, WorkerConsumer, WorkerConsumerSettings};
use headwater_worker::ports::{Edge, Ports, Report};
use headwater_worker::{RestoreResult, Worker};

pub(crate) use fetched::{Fetched, start_at};

use self::consumer::{KafkaConsumer, KafkaMember};
use self::observer::RuntimeObserver;
use self::producer::KafkaProducer;
use crate::Error;
use crate::application::Shared;
use crate::calls::CallExecutor;
use crate::clock::Clock;
use crate::error::from_kafka;
use crate::leave::leave;
use crate::restore::RestoreLinks;
use crate::settings::Stop;
use crate::state::{StateDatabase, TaskState};

/// librdkafka sends one request for each partition. Records are of use only once their transaction has committed, so they
/// wait for its flush, or for a full batch: one request for each partition and transaction, not one every 5 ms.
const LINGER_MS: u32 = 1_000;
const LEAVE_DEADLINE: Duration = Duration::from_secs(5);

/// What a worker can be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Commit and end.
    Stop(Stop),
}

/// A worker's ways in and out.
pub struct WorkerLinks {
    /// Commands to it.
    pub commands: Receiver<Command>,
    /// Restores that are done.
    pub restored: Receiver<RestoreResult>,
    /// What it reports; the newest counts.
    pub reports: SyncSender<Report>,
}

/// The worker's ports on Kafka and RocksDB.
struct KafkaPorts<'l>(PhantomData<&'l WorkerLinks>);

impl<'l> Ports for KafkaPorts<'l> {
    type Member = KafkaMember;
    type Consumer = KafkaConsumer;
    type Producer = KafkaProducer;
    type Store = TaskState;
    type Stores = StateDatabase;
    type Restores = RestoreLinks<'l>;
    type Calls = CallExecutor;
    type Clock = Clock;
    type Observer = RuntimeObserver<'l>;
}

/// Runs a worker until it is told to stop.
///
/// # Errors
/// What it can't go on after; the transaction at hand was not committed then.
pub(crate) fn run(number: usize, shared: &Arc<Shared>, calls: CallExecutor, links: &WorkerLinks) -> Result<(), Error> {
    let mut worker = start(number, shared, calls, links)?;
    let mut wait = Duration::ZERO;
    loop {
        match links.commands.try_recv() {
            Ok(Command::Stop(how)) => return stop(number, shared, worker, how),
            Err(TryRecvError::Disconnected) => return stop(number, shared, worker, Stop::Stay),
            Err(TryRecvError::Empty) => {}
        }
        wait = worker.turn(wait)?;
    }
}

fn start<'l>(
    number: usize,
    shared: &Arc<Shared>,
    mut calls: CallExecutor,
    links: &'l WorkerLinks,
) -> Result<Worker<KafkaPorts<'l>>, Error> {
    let settings = &shared.settings;
    let mut producer = TransactionalProducerSettings::new(&settings.transactional_id(number));
    producer.linger_ms = LINGER_MS;
    producer.engine = settings.producer;
    // Who takes over waits for what its predecessor left open: that ends before the predecessor is thought to be gone.
    let session_ms = u32::try_from(settings.session_timeout.as_millis()).unwrap_or(45_000);
    producer.transaction_timeout_ms = producer.transaction_timeout_ms.min(session_ms / 3 * 2).max(1_000);
    let mut consumer_settings = WorkerConsumerSettings::new(&settings.application);
    consumer_settings.instance_id = Some(settings.worker_name(number));
    consumer_settings.session_timeout_ms = session_ms;
    consumer_settings.prefetch_kbytes =
        u32::try_from(settings.memory.fetch_bytes() / settings.workers.max(1) / 1024).unwrap_or(16 * 1024);
    let consumer = WorkerConsumer::new(&shared.connection, &consumer_settings).map_err(from_kafka)?;
    calls.wakes(consumer.handle().clone());
    let edge = Edge {
        producer: KafkaProducer::new(shared.connection.clone(), producer, shared.clock),
        stores: shared.database.clone(),
        restores: RestoreLinks::new(number, shared.restorer.clone(), &links.restored),
        calls,
        clock: shared.clock,
        observer: RuntimeObserver::new(Arc::clone(shared), &links.reports),
    };
    Worker::start(number, Arc::clone(&shared.blueprint), KafkaConsumer::new(number, consumer, shared.clock), edge)
}

fn stop(number: usize, shared: &Shared, worker: Worker<KafkaPorts<'_>>, how: Stop) -> Result<(), Error> {
    // Whoever is told to stop must not start again for trouble that passes: what is not committed is done by the next.
    let stopped = match worker.stop() {
        Err(Error::Kafka(error)) => {
            tracing::warn!(worker = number, %error, "stopped without its last commit");
            Ok(())
        }
        stopped => stopped,
    };
    if how == Stop::Leave {
        leave(&shared.connection, &shared.settings, [number], LEAVE_DEADLINE);
    }
    stopped
}
