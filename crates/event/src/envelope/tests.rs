#![allow(clippy::unwrap_used)]
use super::*;

fn parent() -> Envelope {
    Envelope {
        trace_parent: Some(TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap()),
        ..Envelope::root(
            EventId::of_text("order command 1"),
            "/test",
            "headwater.orders.PlaceOrder",
            "o-1",
            Timestamp::from_millis(1_314_792_000_123),
        )
    }
}

#[test]
fn metadata_survives_the_headers() {
    let child = parent().child("orders", "headwater.orders.OrderCreated", "o-1", Timestamp::from_millis(5), 0);
    for envelope in [parent(), child] {
        let mut headers = Headers::new();
        envelope.write(&mut headers);
        assert_eq!(Envelope::read(&headers).unwrap(), Some(envelope));
    }
}

#[test]
fn a_child_copies_the_correlation_and_names_its_cause() {
    let parent = parent();
    let child = parent.child("orders", "T", "o-1", Timestamp::from_millis(5), 0);
    assert_eq!(child.correlation_id.as_str(), parent.id.to_string());
    assert_eq!(child.causation_id, Some(parent.id));
    assert_eq!(child.trace_parent, parent.trace_parent);
}

#[test]
fn a_child_id_follows_from_its_parts_and_from_each_of_them() {
    let parent = parent().id;
    let base = parent.child("orders", "T", 0);
    assert_eq!(base, parent.child("orders", "T", 0));
    for other in [
        parent.child("orderst", "", 0),
        parent.child("payments", "T", 0),
        parent.child("orders", "U", 0),
        parent.child("orders", "T", 1),
        base.child("orders", "T", 0),
    ] {
        assert_ne!(base, other);
    }
}

#[test]
fn headers_that_are_not_right_are_named() {
    type Given = (&'static str, &'static [u8]);
    let cases: &[(&[Given], &str)] = &[
        (&[("ce_id", b"1")], "header ce_type is missing"),
        (&[("ce_id", b"1"), ("ce_type", b"T")], "header ce_source is missing"),
        (
            &[("ce_id", b"1"), ("ce_type", b"T"), ("ce_source", b"/s"), ("ce_time", b"noon")],
            "header ce_time holds \"noon\"",
        ),
        (&[("ce_id", b"\xff\xfe")], "header ce_id holds"),
    ];
    for (given, expected) in cases {
        let mut headers = Headers::new();
        for (name, value) in *given {
            headers.push(name, value);
        }
        let message = Envelope::read(&headers).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}");
    }
}

#[test]
fn a_broken_traceparent_is_left_out() {
    let mut headers = Headers::new();
    parent().write(&mut headers);
    headers.push(header::TRACE_PARENT, "00-0-0-0");
    assert_eq!(Envelope::read(&headers).unwrap().unwrap().trace_parent, None);
}

#[test]
fn a_plain_record_has_no_envelope() {
    assert_eq!(Envelope::read(&Headers::new()).unwrap(), None);
}
