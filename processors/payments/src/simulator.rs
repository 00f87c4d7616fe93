use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use headwater_log::murmur2;
use serde::{Deserialize, Serialize};

use crate::provider::charge_key;
use crate::{Answer, PaymentProvider, ProviderFuture, Request, Response, Sleep};

/// Keys whose tries are remembered; beyond it one is forgotten, whose next try then counts as its first.
const REMEMBERED_MAX: usize = 100_000;

/// How the simulated provider behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// How long an answer takes, in milliseconds.
    pub latency_ms: u64,
    /// Of a thousand requests, how many are refused.
    pub refused_per_mille: u32,
    /// Of a thousand tries, how many end without an answer.
    pub unknown_per_mille: u32,
}

impl Profile {
    /// For development and the demo: 5 ms, 2 % refused.
    pub const DEFAULT: Self = Self { latency_ms: 5, refused_per_mille: 20, unknown_per_mille: 0 };
    /// For benchmarks: at once, nothing refused.
    pub const NONE: Self = Self { latency_ms: 0, refused_per_mille: 0, unknown_per_mille: 0 };
    /// A slow provider: 1 s, 10 % refused.
    pub const SLOW: Self = Self { latency_ms: 1_000, refused_per_mille: 100, unknown_per_mille: 0 };

    /// The profile of this name: `default`, `none` or `slow`.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "default" => Some(Self::DEFAULT),
            "none" => Some(Self::NONE),
            "slow" => Some(Self::SLOW),
            _ => None,
        }
    }

    /// How a request of this key ends, whenever it is asked: by a hash of the key.
    #[must_use]
    pub fn answer(&self, idempotency_key: &str) -> Answer {
        if per_mille(idempotency_key) < self.refused_per_mille {
            Answer::Refused { reason: "declined".to_owned() }
        } else {
            Answer::Done
        }
    }

    /// Whether try number `attempt` (from 0) of a key ends without an answer.
    fn is_lost(&self, idempotency_key: &str, attempt: u32) -> bool {
        per_mille(&format!("{attempt} {idempotency_key}")) < self.unknown_per_mille
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A payment provider that moves no money. It decides by the idempotency key alone, so it needs no books to answer a
/// repeat as the first time, also after a restart.
pub struct Simulator {
    profile: Profile,
    sleep: Arc<dyn Sleep>,
    /// Tries so far of keys without an answer yet.
    tries: Mutex<BTreeMap<String, u32>>,
}

impl Simulator {
    /// A simulator that waits by `sleep`.
    #[must_use]
    pub fn new(profile: Profile, sleep: Arc<dyn Sleep>) -> Self {
        Self { profile, sleep, tries: Mutex::new(BTreeMap::new()) }
    }

    fn respond(&self, idempotency_key: &str) -> Response {
        if self.profile.unknown_per_mille == 0 {
            return Response::Known(self.profile.answer(idempotency_key));
        }
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let attempt = tries.remove(idempotency_key).unwrap_or(0);
        if !self.profile.is_lost(idempotency_key, attempt) {
            return Response::Known(self.profile.answer(idempotency_key));
        }
        if tries.len() >= REMEMBERED_MAX {
            tries.pop_first();
        }
        tries.insert(idempotency_key.to_owned(), attempt.saturating_add(1));
        Response::Unknown
    }
}

impl PaymentProvider for Simulator {
    fn ask(&self, idempotency_key: &str, request: &Request) -> ProviderFuture {
        let response = match (self.respond(idempotency_key), request) {
            // A charge that was refused leaves nothing to refund.
            (Response::Known(_), Request::Refund { order_id, .. })
                if self.profile.answer(&charge_key(order_id)) != Answer::Done =>
            {
                Response::Known(Answer::NothingCharged)
            }
            (response, _) => response,
        };
        let wait = self.sleep.sleep(Duration::from_millis(self.profile.latency_ms));
        Box::pin(async move {
            wait.await;
            response
        })
    }
}

/// A number from 0 to 999 that looks random and follows from the text.
fn per_mille(text: &str) -> u32 {
    (murmur2(text.as_bytes()) & 0x7fff_ffff) as u32 % 1_000
}

#[cfg(test)]
mod tests;
