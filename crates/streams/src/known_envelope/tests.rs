use std::sync::Arc;

use headwater_event::{Envelope, EventId, Timestamp};
use headwater_log::Headers;
use uuid::Uuid;

use super::KnownEnvelope;

fn envelope() -> Envelope {
    Envelope::root(
        EventId::from_uuid(Uuid::from_u128(7)),
        "/headwater/orders",
        "orders.OrderCreated",
        "o-1",
        Timestamp::from_millis(1_000),
    )
}

#[test]
fn readers_share_what_the_first_has_read() {
    let mut headers = Headers::new();
    envelope().write(&mut headers);
    let known = KnownEnvelope::default();
    let first = known.read(&headers).unwrap().unwrap();
    let second = known.read(&headers).unwrap().unwrap();
    assert_eq!(*first, envelope());
    assert!(Arc::ptr_eq(&first, &second));
}

#[test]
fn what_was_written_is_what_would_be_read() {
    let written = envelope().child("payments", "payments.PaymentProcessed", "o-1", Timestamp::from_millis(2_000), 0);
    let mut headers = Headers::new();
    written.write(&mut headers);
    let known = KnownEnvelope::written(written).read(&headers).unwrap().unwrap();
    assert_eq!(known, KnownEnvelope::default().read(&headers).unwrap().unwrap());
}

#[test]
fn headers_without_an_id_hold_no_envelope_however_often_they_are_read() {
    let known = KnownEnvelope::default();
    assert_eq!(known.read(&Headers::new()), Ok(None));
    let mut headers = Headers::new();
    envelope().write(&mut headers);
    assert_eq!(*known.read(&headers).unwrap().unwrap(), envelope());
}
