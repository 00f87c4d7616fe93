use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use crate::{Delivery, Notification, Notifier};

/// The wait before a message without an answer is tried again; doubles up to [`WAIT_MAX`].
const WAIT_FIRST: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(60);

/// Waiting, which belongs to whoever runs the futures.
pub trait Sleep: Send + Sync + 'static {
    /// Ends after this long.
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// The outside half of the step [`crate::STEP`]: tries a notifier until the outcome is known.
#[derive(Clone)]
pub struct NotifierCalls {
    notifier: Arc<dyn Notifier>,
    sleep: Arc<dyn Sleep>,
}

impl NotifierCalls {
    /// Calls to a notifier.
    #[must_use]
    pub fn new(notifier: Arc<dyn Notifier>, sleep: Arc<dyn Sleep>) -> Self {
        Self { notifier, sleep }
    }

    /// Makes one call and answers with a [`Delivery`] as JSON, never [`Delivery::Unknown`]: the same key is tried again,
    /// with growing waits up to a minute, for as long as it takes. Whoever drops the future gives the call up.
    ///
    /// # Errors
    /// When the request is not what this version of the processor writes; nothing was sent then.
    pub fn call(
        &self,
        idempotency_key: &str,
        request: &[u8],
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send>> {
        let Self { notifier, sleep } = self.clone();
        let notification: Result<Notification, _> = serde_json::from_slice(request);
        let idempotency_key = idempotency_key.to_owned();
        Box::pin(async move {
            let notification = notification.map_err(|error| format!("unreadable request to the notifier: {error}"))?;
            let mut wait = WAIT_FIRST;
            loop {
                match notifier.send(&idempotency_key, &notification).await {
                    Delivery::Unknown => {
                        sleep.sleep(wait).await;
                        wait = wait.saturating_mul(2).min(WAIT_MAX);
                    }
                    known => return serde_json::to_vec(&known).map_err(|error| error.to_string()),
                }
            }
        })
    }
}

#[cfg(test)]
mod tests;
