#![allow(clippy::unwrap_used)]
use headwater_event::{Envelope, EventId, Timestamp};
use headwater_log::{Offset, Partition};
use std::sync::{Arc, Mutex};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};

use super::*;

/// Keeps what is exported.
#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Recorder {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

#[test]
fn a_span_is_the_child_of_the_message_and_the_parent_of_what_it_causes() {
    let exporter = Recorder::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    global::set_tracer_provider(provider);
    let given = TraceParent::parse("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01").unwrap();
    let id = EventId::of_text("1");
    let envelope = Envelope {
        trace_parent: Some(given),
        ..Envelope::root(id, "/test", "headwater.orders.OrderCreated", "o-1", Timestamp::from_millis(0))
    };
    let span = OpenTelemetryTracer::new("headwater").begin(&Processing {
        processor: "inventory",
        topic: "orders.events",
        partition: Partition::new(3),
        offset: Offset::ZERO,
        envelope: &envelope,
    });
    let onward = span.trace_parent().unwrap();
    span.end(Some("it failed"));
    let spans = exporter.0.lock().unwrap();
    let [made] = spans.as_slice() else { panic!("{} spans", spans.len()) };
    assert_eq!(made.name, "process orders.events");
    assert_eq!(made.span_kind, SpanKind::Consumer);
    assert_eq!(made.parent_span_id.to_string(), "b7ad6b7169203331");
    assert_eq!(made.status, Status::error("it failed"));
    assert_eq!(onward.as_str(), format!("00-0af7651916cd43dd8448eb211c80319c-{}-01", made.span_context.span_id()));
    let system = made.attributes.iter().find(|attribute| attribute.key.as_str() == "messaging.system").unwrap();
    assert_eq!(system.value.as_str(), "kafka");
}
