//! A saga's bytes in its store: what is read is written and read to the same, judged and shown; all else is an error.

use headwater_event::OrderId;
use headwater_sagas::{Saga, view};

pub fn target(bytes: &[u8]) {
    let Ok(saga) = Saga::from_bytes(bytes) else { return };
    let written = saga.to_bytes();
    assert_eq!(Saga::from_bytes(&written).as_ref(), Ok(&saga));
    // What is written is as short as it can be: reading and writing it again changes nothing.
    assert!(written.len() <= bytes.len(), "{} bytes of {}", written.len(), bytes.len());
    assert_eq!(saga.timeline().len(), saga.steps().len(), "the timeline leaves nothing out");
    let order = OrderId::new("o-1").expect("an id");
    assert_eq!(view(&order, &saga).steps.len(), saga.steps().len());
}
