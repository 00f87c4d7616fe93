//! Where distributed tracing comes in: the core knows what is processed, the driver knows how spans are made.

use headwater_event::{Envelope, TraceParent};
use headwater_log::{Offset, Partition};

/// A message that is about to be processed.
pub struct Processing<'a> {
    /// The processor's name.
    pub processor: &'a str,
    /// The topic's real name.
    pub topic: &'a str,
    /// The partition.
    pub partition: Partition,
    /// The offset.
    pub offset: Offset,
    /// The message's metadata; its trace parent is the span's.
    pub envelope: &'a Envelope,
}

/// Makes a span for each message that is processed.
pub trait Tracer: Send + Sync {
    /// A message is about to be processed.
    fn begin(&self, processing: &Processing<'_>) -> Box<dyn ProcessingSpan>;
}

/// The processing of one message, as seen by a tracer.
pub trait ProcessingSpan {
    /// What the outputs carry as their `traceparent`, so that the next hop's span is this one's child.
    fn trace_parent(&self) -> Option<TraceParent>;

    /// It is processed, or has failed.
    fn end(self: Box<Self>, failure: Option<&str>);
}
