//! topics.yaml: what is declared, what a cluster has, and the way from one to the other.

mod declaration;
mod file;

pub use declaration::{Compatibility, DEAD_LETTER_ROOM_BYTES, Declaration, SubjectStrategy, TopicDeclaration};
