//! The async step's outside half: calls run on tokio, bounded, and their results come back to the worker's thread.
//!
//! A call is started only after the transaction that recorded it has committed, and started again, with the same
//! idempotency key, by whoever has the task after a crash. So a step must be idempotent by that key.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use headwater_kafka::ConsumerHandle;
use headwater_streams::{CallResult, CallToStart};
use headwater_worker::ports::{Calls, Returned};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use crate::Error;

/// What a step answers: the response's bytes, or why the outside refused. A time-out is neither: the step tries the
/// same idempotency key until it knows.
pub type StepAnswer = Result<Vec<u8>, String>;

/// A future on its way to an answer.
pub type StepFuture = Pin<Box<dyn Future<Output = StepAnswer> + Send>>;

/// One kind of outside call, by the name that the topology gives it.
pub trait AsyncStep: Send + Sync + 'static {
    /// Begins a call. Repeats of one idempotency key must have the effect of one.
    fn call(&self, idempotency_key: &str, request: &[u8]) -> StepFuture;
}

/// The steps that an application can call, by `processor/step`.
#[derive(Clone, Default)]
pub struct Steps {
    by_name: BTreeMap<String, Arc<dyn AsyncStep>>,
}

impl Steps {
    /// Adds a step of a processor.
    #[must_use]
    pub fn with(mut self, processor: &str, step: &str, implementation: Arc<dyn AsyncStep>) -> Self {
        self.by_name.insert(format!("{processor}/{step}"), implementation);
        self
    }

    fn get(&self, processor: &str, step: &str) -> Result<Arc<dyn AsyncStep>, Error> {
        self.by_name.get(&format!("{processor}/{step}")).cloned().ok_or_else(|| {
            Error::Configuration(format!(
                "processor {processor} calls step {step}, which this application does not provide"
            ))
        })
    }
}

/// One worker's calls under way.
pub struct CallExecutor {
    steps: Steps,
    handle: Handle,
    permits: Arc<Semaphore>,
    sender: SyncSender<Returned>,
    receiver: Receiver<Returned>,
    waker: Option<ConsumerHandle>,
}

impl CallExecutor {
    /// An executor that runs at most `in_flight_max` calls at once; others wait their turn.
    #[must_use]
    pub fn new(steps: Steps, handle: Handle, in_flight_max: usize) -> Self {
        // Results are as many as calls in flight and waiting, which the tasks bound; room for all keeps senders free.
        let (sender, receiver) = sync_channel(in_flight_max.saturating_mul(2).max(1024));
        Self { steps, handle, permits: Arc::new(Semaphore::new(in_flight_max)), sender, receiver, waker: None }
    }

    /// Results end this consumer's wait for records.
    pub fn wakes(&mut self, consumer: ConsumerHandle) {
        self.waker = Some(consumer);
    }
}

impl Calls for CallExecutor {
    fn start(&mut self, processor: &str, task: usize, epoch: u64, call: &CallToStart) -> Result<(), Error> {
        let step = self.steps.get(processor, &call.step)?;
        let permits = Arc::clone(&self.permits);
        let sender = self.sender.clone();
        let id = call.id;
        let key = call.idempotency_key.clone();
        let request = call.request.clone();
        let waker = self.waker.clone();
        self.handle.spawn(async move {
            let Ok(_permit) = permits.acquire_owned().await else {
                return;
            };
            let answer = step.call(&key, &request).await;
            let result = match answer {
                Ok(answer) => CallResult::answer(id, answer),
                Err(reason) => CallResult::refusal(id, reason),
            };
            let mut returned = Returned { task, epoch, result };
            loop {
                match sender.try_send(returned) {
                    Ok(()) => {
                        if let Some(consumer) = waker {
                            consumer.wake();
                        }
                        return;
                    }
                    Err(TrySendError::Disconnected(_)) => return,
                    Err(TrySendError::Full(back)) => {
                        returned = back;
                        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    }
                }
            }
        });
        Ok(())
    }

    fn next(&mut self) -> Option<Returned> {
        self.receiver.try_recv().ok()
    }
}
