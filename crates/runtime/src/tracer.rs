use headwater_event::TraceParent;
use headwater_streams::{Processing, ProcessingSpan, Tracer};
use opentelemetry::trace::{
    Span, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState, Tracer as _,
};
use opentelemetry::{Context, KeyValue, global};

/// Spans by OpenTelemetry's conventions for messaging (`process <topic>`, kind consumer), made with the global provider;
/// parents and children are joined by W3C `traceparent` headers.
pub struct OpenTelemetryTracer {
    group: String,
}

impl OpenTelemetryTracer {
    /// A tracer for an application, which is a consumer group.
    #[must_use]
    pub fn new(application: impl Into<String>) -> Self {
        Self { group: application.into() }
    }
}

impl Tracer for OpenTelemetryTracer {
    fn begin(&self, processing: &Processing<'_>) -> Box<dyn ProcessingSpan> {
        let tracer = global::tracer("headwater");
        let envelope = processing.envelope;
        let attributes = vec![
            KeyValue::new("messaging.system", "kafka"),
            KeyValue::new("messaging.operation.name", "process"),
            KeyValue::new("messaging.operation.type", "process"),
            KeyValue::new("messaging.destination.name", processing.topic.to_owned()),
            KeyValue::new("messaging.destination.partition.id", processing.partition.to_string()),
            KeyValue::new("messaging.kafka.offset", processing.offset.get()),
            KeyValue::new("messaging.kafka.message.key", envelope.subject.clone()),
            KeyValue::new("messaging.consumer.group.name", self.group.clone()),
            KeyValue::new("messaging.message.id", envelope.id.to_string()),
            KeyValue::new("messaging.message.conversation_id", envelope.correlation_id.to_string()),
            KeyValue::new("headwater.processor", processing.processor.to_owned()),
            KeyValue::new("headwater.message.type", envelope.message_type.clone()),
        ];
        let builder = tracer
            .span_builder(format!("process {}", processing.topic))
            .with_kind(SpanKind::Consumer)
            .with_attributes(attributes);
        let parent = envelope.trace_parent.as_ref().and_then(remote);
        let context = parent.map_or_else(Context::new, |parent| Context::new().with_remote_span_context(parent));
        Box::new(OpenTelemetrySpan { span: tracer.build_with_context(builder, &context) })
    }
}

/// The span that a `traceparent` names.
fn remote(parent: &TraceParent) -> Option<SpanContext> {
    let mut parts = parent.as_str().split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = u8::from_str_radix(parts.next()?, 16).ok()?;
    Some(SpanContext::new(trace, span, TraceFlags::new(flags), true, TraceState::default()))
}

struct OpenTelemetrySpan {
    span: global::BoxedSpan,
}

impl ProcessingSpan for OpenTelemetrySpan {
    fn trace_parent(&self) -> Option<TraceParent> {
        let context = self.span.span_context();
        let text = format!("00-{}-{}-{:02x}", context.trace_id(), context.span_id(), context.trace_flags().to_u8());
        // A provider that makes no spans gives ids of zeros, which are none: the parent stays what it was.
        TraceParent::parse(&text).ok()
    }

    fn end(mut self: Box<Self>, failure: Option<&str>) {
        if let Some(failure) = failure {
            self.span.set_status(Status::error(failure.to_owned()));
        }
        self.span.end();
    }
}

#[cfg(test)]
mod tests;
