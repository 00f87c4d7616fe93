//! Kafka Streams' core for Rust, pure: topologies, tasks, state, timers, deciders. No Kafka, no clock, no threads.
//!
//! - [`Topology`]: what an author declares, as data; a [`Processor`] works on records with a [`Context`].
//! - [`Task`]: the state machine that a runtime, the test driver or a simulation drives.

pub mod choreography;
mod context;
mod decider;
mod driver;
mod effects;
mod environment;
mod error;
mod failure;
mod flow;
mod input;
mod known_envelope;
mod policy;
mod processor;
mod rebuild;
mod record;
mod schemas;
pub mod specs;
mod store;
mod task;
mod topology;
mod tracer;

pub use context::{Context, SinkHandle, SinkName, StoreHandle, StoreName};
pub use decider::{Deadline, Decider, Emitter, Moment, Participant, Rejection, Versioned};
pub use driver::{CallHandler, DriverOptions, OpenCall, Received, StoreView, TestDriver};
pub use effects::{Counters, Effects};
pub use environment::{Limits, TaskEnvironment, TopicFacts};
pub use error::{Error, TaskError, TaskErrorKind};
pub use failure::{Failure, FailureKind};
pub use flow::{Flow, FlowName, FlowSource, Outflow, flow};
pub use input::Input;
pub use known_envelope::KnownEnvelope;
pub use policy::{Otherwise, Policies, Policy};
pub use processor::{Call, CallId, CallResult, CallToStart, Processor, TimeKind, Timer};
pub use rebuild::{Rebuild, corrections};
pub use record::{InputTopic, Output, Record, TopicRef};
pub use schemas::{Encoder, LocalSchemas, Naming, Schemas, union_schema};
pub use store::{Entries, MemoryBase, StateBase, StateError, StoreNumber, StoreSpec};
pub use task::{InputState, Prepared, Step, Task, TaskId};
pub use topology::{
    Manifest, Migration, ProcessorNode, Reaction, Rejected, Sink, Source, SourceBuilder, SourceKind, Store,
    Subtopology, SubtopologyBuilder, SubtopologyManifest, TopicRole, TopicUse, Topology, TopologyBuilder,
};
pub use tracer::{Processing, ProcessingSpan, Tracer};
