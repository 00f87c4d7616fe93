//! placeholder
/// A step.
#[derive(Debug, Clone)]
pub struct Step;
