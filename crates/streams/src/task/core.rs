//! What a task's processors change: the overlay and what is known in memory of system stores.

use headwater_event::{EventId, MessageType, Timestamp};

use super::calls::Calls;
use super::folded::Folded;
use super::parked::Parked;
use super::timers::Timers;
use crate::TopicRef;
use crate::schemas::Encoder;
use crate::store::Overlay;

/// Stream time before the first record, as in Kafka Streams.
pub(crate) const NO_TIME: Timestamp = Timestamp::from_millis(-1);

pub(crate) struct Core {
    pub(crate) overlay: Overlay,
    pub(crate) stream_time: Timestamp,
    pub(crate) timers: Timers,
    pub(crate) calls: Calls,
    pub(crate) parked: Parked,
    pub(crate) folded: Folded,
    /// No remembered id expires before this; None: not known.
    pub(super) dedup_oldest: Option<Timestamp>,
    /// How many outputs of each type the input at hand has.
    ordinals: Vec<(&'static str, u32)>,
    encoders: Vec<(TopicRef, &'static str, Encoder)>,
    /// Reused for encoding.
    pub(crate) buffer: Vec<u8>,
}

impl Core {
    pub(crate) fn new(overlay: Overlay, calls_in_flight_max: usize) -> Self {
        Self {
            overlay,
            stream_time: NO_TIME,
            timers: Timers::default(),
            calls: Calls::new(calls_in_flight_max),
            parked: Parked::default(),
            folded: Folded::default(),
            dedup_oldest: None,
            ordinals: Vec::new(),
            encoders: Vec::new(),
            buffer: Vec::new(),
        }
    }

    /// The input at hand is done: what it staged stays.
    pub(crate) fn keep(&mut self) {
        self.overlay.keep();
        self.calls.keep();
        self.folded.keep();
        self.ordinals.clear();
    }

    /// The input at hand failed: what it staged goes, and what memory knows of it is read again.
    pub(crate) fn undo(&mut self) {
        self.overlay.undo();
        self.timers.forget();
        self.parked.forget();
        self.dedup_oldest = None;
        self.calls.undo();
        self.folded.undo();
        self.ordinals.clear();
    }

    pub(crate) fn rolled_back(&mut self, stream_time: Timestamp) {
        self.overlay.rolled_back();
        self.timers.forget();
        self.parked.forget();
        self.dedup_oldest = None;
        self.calls.rolled_back();
        self.folded.clear();
        self.ordinals.clear();
        self.stream_time = stream_time;
    }

    /// Which output of its type this is for the input at hand, from 0.
    pub(crate) fn ordinal(&mut self, message_type: &'static str) -> u32 {
        if let Some((_, count)) = self.ordinals.iter_mut().find(|(known, _)| *known == message_type) {
            *count += 1;
            return *count;
        }
        self.ordinals.push((message_type, 0));
        0
    }

    pub(crate) fn encoder(&self, topic: TopicRef, message: MessageType) -> Option<&Encoder> {
        let is_it = |(at, name, _): &&(TopicRef, &str, Encoder)| *at == topic && *name == message.full_name;
        self.encoders.iter().find(is_it).map(|(_, _, encoder)| encoder)
    }

    pub(crate) fn remember_encoder(&mut self, topic: TopicRef, message: MessageType, encoder: Encoder) {
        self.encoders.push((topic, message.full_name, encoder));
    }
}

/// The id that outputs of a timer or call are made from.
pub(crate) fn seed_of(cause: EventId, what: &str, detail: &str) -> EventId {
    cause.child(what, detail, 0)
}
