#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use headwater_event::{Currency, CustomerId, Money, OrderId};

use super::{ProviderCalls, Sleep};
use crate::{Answer, Profile, Request, Simulator, payment_id};

/// Waits not at all, and remembers how long it should have.
#[derive(Default)]
struct Waits(Mutex<Vec<u64>>);

impl Sleep for Waits {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        self.0.lock().unwrap().push(u64::try_from(duration.as_millis()).unwrap());
        Box::pin(ready(()))
    }
}

fn run<T>(mut future: Pin<Box<dyn Future<Output = T> + Send>>) -> T {
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn charge(order: &str) -> Request {
    let order_id = OrderId::new(order).unwrap();
    let amount = Money::new(339, Currency::new("GBP").unwrap());
    let customer_id = CustomerId::new("c-1").unwrap();
    Request::Charge { payment_id: payment_id(&order_id).unwrap(), order_id, customer_id, amount }
}

/// The answer to a request, and the waits for it.
fn ask(profile: Profile, request: &Request) -> (Answer, Vec<u64>) {
    let waits = Arc::new(Waits::default());
    let calls = ProviderCalls::new(Arc::new(Simulator::new(profile, waits.clone())), waits.clone());
    let answer = run(calls.call(&request.idempotency_key(), &serde_json::to_vec(request).unwrap())).unwrap();
    let waits = waits.0.lock().unwrap().clone();
    (serde_json::from_slice(&answer).unwrap(), waits)
}

#[test]
fn an_answer_takes_as_long_as_the_profile_says() {
    let (answer, waits) = ask(Profile { refused_per_mille: 0, ..Profile::SLOW }, &charge("o-1"));
    assert_eq!((answer, waits), (Answer::Done, vec![1_000]));
}

#[test]
fn a_request_without_an_answer_is_made_again_with_the_same_key_until_it_is_known() {
    let profile = Profile { latency_ms: 7, refused_per_mille: 300, unknown_per_mille: 600 };
    let mut longest = 0;
    for order in 0..200 {
        let request = charge(&format!("o-{order}"));
        let (answer, waits) = ask(profile, &request);
        assert_eq!(answer, profile.answer(&request.idempotency_key()), "the tries before change nothing");
        let backoffs: Vec<u64> = waits.into_iter().filter(|wait| *wait != 7).collect();
        assert!(backoffs.iter().zip([50, 100, 200, 400]).all(|(wait, expected)| *wait == expected), "{backoffs:?}");
        longest = longest.max(backoffs.len());
    }
    assert!(longest >= 4, "{longest}");
}

#[test]
fn a_charge_that_was_refused_leaves_nothing_to_refund() {
    let profile = Profile { refused_per_mille: 1_000, ..Profile::NONE };
    let order_id = OrderId::new("o-1").unwrap();
    let amount = Money::new(339, Currency::new("GBP").unwrap());
    let refund = Request::Refund { payment_id: payment_id(&order_id).unwrap(), order_id, amount, tries: 1 };
    assert_eq!(ask(profile, &refund).0, Answer::NothingCharged);
}

#[test]
fn a_request_that_can_not_be_read_is_refused_and_never_asked() {
    let waits = Arc::new(Waits::default());
    let calls = ProviderCalls::new(Arc::new(Simulator::new(Profile::DEFAULT, waits.clone())), waits.clone());
    assert!(run(calls.call("charge/o-1", b"{}")).unwrap_err().contains("unreadable request"));
    assert!(waits.0.lock().unwrap().is_empty());
}
