use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::{PaymentProvider, Request, Response};

/// The wait before a request without an answer is made again; doubles up to [`WAIT_MAX`].
const WAIT_FIRST: Duration = Duration::from_millis(50);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// Waiting, which belongs to whoever runs the futures.
pub trait Sleep: Send + Sync + 'static {
    /// Ends after this long.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The outside half of the step [`crate::STEP`]: asks a provider until the answer is known.
#[derive(Clone)]
pub struct ProviderCalls {
    provider: Arc<dyn PaymentProvider>,
    sleep: Arc<dyn Sleep>,
}

impl ProviderCalls {
    /// Calls to a provider.
    #[must_use]
    pub fn new(provider: Arc<dyn PaymentProvider>, sleep: Arc<dyn Sleep>) -> Self {
        Self { provider, sleep }
    }

    /// Makes one call and answers with an [`crate::Answer`] as JSON. No answer in time is not a failure: the same key is
    /// asked again, with growing waits up to 30 s, for as long as it takes. Whoever drops the future gives the call up.
    ///
    /// # Errors
    /// When the request is not what this version of the processor writes; nothing was asked then.
    pub fn call(
        &self,
        idempotency_key: &str,
        request: &[u8],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>> {
        let Self { provider, sleep } = self.clone();
        let request: Result<Request, _> = serde_json::from_slice(request);
        let idempotency_key = idempotency_key.to_owned();
        Box::pin(async move {
            let request = request.map_err(|error| format!("unreadable request to the payment provider: {error}"))?;
            let mut wait = WAIT_FIRST;
            loop {
                match provider.ask(&idempotency_key, &request).await {
                    Response::Known(answer) => return serde_json::to_vec(&answer).map_err(|error| error.to_string()),
                    Response::Unknown => {
                        sleep.sleep(wait).await;
                        wait = wait.saturating_mul(2).min(WAIT_MAX);
                    }
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
