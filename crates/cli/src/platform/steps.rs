use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use headwater_notifications::{LogNotifier, NotifierCalls};
use headwater_payments::{Profile, ProviderCalls, Simulator};
use headwater_runtime::{AsyncStep, StepFuture, Steps};

/// The outside calls of the processors: payments by the simulator, notifications to the log.
pub fn steps(payments: Profile) -> Steps {
    let sleep = Arc::new(TokioSleep);
    let provider = Arc::new(Simulator::new(payments, sleep.clone()));
    let charges = ProviderCalls::new(provider, sleep.clone());
    let notifications = NotifierCalls::new(Arc::new(LogNotifier), sleep);
    Steps::default().with(headwater_payments::NAME, headwater_payments::STEP, Arc::new(Charges(charges))).with(
        headwater_notifications::NAME,
        headwater_notifications::STEP,
        Arc::new(Notices(notifications)),
    )
}

struct Charges(ProviderCalls);

impl AsyncStep for Charges {
    fn call(&self, idempotency_key: &str, request: &[u8]) -> StepFuture {
        self.0.call(idempotency_key, request)
    }
}

struct Notices(NotifierCalls);

impl AsyncStep for Notices {
    fn call(&self, idempotency_key: &str, request: &[u8]) -> StepFuture {
        self.0.call(idempotency_key, request)
    }
}

/// Waiting on tokio's clock.
struct TokioSleep;

impl headwater_payments::Sleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        sleep(duration)
    }
}

impl headwater_notifications::Sleep for TokioSleep {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        sleep(duration)
    }
}

/// No timer where there is nothing to wait for: tokio's go off a millisecond late.
fn sleep(duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    if duration.is_zero() { Box::pin(std::future::ready(())) } else { Box::pin(tokio::time::sleep(duration)) }
}
