#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use headwater_event::{CustomerId, OrderId};

use super::{NotifierCalls, Sleep};
use crate::{Delivery, LogNotifier, News, Notification, Notifier, NotifierFuture};

struct NoWait;

impl Sleep for NoWait {
    fn sleep(&self, _duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(ready(()))
    }
}

/// Answers only the third try; remembers the keys it was given.
#[derive(Default)]
struct Forgetful(Mutex<Vec<String>>);

impl Notifier for Forgetful {
    fn send(&self, idempotency_key: &str, _notification: &Notification) -> NotifierFuture {
        let mut keys = self.0.lock().unwrap();
        keys.push(idempotency_key.to_owned());
        let delivery =
            if keys.len() < 3 { Delivery::Unknown } else { Delivery::Refused { reason: "no_address".to_owned() } };
        Box::pin(ready(delivery))
    }
}

fn notification() -> Notification {
    Notification {
        order_id: OrderId::new("o-1").unwrap(),
        customer_id: CustomerId::new("c-1").unwrap(),
        news: News::OrderCancelled { reason: "requested".to_owned() },
    }
}

fn call(notifier: Arc<dyn Notifier>, request: &[u8]) -> Result<Delivery, String> {
    let calls = NotifierCalls::new(notifier, Arc::new(NoWait));
    let mut future = calls.call(&notification().idempotency_key(), request);
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer.map(|answer| serde_json::from_slice(&answer).unwrap()),
        Poll::Pending => panic!("nothing here waits"),
    }
}

fn request() -> Vec<u8> {
    serde_json::to_vec(&notification()).unwrap()
}

#[test]
fn a_request_is_one_flat_object() {
    let json = r#"{"order_id":"o-1","customer_id":"c-1","template":"order_cancelled","reason":"requested"}"#;
    assert_eq!(String::from_utf8(request()).unwrap(), json);
    assert_eq!(serde_json::from_str::<Notification>(json).unwrap(), notification());
}

#[test]
fn the_log_takes_every_message() {
    assert_eq!(call(Arc::new(LogNotifier), &request()), Ok(Delivery::Sent { channel: "log".to_owned() }));
}

#[test]
fn a_message_without_an_answer_is_tried_again_with_the_same_key() {
    let notifier = Arc::new(Forgetful::default());
    assert_eq!(call(notifier.clone(), &request()), Ok(Delivery::Refused { reason: "no_address".to_owned() }));
    assert_eq!(*notifier.0.lock().unwrap(), ["notify/o-1/order_cancelled"; 3]);
}

#[test]
fn a_request_that_can_not_be_read_is_refused_and_never_sent() {
    assert!(call(Arc::new(LogNotifier), b"[]").unwrap_err().contains("unreadable request"));
}
