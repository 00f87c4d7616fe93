#![allow(clippy::unwrap_used, clippy::expect_used)]

use super::*;
use crate::saga::tests::{DELIVERED, REFUNDED, saga};

fn check(saga: &Saga) {
    let bytes = saga.to_bytes();
    assert_eq!(Saga::from_bytes(&bytes).as_ref(), Ok(saga));
    for end in 0..bytes.len() {
        // Cut anywhere, it is no saga, or one of fewer events; never a panic.
        if let Ok(cut) = Saga::from_bytes(&bytes[..end]) {
            assert!(cut.steps().len() < saga.steps().len());
        }
    }
}

#[test]
fn what_is_stored_is_read_again() {
    check(&Saga::default());
    check(&saga(&DELIVERED));
    check(&saga(&REFUNDED));
    let mut roots = saga(&DELIVERED);
    for (place, step) in roots.steps.iter_mut().enumerate() {
        step.causation_id = step.causation_id.filter(|_| place % 2 == 0);
        step.correlation_id = CorrelationId::new("x".repeat(place));
    }
    check(&roots);
}

#[test]
fn a_delivered_saga_takes_about_a_kilobyte() {
    assert!(saga(&DELIVERED).to_bytes().len() < 1_300);
}

#[test]
fn bytes_of_something_else_are_refused() {
    for bytes in [&b""[..], b"[]", b"[{\"at\":1}]", &[2], &[1, 0], &[1; 40], &[255; 200]] {
        assert_eq!(Saga::from_bytes(bytes), Err(Unreadable), "{bytes:?}");
    }
}
