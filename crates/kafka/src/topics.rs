//! topics.yaml: what is declared, what a cluster has, and the way from one to the other.

mod actual;
mod apply;
mod declaration;
mod file;
mod import;
mod plan;
mod render;
mod schemas;

pub use actual::{Actual, ActualTopic};
pub use apply::{Progress, apply};
pub use declaration::{Compatibility, DEAD_LETTER_ROOM_BYTES, Declaration, SubjectStrategy, TopicDeclaration};
pub use import::{TopicListing, import, list};
pub use plan::{ConfigDifference, Note, Plan, PlanOptions, TopicChange, plan};
pub use render::{render_json, render_text};
pub use schemas::{SchemaChange, SchemaRegistry, SchemaStatus, SchemaSubject, full_name, plan_schemas, subjects};
